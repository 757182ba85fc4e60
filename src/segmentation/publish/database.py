"""The snapshot as one DuckDB file, for people who ask questions in SQL.

Belongs here: writing and reading back ``scored.duckdb``. Does not belong here: the warehouse, which is
private to the pipeline (ledger).
"""

from pathlib import Path

import duckdb
import polars as pl

from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.schema import DUCKDB_TYPES, Column, Frames, Table

# Files of the current storage version cannot be opened by older releases; this one opens everywhere since 0.10.
STORAGE_VERSION = "v1.0.0"


def write_database(frames: Frames, path: Path) -> None:
    """Write all published tables, with their descriptions as comments, to a new DuckDB file."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH {_quote(str(path))} AS scored (STORAGE_VERSION '{STORAGE_VERSION}')")
        for name, table in PUBLISHED_TABLES.items():
            connection.execute(_create_statement(table))
            connection.register("incoming", frames[name])
            connection.execute(f"INSERT INTO scored.{name} BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")
            connection.execute(f"COMMENT ON TABLE scored.{name} IS {_quote(f'One row per {table.grain}')}")
            for column in table.columns:
                connection.execute(
                    f'COMMENT ON COLUMN scored.{name}."{column.name}" IS {_quote(column.description)}'
                )
        connection.execute("DETACH scored")


def read_database(path: Path) -> dict[str, pl.DataFrame]:
    """Return every published table that a DuckDB file holds, typed as defined; absent ones are left out."""
    with duckdb.connect(path, read_only=True) as connection:
        connection.execute("SET enable_external_access = false")
        present = set(connection.sql("SELECT table_name FROM duckdb_tables()").pl()["table_name"])
        return {
            name: table.conform(connection.sql(f"SELECT * FROM {name}").pl())
            for name, table in PUBLISHED_TABLES.items()
            if name in present
        }


def _create_statement(table: Table) -> str:
    return f"CREATE TABLE scored.{table.name} ({', '.join(_column(column) for column in table.columns)})"


def _column(column: Column) -> str:
    null = "" if column.is_nullable else " NOT NULL"
    return f'"{column.name}" {DUCKDB_TYPES[column.data_type]}{null}'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
