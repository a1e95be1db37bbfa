"""The project held against itself: the direction of imports, the registry, the help, the wheel."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from reportgen.analyses import ANALYSES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reportgen"
ABOVE_THE_WAIST = ("documents", "sentences", "models", "tokens", "mentions", "syntax", "windows", "capture")
WAIST = ("contract", "sentence_pairs", "blocks", "measurements", "links", "sentence_pair")
BELOW_THE_WAIST = (
    "wording",
    "analyses",
    "packing",
    "drawing",
    "report",
    "report_data",
    "token_table",
    "notebook",
    "unit_names",
    "compiled_templates",
    "render",
    "comparison",
    "corpus",
    "bundle",
    "reproduction",
    "website",
)
ANYWHERE = ("errors", "interruptions", "files", "folders", "characters", "archive", "memory", "wanted_target", "units")
LAST = ("progress", "asked", "remeasuring", "batch", "cli", "__main__")
LINE = [*ANYWHERE, "documents", "sentences", "models", "tokens", "mentions", "syntax", "windows", *WAIST, "capture", *BELOW_THE_WAIST, *LAST]
COMMANDS = [
    "report",
    "measure",
    "render",
    "tokens",
    "batch",
    "models",
    "models list",
    "models fetch",
    "site",
    "site build",
    "site add",
    "compare",
    "verify",
    "bundle",
]


def imported_parts(path: Path) -> set[str]:
    """The parts of the package that a file imports, those for type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            if name == "reportgen":
                found.update(alias.name for alias in node.names)
            elif name.startswith("reportgen."):
                found.add(name.split(".")[1])
    return found


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


SOURCES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py" and "templates" not in path.parts]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_modules_above_it(path: Path) -> None:
    own = part_of(path)
    assert own in LINE, f"{own} has no place in the line"
    later = {part for part in imported_parts(path) if part != own and LINE.index(part) > LINE.index(own)}
    assert not later


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_below_the_waist_knows_what_is_above_it(path: Path) -> None:
    if part_of(path) in BELOW_THE_WAIST:
        assert not imported_parts(path) & set(ABOVE_THE_WAIST)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_longer_than_three_hundred_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("module", ["reportgen.website", "reportgen.report", "reportgen.measurements", "reportgen.report_data"])
def test_below_the_waist_torch_is_not_imported(module: str) -> None:
    code = f"import sys, {module}; sys.exit(' '.join(name for name in ('torch', 'transformers') if name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr.strip() == ""


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.name)
def test_each_analysis_has_its_module_partial_and_test(analysis) -> None:
    module = sys.modules[f"reportgen.analyses.{analysis.name}"]
    assert module.ANALYSIS is analysis
    assert hasattr(module, "Result")
    assert (ROOT / "templates" / "sections" / f"{analysis.name}.html.jinja").is_file()
    assert (ROOT / "tests" / "analyses" / f"test_{analysis.name}.py").is_file()


def test_no_analysis_partial_or_test_is_left_out_of_the_registry() -> None:
    registered = {analysis.name for analysis in ANALYSES}
    modules = {path.stem for path in (PACKAGE / "analyses").glob("*.py")} - {
        "__init__",
        "analysis",
        "charting",
        "even_attention",
        "half_precision",
        "remembering",
        "shown_blocks",
    }
    partials = {path.name.removesuffix(".html.jinja") for path in (ROOT / "templates" / "sections").glob("*.jinja")}
    assert modules == registered == partials


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_is_in_the_readme(command: str) -> None:
    done = subprocess.run([sys.executable, "-m", "reportgen", *command.split(), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "Usage" in done.stdout
    assert f"reportgen {command}" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_all_public_names_can_be_imported_and_are_documented() -> None:
    import reportgen

    for name in reportgen.__all__:
        assert getattr(reportgen, name).__doc__, name


def test_the_built_wheel_carries_the_templates_and_renders(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    zipfile.ZipFile(wheel).extractall(unpacked)
    assert not list(unpacked.rglob("__pycache__"))
    for name in ("made_up.py", "made_up_scores.py"):
        (unpacked / name).write_text((ROOT / "tests" / name).read_text(encoding="utf-8"), encoding="utf-8")
    code = (
        "import reportgen, made_up; from reportgen.render import template_folder; "
        "print(template_folder()); print(len(reportgen.render_report(reportgen.build_report(made_up.made_up()))))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=unpacked, env={"PYTHONPATH": str(unpacked), "PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    folder, length = done.stdout.split()
    assert folder == str(unpacked / "reportgen" / "templates")
    assert int(length) > 10_000
