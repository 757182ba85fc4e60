"""A world on disk: canonical CSV files, and the truth in a folder of its own.

Belongs here: the text form of the canonical ledger (comma, UTF-8, LF, final newline, decimal point, ISO
dates, moments in UTC, the first moment of a day written as the day alone). Does not belong here: reading, which is the ledger room's.
"""

import csv
import io
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, STATED_TABLES
from segmentation.simulator.world import World

TRUTH_FOLDER = "truth"


def write_world(world: World, directory: Path, *, with_truth: bool = True) -> list[Path]:
    """Write the ledger of a world, and its truth in ``truth/``; return the files written.

    Parameters
    ----------
    world : what ``simulate_world`` returned.
    directory : folder to write into; made when it is not there, files in it are replaced.
    with_truth : whether the truth is written too.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name in (name for name in CANONICAL_TABLES if name not in STATED_TABLES):
        stem = name.removeprefix("core_")
        frame = world.ledger[stem]
        bad = [row for row in world.bad_rows if row.stem == stem]
        text = _to_csv(frame) + _lines(frame.columns, [row.fields for row in bad])
        written.append(_write(directory / f"{stem}.csv", text))
    if with_truth:
        (directory / TRUTH_FOLDER).mkdir(exist_ok=True)
        for stem, frame in world.truth.items():
            written.append(_write(directory / TRUTH_FOLDER / f"{stem}.csv", _to_csv(frame)))
    return written


def _to_csv(frame: pl.DataFrame) -> str:
    plain = frame.with_columns(_in_text(name, dtype) for name, dtype in frame.schema.items())
    return plain.write_csv(line_terminator="\n", date_format="%Y-%m-%d", null_value="")


def _in_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Decimal):
        return column.cast(pl.Decimal(18, 2))
    if isinstance(dtype, pl.Datetime):
        return column.dt.to_string("%Y-%m-%dT%H:%M:%SZ").str.strip_suffix("T00:00:00Z")
    return column


def _lines(columns: list[str], rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writerows(rows)
    return text.getvalue()


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path
