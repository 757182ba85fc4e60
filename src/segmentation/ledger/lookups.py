"""Rows of a file joined with rows of other files of the delivery, by the query in the mapping.

Belongs here: running the ``sql`` of a file. Does not belong here: what the columns mean (sources).
"""

from collections.abc import Iterable
from dataclasses import replace

import duckdb
import polars as pl

from segmentation.domain.errors import UsageError
from segmentation.ledger.mapping import ROWS
from segmentation.ledger.record_files import SourceFile, read_record_sets
from segmentation.ledger.records import LINE, RecordSet


class Lookups:
    """Files that the ``sql`` of other files looks rows up in.

    Parameters
    ----------
    sources : every file that the mapping reads.
    """

    def __init__(self, sources: Iterable[SourceFile]) -> None:
        self._sources = [source for source in sources if source.kind.name]
        self._rows: dict[str, pl.DataFrame] = {}

    def join(self, source: SourceFile) -> RecordSet:
        """Return the rows that the query of ``source`` makes of its file.

        Raises
        ------
        UsageError
            When the query cannot be run, or does not give back every row of the file.
        """
        records = _read_all(source)
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET threads = 2; SET enable_external_access = false")
            connection.register(ROWS, records.rows.to_arrow())
            for name in {other.kind.name for other in self._sources}:
                connection.register(name, self._look_up(name).to_arrow())
            connection.execute("SET lock_configuration = true")
            try:
                joined = connection.sql(source.kind.sql).pl()
            except duckdb.Error as error:
                raise _mistake(source, f"cannot be run: {str(error).splitlines()[0]}") from None
        if LINE not in joined.columns:
            raise _mistake(source, f"does not select {LINE}")
        lost = records.rows.join(joined, on=LINE, how="anti").height
        strange = joined.join(records.rows, on=LINE, how="anti").height
        if lost or strange:
            raise _mistake(source, f"loses {lost} of {records.rows.height} rows and adds {strange}")
        header = [name for name in joined.columns if name != LINE]
        joined = joined.with_columns(pl.col(header).cast(pl.String), pl.col(LINE).cast(pl.Int64))
        filled = joined.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)) for name in header)
        return replace(records, header=header, rows=filled.sort(LINE, *header))

    def _look_up(self, name: str) -> pl.DataFrame:
        if name not in self._rows:
            parts = [_read_all(source).rows for source in self._sources if source.kind.name == name]
            self._rows[name] = pl.concat(parts, how="diagonal")
        return self._rows[name]


def _read_all(source: SourceFile) -> RecordSet:
    blocks = list(read_record_sets(source))
    return RecordSet(
        "",
        blocks[0].header,
        pl.concat([block.rows for block in blocks]),
        pl.concat([block.rejects for block in blocks]),
        may_have_lost_digits=any(block.may_have_lost_digits for block in blocks),
    )


def _mistake(source: SourceFile, what: str) -> UsageError:
    return UsageError(
        f"The sql for {source.kind.filename} {what}",
        where=f"mapping {source.mapping.name}",
        remedy="Select source_line from `rows` and use left joins, so that every row of the file comes back; "
        "leave rows out with `where`, which counts them.",
    )
