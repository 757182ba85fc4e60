"""The private DuckDB file in which the pipeline keeps its tables between steps.

Belongs here: reading and replacing whole tables by their definition. Does not belong here: anything
that others read; published tables travel in snapshots, and no dashboard opens the warehouse.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import polars as pl

from segmentation.domain.errors import IntegrityError, UsageError
from segmentation.domain.schema import DUCKDB_TYPES, Table

_HELD = ("could not set lock on file", "conflicting lock is held", "being used by another process")
"""How DuckDB, on any system, says that another process has the file open."""

_OWNER_ONLY = 0o600


class Warehouse:
    """The pipeline's DuckDB file, open for reading and writing; closes as a context manager.

    Parameters
    ----------
    path : the file; it and its folder are made when they are not there. Only its owner may read it, because it
        holds sex and year of birth.

    Raises
    ------
    UsageError
        When another process holds the file, or it cannot be made, written or understood.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = duckdb.connect(path)
            path.chmod(_OWNER_ONLY)
            self._connection.execute("SET TimeZone = 'UTC'")
            self._connection.execute("SET enable_external_access = false")
            self._connection.execute("SET lock_configuration = true")
        except (OSError, duckdb.Error) as error:
            raise _explain(error, path) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, so that another process may open it."""
        self._connection.close()

    def read_table(self, table: Table) -> pl.DataFrame:
        """Return the rows of a table.

        Raises
        ------
        UsageError
            When it was never written, was written by another version, or does not fit in memory.
        IntegrityError
            When the file is damaged.
        """
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        try:
            frame = self._connection.sql(f'SELECT {columns} FROM "{table.name}"').pl()
        except (duckdb.CatalogException, duckdb.BinderException):
            raise UsageError(
                f"The warehouse has no table {table.name} of this version",
                where=str(self.path),
                remedy="Run the pipeline from the start, so that every table is written again.",
            ) from None
        except (duckdb.OutOfMemoryException, duckdb.InterruptException) as error:
            raise _explain(error, self.path) from None
        except duckdb.Error as error:
            raise IntegrityError(
                f"The warehouse is damaged, {table.name} cannot be read: {_first_line(error)}",
                where=str(self.path),
                remedy=f"Delete {self.path.name} and run again: it is only a workspace, and every run makes "
                "it anew. Published snapshots and decisions are kept elsewhere.",
            ) from None
        return table.conform(frame)

    def read_origins(self) -> dict[str, str]:
        """Return by table what its rows were made from, in the words of ``write_table``; empty words where none were given."""
        try:
            rows = self._connection.execute("SELECT table_name, comment FROM duckdb_tables()").fetchall()
        except duckdb.Error as error:
            raise _explain(error, self.path) from None
        return {name: origin or "" for name, origin in rows}

    def write_table(self, table: Table, frame: pl.DataFrame, origin: str = "") -> None:
        """Replace the rows of a table; readers see the old rows or the new ones, never a mixture.

        ``origin`` says what the rows were made from, without quotes; it changes together with them.
        """
        columns = ", ".join(
            f'"{c.name}" {DUCKDB_TYPES[c.data_type]}{"" if c.is_nullable else " NOT NULL"}'
            for c in table.columns
        )
        rows = table.conform(frame).to_arrow()
        try:
            self._connection.begin()
            self._connection.execute(f'CREATE OR REPLACE TABLE "{table.name}" ({columns})')
            if frame.height:
                self._connection.register("incoming_rows", rows)
                self._connection.execute(f'INSERT INTO "{table.name}" SELECT * FROM incoming_rows')
                self._connection.unregister("incoming_rows")
            self._connection.execute(f"COMMENT ON TABLE \"{table.name}\" IS '{origin}'")
            self._connection.commit()
        except duckdb.Error as error:
            self._connection.rollback()
            raise _explain(error, self.path) from None


def _explain(error: Exception, path: Path) -> UsageError:
    text = str(error).lower()
    if any(words in text for words in _HELD):
        return UsageError(
            "Another process holds the warehouse",
            where=str(path),
            remedy="Wait until the other run has ended, or give this one another data root.",
        )
    return UsageError(
        f"The warehouse cannot be used: {_first_line(error)}",
        where=str(path),
        remedy="Check that the folder can be written and the disk is not full, or give another data root; "
        "a damaged warehouse may be deleted, since every run writes it again.",
    )


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
