"""Models on a device that is not the CPU: the same numbers, and no tensor in the wrong place. A made-up device stands in for a GPU, and a GPU is used as well where there is one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tokens"))
from elsewhere import NEEDS_A_GPU, PLACES, THERE, Moving, There, elsewhere, moved
from families import SEAM, Family
from fed import document
from per_layer_models import CASES
from test_coreference import with_a_head_that_looks_at_the_first_token_alone, with_mentions
from test_families import case_input, input_of
from test_measure_kinds import MODELS, SHORT, TEXT
from tiny import eager_experts, measured

from reportgen.capture import MeasureOptions, measure
from reportgen.capture.attribution import integrated, measure_gradients
from reportgen.capture.feeding import Feed
from reportgen.capture.targets import default_target
from reportgen.measurements import Measurements
from reportgen.models import LanguageModel

FAMILIES = {family.name: family for family in SEAM if family.name in ("Llama", "Mistral", "Gemma 2", "gpt-oss", "BERT", "T5")}
OF_THE_GREATEST = 2e-4  # sums of both signs may leave little of what was added up in single precision
CLOSE = {"rtol": 2e-4, "atol": 2e-5}
LINKS = ("attribution.link_effect", "attribution.link_drop")
CURVES = ("faithfulness.orders", "faithfulness.deletion", "faithfulness.insertion")
COUNTED = ("monotonicity", "alignment_tau", "source_coverage")  # of greatest weights, and of weights above a threshold
Place = Callable[[], AbstractContextManager[Moving]]


def assert_alike(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The same arrays; which of two tokens or pairs of equal weight is shown, or counted as the greatest, is left to rounding."""
    assert set(found) == set(expected)
    assert_same_effects(found, expected)
    assert_same_curves(found, expected)
    for name, values in ((name, expected[name]) for name in found if not name.startswith("attribution.link_") and name not in CURVES):
        if "query_key" in name or name.endswith(("_example", "strongest_key")):
            assert found[name].shape == values.shape, name
        elif name.removesuffix("_mean_heads").endswith(COUNTED):
            np.testing.assert_array_equal(np.isnan(found[name]), np.isnan(values), err_msg=name)
        elif name.endswith("token_links"):
            np.testing.assert_allclose(found[name]["weight"], values["weight"], **CLOSE, err_msg=name)
        elif values.dtype == np.float16:
            np.testing.assert_allclose(found[name], values, rtol=2e-3, atol=2e-3, err_msg=name)
        else:
            greatest = float(np.nanmax(np.abs(values), initial=0.0))
            np.testing.assert_allclose(found[name], values, rtol=CLOSE["rtol"], atol=OF_THE_GREATEST * max(greatest, 1e-3), err_msg=name)


def assert_same_effects(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """As many links, and the same effect of those that both measured, which are most of them: which of two links of equal lift comes first is left to rounding."""
    if LINKS[0] not in expected:
        return
    here, there = ({(*row[:2],): (row[2], drop) for row, drop in zip(*(arrays[name] for name in LINKS), strict=True)} for arrays in (found, expected))
    both = sorted(here.keys() & there.keys())
    assert len(here) == len(there) == len(expected[LINKS[0]])
    assert len(both) > len(there) / 2
    np.testing.assert_allclose([here[link] for link in both], [there[link] for link in both], **CLOSE, err_msg=LINKS[0])


def assert_same_curves(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """The same curves of methods that take sentences out in the same order: which of two of equal weight comes first is left to rounding."""
    if CURVES[0] not in expected:
        return
    alike = (found[CURVES[0]] == expected[CURVES[0]]).all(1)
    assert alike.any()
    for name in CURVES[1:]:
        np.testing.assert_allclose(found[name][alike], expected[name][alike], **CLOSE, err_msg=name)


def all_arrays(model: Any, given: Feed, kind: str) -> dict[str, np.ndarray]:
    """Those of the forward pass and, where the kind has a target that needs no tokenizer, of the backward pass."""
    arrays = dict(measured(model, given).arrays)
    if kind in ("decoder-only", "encoder-decoder"):
        named = {"decoder-only": "causal", "encoder-decoder": "seq2seq"}[kind]
        target = default_target(LanguageModel(model=model, tokenizer=None, name="made up", identity="", kind=named), given)
        arrays |= measure_gradients(model, target.feed(given, None), target, lambda stage, share: None).arrays()
    return arrays


@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_elsewhere_has_the_numbers_that_it_has_on_the_cpu(name: str) -> None:
    family = FAMILIES[name]
    given = input_of(family)
    expected = all_arrays(eager_experts(family.build()), given, family.kind)
    with elsewhere():
        found = all_arrays(moved(eager_experts(family.build())), given, family.kind)
    assert_alike(found, expected)


@pytest.mark.parametrize("place", PLACES)
def test_mentions_elsewhere_have_the_numbers_that_they_have_on_the_cpu(place: Place) -> None:
    """Also where the sinks leave nothing of some rows of a head."""
    given = Feed(source=with_mentions())
    expected, model = measured(with_a_head_that_looks_at_the_first_token_alone(10), given).arrays, with_a_head_that_looks_at_the_first_token_alone(10)
    with place() as move:
        found = measured(move(model), given).arrays
    named = [{name: values for name, values in arrays.items() if "coreference" in name} for arrays in (found, expected)]
    assert len(named[0]) == 13
    assert_alike(*named)
    rows = found["decoder.coreference_without_sink_queries"].sum(2)
    assert 0 < rows[0, 2] < rows[0, 0]


@NEEDS_A_GPU
@pytest.mark.parametrize("family", SEAM, ids=lambda family: family.name)
def test_a_model_on_a_gpu_has_the_numbers_that_it_has_on_the_cpu(family: Family) -> None:
    given = input_of(family)
    assert_alike(all_arrays(family.build().to("cuda"), given, family.kind), all_arrays(family.build(), given, family.kind))


@NEEDS_A_GPU
@pytest.mark.parametrize("name", CASES)
def test_a_model_read_one_layer_at_a_time_on_a_gpu_has_the_numbers_that_it_has_on_the_cpu(name: str) -> None:
    case = CASES[name]
    given = case_input(case)
    assert_alike(dict(measured(case.build().to("cuda"), given).arrays), dict(measured(case.build(), given).arrays))


@NEEDS_A_GPU
def test_a_gpu_gives_the_same_numbers_each_time() -> None:
    family = FAMILIES["Gemma 2"]
    given, model = input_of(family), family.build().to("cuda")
    first, second = (measured(model, given).arrays for _ in range(2))
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], err_msg=name)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "name", [name for name in MODELS if "types of the class" not in name]
)  # BigBird assigns to lists of places, which the made-up device loses
def test_a_document_is_measured_with_a_model_elsewhere_from_the_text_to_the_file(name: str, place: Place, tmp_path: Path) -> None:
    (build, options), text = MODELS[name], TEXT if name == "causal" else SHORT
    expected, there = measure(document(text), build(), options=options), build()
    with place() as move:
        move(there.model)
        found = measure(document(text), there, options=options)
    assert_alike(dict(found.arrays), dict(expected.arrays))
    assert found.metadata["device"] == there.model.device.type != "cpu"
    found.save(tmp_path / "x.npz")
    assert set(Measurements.load(tmp_path / "x.npz").arrays) == set(found.arrays)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", ["causal", "masked", "encoder-decoder with a text"])
def test_what_many_passes_give_is_measured_with_a_model_elsewhere(name: str, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(integrated, "STEPS", (2, 4))
    build, options = MODELS[name]
    options = replace(options, attribution="full", probes=False)
    expected, there = measure(document(SHORT), build(), options=options), build()
    with place() as move:
        move(there.model)
        found = measure(document(SHORT), there, options=options)
    assert_alike(dict(found.arrays), dict(expected.arrays))
    assert "attribution.ablation" in found.arrays


@pytest.mark.parametrize("place", PLACES)
def test_a_document_in_windows_is_measured_with_a_model_elsewhere(place: Place) -> None:
    build, _ = MODELS["causal"]
    options = MeasureOptions(window=150, probes=False)
    expected, there = measure(document(TEXT), build(), options=options), build()
    with place() as move:
        move(there.model)
        found = measure(document(TEXT), there, options=options)
    assert len(found.windows) > 1
    assert_alike({name: found[name] for name in found.arrays}, {name: expected[name] for name in expected.arrays})


def test_the_made_up_device_tells_tensors_in_the_wrong_place() -> None:
    with elsewhere():
        there = torch.arange(5.0, device=THERE)
        assert isinstance(there, There)
        assert (there * 2).sum().item() == 20
        with pytest.raises(RuntimeError, match="from two devices"):
            there + torch.arange(5.0)
        with pytest.raises((TypeError, RuntimeError)):
            there.numpy()
        with pytest.raises(TypeError, match="float64"):
            there.double()
        assert there.cpu().numpy().tolist() == [0, 1, 2, 3, 4]
