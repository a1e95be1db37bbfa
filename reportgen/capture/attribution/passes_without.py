"""A target's value without some tokens of the source: by whole passes, or from the first token that changes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from reportgen.capture.attribution.gradients import last_logits
from reportgen.capture.attribution.hiding import Hidden, hiding
from reportgen.capture.feeding import Feed, has_cache, stack_namer
from reportgen.capture.self_check import COARSE, TOLERANCES
from reportgen.capture.targets import Target
from reportgen.errors import ModelError
from reportgen.models import LanguageModel
from reportgen.models.softmax_attention import attention_layers

KeptTensors = tuple[Float[torch.Tensor, "1 key_head token dim"], Float[torch.Tensor, "1 key_head token value_dim"]]


@runtime_checkable
class Passes(Protocol):
    """Gives the target's value without some tokens, and says how many tokens have to be run for it."""

    def value_without(self, left_out: Bool[np.ndarray, " token"]) -> float: ...

    def tokens_run(self, left_out: Bool[np.ndarray, " token"]) -> int: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class WholePasses:
    """All tokens are run. In an encoder-decoder the source's tokens are hidden in the encoder and in the cross-attention."""

    model: Any
    given: Feed
    target: Target

    def value_without(self, left_out: Bool[np.ndarray, " token"]) -> float:
        """The target's value where these tokens of the source are hidden as keys from every query but themselves, in every layer."""
        keywords = self.given.keywords(self.model) | last_logits(self.model, self.given, self.target)
        with hiding(self.model, self._hidden(left_out), stack_namer(self.model)):
            return self.target.value_without(output_without(self.model, self.target, keywords, left_out), left_out)

    def tokens_run(self, left_out: Bool[np.ndarray, " token"]) -> int:
        return self.given.source.tokens

    def _hidden(self, left_out: Bool[np.ndarray, " token"]) -> dict[str, Hidden]:
        from_others = Hidden(keys=left_out, queries=~left_out)
        if self.given.target is None:
            return {"encoder": from_others, "decoder": from_others}
        return {"encoder": from_others, "cross": Hidden(keys=left_out, queries=np.ones(self.given.target.tokens, bool))}


def output_without(model: Any, target: Target, keywords: dict[str, Any], left_out: Bool[np.ndarray, " token"]) -> Any:
    """The model's output. A classifier of the mean state is told by its mask what not to count; the mask does not reach its layers, where tokens still see themselves."""
    if not target.pools or target.compared is not None:
        return model(**keywords)
    mask = torch.from_numpy(~left_out).long()[None].to(model.device)
    hook = model.base_model.register_forward_pre_hook(_without_mask, with_kwargs=True)
    try:
        return model(**keywords, attention_mask=mask)
    finally:
        hook.remove()


def _without_mask(module: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return arguments[:1], {**keywords, "attention_mask": None}


class _KeptLayer(DynamicLayer):
    """The first keys and values of a layer; those of later tokens are put behind them and not kept."""

    def __init__(self, kept: KeptTensors, tokens: int) -> None:
        super().__init__()
        self.keys, self.values = (tensor[:, :, :tokens] for tensor in kept)
        self.dtype, self.device, self.is_initialized = self.keys.dtype, self.keys.device, True

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.cat([self.keys, key_states], 2), torch.cat([self.values, value_states], 2)


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptPasses:
    """For causal models: what comes before the first token that changes is kept from a pass with nothing hidden. Memory: keys and values of all layers."""

    model: Any
    given: Feed
    target: Target
    layers: tuple[KeptTensors, ...]
    value: float

    @classmethod
    def of(cls, model: Any, given: Feed, target: Target) -> KeptPasses | None:
        """The passes of a model, after the pass that is kept; None for one that keeps something else than all keys and values of every layer."""
        if getattr(model, "_is_stateful", False) or not has_cache(model) or attention_layers(model) is not None:
            return None
        cache = DynamicCache()
        with hiding(model, {}, _decoder):
            keywords = given.keywords(model) | last_logits(model, given, target) | {"use_cache": True}
            value = float(target.read(model(**keywords, past_key_values=cache)))
        whole = [type(layer) is DynamicLayer and layer.get_seq_length() == given.source.tokens for layer in cache.layers]
        if not all(whole) or len(whole) != model.config.num_hidden_layers:
            return None
        return cls(model=model, given=given, target=target, layers=tuple((layer.keys, layer.values) for layer in cache.layers), value=value)

    def value_without(self, left_out: Bool[np.ndarray, " token"]) -> float:
        """The same as whole passes give."""
        return self.value_from(first_run(self.target, left_out), left_out)

    def tokens_run(self, left_out: Bool[np.ndarray, " token"]) -> int:
        return self.given.source.tokens - first_run(self.target, left_out)

    def value_from(self, start: int, left_out: Bool[np.ndarray, " token"]) -> float:
        """The target's value where the tokens from `start` on are run, which is at most the first of its rows."""
        cache = Cache(layers=[_KeptLayer(layer, start) for layer in self.layers])
        ids = torch.from_numpy(self.given.source.ids[start:].astype(np.int64))[None].to(self.model.device)
        with hiding(self.model, {"decoder": Hidden(keys=left_out, queries=~left_out[start:])}, _decoder):
            keywords = last_logits(self.model, self.given, self.target) | {"use_cache": True}
            return float(self.target.read(self.model(input_ids=ids, past_key_values=cache, **keywords)))


def first_run(target: Target, left_out: Bool[np.ndarray, " token"]) -> int:
    """The first token that sees less than before, or the first that the target reads if that is earlier."""
    first = int(left_out.argmax())
    following = np.flatnonzero(~left_out[first:])
    return min(first + int(following[0]) if len(following) else len(left_out), int(target.rows[0]))


def cheapest_passes(language_model: LanguageModel, given: Feed, target: Target, value: float) -> tuple[Passes, float]:
    """The cheapest passes that give the target as it was measured, and what they give with nothing hidden.

    Raises `ModelError`, with the figures, when that is something else than `value`.
    """
    model = language_model.model
    nothing, allowed = np.zeros(given.source.tokens, bool), TOLERANCES.get(model.dtype, COARSE) * max(1.0, abs(value))
    kept = KeptPasses.of(model, given, target) if language_model.kind == "causal" else None
    if kept is not None and abs(kept.value - value) <= allowed and abs(kept.value_from(int(target.rows[0]) // 2, nothing) - value) <= allowed:
        return kept, kept.value
    whole = WholePasses(model=model, given=given, target=target)
    intact = whole.value_without(nothing)
    refuse_another_value(intact, value, model.dtype)
    return whole, intact


def refuse_another_value(intact: float, value: float, dtype: torch.dtype) -> None:
    """Raise `ModelError`, with the figures, where the target with nothing hidden is something else than was measured, for the precision of the model."""
    if not abs(intact - value) <= TOLERANCES.get(dtype, COARSE) * max(1.0, abs(value)):
        raise ModelError(f"With nothing hidden the target is {intact:.6g} where {value:.6g} was measured; sentences cannot be left out of this model.")


def _decoder(module: Any, visibility: Any) -> str:
    """The only stack of a causal model."""
    return "decoder"
