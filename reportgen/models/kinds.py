"""What a model is for, told by the name of its class: the library's own lists of classes say which names mean what."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

from reportgen.errors import ModelError

Kind = Literal["causal", "masked", "classifier", "question answering", "seq2seq", "encoder"]
AUTO_CLASSES: Mapping[Kind, str] = {
    "seq2seq": "AutoModelForSeq2SeqLM",
    "masked": "AutoModelForMaskedLM",
    "causal": "AutoModelForCausalLM",
    "classifier": "AutoModelForSequenceClassification",
    "question answering": "AutoModelForQuestionAnswering",
    "encoder": "AutoModel",
}
MEASURED = "causal and masked language models, sequence classifiers, question answering, encoder-decoders and bare encoders"
DISCRIMINATORS = ("ElectraForPreTraining", "FunnelForPreTraining")  # pretrained without a masked-token head
STACK_OF_AN_ENCODER_DECODER = "EncoderModel"


@cache
def classes_with_heads() -> Mapping[str, Kind]:
    """The kind of each class with a head. A class that is in several lists (BART is in the masked one too) is what the first of `AUTO_CLASSES` says."""
    from transformers.models.auto import modeling_auto as auto

    lists: dict[Kind, Mapping[str, str]] = {
        "seq2seq": auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
        "masked": auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        "causal": auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        "classifier": auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
        "question answering": auto.MODEL_FOR_QUESTION_ANSWERING_MAPPING_NAMES,
    }
    return {name: kind for kind in reversed(lists) for name in lists[kind].values()}


@cache
def bare_classes() -> frozenset[str]:
    """The classes without a head, the encoder halves of encoder-decoders among them."""
    from transformers.models.auto import modeling_auto as auto

    names = [name for listed in auto.MODEL_MAPPING_NAMES.values() for name in ([listed] if isinstance(listed, str) else listed)]
    halves = [name for name in auto.MODEL_FOR_TEXT_ENCODING_MAPPING_NAMES.values() if name.endswith(STACK_OF_AN_ENCODER_DECODER)]
    return frozenset((*names, *halves))


def kind_of_folder(config: Any, name: str) -> tuple[Kind, str]:
    """The kind of a saved model and the Auto class that loads it, from the architecture its configuration declares.

    Masked models saved with further pretraining heads are masked ones, discriminators are bare encoders. A decoder-only or encoder-decoder model saved
    without a head is loaded with one: where the head is the embeddings nothing is missing, elsewhere its weights are found incomplete. Raises `ModelError`
    for an architecture that reportgen does not know.
    """
    architecture = _architecture(config)
    if architecture is None:
        return _with_its_auto_class(_kind_of_bare(config, ""))
    if architecture in classes_with_heads():
        return _with_its_auto_class(classes_with_heads()[architecture])
    if architecture in bare_classes():
        if architecture.endswith(STACK_OF_AN_ENCODER_DECODER):
            return "encoder", "AutoModelForTextEncoding"
        return _with_its_auto_class(_kind_of_bare(config, architecture))
    if architecture.endswith("ForPreTraining") and config.model_type in _types("MASKED_LM"):
        return _with_its_auto_class("encoder" if architecture in DISCRIMINATORS else "masked")
    raise ModelError(f"{name} is a {architecture} ({config.model_type}), which reportgen does not measure; it measures {MEASURED}.")


def kind_of_model(model: Any, name: str) -> Kind:
    """The kind of a loaded model, from its class or the library's class that it was made from. Raises `ModelError` where there is nothing to measure."""
    names = [base.__name__ for base in type(model).__mro__]
    kind = next((classes_with_heads()[known] for known in names if known in classes_with_heads()), None)
    if kind is not None:
        return kind
    bare = next((known for known in names if known in bare_classes()), None)
    if bare is None:
        raise ModelError(f"{name} is a {names[0]} ({model.config.model_type}), which reportgen does not measure; it measures {MEASURED}.")
    if _kind_of_bare(model.config, bare) != "encoder":
        raise ModelError(f"{name} is a {names[0]} ({model.config.model_type}) and has no next-token head; hand in the class that has one.")
    return "encoder"


def refuse_other_senses(model_class: Any, name: str) -> None:
    """Raise `ModelError` for a class that reads images or sound, alone or beside text."""
    read = getattr(model_class, "input_modalities", "text")
    others = sorted(set([read] if isinstance(read, str) else read) - {"text"})
    if others and not _is_text_part(model_class):
        raise ModelError(f"{name} is a {model_class.__name__}, which reads {' and '.join(others)}; reportgen measures models that read text alone.")


def _is_text_part(model_class: Any) -> bool:
    """Whether a class is the text part of a larger model: it inherits what the whole reads, and its configuration is the whole's `text_config`."""
    config_class = getattr(model_class, "config_class", None)
    beside = vars(sys.modules[config_class.__module__]).values() if config_class is not None else ()
    return any(getattr(whole, "sub_configs", {}).get("text_config") is config_class for whole in beside if isinstance(whole, type))


def _architecture(config: Any) -> str | None:
    declared: Sequence[str] = getattr(config, "architectures", None) or ()
    return declared[0] if declared else None


def _with_its_auto_class(kind: Kind) -> tuple[Kind, str]:
    return kind, AUTO_CLASSES[kind]


def _kind_of_bare(config: Any, architecture: str) -> Kind:
    if getattr(config, "is_encoder_decoder", False) and not architecture.endswith(STACK_OF_AN_ENCODER_DECODER):
        return "seq2seq"
    decoder_only = config.model_type in _types("CAUSAL_LM") and config.model_type not in _types("MASKED_LM") and not architecture.endswith("Encoder")
    return "causal" if decoder_only or getattr(config, "is_decoder", False) else "encoder"


def looks_back_only(model: Any) -> bool:
    """Whether a model of one stack is a decoder, whatever head it has."""
    return _kind_of_bare(model.config, "") == "causal"


def _types(head: str) -> Mapping[str, str]:
    """The model types for which the library has a class with that head."""
    from transformers.models.auto import modeling_auto

    return getattr(modeling_auto, f"MODEL_FOR_{head}_MAPPING_NAMES")
