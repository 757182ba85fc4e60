"""Rows of a file joined with rows of other files of the delivery, by the query in the mapping.

Belongs here: running the ``sql`` of a file. Does not belong here: what the columns mean (sources).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property

import duckdb
import polars as pl

from segmentation.domain.errors import InputRefusedError, UsageError
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.mapping import ROWS, FileMapping
from segmentation.ledger.moments import MOMENT_TYPE, read_moments
from segmentation.ledger.query_macros import define_macros
from segmentation.ledger.record_files import SourceFile, read_record_sets
from segmentation.ledger.records import LINE, RecordSet

ENTITY, NUMBER, CHANGED_AT = "__entity", "__number", "__changed_at"
"""Of a version: what its row is about, its place among the versions of that, and when the source made it."""

_FILE = "__file"
_DELIVERY = "__delivery"
_DELIVERED_AT = "__delivered_at"
_WORLD = "__world"
_EPOCH = r"^/Date\((-?[0-9]+)"
_UNKNOWN_COLUMN = re.compile(r"column named \"(?P<name>[^\"]+)\"|column \"(?P<other>[^\"]+)\" not found")


class Lookups:
    """Files that the ``sql`` of other files looks rows up in.

    Parameters
    ----------
    sources : every file that the mapping reads.
    """

    def __init__(self, sources: Iterable[SourceFile], records: dict[str, RecordSet] | None = None) -> None:
        self._sources = [source for source in sources if source.kind.name]
        self._records = {} if records is None else records
        self._rows: dict[str, pl.DataFrame] = {}
        self._worlds: list[Lookups] | None = None

    def join(self, source: SourceFile) -> tuple[RecordSet, int]:
        """Return the rows that the query of ``source`` makes of its file, and how many it never saw.

        Those were delivered again, in a later version: see ``key`` in the mapping.

        Raises
        ------
        UsageError
            When the query cannot be run, or does not give back every row of the file.
        InputRefusedError
            When a file has not the columns of its ``key`` and ``version``.
        """
        records = self._read(source)
        all_count = records.rows.height
        if source.kind.key or source.kind.part_of:
            latest = self.look_up(source.kind.name).filter(pl.col(_FILE) == source.name)
            records = replace(records, rows=records.rows.join(latest.select(LINE), on=LINE, how="semi"))
        with duckdb.connect(":memory:") as connection:
            connection.execute("SET threads = 2; SET enable_external_access = false")
            connection.register(ROWS, records.rows.to_arrow())
            for name in {other.kind.name for other in self._sources}:
                connection.register(name, self.look_up(name).drop(_FILE).to_arrow())
            define_macros(connection, source.dialect)
            connection.execute("SET lock_configuration = true")
            joined = _run(connection, source)
        lost = records.rows.join(joined, on=LINE, how="anti").height
        strange = joined.join(records.rows, on=LINE, how="anti").height
        if lost or strange:
            raise _mistake(source, f"loses {lost} of {records.rows.height} rows and adds {strange}")
        header = [name for name in joined.columns if name != LINE]
        filled = joined.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)) for name in header)
        made = replace(records, header=header, rows=filled.sort(LINE, *header))
        return made, all_count - records.rows.height

    def join_versions(self, name: str) -> Iterator[tuple[SourceFile, RecordSet, pl.DataFrame]]:
        """Yield what the queries make of rows with several versions, each as of the last delivery that had it.

        Yields
        ------
        A file of that name; what its query made of it, looked up in what had been delivered by then; and of its
        lines that hold such versions ``__entity``, ``__number``, ``__changed_at`` (UTC) and ``is_last``.
        """
        versions = self._list_versions(name)
        files = {source.name: source for source in self._sources}
        for (number, file), lines in versions.sort(_WORLD, _FILE, LINE).group_by(
            [_WORLD, _FILE], maintain_order=True
        ):
            records, _ = self._list_worlds()[int(number)].join(files[str(file)])
            yield files[str(file)], records, lines.drop(_WORLD, _FILE)

    def _list_versions(self, name: str) -> pl.DataFrame:
        """Return the rows with an earlier or a later version, of versions that were the latest after a delivery."""
        kind = next(source.kind for source in self._sources if source.kind.name == name)
        dialect = next(source.dialect for source in self._sources if source.kind.name == name)
        key = list(kind.key)
        worlds = self._list_worlds()
        found = [
            world.look_up(name)
            .select(_FILE, LINE, *key, kind.version)
            .with_columns(pl.lit(number, dtype=pl.Int64).alias(_WORLD))
            for number, world in enumerate(worlds)
            if len(worlds) > 1 and world.has(name)
        ]
        if not found:
            return pl.DataFrame(schema={_WORLD: pl.Int64, _FILE: pl.String, LINE: pl.Int64})
        rows = pl.concat(found)
        moments = read_version_moments(rows.get_column(kind.version), dialect)
        return (
            rows.with_columns(moments.alias(CHANGED_AT))
            .drop_nulls([*key, CHANGED_AT])
            .unique([*key, CHANGED_AT], keep="last", maintain_order=True)
            .filter(pl.len().over(key) > 1)
            .select(
                *(_WORLD, _FILE, LINE, CHANGED_AT),
                pl.struct(key).rank("dense").cast(pl.Int64).alias(ENTITY),
                pl.col(CHANGED_AT).rank("dense").over(key).cast(pl.Int64).alias(NUMBER),
                (pl.col(CHANGED_AT) == pl.col(CHANGED_AT).max().over(key)).alias("is_last"),
            )
        )

    def _list_worlds(self) -> "list[Lookups]":
        """Return what had been delivered after each delivery, by the newest version in it; the last is this."""
        if self._worlds is None:
            newest = self._date_deliveries(lambda kind: [kind.version])
            days = sorted({day for day in newest.values() if day is not None})[:-1]
            self._worlds = [
                Lookups(
                    [s for s in self._sources if (own := newest[_delivery_of(s)]) is None or own <= day],
                    self._records,
                )
                for day in days
            ]
            self._worlds.append(self)
        return self._worlds

    @cached_property
    def _delivered_at(self) -> dict[str | None, datetime | None]:
        """The newest entry, change or version in each delivery."""
        return self._date_deliveries(lambda kind: [kind.version, *kind.dated_by])

    def _date_deliveries(
        self, columns: Callable[[FileMapping], Sequence[str]]
    ) -> dict[str | None, datetime | None]:
        """Return the newest moment in these columns of each delivery; null where it has none."""
        newest: dict[str | None, datetime | None] = {_delivery_of(source): None for source in self._sources}
        for source in self._sources if len(newest) > 1 else ():
            for name in filter(None, columns(source.kind)):
                found = read_version_moments(self._read_keyed(source).get_column(name), source.dialect).max()
                before = newest[_delivery_of(source)]
                if isinstance(found, datetime) and (before is None or found > before):
                    newest[_delivery_of(source)] = found
        return newest

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return any(source.kind.name == name for source in self._sources)

    def look_up(self, name: str) -> pl.DataFrame:
        """Return the rows of all files of that name, with the file that each is from."""
        if name not in self._rows:
            files = [source for source in self._sources if source.kind.name == name]
            parts = [self._read_keyed(file).with_columns(pl.lit(file.name).alias(_FILE)) for file in files]
            rows = pl.concat(parts, how="diagonal")
            rows, key = self._leave_out_old_parts(rows, files[0].kind), files[0].kind.key
            if key and rows.select(pl.struct(key).is_duplicated().any()).item():
                rows = _keep_latest(rows, files, self._delivered_at)
            self._rows[name] = rows
        return self._rows[name]

    def _leave_out_old_parts(self, rows: pl.DataFrame, kind: FileMapping) -> pl.DataFrame:
        """Return the rows without those that came with a version of what they are part of that no longer counts."""
        for whole, column in kind.part_of.items():
            files = [source for source in self._sources if source.kind.name == whole]
            if not files:
                continue
            key, version = files[0].kind.key[0], files[0].kind.version
            came = pl.concat(
                [_name_deliveries(self._read_keyed(file), file) for file in files], how="diagonal"
            )
            counting = self.look_up(whole).select(key, pl.col(version).alias("counting"))
            old = (
                came.join(counting, on=key)
                .group_by(_DELIVERY, key)
                .agg(pl.col(version).ne_missing(pl.col("counting")).all().alias("is_old"))
                .filter("is_old", pl.col(_DELIVERY).is_not_null())
            )
            names = {name: kind.name_delivery(name) for name in rows.get_column(_FILE).unique()}
            delivery = pl.col(_FILE).replace_strict(names, return_dtype=pl.String)
            rows = (
                rows.with_columns(delivery.alias(_DELIVERY))
                .join(old, left_on=[_DELIVERY, column], right_on=[_DELIVERY, key], how="anti")
                .drop(_DELIVERY)
            )
        return rows

    def _read_keyed(self, source: SourceFile) -> pl.DataFrame:
        """Return the rows of a file, which must have the columns by which its rows are told apart."""
        records = self._read(source)
        kind = source.kind
        needed = [*kind.key, *filter(None, [kind.version]), *kind.dated_by, *kind.part_of.values()]
        if missing := [name for name in needed if name not in records.header]:
            raise InputRefusedError(
                f"The file has no column {', '.join(map(repr, missing))}, by which its rows are told apart",
                where=source.name,
                remedy="Correct `key` and `version` in the mapping, or export the file with that column.",
            )
        return records.rows

    def _read(self, source: SourceFile) -> RecordSet:
        """Return the records of a file; one that is looked up is kept, and read once."""
        if source.name in self._records:
            return self._records[source.name]
        records = _read_all(source)
        if source.kind.name:
            self._records[source.name] = records
        return records


def _delivery_of(source: SourceFile) -> str | None:
    return source.kind.name_delivery(source.name)


def read_version_moments(text: pl.Series, dialect: Dialect) -> pl.Series:
    """Return the UTC moments that versions are, as the dialect or ASP.NET's JSON writes them; null where none."""
    milliseconds = text.str.extract(_EPOCH, 1).cast(pl.Int64)
    epochs = pl.select(pl.from_epoch(milliseconds, time_unit="ms")).to_series().cast(pl.Datetime("us"))
    written = read_moments(text, dialect)
    return (
        written
        if milliseconds.null_count() == len(text)
        else epochs.dt.replace_time_zone("UTC").zip_with(milliseconds.is_not_null(), written)
    )


def _name_deliveries(rows: pl.DataFrame, source: SourceFile) -> pl.DataFrame:
    return rows.with_columns(pl.lit(source.kind.name_delivery(source.name), dtype=pl.String).alias(_DELIVERY))


def _run(connection: duckdb.DuckDBPyConnection, source: SourceFile) -> pl.DataFrame:
    """Return what the query gives: ``source_line`` and columns of text."""
    try:
        result = connection.sql(source.kind.sql or f"SELECT * FROM {ROWS}")
        rows: pl.DataFrame = pl.DataFrame() if result is None else result.pl()
        if LINE not in rows.columns:
            raise _mistake(source, f"does not select {LINE}")
        return rows.with_columns(pl.col(LINE).cast(pl.Int64), pl.exclude(LINE).cast(pl.String))
    except duckdb.BinderException as error:
        raise _explain(error, source, connection) from None
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise _mistake(source, f"cannot be run: {str(error).splitlines()[0]}") from None


def _explain(
    error: duckdb.BinderException, source: SourceFile, connection: duckdb.DuckDBPyConnection
) -> UsageError:
    """Return what to say of a query that names a column which no file has, by DuckDB's own words for it."""
    what = str(error).splitlines()[0]
    column = _UNKNOWN_COLUMN.search(what)
    if column is None:
        return _mistake(source, f"cannot be run: {what}")
    header = [name for name in connection.table(ROWS).columns if name != LINE]
    return UsageError(
        f"The export has no column {(column['name'] or column['other'])!r}, which the mapping {source.mapping.name} needs to read this file",
        where=source.name,
        remedy="Export the file, and those it is looked up in, with that column (it may be empty), or correct the "
        f"sql in the mapping. The columns of this file are: {', '.join(header)}.",
    )


def _keep_latest(
    rows: pl.DataFrame, files: Sequence[SourceFile], newest: Mapping[str | None, datetime | None]
) -> pl.DataFrame:
    """Return one row per key: the latest version, of several the one of the later delivery; never the last file.

    Versions that are moments are compared as such, others as text. Deliveries that cannot be told apart by what
    is newest in them leave it to the order of content.
    """
    kind, key = files[0].kind, list(files[0].kind.key)
    version = []
    if kind.version:
        moments = read_version_moments(rows.get_column(kind.version), files[0].dialect)
        rows, version = rows.with_columns(moments.alias(CHANGED_AT)), [CHANGED_AT, kind.version]
    content = sorted(set(rows.columns) - {LINE, _FILE, *key, *version})
    delivered = {file.name: newest[_delivery_of(file)] for file in files}
    rows = rows.with_columns(
        pl.col(_FILE).replace_strict(delivered, return_dtype=MOMENT_TYPE).alias(_DELIVERED_AT)
    )
    order = [*key, *version, _DELIVERED_AT, *content, _FILE, LINE]
    is_named = pl.all_horizontal(pl.col(name).is_not_null() for name in key)
    latest = rows.filter(is_named).sort(order, nulls_last=False).unique(key, keep="last", maintain_order=True)
    return pl.concat([latest, rows.filter(~is_named)]).drop(CHANGED_AT, _DELIVERED_AT, strict=False)


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
