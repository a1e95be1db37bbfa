"""What methods are called on the page."""

from __future__ import annotations

LABELS = {
    "attention": "attention",
    "rollout": "rollout",
    "value_norm": "value-norm attention",
    "attention_x_gradient": "attention × gradient",
    "relevance": "relevance",
    "gradient": "gradient",
    "gradient_norm": "gradient norm",
    "input_x_gradient": "input × gradient",
    "integrated_gradients": "integrated gradients",
    "ablation": "leaving each out",
    "surrogate": "linear surrogate",
}


def label(method: str) -> str:
    """A method's name in words; that of the array where there is no other."""
    return LABELS.get(method, method.replace("_", " "))
