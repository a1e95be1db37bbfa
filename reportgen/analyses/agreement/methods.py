"""The ways to say what a target depends on: their names, what kind of evidence each is, what it is good for and where it fails."""

from __future__ import annotations

from dataclasses import dataclass

WEIGHTS, BOTH, SLOPES, CAUSAL, BASELINE = "attention weights", "attention and gradients", "gradients", "causal", "baseline"


@dataclass(frozen=True, kw_only=True)
class ByMethod:
    """A method that gives a number to each sentence. Where it is `signed`, the number's size is what ranks sentences."""

    name: str
    label: str
    kind: str
    signed: bool = False


METHODS = (
    ByMethod(name="attention", label="attention", kind=WEIGHTS),
    ByMethod(name="rollout", label="rollout", kind=WEIGHTS),
    ByMethod(name="flow", label="flow", kind=WEIGHTS),
    ByMethod(name="value_norm", label="value norm", kind=WEIGHTS),
    ByMethod(name="attention_x_gradient", label="attention × gradient", kind=BOTH),
    ByMethod(name="relevance", label="relevance", kind=BOTH),
    ByMethod(name="gradient", label="gradient", kind=SLOPES),
    ByMethod(name="gradient_norm", label="gradient norm", kind=SLOPES),
    ByMethod(name="input_x_gradient", label="input × gradient", kind=SLOPES, signed=True),
    ByMethod(name="integrated_gradients", label="integrated gradients", kind=SLOPES, signed=True),
    ByMethod(name="ablation", label="ablation", kind=CAUSAL, signed=True),
    ByMethod(name="surrogate", label="surrogate", kind=CAUSAL, signed=True),
    ByMethod(name="nearness", label="nearness", kind=BASELINE),
    ByMethod(name="length", label="length", kind=BASELINE),
    ByMethod(name="random", label="random", kind=BASELINE),
)
LABELS = {method.name: method.label for method in METHODS}
REFERENCES = ("ablation", "gradient")  # the first that was measured is what others are held against


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a group of methods is good for, and where it fails."""

    methods: str
    kind: str
    good_for: str
    fails: str


ADVICE = (
    Advice(
        methods="Attention weights",
        kind=WEIGHTS,
        good_for="Exploring, and finding hypotheses to test: they come with every pass, for each head and layer.",
        fails="They say where a head looked, and are blind to what the values carry from there and to what later layers make of it. Sinks take much of them.",
    ),
    Advice(
        methods="Rollout",
        kind=WEIGHTS,
        good_for="Following weights through all layers at once, at next to no cost.",
        fails="It assumes that attention is flow and that half of every state is carried on; in a deep decoder it ends on the first tokens whatever the text.",
    ),
    Advice(
        methods="Flow",
        kind=WEIGHTS,
        good_for="Many layers at once, with the narrowest place on the way made visible.",
        fails="Costly, and in deep decoders nearly the same for every source. Like rollout, it knows weights alone.",
    ),
    Advice(
        methods="Value norm",
        kind=WEIGHTS,
        good_for="Weights with the length of what they carry, so that a key whose values are near nothing counts for nothing.",
        fails="The length of what arrives in a layer says neither in which direction it points nor whether a later layer reads it.",
    ),
    Advice(
        methods="Attention × gradient, relevance",
        kind=BOTH,
        good_for="Weights that matter for this target: looking without effect on it is left out.",
        fails="To first order only, and negative effects are cut off; relevance also assumes that what is looked at adds up over layers.",
    ),
    Advice(
        methods="Gradient, gradient norm, input × gradient",
        kind=SLOPES,
        good_for="Importance to first order for one backward pass, through the whole model and not its attention alone.",
        fails="Silent about the mechanism, and about anything but small changes; where the model is saturated, what matters has no slope.",
    ),
    Advice(
        methods="Integrated gradients",
        kind=SLOPES,
        good_for="Parts that add up to the target's difference from a baseline.",
        fails="The answer depends on the baseline, and the path to it leads through inputs that are no text. Silent about the mechanism.",
    ),
    Advice(
        methods="Ablation and knockout",
        kind=CAUSAL,
        good_for="Causal: what happens to the prediction without the sentence, or without the one link.",
        fails="A text with a hole is not like those the model was trained on; of two sentences that say the same, neither is missed. A pass for each.",
    ),
    Advice(
        methods="Surrogate",
        kind=CAUSAL,
        good_for="Causal and joint: sentences are left out many at a time, and how well its predictions hold is measured (LDS).",
        fails="As off the data as ablation; additive, so that it has no place for sentences that work together; weak effects become exactly 0.",
    ),
    Advice(
        methods="Nearness, length, random",
        kind=BASELINE,
        good_for="What any method has to beat: they know nothing of what the text says.",
        fails="A method that agrees with them is not wrong for it; what is near often does matter.",
    ),
    Advice(
        methods="Together",
        kind="all",
        good_for="The most complete picture: where they agree for other reasons than distance, the sentence can be believed to matter.",
        fails="The hardest to read, and with every pair compared, some agree by chance.",
    ),
)
