"""How the files of a source become the canonical ledger: dialect, files, columns.

Belongs here: the mapping model and what it refuses. Does not belong here: reading it from YAML
(mapping_files), applying it to files (sources) or converting values (conversion).
"""

import fnmatch
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from segmentation.domain.core_tables import CANONICAL_TABLES, PROGRAM_COLUMNS
from segmentation.domain.schema import Table
from segmentation.ledger.dialect import Dialect, Words
from segmentation.ledger.near_words import hint

OBSERVED_AT = "observed_at"
ROWS = "rows"
"""What a file's own rows are called in its ``sql``."""


_UNSTEADY = re.compile(
    r"\b(?:now|today|random|uuid\w*|gen_random_uuid|setseed|get_current_time\w*|transaction_timestamp)\s*\(|"
    r"\bcurrent_(?:date|time|timestamp|localtime\w*)\b|\btablesample\b|\busing\s+sample\b",
    re.IGNORECASE,
)
"""What of SQL reads the clock or draws lots."""


class MistakeError(ValueError):
    """A mistake in a mapping, with the keys that lead to it from where it was noticed."""

    def __init__(self, what: str, *place: str | int) -> None:
        self.place = place
        super().__init__(what)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Format(StrEnum):
    """Kinds of file that can be read."""

    DELIMITED = "delimited"
    PARQUET = "parquet"
    EXCEL = "excel"
    UBL = "ubl"
    FACTURX = "facturx"
    CAMT053 = "camt053"
    MT940 = "mt940"
    CODA = "coda"


DOCUMENT_FORMATS = frozenset({Format.UBL, Format.FACTURX})
"""Formats with one document per file: such files are judged together."""


class ColumnSource(_Model):
    """Where a canonical column gets its value from: a source column, several of them, or a constant.

    In YAML a plain name is short for ``{column: name}`` and a list for ``{latest_of: [...]}``.
    """

    column: str | None = Field(None, description="source column")
    latest_of: tuple[str, ...] = Field((), description="source columns of which the latest day counts")
    constant: str | None = Field(None, description="the same value in every row")
    prefix: str = Field("", description="put before the value, to tell identifiers of two kinds apart")
    values: dict[str, str] = Field({}, description="source value: canonical value; others stay as they are")
    default: str | None = Field(None, description="value where the source column is blank")
    sign: Literal["as_written", "reversed", "absolute"] = Field(
        "as_written", description="what is done with the sign of an amount"
    )
    date_format: Words = Field(
        (), description="how this column writes days, when it is not as the dialect says"
    )

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"column": value}
        if isinstance(value, list):
            return {"latest_of": value}
        return value

    @model_validator(mode="after")
    def _check(self) -> "ColumnSource":
        given = [self.column is not None, bool(self.latest_of), self.constant is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of column, latest_of and constant")
        return self

    @property
    def source_columns(self) -> tuple[str, ...]:
        """Source columns that are read."""
        return (self.column,) if self.column is not None else self.latest_of


_FILTERS = ("records", "when", "where", "where_not", "distinct", "as_is")


class TableMapping(_Model):
    """How one canonical table is filled from the rows of a file.

    In YAML the columns stand beside ``when``, ``where`` and ``distinct``; the word ``as_is`` instead
    of a mapping says that the file has the canonical columns under their own names.
    """

    columns: dict[str, ColumnSource] = Field({}, description="canonical column: where it comes from")
    records: str = Field(
        "", description="set of records in the file: a sheet, or a kind that its reader names"
    )
    when: Words = Field((), description="only rows in which these source columns are not blank")
    where: dict[str, Words] = Field(
        {}, description="only rows in which these source columns have one of these values (blank: '')"
    )
    where_not: dict[str, Words] = Field(
        {}, description="only rows in which these source columns have none of these values (blank: '')"
    )
    distinct: bool = Field(
        False, description="many rows say the same thing (a customer, say): keep each once, as first learned"
    )
    as_is: bool = Field(
        False,
        description="canonical columns under their own names; those not required may be absent",
    )

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if value == "as_is":
            return {"as_is": True}
        if isinstance(value, Mapping) and "columns" not in value:
            filters = {name: value[name] for name in _FILTERS if name in value}
            return filters | {"columns": {k: v for k, v in value.items() if k not in _FILTERS}}
        return value


def _as_routes(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: routes if isinstance(routes, list) else [routes] for name, routes in value.items()}


class FileMapping(_Model):
    """One kind of file of the delivery and the canonical tables that its rows fill."""

    filename: str = Field(description="name or pattern, as in *.csv, relative to the ledger folder")
    name: str = Field("", description="name by which the sql of other files looks up rows of this one")
    format: Format = Field(Format.DELIMITED, description="kind of file")
    dialect: dict[str, Any] = Field(
        {}, description="what this file writes otherwise than the source's dialect"
    )
    optional: bool = Field(False, description="whether a delivery may come without it")
    minimum_rows: int = Field(0, ge=0, description="with fewer rows than this the delivery is refused")
    ignored: tuple[str, ...] = Field((), description="source columns that are left out on purpose")
    labels: dict[str, Words] = Field(
        {},
        description="column as the mapping calls it: headings that the file may have for it instead, in "
        "whatever language it was exported (upper and lower case are the same)",
    )
    may_lack: Words = Field((), description="columns that the file may come without; they are blank then")
    key: Words = Field(
        (),
        description="source columns that identify a row, for a named file: of rows that were delivered twice "
        "only the latest reaches any sql",
    )
    version: str = Field(
        "",
        description="source column that marks the latest row with a key, by its moment, else by its text; else content "
        "does. Where it is a moment, earlier versions are facts too, and later ones are known from it on",
    )
    dated_by: Words = Field(
        (),
        description="source columns with days on which rows were entered or changed: of versions with the same mark "
        "the one counts that came with the newest of these days, or of the marks that are moments",
    )
    part_of: dict[str, str] = Field(
        {},
        max_length=1,
        description="named file: the column here that holds its key, where rows are parts of a row there and go "
        "without a mark: parts that came with an older version of it are left out",
    )
    sql: str = Field(
        "",
        description="query over `rows` (this file) and named files, giving the rows that tables are filled "
        "from; every row of the file must come back, under its source_line, at least once; read_amount, is_nil, "
        "read_day, write_amount and write_day read and write as the dialect says",
    )
    tables: Annotated[dict[str, tuple[TableMapping, ...]], BeforeValidator(_as_routes)] = Field(
        {},
        description="canonical table: how it is filled, or a list of ways; none when the file is only looked up",
    )

    @model_validator(mode="after")
    def _check(self) -> "FileMapping":
        if not self.tables and not self.name:
            raise ValueError("a file without tables needs a name, by which the sql of others looks it up")
        self._check_marks()
        if unsteady := _UNSTEADY.search(self.sql):
            raise MistakeError(
                f"{unsteady[0]!r} gives something else every time: a query may use what is delivered, nothing else",
                "sql",
            )
        for name, routes in self.tables.items():
            if name not in TABLES:
                raise MistakeError(f"unknown table {name!r}{hint(name, TABLES)}", "tables", name)
            if not routes:
                raise MistakeError(f"table {name!r} has no columns", "tables", name)
            for mapping in routes:
                _check_columns(name, mapping)
        return self

    def _check_marks(self) -> None:
        """Raise where columns by which rows are told apart do not do so."""
        if self.key and not self.name:
            raise MistakeError(
                "a file with a key needs a name, under which all its deliveries are one", "key"
            )
        for mark in ("version", "dated_by"):
            if getattr(self, mark) and not self.key:
                raise MistakeError(f"{mark} needs a key: the columns that identify a row", mark)
        if self.part_of and not self.name:
            raise MistakeError("part_of needs a name", "part_of")

    def name_delivery(self, source_file: str) -> str | None:
        """Return what a file's name has beside the words of the pattern, which files of one delivery share."""
        parts = re.split(r"(\*|\?|\[[^]]+\])", self.filename.casefold())
        marks = {"*": "(.*)", "?": "(.)"}
        pattern = "".join(
            part.replace("[!", "[^", 1) if part[:1] == "[" else marks.get(part, re.escape(part))
            for part in parts
        )
        found = re.fullmatch(pattern, source_file.casefold())
        return "*".join(found.groups()).strip(" *") if found else None

    def matches(self, source_file: str) -> bool:
        """Whether a file of the delivery is of this kind."""
        return fnmatch.fnmatchcase(source_file.casefold(), self.filename.casefold())


class SourceMapping(_Model):
    """Everything that is known about a source: its dialect, its files and what they fill."""

    name: str = Field(description="short name, used on the command line")
    description: str = Field("", description="what the source is, and what was decided about it")
    source_system: str = Field(description="written into every row")
    include: Words = Field(
        (), description="other mappings whose files this source also delivers, bank statements say"
    )
    dialect: Dialect = Dialect()
    files: tuple[FileMapping, ...] = Field((), description="kinds of file of the delivery")

    @model_validator(mode="after")
    def _check(self) -> "SourceMapping":
        if not self.files and not self.include:
            raise MistakeError("files is missing", "files")
        named = [kind.name.casefold() for kind in self.files if kind.name]  # as SQL sees names
        for name in named:
            if named.count(name) > 1 or name == ROWS:
                raise ValueError(f"the name {name!r} stands for more than one file")
        whole = {kind.name for kind in self.files if len(kind.key) == 1 and kind.version}
        for number, kind in enumerate(self.files):
            if kind.part_of.keys() - whole:
                raise MistakeError(
                    "part_of takes a named file with a key of one column and a version",
                    *("files", number, "part_of"),
                )
            dialect = self.dialect_of(kind, number)
            if "read_amount" in kind.sql and not dialect.is_plainly_signed:
                raise MistakeError(
                    "read_amount reads a minus before or behind an amount and no brackets or marks: take the "
                    "amounts as they are and let `sign` and the dialect read them",
                    *("files", number, "sql"),
                )
            for table, routes in kind.tables.items():
                for column, source in ((c, s) for route in routes for c, s in route.columns.items()):
                    try:
                        dialect.require_years(source.date_format)
                    except ValueError as error:
                        raise MistakeError(str(error), "files", number, "tables", table, column) from None
        return self

    def dialect_of(self, kind: FileMapping, number: int = 0) -> Dialect:
        """Return the dialect of a kind of file: the source's, with what the file writes otherwise."""
        if not kind.dialect:
            return self.dialect
        unknown = sorted(set(kind.dialect) - set(Dialect.model_fields))
        if unknown:
            raise MistakeError(
                f"unknown key {unknown[0]!r}{hint(unknown[0], Dialect.model_fields)}",
                *("files", number, "dialect", unknown[0]),
            )
        try:
            return Dialect.model_validate(self.dialect.model_dump() | kind.dialect)
        except ValidationError as error:
            detail = error.errors(include_url=False)[0]
            raise MistakeError(
                str(detail.get("ctx", {}).get("error", detail["msg"])),
                "files",
                number,
                "dialect",
                *detail["loc"],
            ) from None

    def file_mapping(self, source_file: str) -> FileMapping | None:
        """Return the first kind of file that ``source_file`` is of; None when it is of no kind."""
        for candidate in self.files:
            if candidate.matches(source_file):
                return candidate
        return None


TABLES: Mapping[str, Table] = {name.removeprefix("core_"): table for name, table in CANONICAL_TABLES.items()}
"""Canonical tables by the name that mappings use."""


def _check_columns(name: str, mapping: TableMapping) -> None:
    table = TABLES[name]
    fillable = [column for column in table.column_names if column not in PROGRAM_COLUMNS]
    for column, source in mapping.columns.items():
        if column not in fillable:
            raise MistakeError(
                f"table {name!r} has no column {column!r}{hint(column, fillable)}", "tables", name, column
            )
        if source.latest_of and column != OBSERVED_AT:
            raise MistakeError(
                f"{name}.{column} takes one source column; only {OBSERVED_AT} takes several",
                "tables",
                name,
                column,
            )
    if mapping.as_is and mapping.columns:
        raise MistakeError(f"table {name!r} is as_is and has columns: choose one", "tables", name)
    missing = [
        column.name
        for column in table.columns
        if not column.is_nullable and column.name in fillable and column.name not in mapping.columns
    ]
    if missing and not mapping.as_is:
        raise MistakeError(f"table {name!r} must be given {', '.join(missing)}", "tables", name)
