"""The ledger as it was known on a day: later facts removed, one version per row, no loose ends.

Belongs here: everything that depends on the as-of day before balances. Does not belong here: types
(conversion), references between rows (references), sums (balances).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from segmentation.domain.core_tables import (
    CANONICAL_TABLES,
    CORRECTABLE_TABLES,
    PROGRAM_COLUMNS,
    QUARANTINE,
    SUPERSEDED_TABLES,
    superseded_name,
)
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.row_lookup import find_rows
from segmentation.domain.schema import DataType, Frames, Table, is_sorted_by
from segmentation.domain.settings import LedgerSettings
from segmentation.domain.vocabulary import PlanStatus, PromiseStatus
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.moments import MOMENT_TYPE
from segmentation.ledger.quarantine import to_quarantine
from segmentation.ledger.references import drop_loose_versions, refuse_orphans
from segmentation.ledger.refused_lines import refuse_rest_of_lines, require_corrections
from segmentation.ledger.tables_on_disk import read_columns

_ROW = "row_number"
_SUPERSEDED_AT = "superseded_at"

FIRST_STATUSES: Mapping[tuple[str, str], str] = {
    ("core_promise_to_pay", "status"): PromiseStatus.OPEN.value,
    ("core_payment_plan", "status"): PlanStatus.RUNNING.value,
}
"""The status that a promise or plan has from the start, by table and column; every other needs its day."""


def start_of(as_of: date) -> datetime:
    """Return the first moment of the as-of day; what was observed before it is known."""
    return datetime.combine(as_of, time(), tzinfo=UTC)


def default_as_of(
    tables: Frames,
    settings: LedgerSettings = LedgerSettings(),  # noqa: B008  frozen
    *,
    today: date | None = None,
) -> date:
    """Return the day after the newest plausible fact, so that everything in the delivery is known.

    Parameters
    ----------
    tables : every canonical table with all facts.
    settings : how long a gap before the last few facts may be (``max_gap_days``).
    today : the day on which this is asked, when the caller has a clock; the result is never later than
        the day after it.

    Raises
    ------
    InputRefusedError
        When no table has a row.
    """
    newest = find_newest_day(count_days(tables), settings, today=today)
    if newest is None:
        raise nothing_loaded(tables.get(QUARANTINE.name, QUARANTINE.empty()))
    return newest + timedelta(days=1)


def nothing_loaded(quarantine: pl.DataFrame) -> InputRefusedError:
    """Return what to say of a delivery without facts: the first row that could not be loaded, if there is one."""
    refused = quarantine.sort("source_file", "source_line")
    if not refused.height:
        return InputRefusedError("The ledger has no facts", remedy="Check that the delivery has rows.")
    first = refused.row(0, named=True)
    count = refused.n_unique(["source_file", "source_line"])
    return InputRefusedError(
        f"None of the rows can be loaded ({count} in quarantine): {first['rule']} in "
        f"{first['column_name'] or 'the row'}" + (f" ({first['value']!r})" if first["value"] else ""),
        where=f"{first['source_file']}, line {first['source_line']}",
        remedy=first["remedy"],
    )


def count_days(tables: Frames) -> pl.DataFrame:
    """Return ``day`` and the ``count`` of facts that were learned, or of later values known from, on it."""
    return (
        pl.concat(
            read_columns(tables, name, [column]).select(
                pl.col(column).cast(MOMENT_TYPE).dt.date().alias("day")
            )
            for name, table in CANONICAL_TABLES.items()
            for column in [OBSERVED_AT, *sorted({c.known_from for c in table.columns if c.known_from})]
        )
        .drop_nulls()
        .group_by("day")
        .agg(pl.len().cast(pl.Int64).alias("count"))
    )


def find_newest_day(
    days: pl.DataFrame, settings: LedgerSettings, *, today: date | None = None
) -> date | None:
    """Return the newest day with facts that is no typing error; null when there are no facts.

    Parameters
    ----------
    days : as ``count_days`` returns them, of all tables or of parts of them.

    Notes
    -----
    Days are looked at from the newest back. Where a day lies more than ``max_gap_days`` after the next
    newest, and fewer than ``max_share_after_gap`` of all facts lie behind that gap, those are typing
    errors (a year 2062 among thousands of rows of this year) and the day before the gap counts.
    """
    days = (
        days.group_by("day")
        .sum()
        .sort("day", descending=True)
        .with_columns(
            pl.col("count").cum_sum().alias("after_gap"),
            (pl.col("day") - pl.col("day").shift(-1)).dt.total_days().alias("gap"),
            pl.col("day").shift(-1).alias("day_before_gap"),
        )
    )
    if not days.height:
        return None
    few = pl.col("after_gap") < settings.max_share_after_gap * int(days.get_column("count").sum())
    gaps = days.filter(few & (pl.col("gap") > settings.max_gap_days))
    newest: date = gaps.item(-1, "day_before_gap") if gaps.height else days.item(0, "day")
    return newest if today is None else min(newest, today)


def refuse_implausible_days(
    tables: Frames, newest: date, *, today: date | None = None
) -> dict[str, pl.DataFrame]:
    """Return the facts with those learned after the newest plausible day in quarantine.

    Parameters
    ----------
    tables : every canonical table with all facts, and ``core_quarantine``, as ``convert`` returns them.
    newest : as ``find_newest_day`` returns it without a day of today.
    today : as for ``default_as_of``.

    Notes
    -----
    Only for deliveries whose as-of day is derived from them: with a day that was asked for, such facts
    are merely later. Their moment is not believed, so the quarantine has them without one.
    """
    rules = [("day_after_a_gap", newest)]
    if today is not None and today < newest:  # a day of slack, since days begin earlier elsewhere
        rules = [("day_in_the_future", today + timedelta(days=1)), ("day_after_a_gap", newest)]
    kept, added = dict(tables), [tables["core_quarantine"]]
    for name in CANONICAL_TABLES:
        day = pl.col(OBSERVED_AT).dt.date()
        for rule, last in reversed(rules):
            refused = kept[name].filter(day > last)
            kept[name] = kept[name].filter(day <= last)
            rows = to_quarantine(refused, name, OBSERVED_AT, rule)
            added.append(rows.with_columns(pl.lit(None, dtype=MOMENT_TYPE).alias(OBSERVED_AT)))
    return kept | {"core_quarantine": QUARANTINE.conform(pl.concat(added))}


def as_known(tables: Frames, as_of: date) -> dict[str, pl.DataFrame]:
    """Return the ledger as it was known at the start of the as-of day.

    Parameters
    ----------
    tables : every canonical table with all facts, and ``core_quarantine``, as ``convert`` returns them; or what
        this function returned for a later day.
    as_of : the as-of day.

    Returns
    -------
    Every canonical table, one row per key: the latest version observed strictly before the as-of day;
    ``observed_at`` is when that version was first learned. Values known only from the as-of day on are
    null, and so are outcomes without their day: a dispute whose ``closed_at`` is missing is open, a
    promise or plan whose last day is missing is open or running, whatever outcome the row names (it
    could have been filled in on any day). ``core_quarantine`` also has the rows that refer to something unknown on that day.
    The tables of ``SUPERSEDED_TABLES`` have the earlier versions, where a day began on which one was the latest.

    Notes
    -----
    Deleting from the source every row observed on or after the as-of day, and blanking the dates inside
    rows that lie there, changes nothing in the result. Of what it returned for a later day the same is true of all
    but lines that were refused for what was learned in between: their rows are not there to be recalled.
    """
    start = start_of(as_of)
    quarantine = tables["core_quarantine"].filter(
        pl.col(OBSERVED_AT).is_null() | (pl.col(OBSERVED_AT) < start)
    )
    known = {name: _observed_before(_all_versions(tables, name), start) for name in CANONICAL_TABLES}
    known, quarantine = refuse_rest_of_lines(known, quarantine, start)
    latest, superseded = {}, {}
    for name, table in CANONICAL_TABLES.items():
        versions = _hide_later_values(known[name], table, as_of, start)
        latest[name], superseded[name] = _part_versions(versions, table)
    latest, quarantine = refuse_orphans(latest, known, quarantine)
    quarantine = require_corrections(latest, quarantine)
    return {
        **{name: table.conform(latest[name]) for name, table in CANONICAL_TABLES.items()},
        **{
            superseded_name(table.name): SUPERSEDED_TABLES[superseded_name(table.name)].conform(
                drop_loose_versions(superseded[table.name], table.name, latest)
            )
            for table in CORRECTABLE_TABLES
        },
        "core_quarantine": QUARANTINE.conform(_name_customers(quarantine, latest["core_invoice"])),
    }


def _all_versions(tables: Frames, name: str) -> pl.DataFrame:
    """Return a table with the versions that were superseded before a later day, where the tables are of one."""
    earlier = tables.get(superseded_name(name))
    if earlier is None or not earlier.height:
        return tables[name]
    return pl.concat([tables[name], earlier.select(tables[name].columns)])


def _observed_before(frame: pl.DataFrame, start: datetime) -> pl.DataFrame:
    is_known = pl.col(OBSERVED_AT) < start
    return frame if frame.select(is_known.all()).item() else frame.filter(is_known)


def _part_versions(frame: pl.DataFrame, table: Table) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the latest version of each row, observed when its content was first learned, and those before.

    Of versions learned at the same moment (one customer in several source rows) the one with more
    filled in counts, else the last in order of content: never the order of rows or files. A version before
    has ``superseded_at``; one that was superseded on the day on which it was learned is left out.
    """
    key = list(table.key)
    repeated = _find_repeated(frame, key)
    if not repeated.any():
        return frame, frame.clear().with_columns(pl.lit(None, dtype=MOMENT_TYPE).alias(_SUPERSEDED_AT))
    several = frame.with_row_index(_ROW).filter(repeated)
    content = [name for name in table.column_names if name not in {*key, OBSERVED_AT, *PROGRAM_COLUMNS}]
    ordered = several.sort([*key, OBSERVED_AT, *content, "source_id"], nulls_last=False)
    is_new = pl.lit(value=False)
    for name in content:
        is_new = is_new | pl.col(name).ne_missing(pl.col(name).shift(1))
    versions = (
        ordered.with_columns(is_new.alias("is_new"))
        .with_columns(pl.col("is_new").cum_sum().over(key).alias("version"))
        .unique(subset=[*key, "version"], keep="first", maintain_order=True)
        .with_columns(pl.col(OBSERVED_AT).shift(-1).over(key).alias(_SUPERSEDED_AT))
        .drop("is_new", "version")
    )
    kept = ~repeated
    kept[versions.filter(pl.col(_SUPERSEDED_AT).is_null()).get_column(_ROW)] = True
    is_believed = pl.col(OBSERVED_AT).dt.date() < pl.col(_SUPERSEDED_AT).dt.date()
    return frame.filter(kept), versions.filter(is_believed).drop(_ROW)


def _find_repeated(frame: pl.DataFrame, key: list[str]) -> pl.Series:
    """Return which rows share their key with another; rows in order of the key need only see the next."""
    if not is_sorted_by(frame, key):
        return frame.select(pl.struct(key).is_duplicated().alias("repeated")).to_series()
    as_before = frame.select(
        (
            pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key)
            & (pl.int_range(pl.len()) > 0)
        ).alias("repeated")
    ).to_series()
    return as_before | as_before.shift(-1, fill_value=False)


def _hide_later_values(frame: pl.DataFrame, table: Table, as_of: date, start: datetime) -> pl.DataFrame:
    """Return the rows with null for what became known on or after the as-of day, or nobody knows when."""
    hidden = []
    for column in table.columns:
        if column.known_from is None:
            continue
        is_moment = table.column(column.known_from).data_type == DataType.TIMESTAMP
        known_from = pl.col(column.known_from)
        is_known = known_from < (pl.lit(start) if is_moment else pl.lit(as_of))
        if (first := FIRST_STATUSES.get((table.name, column.name))) is not None:
            is_known = is_known | (known_from.is_null() & (pl.col(column.name) == first))
        hidden.append(pl.when(is_known).then(pl.col(column.name)).alias(column.name))
    return frame.with_columns(hidden)


def _name_customers(quarantine: pl.DataFrame, invoices: pl.DataFrame) -> pl.DataFrame:
    """Return the quarantine with the customer of the invoice where the row names only the invoice."""
    rows = find_rows(quarantine.get_column("invoice_id"), invoices.get_column("invoice_id"))
    owner = invoices.get_column("customer_id").gather(rows)
    return quarantine.with_columns(pl.coalesce("customer_id", owner).alias("customer_id"))
