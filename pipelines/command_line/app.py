"""The application: its verbs, and how every error becomes one paragraph and an exit code."""

import sys
from collections.abc import Sequence

import typer
from rich.console import Console
from rich.text import Text

from pipelines.command_line import evaluate_verbs, feed_verb, insight_verbs, run_verbs, service_verbs
from segmentation.domain.errors import ExitCode, SegmentationError

app = typer.Typer(
    name="segmentation",
    help="Turn an accounts-receivable ledger into the right next step for each customer.",
    epilog="Exit codes: 0 published or unchanged, 2 usage, 3 input refused, 4 a gate blocked publication "
    "or a check failed, 5 integrity failure. Add --debug before the verb for a traceback.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def set_options(
    *, debug: bool = typer.Option(default=False, help="Show the full traceback of an error.")
) -> None:
    """Turn an accounts-receivable ledger into the right next step for each customer."""
    # Read by main(), which must also catch errors that come before this callback runs.
    del debug


run_verbs.register(app)
insight_verbs.register(app)
feed_verb.register(app)
evaluate_verbs.register(app)
service_verbs.register(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave with its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(run_command(words))


def run_command(words: list[str]) -> int:
    """Run the command for ``words`` and return its exit code; errors go to standard error in one paragraph."""
    console = Console(stderr=True, soft_wrap=True)
    is_debugging = "--debug" in words
    try:
        app(args=words)
    except SegmentationError as error:
        if is_debugging:
            raise
        console.print(Text(f"Error: {error}", style="red"))
        return int(error.exit_code)
    except SystemExit as leaving:  # Typer leaves this way, after help and after words that it does not know
        return leaving.code if isinstance(leaving.code, int) else int(ExitCode.DONE)
    return int(ExitCode.DONE)


if __name__ == "__main__":
    main()
