"""Models: the packaged ones, and any text model from a folder or a hub."""

from reportgen.models.kinds import Kind
from reportgen.models.language_model import LanguageModel, given_model, load_model

__all__ = ["Kind", "LanguageModel", "given_model", "load_model"]
