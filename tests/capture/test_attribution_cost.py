"""What attribution is said to cost before it starts, against the tokens that it then runs."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from families import HEADS
from per_layer_models import tiny_bloom
from test_ablation import aimed_at, silent
from test_attribution import KINDS, language_model, texts
from tiny import made_up_layout, measured, tiny_llama

from reportgen.capture.attribution import integrated, measure_full, measure_gradients, surrogate
from reportgen.capture.attribution.cost import BACKWARD, attribution_cost
from reportgen.capture.attribution.faithfulness import measure_faithfulness
from reportgen.capture.feeding import Feed
from reportgen.capture.knockout import measure_links
from reportgen.capture.pruning import measure_pruning

STAGES = {"integrated": "integrated gradients", "ablation": "ablation", "surrogate": "surrogate", "gradients": "pairs"}


def built(kind: str) -> Any:
    return tiny_llama() if kind == "causal" else dict(zip(KINDS, HEADS, strict=True))[kind].build()


def given_to(kind: str) -> Feed:
    return texts(kind) if kind == "seq2seq" else Feed(source=made_up_layout(101, 7))


def passes_run(kind: str, *, full: bool) -> dict[str, float]:
    """What each part sends through the model, there and back counted as three, in texts."""
    model, given, run, part = built(kind), given_to(kind), Counter[str](), ["backward"]
    named = language_model(model, kind)
    target, aimed = aimed_at(model, kind, given)
    attention, effort = measured(model, given).arrays, "full" if full else "fast"

    def count(module: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        read = [keywords[name] for name in ("input_ids", "inputs_embeds", "decoder_input_ids") if keywords.get(name) is not None]
        run[part[0]] += (BACKWARD if torch.is_grad_enabled() else 1) * sum(tensor.shape[0] * tensor.shape[1] for tensor in read)

    model.register_forward_pre_hook(count, with_kwargs=True)
    gradients = measure_gradients(model, aimed, target, silent)
    part[0] = "links"
    measure_links(named, given, attention, silent, effort=effort)
    arrays = gradients.arrays() | {"attribution.attention": np.arange(given.source.sentences, dtype=np.float32)}
    if full:
        part[0] = "integrated gradients"
        arrays |= measure_full(named, given, target, gradients.value, lambda stage, share: part.__setitem__(0, STAGES[stage.split()[0].strip(",")])).arrays
        part[0] = "pruning"
        measure_pruning(named, aimed, target, {stack: numbers.importance for stack, numbers in gradients.stacks.items()}, silent)
    part[0] = "curves"
    measure_faithfulness(named, aimed, target, gradients.value, arrays, silent, full=full)
    return {name: tokens / given.tokens for name, tokens in run.items()}


@pytest.mark.parametrize(("kind", "full"), [("causal", False), ("causal", True), ("masked", True), ("seq2seq", True)])
def test_what_is_told_is_about_what_is_run(kind: str, full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for checks on a few tokens, and for orders that begin alike, which share their passes."""
    monkeypatch.setattr(integrated, "STEPS", (2, 3))
    monkeypatch.setattr(surrogate, "FITTED", 5)
    monkeypatch.setattr(surrogate, "HELD_OUT", 2)
    model, given = built(kind), given_to(kind)
    target, _ = aimed_at(model, kind, given)
    run = passes_run(kind, full=full)
    told = attribution_cost(language_model(model, kind), given, target, full=full).passes
    assert set(told) == set(run)
    assert told["backward"] - target.reads_otherwise(given) == run["backward"] == BACKWARD
    for part in set(told) - {"backward", "curves"}:
        assert told[part] == pytest.approx(run[part], abs=1.7), part
    assert run["curves"] / 1.25 - 2 <= told["curves"] <= 2 * run["curves"]


def test_the_estimate_is_said_as_a_stage_of_its_own() -> None:
    model, given = built("causal"), texts("causal")
    target, _ = aimed_at(model, "causal", given)
    full = attribution_cost(language_model(model, "causal"), given, target, full=True)
    said: list[tuple[str, float]] = []
    full.say(2.8, lambda *step: said.append(step))
    (stage, share), *_ = said
    assert stage == f"full attribution takes about {round(full.total * 2 / 60)} min (as {full.total:.0f} plain passes)"
    assert ("," in stage, share) == (False, 1.0)


def test_what_a_model_cannot_have_costs_nothing() -> None:
    model, given = built("causal"), texts("causal")
    target, _ = aimed_at(model, "causal", given)
    cost = attribution_cost(language_model(model, "causal"), given, target, full=True, attention_alone=False)
    assert set(cost.passes) == {"backward", "integrated gradients", "pairs", "pruning"}
    bloom = tiny_bloom()
    assert attribution_cost(language_model(bloom, "causal"), given, target, full=False).passes == {"backward": 3.0}
    assert attribution_cost(language_model(bloom, "causal"), given, target, full=True).passes["pruning"] == 0
    classifier = built("classifier")
    of_class, _ = aimed_at(classifier, "classifier", given)
    found = attribution_cost(language_model(classifier, "classifier"), given, of_class, full=True).passes
    assert (found["links"], found["pairs"], found["ablation"]) == (0, 0, 6)
