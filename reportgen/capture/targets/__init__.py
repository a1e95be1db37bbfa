"""The scalar of a model's output that attribution explains: the one that was asked for, or by default one for each kind of model."""

from reportgen.capture.targets.choosing import TargetText, chosen_target, default_target, refuse_wrong_target, sentence_target
from reportgen.capture.targets.target import Target

__all__ = ["Target", "TargetText", "chosen_target", "default_target", "refuse_wrong_target", "sentence_target"]
