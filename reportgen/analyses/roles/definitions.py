"""The roles a head may have: the score that shows each one, from which value on, and who set that value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HERE = "threshold: none published, chosen here"
OFFSETS = tuple(offset for step in range(2, 9) for offset in (step, -step))
BROAD = 3.8 / np.log(128)  # Clark et al.'s 3.8 nats on inputs of 128 tokens, as a share of the logarithm of their length


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role: its name and two-character mark, the score that shows it, and from which value on.

    With a `probe`, the probe's score above its own threshold is enough; a probe has no sentences to resample. `offset` is set for roles by fixed offset: keys
    that many tokens before the query, negative for keys after it.
    """

    name: str
    mark: str
    score: str
    threshold: float
    source: str
    meaning: str
    probe: str | None = None
    probe_threshold: float | None = None
    offset: int | None = None

    @property
    def rule(self) -> str:
        """What has to be above what."""
        if np.isnan(self.threshold):
            return f"{self.score} > chance level"
        probed = f", or {self.probe} > {self.probe_threshold:g}" if self.probe else ""
        return f"{self.score} > {self.threshold:.3g}{probed}"


def offset_role(offset: int) -> Role:
    """The role of heads that look a fixed number of tokens back, or ahead."""
    way, sign = ("before", "−") if offset > 0 else ("after", "+")
    return Role(
        name=f"offset {'-' if offset > 0 else '+'}{abs(offset)}",
        mark=f"{sign}{abs(offset)}",
        score="fixed_offset",
        threshold=0.5,
        source="after Clark et al. 2019, section 3.1, for other offsets",
        meaning=f"over half of its attention on the token {abs(offset)} {way}",
        offset=offset,
    )


ROLES = (
    Role(
        name="sink",
        mark="Si",
        score="first_token",
        threshold=0.3,
        source="after Gu et al. 2024",
        meaning="over 0.3 of its attention on the first token",
    ),
    Role(
        name="previous-token",
        mark="Pr",
        score="previous_token",
        threshold=0.5,
        probe="probe_previous_token",
        probe_threshold=0.5,
        source="Clark et al. 2019, section 3.1; on random tokens after Olsson et al. 2022 with the same threshold",
        meaning="over half of its attention on the token before, on this text or on random tokens",
    ),
    Role(
        name="next-token",
        mark="Nx",
        score="next_token",
        threshold=0.5,
        source="Clark et al. 2019, section 3.1",
        meaning="over half of its attention on the token after",
    ),
    *(offset_role(offset) for offset in OFFSETS),
    Role(
        name="delimiter",
        mark="De",
        score="delimiter",
        threshold=0.6,
        source="Clark et al. 2019, section 3.2 (their code's threshold for [SEP], full stop and comma)",
        meaning="over 0.6 of its attention on punctuation and special tokens",
    ),
    Role(
        name="local",
        mark="Lo",
        score="locality",
        threshold=0.5,
        source="after Clark et al. 2019, section 3.1, widened to 3 tokens here",
        meaning="over half of its attention within 3 tokens",
    ),
    Role(
        name="within-sentence",
        mark="Wi",
        score="within_sentence",
        threshold=0.5,
        source=f"score and {HERE}",
        meaning="over half of its attention inside the sentence",
    ),
    Role(
        name="broad",
        mark="Br",
        score="relative_entropy",
        threshold=float(round(BROAD, 3)),
        source="Clark et al. 2019, section 3.3 (3.8 nats at 128 tokens), as a share of the greatest entropy",
        meaning="spreads its attention nearly evenly",
    ),
    Role(
        name="induction",
        mark="In",
        score="induction",
        threshold=0.4,
        probe="probe_induction",
        probe_threshold=0.4,
        source=f"score: Olsson et al. 2022; {HERE}",
        meaning="looks at what followed an earlier copy of its token, on repeated random tokens or on this text",
    ),
    Role(
        name="duplicate-token",
        mark="Du",
        score="duplicate_token",
        threshold=0.4,
        probe="probe_duplicate_token",
        probe_threshold=0.4,
        source=f"score: after Wang et al. 2022; {HERE}",
        meaning="looks at earlier copies of its token, on repeated random tokens or on this text",
    ),
    Role(
        name="rare-token",
        mark="Ra",
        score="rare_token",
        threshold=3.0,
        source=f"after Voita et al. 2019, section 5.2 (they count the most attended token); {HERE}",
        meaning="gives the rarest tokens over 3 times what even attention gives them, the first token set aside",
    ),
    Role(
        name="coreference",
        mark="Co",
        score="coreference_lift",
        threshold=2.0,
        source=f"after Clark et al. 2019, section 4.3; mentions by a heuristic; {HERE}",
        meaning="from later mentions of an entity, over 5% of its attention on the earlier ones and over twice what tokens as far away get",
    ),
    Role(
        name="syntactic",
        mark="Sy",
        score="syntax_margin",
        threshold=0.1,
        source="Voita et al. 2019, section 5.1; Clark et al. 2019, section 4.2",
        meaning="finds the head of words of some dependency relation 10 points above the best fixed offset",
    ),
    Role(
        name="thematic",
        mark="Th",
        score="thematic",
        threshold=0.1,
        source="none; defined here; threshold: a small effect by Cohen 1988; permutation after Mantel 1967, rate after Benjamini and Hochberg 1995",
        meaning="between sentences, follows the words they share once distance, query and key are accounted for",
    ),
    Role(
        name="bridge",
        mark="Bd",
        score="bridge",
        threshold=1.05,
        source=f"none; defined here; {HERE}",
        meaning="carries more across the borders of the document's parts than its own decay with distance and the same parts in other places explain",
    ),
    Role(
        name="receiver",
        mark="Re",
        score="receiver",
        threshold=float("nan"),
        source="score: after Bogdan et al. 2025 (Thought Anchors); threshold: this document's chance level, chosen here",
        meaning="later sentences turn to a few sentences far more than to the rest",
    ),
)
LABELS = {
    "first_token": "Attention on the first token",
    "previous_token": "Attention on the previous token",
    "next_token": "Attention on the next token",
    "locality": "Attention within 3 tokens",
    "relative_entropy": "Entropy over its maximum",
    "entropy": "Entropy",
    "distance": "Mean distance",
    "sentence_distance": "Mean distance in sentences",
    "within_sentence": "Attention within the sentence",
    "delimiter": "Attention on punctuation and special tokens",
    "rare_token": "Attention on rare tokens over even attention",
    "confidence": "Mean greatest weight",
    "probe_induction": "Induction score (probe)",
    "probe_previous_token": "Previous-token score (probe)",
    "probe_duplicate_token": "Duplicate-token score (probe)",
    "induction": "Induction on this text",
    "duplicate_token": "Earlier copies on this text",
}
