"""What became of the rows, columns and files of a delivery.

Belongs here: the account of every source row known on the as-of day, and of columns that nobody maps. Does
not belong here: statements between tables (statements), the judgement on the delivery (acceptance).

Rows learned on or after the as-of day do not count, so that the account says what was known.
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, DELIVERY_CHECK
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import DataType, Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.domain.side_by_side import work_on
from segmentation.ledger.as_known import FIRST_STATUSES, start_of
from segmentation.ledger.balance_list import (
    Matcher,
    describe_balance_list,
    find_list_day,
    measure_balance_list,
)
from segmentation.ledger.findings import (
    FAIL,
    PASS,
    WARN,
    Finding,
    add_up,
    build_findings,
    describe_finding,
    tally,
)
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.matching.first_known import match_by_first_known
from segmentation.ledger.source_rows import PLACE, count_by_file, write_source_id

_EXAMPLES = 3


def check_delivery(
    files: pl.DataFrame,
    facts: Frames,
    known: Frames,
    as_of: date,
    settings: LedgerSettings = LedgerSettings(),  # noqa: B008  frozen
) -> pl.DataFrame:
    """Return what became of the source rows, columns and files of a delivery, and what its lists say.

    Parameters
    ----------
    files : ``raw_file``.
    facts : every canonical table with all facts, as ``accept_facts`` returns them.
    known : every canonical table and ``core_quarantine``, as known on the as-of day.
    as_of : the as-of day.
    settings : how the source's own lists are to be read.

    Returns
    -------
    ``core_delivery_check``, in the shape of ``core_quality``. The verdict is ``fail`` when rows are lost or
    the source's own list of balances disagrees, ``warn`` when a person should look, else ``pass``.
    """
    listed_on = find_list_day(known["core_stated_balance"], as_of)
    measured = measure_delivery(facts, known, as_of, settings, listed_on=listed_on)
    return describe_delivery(files, known["core_quarantine"], measured)


def measure_delivery(
    facts: Frames,
    known: Frames,
    as_of: date,
    settings: LedgerSettings,
    *,
    listed_on: date | None,
    match: Matcher = match_by_first_known,
) -> dict[str, pl.DataFrame]:
    """Return what ``describe_delivery`` tells of, by name; measures of parts of a ledger add up.

    Parameters
    ----------
    facts, known, as_of, settings : as for ``check_delivery``.
    listed_on : day of the balance list that the ledger is compared with; None when there is none.
    match : how payments are matched for that comparison.
    """
    return {
        "rows": pl.concat(work_on(lambda name: _measure_rows(name, facts, known, as_of), CANONICAL_TABLES)),
        "known_rows": pl.DataFrame(
            {"table_name": list(CANONICAL_TABLES), "known": [known[name].height for name in CANONICAL_TABLES]}
        ),
        "outcomes": pl.concat(_measure_outcomes(facts, as_of)),
        "balance_list": measure_balance_list(
            facts, known, as_of, settings, stated_date=listed_on, match=match
        ),
    }


def describe_delivery(files: pl.DataFrame, quarantine: pl.DataFrame, measured: Frames) -> pl.DataFrame:
    """Return ``core_delivery_check`` from what was measured.

    Parameters
    ----------
    files : ``raw_file``.
    quarantine : ``core_quarantine``, as known on the as-of day.
    measured : as ``measure_delivery`` returns it, of the whole delivery.
    """
    return build_findings(
        DELIVERY_CHECK,
        [
            *_describe_rows(measured["rows"], measured["known_rows"], quarantine),
            *_check_columns(files),
            *_check_days(quarantine),
            *_describe_outcomes(measured["outcomes"]),
            *describe_balance_list(measured["balance_list"]),
        ],
    )


def _measure_rows(name: str, facts: Frames, known: Frames, as_of: date) -> pl.DataFrame:
    """Return ``table_name``, ``source_file``, ``good`` (facts not in quarantine) and how many are ``lost``."""
    quarantine = known["core_quarantine"].filter(pl.col("table_name") == name)
    good = facts[name].filter(pl.col(OBSERVED_AT) < start_of(as_of))
    if quarantine.height:
        refused = quarantine.select(write_source_id()).to_series()
        good = good.filter(~is_known(good.get_column("source_id"), refused))
    lost = count_by_file(_list_lost(good, known[name], name)).rename({"count": "lost"})
    return (
        count_by_file(good)
        .rename({"count": "good"})
        .join(lost, on="source_file", how="left")
        .select(pl.lit(name).alias("table_name"), "source_file", "good", pl.col("lost").fill_null(0))
    )


def _describe_rows(
    rows: pl.DataFrame, known_rows: pl.DataFrame, quarantine: pl.DataFrame
) -> Iterator[Finding]:
    """Yield whether every source row known on the day is loaded or in quarantine, per file and table."""
    subject = ["table_name", "source_file"]
    known: dict[str, int] = dict(known_rows.group_by("table_name").sum().iter_rows())
    bad = (
        quarantine.select(*PLACE, "table_name", "is_corrected")
        .unique()
        .group_by(subject)
        .agg(
            pl.len().cast(pl.Int64).alias("quarantined"),
            pl.col("is_corrected").sum().cast(pl.Int64).alias("corrected"),
        )
    )
    counts = (
        rows.group_by(subject)
        .sum()
        .join(bad, on=subject, how="full", coalesce=True)
        .with_columns(pl.col("good", "quarantined", "corrected", "lost").fill_null(0))
    )
    for count in counts.iter_rows(named=True):
        name, file = count["table_name"], count["source_file"]
        rows_in = count["good"] + count["quarantined"]
        if count["lost"]:
            verdict = FAIL
            statement = f"{count['lost']} of {rows_in} rows are neither loaded nor in quarantine"
        elif count["quarantined"]:
            verdict = WARN if count["quarantined"] > count["corrected"] else PASS
            statement = f"{count['quarantined']} of {rows_in} rows are in quarantine: " + _top_rules(
                quarantine.filter((pl.col("table_name") == name) & (pl.col("source_file") == file))
            )
            if count["corrected"]:
                statement += f"; later rows put {count['corrected']} of them right"
        else:
            merged = rows_in > known[name]  # several source rows may say the same thing
            statement = f"all {rows_in} rows are loaded" + (
                f", into {known[name]} rows of {name}" if merged else ""
            )
            verdict = PASS
        yield describe_finding(
            "rows_in_equal_loaded_plus_quarantined",
            f"{file} → {name}",
            verdict,
            statement,
            rows_in,
            loaded=count["good"] - count["lost"],
            quarantined=count["quarantined"],
        )


def _list_lost(good: pl.DataFrame, known: pl.DataFrame, name: str) -> pl.DataFrame:
    """Return ``source_id`` of the facts of which what they are about is not in the ledger at all."""
    if good.height == known.height and _sum_places(good) == _sum_places(known):
        return good.select("source_id").clear()  # row by row the same, as in most ledgers
    identifiers = [column for column in CANONICAL_TABLES[name].key if column.endswith("_id")]
    return (
        good.select("source_id", *identifiers)
        .join(known.select(identifiers).unique(), on=identifiers, how="anti", nulls_equal=True)
        .select("source_id")
    )


def _sum_places(rows: pl.DataFrame) -> int:
    """Return a number that two sets of rows share when they come from the same lines."""
    return int(rows.select((pl.col("source_id").hash() // 2**24).sum()).item())


def _top_rules(quarantine: pl.DataFrame) -> str:
    top = (
        quarantine.group_by("rule")
        .agg(pl.struct(PLACE).n_unique().alias("rows"))
        .sort("rows", "rule", descending=[True, False])
    )
    return ", ".join(f"{row['rule']} ({row['rows']})" for row in top.head(_EXAMPLES).iter_rows(named=True))


def _check_columns(files: pl.DataFrame) -> Iterator[Finding]:
    """Every column and file of the delivery is mapped or ignored on purpose."""
    for file in files.iter_rows(named=True):
        if not file["is_mapped"]:
            yield describe_finding(
                "source_files_are_mapped",
                file["source_file"],
                WARN,
                "the mapping does not read this file: map it, or take it out of the ledger folder",
                0,
            )
            continue
        unmapped = ", ".join(file["unmapped_columns"])
        yield describe_finding(
            "source_columns_are_mapped_or_ignored",
            file["source_file"],
            WARN if unmapped else PASS,
            f"left out: {unmapped}; map them or name them under `ignored`"
            if unmapped
            else "every column is mapped or ignored on purpose",
            0,
        )


def _check_days(quarantine: pl.DataFrame) -> Iterator[Finding]:
    """No row was learned on a day that lies implausibly far after the others, or has not come yet."""
    bad = quarantine.filter(pl.col("rule").is_in(["day_after_a_gap", "day_in_the_future"]))
    lines = bad.select(PLACE).unique().height
    yield describe_finding(
        "facts_were_learned_on_plausible_days",
        "delivery",
        WARN if lines else PASS,
        f"{lines} rows were learned on a day that lies long after all others or has not come yet; they are "
        f"in quarantine and do not move the as-of day: {_list_places(bad)}"
        if lines
        else "no row was learned long after all others",
        lines,
        quarantined=lines,
    )


def _measure_outcomes(facts: Frames, as_of: date) -> Iterator[pl.DataFrame]:
    """Yield per column with an outcome how many rows there are, and those that do not say since when."""
    for name, table in CANONICAL_TABLES.items():
        for column in table.columns:
            if column.known_from is None or column.data_type != DataType.TEXT:
                continue
            rows = facts[name].filter(pl.col(OBSERVED_AT) < start_of(as_of))
            is_final = pl.col(column.name).ne_missing(FIRST_STATUSES.get((name, column.name)))
            undated = rows.filter(
                pl.col(column.name).is_not_null() & is_final & pl.col(column.known_from).is_null()
            )
            yield tally(rows.height, undated, table.key[0]).with_columns(
                pl.lit(name).alias("table_name"),
                pl.lit(column.name).alias("column_name"),
                pl.lit(column.known_from).alias("known_from"),
            )


def _describe_outcomes(measured: pl.DataFrame) -> Iterator[Finding]:
    """Yield whether every outcome says on which day it became known; one that does not is left out."""
    parts = measured.partition_by("table_name", "column_name", "known_from", as_dict=True)
    for (name, column, known_from), part in parts.items():
        found = add_up(part)
        count, undated = found.count, found.reported
        yield describe_finding(
            "outcomes_have_their_day",
            f"{name}.{column}",
            WARN if undated else PASS,
            f"{undated} of {count} rows have {column} filled in but not {known_from}: "
            "since when it was known cannot be told, so they count as not ended: " + found.examples
            if undated
            else f"every {column} comes with its {known_from}",
            count,
        )


def _list_places(rows: pl.DataFrame) -> str:
    """Return the first places of the rows as file:line."""
    places = rows.select(PLACE).unique().sort(PLACE).rows()
    shown = ", ".join(f"{file}:{line}" for file, line in places[:_EXAMPLES])
    return shown + (" ..." if len(places) > _EXAMPLES else "")
