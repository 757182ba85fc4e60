"""Exports of accounting systems: loading, cutting them back to a past day, and what must always hold."""

import csv
import io
import shutil
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.balance_list import BALANCE_LIST_CHECK
from segmentation.ledger.conversion import convert
from segmentation.ledger.loading import LoadedLedger, load_ledger
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.sources import read_raw

HERE = Path(__file__).parent
Row = dict[str, str]
Change = Callable[[Row], Row | None]


def folder_of(system: str) -> Path:
    return HERE / system


@cache
def mapping_of(system: str) -> SourceMapping:
    return load_mapping(system)


def load(folder: Path, system: str, as_of: date | None = None) -> LoadedLedger:
    return load_ledger(folder, mapping_of(system), as_of)


def balances(loaded: LoadedLedger) -> dict[tuple[str, int], tuple[str, int]]:
    """Return what is open (as text, to the cent) and the days late, per invoice and instalment."""
    rows = loaded.ledger["core_instalment_balance"].select(
        "invoice_id", "instalment_number", "open_amount", "days_late"
    )
    return {(i, n): (f"{open_amount:.2f}", late) for i, n, open_amount, late in rows.rows()}


def covered(loaded: LoadedLedger) -> dict[tuple[str, int], str]:
    """Return what covered the larger part of each instalment that is not open."""
    rows = loaded.ledger["core_instalment_balance"].filter(~pl.col("is_open"))
    return {(i, n): by for i, n, by in rows.select("invoice_id", "instalment_number", "covered_by").rows()}


def on_account(loaded: LoadedLedger) -> dict[str, tuple[str, str]]:
    """Return money and credit that nothing was set against, per customer."""
    rows = loaded.ledger["core_unallocated_cash"].select(
        "customer_id", "unmatched_cash_amount", "credit_amount"
    )
    return {customer: (f"{cash:.2f}", f"{credit:.2f}") for customer, cash, credit in rows.rows()}


def assert_trusted(loaded: LoadedLedger, *, has_list: bool = True) -> None:
    """Nothing is in quarantine, no check fails, every column is known, and the system's balances agree."""
    assert loaded.ledger["core_quarantine"].is_empty(), loaded.ledger["core_quarantine"]
    quality = loaded.ledger["core_quality"]
    failed = quality.filter(pl.col("verdict") == "fail")
    assert failed.is_empty(), failed["statement"].to_list()
    unmapped = quality.filter(
        pl.col("check_name").is_in(["source_columns_are_mapped_or_ignored", "source_files_are_mapped"])
        & (pl.col("verdict") != "pass")
    )
    assert unmapped.is_empty(), unmapped["statement"].to_list()
    lists = quality.filter(pl.col("check_name") == BALANCE_LIST_CHECK)
    assert lists.height == int(has_list)


def assert_accounted(folder: Path, system: str) -> None:
    """Rows in = rows loaded + rows in quarantine + rows left out on purpose, file by file."""
    mapping = mapping_of(system)
    raw = read_raw(folder, mapping)
    facts = convert(raw, mapping, LedgerSettings())
    lines = pl.concat(
        [
            *(
                facts[name].select(
                    pl.col("source_id").str.replace(r":[0-9]+$", "").alias("source_file"),
                    pl.col("source_id").str.extract(r":([0-9]+)$", 1).cast(pl.Int64).alias("source_line"),
                )
                for name in CANONICAL_TABLES
            ),
            facts["core_quarantine"].select("source_file", "source_line"),
        ]
    ).unique()
    counted = dict(lines.group_by("source_file").len().rows())
    for file in raw["raw_file"].iter_rows(named=True):
        found = counted.get(file["source_file"], 0) + file["left_out_count"]
        assert found == file["row_count"], file["source_file"]


def rewrite(folder: Path, target: Path, changes: dict[str, Change], *, delimiter: str = ",") -> Path:
    """Write the export with each row changed, or left out where the change gives None."""
    shutil.copytree(folder, target)
    for name, change in changes.items():
        path = target / name
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")), delimiter=delimiter)
        kept = [new for row in reader if (new := change(dict(row))) is not None]
        out = io.StringIO()
        writer = csv.DictWriter(out, reader.fieldnames or [], delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        path.write_text(out.getvalue(), encoding="utf-8")
    return target


def append(folder: Path, target: Path, name: str, line: str) -> tuple[Path, int]:
    """Write the export with a line more in one file; return the folder and the number of that line."""
    shutil.copytree(folder, target)
    path = target / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text + line + "\n", encoding="utf-8")
    return target, text.count("\n") + 1


def quarantined(folder: Path, system: str) -> set[tuple[str, int, str, str | None]]:
    """Return file, line, rule and column of what is in quarantine."""
    quarantine = load(folder, system).ledger["core_quarantine"]
    return set(quarantine.select("source_file", "source_line", "rule", "column_name").rows())


def without_tables(loaded: LoadedLedger, *names: str) -> dict[str, pl.DataFrame]:
    """Return the ledger without tables that say nothing about the past."""
    return {name: frame for name, frame in loaded.ledger.items() if name not in {*names, "core_quality"}}


def assert_same(before: dict[str, pl.DataFrame], after: dict[str, pl.DataFrame]) -> None:
    """The tables are the same but for the places in files, which move when lines above them go."""
    assert before.keys() == after.keys()
    for name, known in before.items():
        ignored = [c for c in ("source_id", "source_line") if c in known.columns]
        left, right = known.drop(ignored), after[name].drop(ignored)
        left, right = left.sort(left.columns), right.sort(right.columns)
        assert left.equals(right), f"{name}\n{left}\n{right}"
    assert not before["core_instalment_balance"].is_empty()


def assert_same_on(cut: date, whole: Path, past: Path, system: str) -> None:
    """What was known on the day is the same from the whole export and from one made on that day."""
    assert_same(without_tables(load(whole, system, cut)), without_tables(load(past, system, cut)))


def is_later(text: str, cut: date, *formats: str) -> bool:
    """Whether the day or moment lies on or after the cut; blank is not."""
    for pattern in formats or ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"):
        try:
            return datetime.strptime(text, pattern).date() >= cut  # noqa: DTZ007  a day
        except ValueError:
            continue
    return False


def without_later(cut: date, known: tuple[str, ...], blanked: tuple[str, ...] = ()) -> Change:
    """Return a change that leaves out rows known on or after the cut and blanks values of the export's day."""

    def change(row: Row) -> Row | None:
        if any(is_later(row[name][:19], cut) for name in known):
            return None
        return row | dict.fromkeys(blanked, "")

    return change
