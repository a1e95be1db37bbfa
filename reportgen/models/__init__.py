"""Models: the packaged ones, and any causal model from a folder or a hub."""

from reportgen.models.language_model import LanguageModel, given_model, load_model

__all__ = ["LanguageModel", "given_model", "load_model"]
