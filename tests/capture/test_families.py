"""Every array of every model family against the plain formulas over the model's own eager attention."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS, ONE_LAYER_AT_A_TIME, SEAM, Family, readme_table
from hybrids import HYBRIDS
from per_layer_models import CASES, Case
from reference import Reference
from tiny import assert_equal_to_reference, assert_links_are_the_strongest, made_up_layout, measured, references_of, vars_of
from tiny_folders import byte_level

from reportgen.capture.feeding import Feed
from reportgen.capture.forward import run_through
from reportgen.capture.layout import TextLayout
from reportgen.capture.per_layer import PER_LAYER
from reportgen.capture.self_check import check_model
from reportgen.capture.streaming import StackPass
from reportgen.models import given_model

ROOT = Path(__file__).parents[2]


def input_of(family: Family) -> Feed:
    """A text of 131 tokens and 11 sentences, and for an encoder-decoder another of 73 tokens and 5 that starts with a token of no sentence."""
    source = made_up_layout(tokens=131, sentences=11)
    if family.kind != "encoder-decoder":
        return Feed(source=source)
    target = made_up_layout(tokens=73, sentences=5, seed=3)
    members = target.sentence_of_token.copy()
    members[0] = -1
    fields = {name: getattr(target, name) for name in ("ids", "delimiter", "target_rows")}
    return Feed(source=source, target=TextLayout(**fields, sentence_of_token=members, sinks=np.array([0])))


@pytest.mark.parametrize("family", SEAM, ids=lambda family: family.name)
def test_every_array_equals_the_formula_on_eager_attention(family: Family) -> None:
    model, given = family.build(), input_of(family)
    found, references = measured(model, given), references_of(model, given)
    assert set(references) == ({"encoder", "decoder", "cross"} if family.kind == "encoder-decoder" else {family.kind.removesuffix("-only")})
    for stack, reference in references.items():
        arrays = {key.removeprefix(f"{stack}."): values for key, values in found.arrays.items() if key.startswith(f"{stack}.")}
        assert_equal_to_reference(arrays, reference.arrays())
        assert_links_are_the_strongest(arrays["token_links"], reference.p.mean((0, 1)))


@pytest.mark.parametrize("family", SEAM + HEADS, ids=lambda family: family.name)
def test_what_the_layers_give_is_as_without_measuring(family: Family) -> None:
    model, given = family.build(), input_of(family)
    states: list[torch.Tensor] = []
    shapes = check_model(model, given)
    hook = model.base_model.register_forward_hook(lambda module, inputs, output: states.append(output[0]))
    run_through(model, given, {name: StackPass(stack=stack, reducers=[]) for name, stack in given.stacks(shapes).items()})
    with torch.no_grad():
        model.base_model(**given.keywords(model))
    hook.remove()
    torch.testing.assert_close(states[0], states[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", [*SEAM, *HEADS, *HYBRIDS], ids=lambda family: family.name)
def test_a_family_of_the_readme_is_not_refused_when_handed_in(family: Family) -> None:
    model = family.build()
    assert given_model(model, byte_level()).model is model


@pytest.mark.parametrize("name", CASES)
def test_a_family_that_is_read_one_layer_at_a_time_is_not_refused_when_handed_in(name: str) -> None:
    model = CASES[name].build()
    assert given_model(model, byte_level()).model is model


def case_input(case: Case) -> Feed:
    """The same texts for a model that is read one layer at a time, shorter."""
    given = case.inputs(case.lengths[0])
    source = made_up_layout(tokens=case.lengths[0], sentences=5)
    extra = {name: given[name][0].numpy() for name in given if name == "global_attention_mask"}
    source = TextLayout(**{**vars_of(source), "ids": given["input_ids"][0].numpy().astype(np.int32)})
    if case.targets is None:
        return Feed(source=source, extra=extra)
    target = TextLayout(**{**vars_of(made_up_layout(tokens=case.targets, sentences=3)), "ids": given["decoder_input_ids"][0].numpy().astype(np.int32)})
    return Feed(source=source, target=target, extra=extra)


@pytest.mark.parametrize("name", CASES)
def test_every_array_of_a_model_read_one_layer_at_a_time_equals_the_formula_on_its_own_attention(name: str) -> None:
    case = CASES[name]
    model, given = case.build(), case_input(case)
    found, own = measured(model, given), case.own(case.build(), case.inputs(case.lengths[0]))
    weights = {stack: np.stack(layers).astype(np.float64) for stack, layers in own.items()}
    for stack, read in given.stacks({stack: p.shape[:2] for stack, p in weights.items()}).items():
        reference = Reference.of(weights[stack], read)
        arrays = {key.removeprefix(f"{stack}."): values for key, values in found.arrays.items() if key.startswith(f"{stack}.")}
        assert_equal_to_reference(arrays, reference.arrays())
        assert_links_are_the_strongest(arrays["token_links"], reference.p.mean((0, 1)))
    first_and_last_block = (*range(5), 50, 51, 52) if "block-sparse" in name else ()
    assert found.global_tokens == (case.chosen or first_and_last_block)


def test_the_readme_lists_the_families_that_are_tested(request: pytest.FixtureRequest) -> None:
    readme, (start, end) = ROOT / "README.md", ("<!-- families: written by `make snapshots` -->\n", "\n<!-- end of families -->")
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(start)
    listed, after = rest.split(end)
    if request.config.getoption("--update-snapshots"):
        readme.write_text(before + start + readme_table(HYBRIDS) + end + after, encoding="utf-8")
        listed = readme_table(HYBRIDS)
    assert listed == readme_table(HYBRIDS)
    assert {model_type for _, model_type, _, _ in ONE_LAYER_AT_A_TIME} == set(PER_LAYER)


def test_a_family_with_sinks_as_extra_logits_gives_part_of_its_attention_to_no_token() -> None:
    family = next(family for family in SEAM if family.name == "gpt-oss")
    found = measured(family.build(), input_of(family)).arrays
    assert found["decoder.outside_attention"].mean() > 0.02
    np.testing.assert_allclose(found["decoder.sentence_attention"].sum(-1) + found["decoder.outside_attention"], 1, atol=1e-5)
    assert (found["decoder.token_influence_total"].sum(1) < 130).all()


def test_layers_that_see_different_windows_have_each_their_own_expectation() -> None:
    family = next(family for family in SEAM if family.name == "Gemma 3")
    found = measured(family.build(), input_of(family)).arrays
    expected = found["decoder.sentence_expected"]
    assert expected.shape == (3, 11, 11)
    np.testing.assert_array_equal(expected[0], expected[1])
    assert expected[0, 10, 0] == 0 < expected[2, 10, 0]
    assert (found["decoder.distance"][:2] <= 16).all()
