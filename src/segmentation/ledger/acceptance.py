"""Whether a delivery is good enough to be used, and for which as-of day.

Belongs here: the judgement on a delivery as a whole. Does not belong here: rules about one row
(conversion), what was known when (as_known).
"""

from collections.abc import Callable, MutableSequence, Sequence
from datetime import date, timedelta

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.as_known import (
    count_days,
    find_newest_day,
    nothing_loaded,
    refuse_implausible_days,
    start_of,
)
from segmentation.ledger.control_totals import require_control_totals
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.rules import REMEDIES
from segmentation.ledger.source_rows import count_by_file, name_file, write_source_id
from segmentation.ledger.tables_on_disk import read_columns

_MOST = 0.5
_TOP_RULES = 3
_JUDGED = "judged"
"""Column with what is judged together: a table by its file, documents by their format."""


def accept_facts(
    files: pl.DataFrame,
    facts: Frames,
    settings: LedgerSettings,
    as_of: date | None = None,
    *,
    today: date | None = None,
) -> tuple[date, dict[str, pl.DataFrame]]:
    """Return the as-of day of a delivery and the facts to be used on it.

    Parameters
    ----------
    files : ``raw_file``.
    facts : every canonical table and ``core_quarantine``, as ``convert`` returns them.
    settings : what a delivery must look like to be trusted.
    as_of : the as-of day that was asked for; None means the day after the newest plausible fact, and
        facts learned after that are in quarantine.
    today : the day of the caller's clock, if it has one; a derived as-of day is at most a day later.

    Raises
    ------
    InputRefusedError
        When the delivery has no facts, too many of a file's rows known on the day are bad, or it is not
        as its own control totals say.
    """
    pieces: list[Frames] = [facts]
    day = accept_pieces(files, pieces, settings, as_of, today=today)
    require_control_totals(files, pieces[0], day)
    return day, dict(pieces[0])


def accept_pieces(
    files: pl.DataFrame,
    pieces: MutableSequence[Frames],
    settings: LedgerSettings,
    as_of: date | None = None,
    *,
    today: date | None = None,
    keep: Callable[[Frames], Frames] = dict,
) -> date:
    """Return the as-of day of a delivery whose facts are in pieces, and put aside what is not to be used.

    Parameters
    ----------
    files, settings, as_of, today : as for ``accept_facts``.
    pieces : facts as for ``accept_facts``, each in a piece with the facts that share its line or its key. A
        piece of which something is not to be used is replaced. Control totals are not looked at.
    keep : how a piece is kept.
    """
    if as_of is not None:
        require_mostly_good(files, pieces, settings, as_of)
        return as_of
    days = pl.concat([count_days(piece) for piece in pieces])
    newest, last = find_newest_day(days, settings), days.get_column("day").max()
    if newest is not None and isinstance(last, date) and last > min(newest, today or newest):
        for number, piece in enumerate(pieces):
            pieces[number] = keep(refuse_implausible_days(piece, newest, today=today))
        days = pl.concat([count_days(piece) for piece in pieces])
    # all rows count: were those of the newest day all bad, the day before would pass for the newest
    require_mostly_good(files, pieces, settings, None)
    newest = find_newest_day(days, settings, today=today)
    if newest is None:
        raise nothing_loaded(pl.concat([piece[QUARANTINE.name] for piece in pieces]))
    return newest + timedelta(days=1)


def require_mostly_good(
    files: pl.DataFrame, pieces: Sequence[Frames], settings: LedgerSettings, as_of: date | None
) -> None:
    """Refuse a delivery of which a file has too many bad rows among those known on the as-of day.

    Files that hold one document each (e-invoices) are judged together, as if they were the rows of one table:
    one bad invoice does not refuse a thousand good ones.

    Parameters
    ----------
    files : ``raw_file``.
    pieces : as for ``accept_pieces``.
    settings : how many bad rows are too many.
    as_of : rows observed on or after it do not count, so that no later row can refuse an earlier day;
        rows of unknown day do. None means all rows.

    Raises
    ------
    InputRefusedError
        When more than ``max_quarantined_share`` of the rows of a file, or of the documents of a format, are
        in quarantine.
    """
    quarantine = _list_quarantined(pl.concat([piece[QUARANTINE.name] for piece in pieces]), as_of)
    bad = quarantine.group_by("source_file").agg(pl.col("source_line").n_unique().alias("bad_count"))
    files = files.with_columns(pl.coalesce("document_format", "source_file").alias(_JUDGED))
    files = files.join(files.join(bad, on="source_file").select(_JUDGED), on=_JUDGED, how="semi")
    if as_of is not None and files.height:
        later = pl.concat([_count_later_rows(piece, files, as_of) for piece in pieces])
        files = (
            files.join(later.group_by("source_file").sum(), on="source_file", how="left")
            .with_columns((pl.col("row_count") - pl.col("count").fill_null(0)).alias("row_count"))
            .drop("count")
        )
    worst = (
        files.join(bad, on="source_file", how="left")
        .with_columns(
            # a document is good or bad, however many rows it fills
            pl.when(pl.col("document_format").is_not_null())
            .then(pl.col(name).clip(upper_bound=1))
            .otherwise(pl.col(name))
            .alias(name)
            for name in ("bad_count", "row_count")
        )
        .group_by(_JUDGED, "document_format")
        .agg(pl.col("bad_count", "row_count").sum())
        .with_columns((pl.col("bad_count") / pl.col("row_count")).alias("bad_share"))
        .filter(
            (pl.col("bad_share") > settings.max_quarantined_share)
            & ((pl.col("bad_count") >= settings.min_refused_rows) | (pl.col("bad_share") > _MOST))
        )
        .sort("bad_share", _JUDGED, descending=[True, False])
    )
    if not worst.height:
        return
    judged = worst.row(0, named=True)
    refused = quarantine.join(files.filter(pl.col(_JUDGED) == judged[_JUDGED]), on="source_file", how="semi")
    place = pl.struct("source_file", "source_line")
    top = (
        refused.sort("source_file", "source_line")
        .group_by("rule", "table_name", "column_name", maintain_order=True)
        .agg(
            place.n_unique().alias("rows"),
            pl.col("source_file", "source_line", "value").first(),
        )
        .sort("rows", "rule", "table_name", "column_name", descending=[True, False, False, False])
        .head(_TOP_RULES)
    )
    reasons = "; ".join(
        f"{row['rule']} in {row['column_name'] or 'the row'} {row['rows']} times, first in line "
        f"{row['source_line']}" + (f" ({row['value']!r})" if row["value"] is not None else "")
        for row in top.iter_rows(named=True)
    )
    of_what = "rows" if judged["document_format"] is None else f"documents in {judged[_JUDGED]} files"
    raise InputRefusedError(
        f"{judged['bad_count']} of {judged['row_count']} {of_what} cannot be loaded, more than the "
        f"{settings.max_quarantined_share:.0%} that is tolerated: {reasons}",
        where=top.item(0, "source_file"),
        remedy=REMEDIES[top.item(0, "rule")],
    )


def _list_quarantined(quarantine: pl.DataFrame, as_of: date | None) -> pl.DataFrame:
    """Return what was in quarantine on the as-of day, rows of unknown day included; None means everything."""
    if as_of is None:
        return quarantine
    return quarantine.filter(pl.col(OBSERVED_AT).is_null() | (pl.col(OBSERVED_AT) < start_of(as_of)))


def _count_later_rows(facts: Frames, files: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return ``source_file`` and the ``count`` of its rows of which no part was known before the as-of day."""
    is_later = pl.col(OBSERVED_AT) >= start_of(as_of)
    is_asked = name_file().is_in(files.select(pl.col("source_file") + ":").to_series().implode())
    sources = {name: read_columns(facts, name, ["source_id", OBSERVED_AT]) for name in CANONICAL_TABLES}
    later = pl.concat(
        [
            facts[QUARANTINE.name].filter(is_later).select(write_source_id()),
            *(rows.filter(is_later).select("source_id") for rows in sources.values()),
        ]
    ).filter(is_asked)
    for rows in sources.values() if later.height else ():
        earlier = rows.filter(~is_later).get_column("source_id")
        later = later.filter(~is_known(later.get_column("source_id"), earlier))
    quarantined = _list_quarantined(facts[QUARANTINE.name], as_of).select(write_source_id())
    return count_by_file(later.join(quarantined, on="source_id", how="anti").unique())
