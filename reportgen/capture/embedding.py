"""Embeddings where a model looks up those of its source's tokens: gradients are taken by them, and the model has its ids besides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int

from reportgen.capture.layout import TextLayout
from reportgen.errors import ModelError

Look = Callable[[str, bool, torch.Tensor], torch.Tensor | None]


def embedding_layers(model: Any) -> list[torch.nn.Module]:
    """The layers that look up embeddings of the source's tokens: the one that the model, or its encoder, names, and others that have the same weights."""
    reading = model.get_encoder() if getattr(model.config, "is_encoder_decoder", False) else model
    named = reading.get_input_embeddings()
    alike = [module for module in reading.modules() if isinstance(module, torch.nn.Embedding) and module.weight is named.weight and module is not named]
    return [named, *alike]


def embedded(model: Any, source: TextLayout) -> Float[torch.Tensor, "1 token dim"]:
    """The source's embeddings, as the model's layer for them gives them."""
    with torch.no_grad():
        return embedding_layers(model)[0](_ids_of(model, source))


@contextmanager
def embeddings_placed(model: Any, source: TextLayout, embeddings: Float[torch.Tensor, "1 token dim"]) -> Iterator[list[str]]:
    """Inside the block the model reads these embeddings in the place of those that it looks up for the source's tokens.

    What else it makes of the ids it makes as ever: positions, the last token that is no padding, where a question ends, global attention. The list is of
    the other layers in which the same tokens were looked up. Raises `ModelError` after the block when the model looked nothing up in its own layer.
    """
    besides: list[str] = []
    placed: list[str] = []

    def place(name: str, own: bool, output: torch.Tensor) -> torch.Tensor | None:
        if not own:
            besides.append(name)
            return None
        placed.append(name)
        return torch.cat([embeddings, output[:, source.tokens :]], 1)  # a copy, in which the model may write

    with _looked_up(model, source, place):
        yield besides
    if not placed:
        raise ModelError(
            f"{type(model).__name__} does not look its tokens up in the layer that it names for them, and no gradients can be taken by their embeddings."
        )


@contextmanager
def embeddings_kept(model: Any, source: TextLayout) -> Iterator[list[Float[torch.Tensor, "1 token dim"]]]:
    """Inside the block the source's embeddings are what derivatives can be had by; they come into the list when they are made."""
    made: list[torch.Tensor] = []

    def keep(name: str, own: bool, output: torch.Tensor) -> torch.Tensor | None:
        if not own:
            return None
        made.append(output.detach().requires_grad_(True))
        return made[-1]

    with _looked_up(model, source, keep):
        yield made


def _ids_of(model: Any, source: TextLayout) -> Int[torch.Tensor, "1 token"]:
    return torch.from_numpy(source.ids).long()[None].to(model.device)


@contextmanager
def _looked_up(model: Any, source: TextLayout, look: Look) -> Iterator[None]:
    """Inside the block `look` is handed what each layer gives that the source's tokens are looked up in, padding behind them or not: the layer's name, whether it is one of
    `embedding_layers`, and the output; what it returns takes its place."""
    ids, own = _ids_of(model, source), embedding_layers(model)

    def hook_of(name: str) -> Callable[..., torch.Tensor | None]:
        def hook(module: torch.nn.Module, arguments: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor | None:
            asked = arguments[0] if arguments else None
            if not torch.is_tensor(asked) or asked.ndim != 2 or asked.is_floating_point() or asked.shape[1] < ids.shape[1]:
                return None
            return look(name, module in own, output) if torch.equal(asked[:, : ids.shape[1]], ids) else None

        return hook

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Embedding) or module in own:
                hooks.callback(module.register_forward_hook(hook_of(name)).remove)
        yield
