"""Options that several verbs share, so that they read the same everywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

DEFAULT_DATA_ROOT = Path("data")

LedgerOption: TypeAlias = Annotated[Path, typer.Option("--ledger", help="File or folder with the export.")]
MappingOption: TypeAlias = Annotated[
    str, typer.Option("--mapping", help="Name of a shipped mapping, or path of a mapping file (YAML).")
]
AsOfOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--as-of", help="Day YYYY-MM-DD; only facts before it count. Default: the day after the newest fact."
    ),
]
DataRootOption: TypeAlias = Annotated[
    Path, typer.Option("--data-root", help="Folder for warehouse, snapshots and decisions.")
]
SettingsOption: TypeAlias = Annotated[
    Path | None, typer.Option("--settings", help="YAML file with settings that differ from the defaults.")
]


def _locate_store(decisions: str) -> str:
    """Return the store's URL with its file absolute: it is read by processes that run in other folders."""
    from segmentation.publish.decision_database import locate_store

    return locate_store(decisions) if decisions else decisions


def _find_store(decisions: str) -> str:
    """Return the URL of a store that is there; UsageError when its file is not."""
    from segmentation.publish.decision_database import require_file

    if decisions:
        require_file(decisions)
    return _locate_store(decisions)


def _offer_store(callback: Callable[[str], str]) -> Any:
    return typer.Option(
        "--decisions",
        envvar="SEGMENTATION_DECISIONS",  # a password belongs there: options are seen by whoever lists processes
        callback=callback,
        help="SQLAlchemy URL of the decisions store. Default: a file in the data root.",
    )


DecisionsOption: TypeAlias = Annotated[str, _offer_store(_find_store)]
NewDecisionsOption: TypeAlias = Annotated[str, _offer_store(_locate_store)]
"""For the dashboard: where decisions are taken, a store may begin."""
PortOption: TypeAlias = Annotated[
    int, typer.Option("--port", help="Port; the next free one is taken when in use.")
]
TodayOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--today", help="Day YYYY-MM-DD on which the clock stands, to look at a sample. Default: today."
    ),
]
AcceptSmallerOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--accept-smaller-delivery", help="Accept a delivery that has less than the one before it, this once."
    ),
]
