"""Files of a delivery read into the ``raw_`` tables: canonical columns, still as text.

Belongs here: checking columns against the mapping and routing rows to tables, block by block. Does not
belong here: finding files (delivery_files), splitting them (readers), types and plausibility (conversion).
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import PROGRAM_COLUMNS, RAW_FILE, RAW_QUARANTINE, RAW_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.delivery_files import assign_kinds, list_delivery_files
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.headers import check_header
from segmentation.ledger.identifiers import refuse_lost_digits
from segmentation.ledger.lookups import Lookups
from segmentation.ledger.mapping import (
    DOCUMENT_FORMATS,
    OBSERVED_AT,
    TABLES,
    ColumnSource,
    SourceMapping,
    TableMapping,
)
from segmentation.ledger.moments import MOMENT_TYPE, read_moments
from segmentation.ledger.record_files import SourceFile, read_record_sets
from segmentation.ledger.records import LINE, REJECT_SCHEMA, RecordSet
from segmentation.ledger.row_versions import RowVersions
from segmentation.ledger.rules import REMEDIES

_PART, _ROUTE = "source_part", "source_route"


def read_raw(ledger: Path, mapping: SourceMapping) -> dict[str, pl.DataFrame]:
    """Return every ``raw_`` table: the delivery's rows as text under their canonical names.

    Parameters
    ----------
    ledger : folder of the delivery, or its only file.
    mapping : how its files become the canonical ledger.

    Returns
    -------
    Frames of ``RAW_TABLES`` by name. Blank fields are null.

    Raises
    ------
    InputRefusedError
        When a file is missing or cannot be understood well enough to trust any row of it.
    """
    blocks = list(read_blocks(ledger, mapping))
    return {
        name: join_blocks(name, (block[name] for block in blocks if name in block)) for name in RAW_TABLES
    }


def join_blocks(name: str, blocks: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return one ``raw_`` table from its blocks."""
    frames = list(blocks)
    return RAW_TABLES[name].conform(pl.concat(frames)) if frames else RAW_TABLES[name].empty()


def read_blocks(ledger: Path, mapping: SourceMapping) -> Iterator[dict[str, pl.DataFrame]]:
    """Yield the ``raw_`` tables of a delivery a block of a file at a time.

    All rows that come from one line of a file are in one block. A block has only the tables that it
    fills; the row of ``raw_file`` comes with the last block of its file.

    Raises
    ------
    InputRefusedError
        When a file is missing or cannot be understood well enough to trust any row of it.
    """
    files = list_delivery_files(ledger)
    kinds = assign_kinds(ledger, files, mapping)
    sources = {name: SourceFile(name, files[name], kind, mapping) for name, kind in kinds.items()}
    lookups = Lookups(sources.values())
    versions = RowVersions(lookups, _route_records)
    invoice_count, first_reject = 0, None
    for name, path in files.items():
        if name not in sources:
            yield {"raw_file": _describe_file(name, path)}
            continue
        for block in _read_file(sources[name], lookups, versions):
            if "raw_invoice" in block:
                invoice_count += block["raw_invoice"].height
            if "raw_quarantine" in block and first_reject is None:
                refused = block["raw_quarantine"].filter(pl.col("table_name") == "core_invoice")
                first_reject = refused.row(0, named=True) if refused.height else None
            yield block
    if not invoice_count and first_reject is not None:
        raise InputRefusedError(
            f"No row with an invoice can be read: {first_reject['rule']} in {first_reject['value']!r}",
            where=f"{first_reject['source_file']}, line {first_reject['source_line']}",
            remedy=first_reject["remedy"],
        )
    if not invoice_count:
        raise InputRefusedError(
            "The delivery has no invoices",
            where=", ".join(name for name, kind in kinds.items() if "invoice" in kind.tables) or str(ledger),
            remedy="Export it again and check that it has rows below the header.",
        )


def _read_file(
    source: SourceFile, lookups: Lookups, versions: RowVersions
) -> Iterator[dict[str, pl.DataFrame]]:
    row_count = left_out = 0
    unmapped: set[str] = set()
    # then a row of the file may have become several
    is_joined = bool(source.kind.sql or (source.kind.key and source.kind.tables))
    if is_joined:
        joined, superseded = lookups.join(source)
        record_sets, row_count, left_out = iter([joined]), superseded, superseded
    else:
        record_sets = read_record_sets(source)
    for records in record_sets:
        routes = _list_routes(source, records)
        row_count += records.rejects.height + _count_rows(records.rows, by_line=is_joined)
        if not any(routes.values()):
            left_out += _count_rows(records.rows, by_line=is_joined)
            if not source.kind.tables and records.rejects.height:  # rows that others look up are missed too
                yield {"raw_quarantine": _describe_rejects(source, records, {})}
            continue
        unmapped |= set(check_header(source, records))
        kept = refuse_lost_digits(records, routes)
        left_out += _count_rows(kept.rows, by_line=is_joined) - _count_rows(
            _list_routed(kept, [way for ways in routes.values() for way in ways]), by_line=is_joined
        )
        block = _route_block(source, kept, routes)
        if is_joined:
            block, earlier = versions.tell(source, block)
            left_out -= earlier
        yield block
    file = _describe_file(source.name, source.path, row_count, left_out, sorted(unmapped))
    if source.kind.format in DOCUMENT_FORMATS:
        file = file.with_columns(pl.lit(source.kind.format.value).alias("document_format"))
    yield {"raw_file": file}


def _list_routes(source: SourceFile, records: RecordSet) -> dict[str, list[tuple[int, TableMapping]]]:
    return {
        name: [(number, route) for number, route in enumerate(ways, start=1) if route.records == records.name]
        for name, ways in source.kind.tables.items()
    }


def _route_records(source: SourceFile, records: RecordSet) -> dict[str, pl.DataFrame]:
    """Return the ``raw_`` tables that rows fill."""
    routes = _list_routes(source, records)
    return _route_block(source, refuse_lost_digits(records, routes), routes)


def _count_rows(rows: pl.DataFrame, *, by_line: bool) -> int:
    return rows.get_column(LINE).n_unique() if by_line else rows.height


def _list_routed(records: RecordSet, routes: list[tuple[int, TableMapping]]) -> pl.DataFrame:
    """Return the rows that fill a table at all."""
    conditions = [_takes(route) for _, route in routes]
    if any(condition is None for condition in conditions):
        return records.rows
    return records.rows.filter(pl.any_horizontal(c for c in conditions if c is not None))


def _takes(route: TableMapping) -> pl.Expr | None:
    """Return whether a row is one of those that fill the table; None when all are."""
    conditions = [pl.col(column).is_not_null() for column in route.when]
    for wanted, values in ((True, route.where), (False, route.where_not)):
        for column, words in values.items():
            named = (
                pl.col(column).is_in([word.strip() for word in words if word.strip()]).fill_null(value=False)
            )
            if any(not word.strip() for word in words):
                named = named | pl.col(column).is_null()
            conditions.append(named if wanted else ~named)
    return pl.all_horizontal(conditions) if conditions else None


def _route_block(
    source: SourceFile, records: RecordSet, routes: dict[str, list[tuple[int, TableMapping]]]
) -> dict[str, pl.DataFrame]:
    block = {}
    for name, ways in routes.items():
        if ways:
            rows = pl.concat(
                [_route_rows(records, name, route, source.dialect, number) for number, route in ways],
                how="diagonal",
            )
            block[f"raw_{name}"] = _number_parts(rows, f"raw_{name}", source)
    rejects = _describe_rejects(source, records, routes)
    return block | ({"raw_quarantine": rejects} if rejects.height else {})


def _number_parts(rows: pl.DataFrame, raw_name: str, source: SourceFile) -> pl.DataFrame:
    """Return rows with exactly the table's columns, numbered within their line."""
    line = rows.get_column(LINE)
    is_one_each = bool((line.diff().drop_nulls() > 0).all())
    rows = rows.with_columns(
        pl.lit(source.name).alias("source_file"),
        pl.lit(1, dtype=pl.Int64).alias(_PART)
        if is_one_each
        else pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(LINE).alias(_PART),
    )
    return RAW_TABLES[raw_name].align(rows)


def _route_rows(
    records: RecordSet, name: str, route: TableMapping, dialect: Dialect, number: int
) -> pl.DataFrame:
    taken = _takes(route)
    rows = records.rows if taken is None else records.rows.filter(taken)
    if route.as_is:
        sources = {
            column: ColumnSource(column=column)
            for column in TABLES[name].column_names
            if column in records.header and column not in PROGRAM_COLUMNS
        }
    else:
        sources = dict(route.columns)
    observed_at = sources.pop(OBSERVED_AT, None)
    values = rows.select(
        LINE,
        pl.lit(number, dtype=pl.Int64).alias(_ROUTE),
        *(_read_value(value).alias(column) for column, value in sources.items()),
    )
    return (
        values if observed_at is None else values.with_columns(_read_observed_at(observed_at, dialect, rows))
    )


def _read_value(source: ColumnSource) -> pl.Expr:
    if source.column is None:
        return pl.lit(source.constant, dtype=pl.String)
    value = pl.col(source.column)
    if source.values:
        value = value.replace(source.values)
    if source.default is not None:
        value = value.fill_null(source.default)
    return pl.lit(source.prefix) + value if source.prefix else value


def _read_observed_at(source: ColumnSource, dialect: Dialect, rows: pl.DataFrame) -> list[pl.Series]:
    """Return the latest of the source's moments, and their text where one of them cannot be read."""
    if source.constant is not None:
        columns: tuple[str, ...] = (OBSERVED_AT,)
        constant = pl.repeat(source.constant, rows.height, dtype=pl.String, eager=True)
        rows = constant.alias(OBSERVED_AT).to_frame()
    else:
        columns = source.source_columns
    moments = [read_moments(rows.get_column(column), dialect, source.date_format) for column in columns]
    latest = pl.select(pl.max_horizontal(moments)).to_series() if len(moments) > 1 else moments[0]
    is_unread = [
        rows.get_column(c).is_not_null() & m.is_null() for c, m in zip(columns, moments, strict=True)
    ]
    unread = pl.select(pl.any_horizontal(is_unread)).to_series()
    if not unread.any():
        return [latest.alias(OBSERVED_AT)]
    text = rows.select(pl.concat_str(columns, separator=" | ", ignore_nulls=True)).to_series()
    nothing = pl.Series([None])
    return [
        latest.zip_with(~unread, nothing.cast(MOMENT_TYPE)).alias(OBSERVED_AT),
        text.zip_with(unread, nothing.cast(pl.String)).alias("observed_at_text"),
    ]


def _describe_file(
    name: str, path: Path, row_count: int = 0, left_out: int = 0, unmapped: list[str] | None = None
) -> pl.DataFrame:
    """Return the row of ``raw_file``; ``unmapped`` is None when the mapping does not read the file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return pl.DataFrame(
        {
            "source_file": [name],
            "sha256": [digest],
            "byte_count": [path.stat().st_size],
            "row_count": [row_count],
            "left_out_count": [left_out],
            "is_mapped": [unmapped is not None],
            "unmapped_columns": [unmapped or []],
            "document_format": [None],
        },
        schema=RAW_FILE.polars_schema,
    )


def _describe_rejects(
    source: SourceFile, records: RecordSet, routes: dict[str, list[tuple[int, TableMapping]]]
) -> pl.DataFrame:
    """Return the records that could not be read, under the table that they are mainly about, and whose they are."""
    filled = [name for name, ways in routes.items() if ways]
    main = "invoice" if "invoice" in filled or not filled else filled[0]
    whose = [
        _read_value(value).alias(name)
        for _, way in routes.get(main, [])[:1]
        for name, value in way.columns.items()
        if name in {"customer_id", "invoice_id"} and value.column in records.rejects.columns
    ]
    return RAW_QUARANTINE.conform(
        records.rejects.select(
            *REJECT_SCHEMA,
            *whose,
            pl.lit(source.name).alias("source_file"),
            pl.lit(f"core_{main}").alias("table_name"),
            pl.col("rule").replace_strict(REMEDIES, default=None, return_dtype=pl.String).alias("remedy"),
        )
    )
