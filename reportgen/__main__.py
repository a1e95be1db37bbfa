"""`python -m reportgen`, and the command `reportgen`."""

from reportgen.interruptions import INTERRUPTED, end_with, hearing_interruptions, interrupted


def main() -> None:
    """Run the command line, whose libraries take a while to import: an interruption meanwhile is told in one sentence too."""
    with hearing_interruptions():
        try:
            from reportgen.cli import main as run
        except BaseException:
            if not interrupted():
                raise
        if interrupted():
            end_with(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
