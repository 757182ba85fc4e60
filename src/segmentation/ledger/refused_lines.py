"""Lines of which a part is refused: what goes with it, and which later row puts them right.

Belongs here: what holds of a line as a whole. Does not belong here: why a part of it is refused (conversion,
conflicts), rows that refer to others (references).
"""

from collections.abc import Mapping
from datetime import datetime

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import DataType, Table
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.moments import MOMENT_TYPE
from segmentation.ledger.quarantine import read_first_key, to_quarantine, write_row_key
from segmentation.ledger.rules import REST_OF_ROW_REFUSED
from segmentation.ledger.source_rows import PLACE, write_source_id

_FACT = ["table_name", "row_key"]


def refuse_rest_of_lines(
    known: Mapping[str, pl.DataFrame], quarantine: pl.DataFrame, start: datetime
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Return what is known and the quarantine, with every part of a line of which one part is refused in the latter.

    An invoice must not look open because the settlement in its row was unreadable. An invoice refused
    in this way is refused in every file that repeats it, until a later row puts the refused one right.

    Parameters
    ----------
    known : facts of every canonical table that were known on a day.
    quarantine : ``core_quarantine`` as known on that day.
    start : first moment of that day.
    """
    if not quarantine.height:
        return dict(known), quarantine
    refused = quarantine.select(write_source_id()).to_series()
    is_bad = {name: is_known(frame.get_column("source_id"), refused) for name, frame in known.items()}
    bad = {name: frame.filter(is_bad[name]) for name, frame in known.items()}
    quarantine = _mark_corrected(known, is_bad, bad, quarantine, start)
    invoices = known["core_invoice"].get_column("invoice_id")
    is_bad["core_invoice"] |= is_known(invoices, _list_hidden_invoices(bad["core_invoice"], quarantine))
    kept: dict[str, pl.DataFrame] = {}
    added = [quarantine]
    lines = quarantine.select(*PLACE, "is_corrected").unique(PLACE)
    for name, frame in known.items():
        kept[name] = frame.filter(~is_bad[name]) if is_bad[name].any() else frame
        rows = to_quarantine(frame.filter(is_bad[name]), name, None, REST_OF_ROW_REFUSED)
        new = rows.join(quarantine, on=[*PLACE, "table_name"], how="anti").drop("is_corrected")
        with_line = new.join(lines, on=PLACE, how="left", maintain_order="left")
        added.append(QUARANTINE.align(with_line))
    return kept, pl.concat(added)


def require_corrections(kept: Mapping[str, pl.DataFrame], quarantine: pl.DataFrame) -> pl.DataFrame:
    """Return the quarantine with ``is_corrected`` false where what put a line right was refused itself.

    Parameters
    ----------
    kept : every canonical table, one row per key, without what refers to something unknown.
    quarantine : ``core_quarantine``, as ``refuse_rest_of_lines`` returns it.
    """
    corrected = quarantine.filter("is_corrected").with_columns(write_source_id())
    if not corrected.height:
        return quarantine.with_columns(pl.col("is_corrected").fill_null(value=False))
    lost = [corrected.clear().get_column("source_id")]
    for (name,), rows in corrected.partition_by("table_name", as_dict=True).items():
        table = kept[str(name)]
        keys = rows.select(read_first_key(str(name))).to_series()
        found = table.filter(is_known(table.get_column(keys.name), keys)).select(write_row_key(str(name)))
        lost.append(rows.join(found, on="row_key", how="anti").get_column("source_id"))
    is_lost = is_known(quarantine.select(write_source_id()).to_series(), pl.concat(lost))
    return quarantine.with_columns(pl.col("is_corrected").fill_null(value=False) & ~is_lost)


def _list_hidden_invoices(refused: pl.DataFrame, quarantine: pl.DataFrame) -> pl.Series:
    """Return the invoices of which a refused line says something that no later row puts right."""
    is_missed = ~pl.col("is_corrected")
    missed = quarantine.filter(is_missed).select(write_source_id()).to_series()
    # what an earlier look at the same ledger refused is in quarantine only
    earlier = quarantine.filter(
        is_missed, pl.col("table_name") == "core_invoice", pl.col("rule") == REST_OF_ROW_REFUSED
    )
    return pl.concat(
        [
            refused.filter(is_known(refused.get_column("source_id"), missed)).get_column("invoice_id"),
            earlier.get_column("invoice_id"),
        ]
    )


def _mark_corrected(
    known: Mapping[str, pl.DataFrame],
    is_refused: Mapping[str, pl.Series],
    refused: Mapping[str, pl.DataFrame],
    quarantine: pl.DataFrame,
    start: datetime,
) -> pl.DataFrame:
    """Return the quarantine with ``is_corrected``.

    A line is put right when other lines, none of them refused, say again all that it said: for each of its
    facts, readable or not, one with the same key that was learned later. What was said before an unreadable
    change does not put it right, nor what was said at the same or an unknown moment (it could have been before),
    nor a row that says a part of it only.
    """
    parts = pl.concat(
        [
            quarantine.select(write_source_id(), *_FACT, OBSERVED_AT, _is_filled_in_later().alias("is_late")),
            *(
                rows.select(
                    "source_id",
                    pl.lit(name).alias("table_name"),
                    write_row_key(name),
                    OBSERVED_AT,
                    pl.lit(value=False).alias("is_late"),
                )
                for name, rows in refused.items()
            ),
        ]
    )
    again = pl.concat(
        [
            _list_again(rows, is_refused[name], CANONICAL_TABLES[name], parts, start)
            for name, rows in known.items()
        ]
    )
    newest = again.group_by(_FACT).agg(pl.col("again_at", "filled_at").max())
    again_at = pl.when("is_late").then("filled_at").otherwise("again_at")
    corrected = (
        parts.join(newest, on=_FACT, how="left")
        .group_by("source_id")
        .agg((again_at > pl.col(OBSERVED_AT)).fill_null(value=False).all().alias("is_said_again"))
        .filter("is_said_again")
    )
    is_corrected = is_known(
        quarantine.select(write_source_id()).to_series(), corrected.get_column("source_id")
    )
    return quarantine.with_columns(is_corrected.alias("is_corrected"))


def _list_again(
    rows: pl.DataFrame, is_refused: pl.Series, table: Table, parts: pl.DataFrame, start: datetime
) -> pl.DataFrame:
    """Return the facts of a table that have the key of a part and stand in no refused line, and when they were learned."""
    asked = parts.filter(pl.col("table_name") == table.name, pl.col("row_key").is_not_null())
    if asked.height:
        keys = asked.select(read_first_key(table.name)).to_series()
        rows = rows.filter(is_known(rows.get_column(table.key[0]), keys) & ~is_refused)
    else:
        rows = rows.clear()
    return rows.select(
        pl.lit(table.name).alias("table_name"),
        write_row_key(table.name),
        pl.col(OBSERVED_AT).alias("again_at"),
        _last_filled_in(table, start).alias("filled_at"),
    )


def _last_filled_in(table: Table, start: datetime) -> pl.Expr:
    """Return when the newest value of a row became known, of those that are filled in later than their row."""
    moments = [pl.col(OBSERVED_AT)]
    for name in sorted({str(column.known_from) for column in table.late_columns}):
        is_moment = table.column(name).data_type == DataType.TIMESTAMP
        is_past = pl.col(name) < (pl.lit(start) if is_moment else pl.lit(start.date()))
        moments.append(pl.when(is_past).then(pl.col(name).cast(MOMENT_TYPE)))
    return pl.max_horizontal(moments)


def _is_filled_in_later() -> pl.Expr:
    """Whether what is refused is a value that another column dates."""
    late = [
        (pl.col("table_name") == name) & (pl.col("column_name") == column.name)
        for name, table in CANONICAL_TABLES.items()
        for column in table.late_columns
    ]
    return pl.any_horizontal(late).fill_null(value=False)
