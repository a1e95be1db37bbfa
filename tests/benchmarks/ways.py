"""The ways of computing that the benchmark times, each over one layout of one text, and the text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from peers import bertviz, ids_of, savis

ROOT = Path(__file__).parents[2]
SAMPLES = ("roosevelt-1941.txt", "moby-dick-42.txt")


def load(tokens: int, model_name: str = "default", device: str = "cpu") -> tuple[Any, Any]:
    """The model, and the layout of as many whole sentences of the samples as fit into so many tokens."""
    from reportgen.capture.layout import layout_of
    from reportgen.documents import document_from_text
    from reportgen.models import load_model
    from reportgen.sentences import split_sentences
    from reportgen.tokens import align_tokens

    model = load_model(model_name, device=device)
    document = document_from_text("\n\n".join((ROOT / "samples" / name).read_text("utf-8") for name in SAMPLES))
    tokenised = align_tokens(document, split_sentences(document), model.tokenizer, tokens)
    last = np.flatnonzero(tokenised.sentence_of_token == len(tokenised.sentences) - 1)
    return model, layout_of(tokenised, last - 1)


def merged(sentence_of_token: np.ndarray, by: int) -> np.ndarray:
    """The same tokens with each `by` consecutive sentences as one; -1 stays -1."""
    return np.where(sentence_of_token < 0, -1, sentence_of_token // by)


def limits_of(loaded: Any, layout: Any) -> Any:
    """How large blocks are where nothing else is asked for."""
    from reportgen.capture.fitting import block_limits, budget_of

    device = loaded.model.device
    return block_limits(budget_of(None, device), device, loaded.model.config.num_attention_heads, layout.tokens)


def sdpa(loaded: Any, layout: Any) -> None:
    """The plain forward pass with its next-token logits."""
    import torch

    with torch.no_grad():
        loaded.model(input_ids=ids_of(loaded, layout), use_cache=False)


def body(loaded: Any, layout: Any) -> None:
    """The plain forward pass without logits, which measuring does not need either."""
    import torch

    with torch.no_grad():
        loaded.model.base_model(input_ids=ids_of(loaded, layout), use_cache=False)


def ours(loaded: Any, layout: Any) -> None:
    """The forward measuring pass: every array of the stack."""
    from reportgen.capture.feeding import Feed
    from reportgen.capture.forward import measure_forward

    config, limits = loaded.model.config, limits_of(loaded, layout)
    shapes = {"decoder": (config.num_hidden_layers, config.num_attention_heads)}
    measure_forward(loaded.model, Feed(source=layout), shapes, lambda stage, share: None, limits.rows, limits.cells)


def eager(loaded: Any, layout: Any) -> None:
    """The model's own attention arrays, all layers kept as `output_attentions` gives them, and the same formulas over them in torch."""
    import torch
    from whole_arrays import WholeArrays

    from reportgen.capture.streaming import attention_implementation

    with attention_implementation(loaded.model, "eager"), torch.no_grad():
        WholeArrays(layout, loaded.model.device).of_layers(loaded.model(input_ids=ids_of(loaded, layout), use_cache=False, output_attentions=True).attentions)


def backward(loaded: Any, layout: Any) -> None:
    """The streamed forward and backward pass of the attribution: gradients, importance of heads, attention x gradient, relevance."""
    from reportgen.capture.attribution import measure_gradients
    from reportgen.capture.feeding import Feed
    from reportgen.capture.targets import default_target

    given = Feed(source=layout)
    target = default_target(loaded, given)
    measure_gradients(loaded.model, target.feed(given, None), target, lambda stage, share: None, limits_of(loaded, layout).cells)


def plain_backward(loaded: Any, layout: Any) -> None:
    """The plain forward and backward pass to the embeddings for the same target, layers recomputed likewise."""
    import torch

    from reportgen.capture.feeding import Feed
    from reportgen.capture.recomputing import recomputed_layers
    from reportgen.capture.targets import default_target

    embeddings = loaded.model.get_input_embeddings()(ids_of(loaded, layout)).detach().requires_grad_(True)
    target = default_target(loaded, Feed(source=layout))
    with recomputed_layers(loaded.model), torch.enable_grad():
        kept = layout.tokens - int(target.rows[0])
        torch.autograd.grad(target.read(loaded.model(inputs_embeds=embeddings, use_cache=False, logits_to_keep=kept)), embeddings)


WAYS = {
    "sdpa": sdpa,
    "body": body,
    "ours": ours,
    "eager": eager,
    "savis": savis,
    "bertviz": bertviz,
    "plain backward": plain_backward,
    "backward": backward,
}
