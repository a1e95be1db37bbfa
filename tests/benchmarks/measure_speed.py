"""Time and peak memory of measuring against the same model's plain SDPA forward pass and against eager attention with the same formulas.

Prints one Markdown table; each figure is measured in a process of its own, and ratios are of runs of this call.

    python tests/benchmarks/measure_speed.py [--tokens 1024 2048 4096 8192] [--runs 3] [--memory-for-eager 16] [--gradients]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
PEERS = ("sdpa", "body", "ours", "eager")
EAGER_BYTES_PER_PAIR = 30 * 9 * 4 * 1.5


def load():
    """The default model and the first tokens of a sample, with the sentence of each."""
    from reportgen.capture.layout import layout_of
    from reportgen.documents import document_from_text
    from reportgen.models import load_model
    from reportgen.sentences import split_sentences
    from reportgen.tokens import align_tokens

    model = load_model("default")
    text = "\n\n".join((ROOT / "samples" / name).read_text("utf-8") for name in ("roosevelt-1941.txt", "moby-dick-42.txt"))
    document = document_from_text(text)

    def of_length(tokens: int):
        tokenised = align_tokens(document, split_sentences(document), model.tokenizer, tokens)
        last = np.flatnonzero(tokenised.sentence_of_token == len(tokenised.sentences) - 1)
        return layout_of(tokenised, last - 1)

    return model, of_length


def run(peer: str, tokens: int) -> dict[str, float]:
    """One peer on one length, in this process: seconds, and the process's peak memory in GB."""
    import torch

    loaded, of_length = load()
    layout = of_length(tokens)
    ids = torch.from_numpy(layout.ids.astype(np.int64))[None]
    with torch.no_grad():
        loaded.model(input_ids=ids[:, :128], use_cache=False)
    PASSES[peer](loaded, layout.head(128), ids[:, :128])
    start = time.perf_counter()
    PASSES[peer](loaded, layout, ids)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, "tokens": layout.tokens, "sentences": layout.sentences}


def sdpa(loaded, layout, ids) -> None:
    """The plain forward pass with its next-token logits."""
    import torch

    with torch.no_grad():
        loaded.model(input_ids=ids, use_cache=False)


def body(loaded, layout, ids) -> None:
    """The plain forward pass without logits, which measuring does not need either."""
    import torch

    with torch.no_grad():
        loaded.model.base_model(input_ids=ids, use_cache=False)


def ours(loaded, layout, ids) -> None:
    """The forward measuring pass: every array of the stack."""
    from reportgen.capture.feeding import Feed
    from reportgen.capture.forward import measure_forward

    config = loaded.model.config
    shapes = {"decoder": (config.num_hidden_layers, config.num_attention_heads)}
    measure_forward(loaded.model, Feed(source=layout), shapes, lambda stage, share: None)


def backward(loaded, layout, ids) -> None:
    """The streamed forward and backward pass of the attribution: gradients, importance of heads, attention x gradient, relevance."""
    from reportgen.capture.attribution import measure_gradients
    from reportgen.capture.feeding import Feed
    from reportgen.capture.targets import default_target

    given = Feed(source=layout)
    target = default_target(loaded, given)
    measure_gradients(loaded.model, target.feed(given, None), target, lambda stage, share: None)


def plain_backward(loaded, layout, ids) -> None:
    """The plain forward and backward pass to the embeddings for the same target, layers recomputed likewise."""
    import torch

    from reportgen.capture.feeding import Feed
    from reportgen.capture.recomputing import recomputed_layers
    from reportgen.capture.targets import default_target

    embeddings = loaded.model.get_input_embeddings()(ids).detach().requires_grad_(True)
    target = default_target(loaded, Feed(source=layout))
    with recomputed_layers(loaded.model), torch.enable_grad():
        kept = layout.tokens - int(target.rows[0])
        torch.autograd.grad(target.read(loaded.model(inputs_embeds=embeddings, use_cache=False, logits_to_keep=kept)), embeddings)


def eager(loaded, layout, ids) -> None:
    """The model's own attention arrays, all layers kept as `output_attentions` gives them, and the same formulas over them in torch."""
    import torch
    from whole_arrays import WholeArrays

    from reportgen.capture.streaming import attention_implementation

    with attention_implementation(loaded.model, "eager"), torch.no_grad():
        WholeArrays(layout).of_layers(loaded.model(input_ids=ids, use_cache=False, output_attentions=True).attentions)


PASSES = {"sdpa": sdpa, "body": body, "ours": ours, "eager": eager, "backward": backward, "plain backward": plain_backward}


def measured(peer: str, tokens: int, runs: int) -> dict[str, float] | None:
    """The median over fresh processes; None when one does not end well."""
    found = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, __file__, "--one", peer, str(tokens)], capture_output=True, text=True, check=False)
        if done.returncode:
            return None
        found.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


COLUMNS = (
    *("tokens", "sentences", "SDPA s", "SDPA without logits s", "ours s", "ours / SDPA", "ours / SDPA without logits", "eager s", "eager / ours"),
    *("SDPA GB", "ours GB", "memory ratio", "plain backward s", "ours backward s", "ours / plain backward"),
)


def table(lengths: list[int], runs: int, memory_for_eager: float, gradients: bool) -> None:
    """Print a row for each length."""
    print(f"| {' | '.join(COLUMNS)} |")
    print("|" + "---:|" * len(COLUMNS))
    for tokens in lengths:
        peers = [peer for peer in PEERS if peer != "eager" or tokens**2 * EAGER_BYTES_PER_PAIR < memory_for_eager * 1e9]
        peers += ["plain backward", "backward"] if gradients else []
        found = {peer: measured(peer, tokens, 1 if peer == "eager" else runs) for peer in peers}
        print(row(found), flush=True)


def row(found: dict[str, dict[str, float] | None]) -> str:
    """One line of the table."""
    seconds = {peer: figures["seconds"] for peer, figures in found.items() if figures}
    memory = {peer: figures["gigabytes"] for peer, figures in found.items() if figures}
    cells = [f"{found['ours']['tokens']:.0f}", f"{found['ours']['sentences']:.0f}", *(f"{seconds[peer]:.1f}" for peer in ("sdpa", "body", "ours"))]
    cells += [ratio(seconds, "ours", "sdpa"), ratio(seconds, "ours", "body"), written(seconds, "eager") or "does not fit", ratio(seconds, "eager", "ours")]
    cells += [f"{memory['sdpa']:.2f}", f"{memory['ours']:.2f}", ratio(memory, "ours", "sdpa")]
    cells += [written(seconds, "plain backward"), written(seconds, "backward"), ratio(seconds, "backward", "plain backward")]
    return f"| {' | '.join(cells)} |"


def written(figures: dict[str, float], peer: str) -> str:
    """A figure, empty where there is none."""
    return f"{figures[peer]:.1f}" if peer in figures else ""


def ratio(figures: dict[str, float], one: str, other: str) -> str:
    """Two figures' ratio, empty where one is missing."""
    return f"{figures[one] / figures[other]:.2f}" if one in figures and other in figures else ""


def main() -> None:
    """Measure one peer when asked by ourselves, else print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--memory-for-eager", type=float, default=16.0, help="GB that eager attention may take")
    parser.add_argument("--gradients", action="store_true", help="time the backward pass as well")
    parser.add_argument("--one", nargs=2, metavar=("PEER", "TOKENS"))
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run(options.one[0], int(options.one[1]))))
    else:
        table(options.tokens, options.runs, options.memory_for_eager, options.gradients)


if __name__ == "__main__":
    main()
