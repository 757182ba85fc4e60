"""What became of the source rows, and whether the ledger's figures agree with each other.

Belongs here: the account of source rows and columns, and the list of all checks. Does not belong here:
the statements between tables (statements), rules of one row (conversion), checks of a table against its
definition (domain.validation).

Rows learned on or after the as-of day do not count, so that a check says what was known.
"""

from collections.abc import Iterator
from datetime import date

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUALITY
from segmentation.domain.schema import DataType, Frames
from segmentation.ledger.as_known import FIRST_STATUSES, start_of
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.moments import read_iso_moment
from segmentation.ledger.source_rows import PLACE, date_by_leading_part, list_leading_moments
from segmentation.ledger.statements import (
    FAIL,
    PASS,
    WARN,
    Finding,
    check_balances,
    check_cash,
    check_instalments,
    check_invoice_dates,
    check_references,
    describe_finding,
)

_EXAMPLES = 3


def build_quality(raw: Frames, ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return what was checked on the delivery and the ledger, and what was found.

    Parameters
    ----------
    raw : every ``raw_`` table.
    ledger : every canonical table, ``core_quarantine``, ``core_instalment_balance`` and
        ``core_unallocated_cash``, as known on the as-of day.
    as_of : the as-of day.

    Returns
    -------
    ``core_quality``. The verdict is ``fail`` when figures contradict each other, ``warn`` when a person
    should look, else ``pass``.
    """
    findings = [
        *_check_row_counts(raw, ledger, as_of),
        *_check_columns(raw["raw_file"]),
        *_check_days(ledger),
        *_check_outcomes(raw, as_of),
        *check_invoice_dates(ledger),
        *check_instalments(ledger),
        *check_balances(ledger, as_of),
        *check_cash(ledger),
        *check_references(ledger),
    ]
    return QUALITY.conform(
        pl.DataFrame(
            findings,
            schema={name: QUALITY.polars_schema[name] for name in QUALITY.column_names},
            orient="row",
        )
    )


def _check_row_counts(raw: Frames, ledger: Frames, as_of: date) -> Iterator[Finding]:
    """Every source row known on the day is loaded or in quarantine, per file and table."""
    quarantine = ledger["core_quarantine"]
    leading = list_leading_moments(raw)
    lines = quarantine.select(*PLACE, "table_name", "rule").unique([*PLACE, "table_name"])
    for name, table in CANONICAL_TABLES.items():
        rows = raw[name.replace("core_", "raw_", 1)]
        identifiers = [column for column in table.key if column.endswith("_id")]
        bad = lines.filter(pl.col("table_name") == name)
        is_known = date_by_leading_part(read_iso_moment(pl.col(OBSERVED_AT))) < start_of(as_of)
        known = rows.join(leading, on=PLACE, how="left").filter(is_known)
        good = known.join(bad, on=PLACE, how="anti").select("source_file", *identifiers)
        loaded = good.join(
            ledger[name].select(identifiers).unique(), on=identifiers, how="semi", nulls_equal=True
        )
        counts = (
            pl.concat(
                [
                    _count(good, "good"),
                    _count(loaded, "loaded"),
                    _count(bad, "quarantined"),
                ],
                how="diagonal",
            )
            .group_by("source_file")
            .agg(pl.col("good", "loaded", "quarantined").sum())
        )
        for count in counts.iter_rows(named=True):
            rows_in = count["good"] + count["quarantined"]
            lost = count["good"] - count["loaded"]
            if lost:
                verdict, statement = FAIL, f"{lost} of {rows_in} rows are neither loaded nor in quarantine"
            elif count["quarantined"]:
                verdict = WARN
                statement = f"{count['quarantined']} of {rows_in} rows are in quarantine: " + _top_rules(
                    quarantine.filter(
                        (pl.col("table_name") == name) & (pl.col("source_file") == count["source_file"])
                    )
                )
            else:
                merged = rows_in > ledger[name].height  # several source rows may say the same thing
                statement = f"all {rows_in} rows are loaded" + (
                    f", into {ledger[name].height} rows of {name}" if merged else ""
                )
                verdict = PASS
            yield describe_finding(
                "rows_in_equal_loaded_plus_quarantined",
                f"{count['source_file']} → {name}",
                verdict,
                statement,
                rows_in,
                loaded=count["loaded"],
                quarantined=count["quarantined"],
            )


def _count(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    return rows.group_by("source_file").agg(pl.len().cast(pl.Int64).alias(name))


def _top_rules(quarantine: pl.DataFrame) -> str:
    top = (
        quarantine.group_by("rule")
        .agg(pl.struct(PLACE).n_unique().alias("rows"))
        .sort("rows", "rule", descending=[True, False])
    )
    return ", ".join(f"{row['rule']} ({row['rows']})" for row in top.head(_EXAMPLES).iter_rows(named=True))


def _check_days(ledger: Frames) -> Iterator[Finding]:
    """No row was learned on a day that lies implausibly far after the others, or has not come yet."""
    quarantine = ledger["core_quarantine"]
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


def _check_outcomes(raw: Frames, as_of: date) -> Iterator[Finding]:
    """Every outcome says on which day it became known; one that does not is left out."""
    for name, table in CANONICAL_TABLES.items():
        for column in table.columns:
            if column.known_from is None or column.data_type != DataType.TEXT:
                continue
            rows = raw[name.replace("core_", "raw_", 1)].filter(
                read_iso_moment(pl.col(OBSERVED_AT)) < start_of(as_of)
            )
            is_final = pl.col(column.name).ne_missing(FIRST_STATUSES.get((name, column.name)))
            undated = rows.filter(
                pl.col(column.name).is_not_null() & is_final & pl.col(column.known_from).is_null()
            )
            yield describe_finding(
                "outcomes_have_their_day",
                f"{name}.{column.name}",
                WARN if undated.height else PASS,
                f"{undated.height} of {rows.height} rows have {column.name} filled in but not {column.known_from}: "
                "since when it was known cannot be told, so they count as not ended: "
                + _list_keys(undated, table.key[0])
                if undated.height
                else f"every {column.name} comes with its {column.known_from}",
                rows.height,
            )


def _list_keys(rows: pl.DataFrame, column: str) -> str:
    keys = rows.get_column(column).drop_nulls().unique().sort().to_list()
    return ", ".join(keys[:_EXAMPLES]) + (" ..." if len(keys) > _EXAMPLES else "")


def _list_places(rows: pl.DataFrame) -> str:
    """Return the first places of the rows as file:line."""
    places = rows.select(PLACE).unique().sort(PLACE).rows()
    shown = ", ".join(f"{file}:{line}" for file, line in places[:_EXAMPLES])
    return shown + (" ..." if len(places) > _EXAMPLES else "")


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
