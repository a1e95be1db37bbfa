"""Tiny random models whose attention is read one layer at a time, and their own returned attention put back to token pairs by plain loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tiny import HEADS, LAYERS, SPREAD, VOCABULARY
from transformers import (
    BigBirdConfig,
    BigBirdForMaskedLM,
    BloomConfig,
    BloomForCausalLM,
    DebertaConfig,
    DebertaForMaskedLM,
    DebertaV2Config,
    DebertaV2ForMaskedLM,
    FalconConfig,
    FalconForCausalLM,
    LEDConfig,
    LEDForConditionalGeneration,
    LongformerConfig,
    LongformerForMaskedLM,
)

WINDOWS = (4, 6, 12)
BLOCK, RANDOM = 5, 2
GLOBAL = (0, 11)  # one at the border, one within the band of its neighbours
SPECIAL = 5  # ids below stand for special tokens
Own = dict[str, list[np.ndarray]]


def ids_of(tokens: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(SPECIAL, VOCABULARY, (1, tokens), generator=torch.Generator().manual_seed(seed))


def built(model_class: Any, config: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return model_class._from_config(config, **options).eval()


def sizes(width: int = HEADS * 11) -> dict[str, Any]:
    return {
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "hidden_size": width,
        "intermediate_size": 53,
        "vocab_size": VOCABULARY,
        "initializer_range": SPREAD,
    }


def tiny_longformer(model_class: Any = LongformerForMaskedLM, **changes: Any) -> Any:
    options = {
        "attention_window": list(WINDOWS),
        "max_position_embeddings": 151 + VOCABULARY,
        "vocab_size": VOCABULARY + 1,
        "pad_token_id": VOCABULARY,
        "sep_token_id": 2,
        "bos_token_id": 0,
    }
    return built(model_class, LongformerConfig(**(sizes() | options | changes)))


def tiny_led() -> LEDForConditionalGeneration:
    config = LEDConfig(
        vocab_size=VOCABULARY,
        d_model=HEADS * 5 * 2,
        encoder_layers=LAYERS,
        decoder_layers=2,
        encoder_attention_heads=HEADS,
        decoder_attention_heads=5,
        encoder_ffn_dim=53,
        decoder_ffn_dim=47,
        max_encoder_position_embeddings=151,
        max_decoder_position_embeddings=61,
        attention_window=list(WINDOWS),
        init_std=SPREAD,
    )
    return built(LEDForConditionalGeneration, config)


def tiny_big_bird(**changes: Any) -> BigBirdForMaskedLM:
    options = {"attention_type": "block_sparse", "block_size": BLOCK, "num_random_blocks": RANDOM, "max_position_embeddings": 151, "pad_token_id": 0}
    return built(BigBirdForMaskedLM, BigBirdConfig(**(sizes() | options | changes)))


def tiny_deberta_v2() -> DebertaV2ForMaskedLM:
    relative = {"relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm", "share_att_key": True, "pos_att_type": ["p2c", "c2p"]}
    config = DebertaV2Config(**sizes(), **relative, max_position_embeddings=151, conv_kernel_size=3, position_biased_input=False)
    return built(DebertaV2ForMaskedLM, config)


def tiny_deberta(**changes: Any) -> DebertaForMaskedLM:
    relative = {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "max_position_embeddings": 151}
    return built(DebertaForMaskedLM, DebertaConfig(**(sizes() | relative | changes)))


def tiny_bloom() -> BloomForCausalLM:
    return built(BloomForCausalLM, BloomConfig(vocab_size=VOCABULARY, hidden_size=HEADS * 11, n_layer=LAYERS, n_head=HEADS, initializer_range=SPREAD))


def tiny_falcon(implementation: str = "sdpa", **changes: Any) -> FalconForCausalLM:
    config = FalconConfig(**(sizes(HEADS * 10) | changes))
    del config.intermediate_size
    return built(FalconForCausalLM, config, attn_implementation=implementation)


def own_attention(model: Any, inputs: dict[str, torch.Tensor]) -> Any:
    with torch.no_grad():
        return model(**inputs, output_attentions=True, return_dict=True)


def dense(model: Any, inputs: dict[str, torch.Tensor]) -> Own:
    stack = "decoder" if model.config.model_type in ("bloom", "falcon") else "encoder"
    return {stack: [layer[0].double().numpy() for layer in own_attention(model, inputs).attentions]}


def dense_big_bird(model: Any, inputs: dict[str, torch.Tensor]) -> Own:
    """BigBird returns its full attention only when it did not have to turn to it during the pass."""
    model.bert.set_attention_type("original_full")
    return dense(model, inputs)


def dense_falcon(model: Any, inputs: dict[str, torch.Tensor]) -> Own:
    """Falcon returns its true attention only when it was built for explicit softmax."""
    eager = FalconForCausalLM._from_config(model.config, attn_implementation="eager").eval()
    eager.load_state_dict(model.state_dict())
    return dense(eager, inputs)


def banded(local: tuple[torch.Tensor, ...], own_rows: tuple[torch.Tensor, ...] | None, tokens: int, chosen: list[int]) -> list[np.ndarray]:
    """Position by position: slot g of a query is the g-th global token, slot j after them the key q + j - w."""
    layers = []
    for layer, weights in enumerate(local):
        pairs = np.zeros((weights.shape[1], tokens, tokens))
        for query in range(tokens):
            if query in chosen:
                pairs[:, query] = own_rows[layer][0, :, :tokens, chosen.index(query)].numpy()
                continue
            for slot in range(weights.shape[-1]):
                key = chosen[slot] if slot < len(chosen) else query + slot - len(chosen) - WINDOWS[layer] // 2
                if 0 <= key < tokens:
                    pairs[:, query, key] += weights[0, :, query, slot].numpy()
        layers.append(pairs)
    return layers


def banded_longformer(model: Any, inputs: dict[str, torch.Tensor]) -> Own:
    output = own_attention(model, inputs)
    chosen = inputs["global_attention_mask"][0].nonzero()[:, 0].tolist() if "global_attention_mask" in inputs else []
    return {"encoder": banded(output.attentions, output.global_attentions, inputs["input_ids"].shape[1], chosen)}


def banded_led(model: Any, inputs: dict[str, torch.Tensor]) -> Own:
    output = own_attention(model, inputs)
    chosen = inputs["global_attention_mask"][0].nonzero()[:, 0].tolist() if "global_attention_mask" in inputs else []
    return {
        "encoder": banded(output.encoder_attentions, output.encoder_global_attentions, inputs["input_ids"].shape[1], chosen),
        "decoder": [layer[0].double().numpy() for layer in output.decoder_attentions],
        "cross": [layer[0].double().numpy() for layer in output.cross_attentions],
    }


def block_sparse(model: Any, inputs: dict[str, torch.Tensor], random: np.ndarray | None = None) -> Own:
    """From each layer's queries and keys, query by query: which keys it reads, how often, softmax over all readings, summed by key.

    `random` is head x block of queries (without first and last) x block; without it all are block 0, as the class has it outside training.
    """
    found: list[list[torch.Tensor]] = []
    for layer in model.bert.encoder.layer:
        found.append([])
        for part in (layer.attention.self.query, layer.attention.self.key):
            part.register_forward_hook(lambda module, given, output, kept=found[-1]: kept.append(output[0].double()))
    with torch.no_grad():
        model(**inputs)
    for layer in model.bert.encoder.layer:
        layer.attention.self.query._forward_hooks.clear()
        layer.attention.self.key._forward_hooks.clear()
    return {"encoder": [_one_block_sparse_layer(*layer, inputs["input_ids"].shape[1], model.config, random) for layer in found]}


def _one_block_sparse_layer(queries: torch.Tensor, keys: torch.Tensor, tokens: int, config: Any, random: np.ndarray | None) -> np.ndarray:
    heads, size = config.num_attention_heads, config.block_size
    count = -(-tokens // size)
    queries, keys = (part.view(len(part), heads, -1).numpy() for part in (queries, keys))
    pairs = np.zeros((heads, tokens, tokens))
    for head in range(heads):
        for query in range(tokens):
            row = query // size
            if row in (0, count - 1):
                blocks = list(range(count))
            else:
                near = {0, row - 1, row, row + 1, count - 1}
                blocks = [*near, *(random[head, row - 1] if random is not None else [0] * config.num_random_blocks)]
            read = [key for block in blocks for key in range(block * size, (block + 1) * size) if key < tokens]
            scores = keys[read, head] @ queries[query, head] / np.sqrt(queries.shape[-1])
            weights = np.exp(scores - scores.max())
            for key, weight in zip(read, weights / weights.sum(), strict=True):
                pairs[head, query, key] += weight
    return pairs


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, the inputs of a text of some tokens, and its own attention by token pairs."""

    build: Callable[[], Any]
    own: Callable[[Any, dict[str, torch.Tensor]], Own]
    lengths: tuple[int, ...] = (53, 3)
    chosen: tuple[int, ...] | None = None
    targets: int | None = None

    def inputs(self, tokens: int) -> dict[str, torch.Tensor]:
        inputs = {"input_ids": ids_of(tokens)}
        if self.targets is not None:
            inputs["decoder_input_ids"] = ids_of(self.targets, seed=1)
        if self.chosen is not None:
            mask = torch.zeros_like(inputs["input_ids"])
            mask[0, [position for position in self.chosen if position < tokens]] = 1
            inputs["global_attention_mask"] = mask
        return inputs


CASES = {
    "longformer": Case(build=tiny_longformer, own=banded_longformer),
    "longformer with global tokens": Case(build=tiny_longformer, own=banded_longformer, chosen=GLOBAL),
    "led": Case(build=tiny_led, own=banded_led, targets=13),
    "led with global tokens": Case(build=tiny_led, own=banded_led, chosen=GLOBAL, targets=13),
    "big_bird, block-sparse": Case(build=tiny_big_bird, own=block_sparse, lengths=(53, 55)),
    "big_bird, short and therefore full": Case(build=tiny_big_bird, own=dense_big_bird, lengths=(45, 3)),
    "deberta": Case(build=tiny_deberta, own=dense),
    "deberta-v2": Case(build=tiny_deberta_v2, own=dense),
    "bloom": Case(build=tiny_bloom, own=dense),
    "falcon": Case(build=tiny_falcon, own=dense_falcon),
    "falcon with grouped keys": Case(
        build=lambda: tiny_falcon(new_decoder_architecture=True, num_kv_heads=7, num_attention_heads=14, hidden_size=84), own=dense_falcon
    ),
    "falcon, explicit softmax, with position bias": Case(build=lambda: tiny_falcon("eager", alibi=True), own=dense),
}
CASE_LENGTHS = [(name, tokens) for name, case in CASES.items() for tokens in case.lengths]
