"""Tables that are kept in files while they are worked on, and read when they are asked for.

Belongs here: frames that do not fit in memory together. Does not belong here: what is in them (pieces), what
outlives a run (warehouse).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import polars as pl

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.schema import Frames


class TablesOnDisk(Mapping[str, pl.DataFrame]):
    """Tables of a ledger by name, each read from its files when it is asked for.

    The files are in a folder that only its owner may read, and are gone with this object.
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="ledger-")
        self._files: dict[str, list[Path]] = {}
        self._row_counts: dict[Path, int] = {}
        self._parts: list[Self] = []

    @classmethod
    def keep(cls, tables: Frames) -> Self:
        """Return these tables, kept in files."""
        kept = cls()
        kept.add_tables(tables)
        return kept

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """Return the tables of all parts, in their order, without moving any row."""
        joined = cls()
        for part in parts:
            joined.share(part, part)
        return joined

    def share(self, part: Self, names: Iterable[str]) -> None:
        """Have these tables of another too, without moving any row."""
        self._parts.append(part)  # its files are there as long as it is
        for name in names:
            self._files.setdefault(name, []).extend(part._files[name])

    def add(self, name: str, rows: pl.DataFrame) -> None:
        """Keep rows of a table beside those that are kept of it."""
        files = self._files.setdefault(name, [])
        if rows.height:
            files.append(Path(self._folder.name) / f"{name}-{len(files)}.parquet")
            self._row_counts[files[-1]] = rows.height
            filled = [column.name for column in rows if column.null_count() < rows.height]
            rows.select(filled).write_parquet(files[-1], compression="lz4", statistics=False)

    def add_tables(self, tables: Frames) -> None:
        """Keep rows of several tables beside those that are kept of them."""
        for name, rows in tables.items():
            self.add(name, rows)

    def read_blocks(self, name: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a table as they were added."""
        for file in self._files.get(name, ()):
            yield _scan([file], name).collect()

    def take_blocks(self, name: str, rows_at_once: int) -> Iterator[pl.DataFrame]:
        """Yield the rows of a table in blocks of about so many, and keep them no longer."""
        files, taken, row_count = self._files.pop(name, []), list[Path](), 0
        for file in files:
            taken.append(file)
            row_count += self._row_counts.pop(file)
            if row_count >= rows_at_once or file is files[-1]:
                yield _scan(taken, name).collect()
                for read in taken:
                    read.unlink()
                taken, row_count = [], 0

    def read_columns(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Return some columns of a table, its rows in no order."""
        if not self._files[name]:
            return LEDGER_TABLES[name].empty().select(columns)
        return _scan(self._files[name], name).select(columns).collect()

    def __getitem__(self, name: str) -> pl.DataFrame:
        """Return a table, in order of its key."""
        table = LEDGER_TABLES[name]
        return table.conform(self.read_columns(name, table.column_names))

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the tables."""
        return iter(self._files)

    def __len__(self) -> int:
        """Return how many tables there are."""
        return len(self._files)


def _scan(files: list[Path], name: str) -> pl.LazyFrame:
    """Return the rows of files; columns that have no value in a file are not kept in it."""
    return pl.scan_parquet(files, schema=LEDGER_TABLES[name].polars_schema, missing_columns="insert")


def read_columns(tables: Frames, name: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return some columns of a table, its rows in no order; of tables on disk nothing else is read."""
    if isinstance(tables, TablesOnDisk):
        return tables.read_columns(name, columns)
    return tables[name].select(columns)
