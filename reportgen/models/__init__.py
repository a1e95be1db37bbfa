"""Models: the packaged ones, and any text model from a folder or a hub."""

from reportgen.models.identity import named_in_file, refuse_another_model
from reportgen.models.kinds import Kind, looks_back_only
from reportgen.models.language_model import LanguageModel, given_model, load_model

__all__ = ["Kind", "LanguageModel", "given_model", "load_model", "looks_back_only", "named_in_file", "refuse_another_model"]
