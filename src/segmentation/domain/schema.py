"""The grammar of a table definition: columns with type, unit, role and nulls, and a key.

One definition drives the warehouse, validation, the published contract, its documentation and the
schema checks of the pipeline. Belongs here: the grammar. Does not belong here: the tables
themselves (core_tables, room_tables, published_tables), file formats (publish).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import polars as pl

AMOUNT_PRECISION = 18
AMOUNT_SCALE = 3

THOUSANDTHS = 10**AMOUNT_SCALE
"""Of these an amount has a whole number."""

Frames: TypeAlias = Mapping[str, pl.DataFrame]
"""Frames by table name."""


class DataType(StrEnum):
    """Type of a column, independent of any engine."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    AMOUNT = "amount"
    TEXT_LIST = "text_list"


POLARS_TYPES: Mapping[DataType, pl.DataType] = {
    DataType.TEXT: pl.String(),
    DataType.INTEGER: pl.Int64(),
    DataType.REAL: pl.Float64(),
    DataType.BOOLEAN: pl.Boolean(),
    DataType.DATE: pl.Date(),
    DataType.TIMESTAMP: pl.Datetime("us", "UTC"),
    DataType.AMOUNT: pl.Decimal(AMOUNT_PRECISION, AMOUNT_SCALE),
    DataType.TEXT_LIST: pl.List(pl.String()),
}

DUCKDB_TYPES: Mapping[DataType, str] = {
    DataType.TEXT: "VARCHAR",
    DataType.INTEGER: "BIGINT",
    DataType.REAL: "DOUBLE",
    DataType.BOOLEAN: "BOOLEAN",
    DataType.DATE: "DATE",
    DataType.TIMESTAMP: "TIMESTAMPTZ",
    DataType.AMOUNT: f"DECIMAL({AMOUNT_PRECISION}, {AMOUNT_SCALE})",
    DataType.TEXT_LIST: "VARCHAR[]",
}


class Role(StrEnum):
    """What a column may be used for.

    ``sensitive`` columns are for the bias audit only; ``group`` columns serve communication and the
    bias audit. The features room refuses both. ``personal`` columns name a person and never leave
    the snapshot's own tables; ``free_text`` was typed by somebody.
    """

    IDENTIFIER = "identifier"
    MEASURE = "measure"
    CATEGORY = "category"
    TIME = "time"
    GROUP = "group"
    SENSITIVE = "sensitive"
    PERSONAL = "personal"
    FREE_TEXT = "free_text"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : snake_case with its unit as suffix (``_days``, ``_prob``, ``_amount`` ...).
    data_type : engine-independent type.
    description : what the value means, in business words.
    role : what it may be used for.
    is_nullable : whether a row may leave it out; say in the description what a null means.
    allowed : closed list of values, from the vocabulary.
    minimum, maximum : inclusive bounds of a number.
    known_from : for a ledger column that is filled in later than its row, the column that says from
        when it was known; before that day the value is null (see ``ledger.as_known``).
    """

    name: str
    data_type: DataType
    description: str
    role: Role = Role.MEASURE
    is_nullable: bool = True
    allowed: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    known_from: str | None = None

    @property
    def polars_type(self) -> pl.DataType:
        """The Polars type of the column."""
        return POLARS_TYPES[self.data_type]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name (with the layer as prefix), grain, columns and key."""

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return [column.name for column in self.columns]

    @property
    def polars_schema(self) -> dict[str, pl.DataType]:
        """Polars types by column name, in order."""
        return {column.name: column.polars_type for column in self.columns}

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    @property
    def late_columns(self) -> list[Column]:
        """Columns that another column dates: they may fail without taking their row, which was good until then."""
        return [column for column in self.columns if column.known_from not in {None, column.name}]

    def columns_with(self, *roles: Role) -> list[str]:
        """Names of the columns that have one of these roles."""
        return [column.name for column in self.columns if column.role in roles]

    def narrow(self, *names: str) -> "Table":
        """Return the table with its key and these columns only, for a reader who needs no others."""
        kept = {*self.key, *(self.column(name).name for name in names)}
        return Table(self.name, self.grain, tuple(c for c in self.columns if c.name in kept), self.key)

    def empty(self) -> pl.DataFrame:
        """Return the table without rows, typed."""
        return pl.DataFrame(schema=self.polars_schema)

    def align(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return ``frame`` with exactly this table's columns, types and order; rows as they are.

        Columns that the frame lacks become null; extra columns are dropped. Values are cast
        strictly: a value that does not fit its type raises.
        """
        present = set(frame.columns)
        return frame.select(
            (pl.col(c.name) if c.name in present else pl.lit(None)).cast(c.polars_type).alias(c.name)
            for c in self.columns
        )

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return ``frame`` as ``align`` does, sorted by the table's key."""
        typed = self.align(frame)
        return typed if is_sorted_by(typed, self.key) else typed.sort(self.key, nulls_last=True)


def is_sorted_by(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Return whether the rows are in order of the key, nulls last: much cheaper to see than to make.

    Of a key of several columns, the answer is no where one of them is null.
    """
    if len(key) == 1:
        return frame.get_column(key[0]).is_sorted(nulls_last=True)
    in_order = pl.lit(value=True)
    for name in reversed(key):
        column, earlier = pl.col(name), pl.col(name).shift(1)
        in_order = (column > earlier) | ((column == earlier) & in_order)
    is_first = pl.int_range(pl.len()) == 0
    return bool(frame.select((in_order.fill_null(value=False) | is_first).all()).item())


def by_name(tables: Iterable[Table]) -> dict[str, Table]:
    """Index tables by name; ValueError when two share one."""
    index: dict[str, Table] = {}
    for table in tables:
        if table.name in index:
            raise ValueError(f"two tables are called {table.name}")
        index[table.name] = table
    return index
