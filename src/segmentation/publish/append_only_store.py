"""A store of what people said, which is never changed: one database for decisions and findings.

Belongs here: opening the database, adding a row once, reading rows. Does not belong here: what a row
says (decisions, cause_findings), the tables (decision_schema), connections (decision_database).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError as ConstraintError
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from segmentation.domain.errors import UsageError
from segmentation.domain.hashing import hash_text
from segmentation.domain.schema import Table
from segmentation.publish.decision_database import create_engine, read_location
from segmentation.publish.decision_schema import prepare_database

DECISIONS_FILE = "decisions.sqlite"
_ID_DIGITS = 32


class AppendOnlyStore:
    """A database, opened by path (SQLite) or URL (PostgreSQL, or any SQLite URL).

    Parameters
    ----------
    url_or_path : path of an SQLite file, which is created with its folder; or a database URL.

    Raises
    ------
    UsageError
        When the database cannot be opened.
    """

    def __init__(self, url_or_path: str | Path) -> None:
        url = read_location(url_or_path)
        self._where = url.render_as_string(hide_password=True)
        try:
            self._engine = create_engine(url)
            prepare_database(self._engine)
        except (SQLAlchemyError, OSError, ImportError) as error:
            raise self._unreachable(error) from error

    @classmethod
    def for_data_root(cls, data_root: Path) -> Self:
        """Return the store that lies beside the snapshots of a data root."""
        return cls(Path(data_root) / DECISIONS_FILE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _append(
        self,
        table: sa.Table,
        key: str,
        row: Mapping[str, Any],
        require: Callable[[sa.Connection], None] = lambda _: None,
    ) -> None:
        """Add a row unless one with the same key is there; ``require`` may refuse it either way."""
        same = sa.select(table.c.sequence).where(table.c[key] == row[key])
        try:
            with self._engine.begin() as connection:
                require(connection)
                if connection.execute(same).first() is None:
                    connection.execute(sa.insert(table), [dict(row)])
        except ConstraintError:
            # Another writer recorded the same row between the question and the insert.
            with self._engine.connect() as connection:
                if connection.execute(same).first() is None:
                    raise
        except OperationalError as error:
            raise self._unreachable(error) from error

    def _read(self, query: sa.Select[Any], definition: Table) -> pl.DataFrame:
        try:
            with self._engine.execution_options(reads_only=True).connect() as connection:
                rows = [dict(row) for row in connection.execute(query).mappings()]
        except OperationalError as error:
            raise self._unreachable(error) from error
        return pl.DataFrame(rows, schema=definition.polars_schema, orient="row")

    def _unreachable(self, error: Exception) -> UsageError:
        cause = str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__]
        return UsageError(
            f"The decisions store cannot be used: {cause[0]}",
            where=self._where,
            remedy="Check that the folder can be written to, or that the database server answers and its "
            "driver is installed (extra 'postgres').",
        )


def identify(token: str, row: Mapping[str, Any]) -> str:
    """Return the identifier of a row: the same form sent twice with the same content gives the same one."""
    return hash_text(token, *(repr(value) for value in row.values()))[:_ID_DIGITS]
