"""How the files of a source become the canonical ledger: dialect, files, columns.

Belongs here: the mapping model and its reading from YAML, with the place and the nearest match of
every mistake. Does not belong here: applying it to files (sources) or converting values (conversion).
"""

import codecs
import difflib
import fnmatch
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from segmentation.domain.core_tables import CANONICAL_TABLES, PROGRAM_COLUMNS
from segmentation.domain.errors import UsageError
from segmentation.domain.schema import Table
from segmentation.ledger.yaml_lines import YamlDocument, read_yaml

OBSERVED_AT = "observed_at"
DERIVED_COLUMNS = PROGRAM_COLUMNS
"""Columns that this program fills; no mapping does."""

_PACKAGE = "segmentation.ledger"
_FOLDER = "mappings"


class _MistakeError(ValueError):
    """A mistake in a mapping, with the keys that lead to it from where it was noticed."""

    def __init__(self, what: str, *place: str) -> None:
        self.place = place
        super().__init__(what)


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


class Dialect(_Model):
    """How the source writes fields, numbers and dates; declared, never guessed."""

    delimiter: str = Field(",", min_length=1, max_length=1, description="character between two fields")
    quote: str = Field('"', min_length=1, max_length=1, description="character around a field")
    encoding: str = Field(
        "utf-8", description="utf-8, utf-16, windows-1252 ... (a byte order mark is allowed)"
    )
    decimal_mark: Literal[".", ","] = Field(".", description="mark before the cents")
    thousands_mark: Annotated[str | None, BeforeValidator(_blank_is_none)] = Field(
        None, max_length=1, description="mark between thousands; empty when the source writes none"
    )
    date_format: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        ("%Y-%m-%d",), description="how days are written: one format or a list of them"
    )
    timestamp_format: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        ("%Y-%m-%dT%H:%M:%S%.fZ",), description="how moments (in UTC) are written"
    )
    final_newline: Literal["required", "optional"] = Field(
        "required", description="required: a file whose last line has no end is taken to be cut off"
    )

    @model_validator(mode="after")
    def _check(self) -> "Dialect":
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            known = ["utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15", "cp850"]
            raise ValueError(f"unknown encoding {self.encoding!r}{_hint(self.encoding, known)}") from None
        if not (self.delimiter.isascii() and self.quote.isascii()):
            raise ValueError("delimiter and quote must each be one ASCII character")
        if self.thousands_mark == self.decimal_mark:
            raise ValueError("decimal_mark and thousands_mark are the same")
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote are the same")
        return self


class ColumnSource(_Model):
    """Where a canonical column gets its value from: a source column, several of them, or a constant.

    In YAML a plain name is short for ``{column: name}`` and a list for ``{latest_of: [...]}``.
    """

    column: str | None = Field(None, description="source column")
    latest_of: tuple[str, ...] = Field((), description="source columns of which the latest day counts")
    constant: str | None = Field(None, description="the same value in every row")
    prefix: str = Field("", description="put before the value, to tell identifiers of two kinds apart")
    values: dict[str, str] = Field({}, description="source value: canonical value; others stay as they are")
    date_format: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
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


_FILTERS = ("when", "where", "distinct", "as_is")


class TableMapping(_Model):
    """How one canonical table is filled from the rows of a file.

    In YAML the columns stand beside ``when``, ``where`` and ``distinct``; the word ``as_is`` instead
    of a mapping says that the file has the canonical columns under their own names.
    """

    columns: dict[str, ColumnSource] = Field({}, description="canonical column: where it comes from")
    when: str | None = Field(None, description="only rows in which this source column is not blank")
    where: dict[str, str] = Field({}, description="only rows in which these source columns have these values")
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


class FileMapping(_Model):
    """One kind of file of the delivery and the canonical tables that its rows fill."""

    filename: str = Field(description="name or pattern, as in *.csv, relative to the ledger folder")
    optional: bool = Field(False, description="whether a delivery may come without it")
    ignored: tuple[str, ...] = Field((), description="source columns that are left out on purpose")
    tables: dict[str, TableMapping] = Field(min_length=1, description="canonical table: how it is filled")

    @model_validator(mode="after")
    def _check(self) -> "FileMapping":
        for name, mapping in self.tables.items():
            if name not in TABLES:
                raise _MistakeError(f"unknown table {name!r}{_hint(name, TABLES)}", "tables", name)
            _check_columns(name, mapping)
        return self

    def matches(self, source_file: str) -> bool:
        """Whether a file of the delivery is of this kind."""
        return fnmatch.fnmatchcase(source_file.casefold(), self.filename.casefold())


class SourceMapping(_Model):
    """Everything that is known about a source: its dialect, its files and what they fill."""

    name: str = Field(description="short name, used on the command line")
    description: str = Field("", description="what the source is, and what was decided about it")
    source_system: str = Field(description="written into every row")
    dialect: Dialect = Dialect()
    files: tuple[FileMapping, ...] = Field(min_length=1)

    def file_mapping(self, source_file: str) -> FileMapping | None:
        """Return the first kind of file that ``source_file`` is of; None when it is of no kind."""
        for candidate in self.files:
            if candidate.matches(source_file):
                return candidate
        return None


TABLES: Mapping[str, Table] = {name.removeprefix("core_"): table for name, table in CANONICAL_TABLES.items()}
"""Canonical tables by the name that mappings use."""


def _hint(word: str, known: Iterable[str]) -> str:
    match = nearest(word, known)
    return f"; did you mean {match!r}" if match else f"; known are {', '.join(sorted(known))}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, ignoring case and separators; None when none is alike."""
    plain = {re.sub(r"[\W_]+", "", name).casefold(): name for name in known}
    found = difflib.get_close_matches(re.sub(r"[\W_]+", "", word).casefold(), plain, n=1, cutoff=0.55)
    return plain[found[0]] if found else None


def _check_columns(name: str, mapping: TableMapping) -> None:
    table = TABLES[name]
    fillable = [column for column in table.column_names if column not in DERIVED_COLUMNS]
    for column, source in mapping.columns.items():
        if column not in fillable:
            raise _MistakeError(
                f"table {name!r} has no column {column!r}{_hint(column, fillable)}", "tables", name, column
            )
        if source.latest_of and column != OBSERVED_AT:
            raise _MistakeError(
                f"{name}.{column} takes one source column; only {OBSERVED_AT} takes several",
                "tables",
                name,
                column,
            )
    if mapping.as_is and mapping.columns:
        raise _MistakeError(f"table {name!r} is as_is and has columns: choose one", "tables", name)
    missing = [
        column.name
        for column in table.columns
        if not column.is_nullable and column.name in fillable and column.name not in mapping.columns
    ]
    if missing and not mapping.as_is:
        raise _MistakeError(f"table {name!r} must be given {', '.join(missing)}", "tables", name)


def mapping_names() -> list[str]:
    """Return the names of the mappings that ship with the library, sorted."""
    folder = resources.files(_PACKAGE).joinpath(_FOLDER)
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def load_mapping(name_or_path: str | Path) -> SourceMapping:
    """Return the mapping of that name, or the one in that YAML file.

    Raises
    ------
    UsageError
        When there is no such mapping or file, or it says something that cannot be carried out;
        with file, line and the nearest match.
    """
    text, where = _find_text(name_or_path)
    document = read_yaml(text, where)
    try:
        return SourceMapping.model_validate(document.content)
    except ValidationError as error:
        raise _explain(error, document, where) from None


def _find_text(name_or_path: str | Path) -> tuple[str, str]:
    name = str(name_or_path)
    if name in mapping_names():
        found = resources.files(_PACKAGE).joinpath(_FOLDER, f"{name}.yaml")
        return found.read_text(encoding="utf-8"), f"mapping {name}"
    path = Path(name_or_path)
    if not path.suffix and not path.exists():
        raise UsageError(
            f"There is no mapping called {name!r}{_hint(name, mapping_names())}",
            remedy="Name one that ships with the library or the path of a YAML file.",
        )
    try:
        return path.read_text(encoding="utf-8"), path.name
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The mapping file {name} cannot be read: {error}",
            remedy=f"Give the path of a UTF-8 YAML file, or one of {', '.join(mapping_names())}.",
        ) from None


def _explain(error: ValidationError, document: YamlDocument, where: str) -> UsageError:
    details = error.errors(include_url=False)
    first = details[0]
    more = f" There are {len(details)} mistakes; this is the first." if len(details) > 1 else ""
    cause = first.get("ctx", {}).get("error")
    line = document.line((*first["loc"], *(cause.place if isinstance(cause, _MistakeError) else ())))
    return UsageError(
        f"The mapping cannot be used: {_message(first)}",
        where=f"{where}, line {line}",
        remedy=f"Correct the mapping and run again.{more}",
    )


def _message(detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"] if part != "columns")
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        return f"unknown key {key!r}{_hint(key, _known_keys(detail['loc'][:-1]))}"
    if detail["type"] == "missing":
        return f"{place} is missing"
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"]) if "ctx" in detail else detail["msg"]
    return f"{place}: {detail['msg']} (it says {detail['input']!r})"


def _known_keys(loc: tuple[int | str, ...]) -> list[str]:
    if not loc:
        return list(SourceMapping.model_fields)
    if loc[0] == "dialect":
        return list(Dialect.model_fields)
    if "columns" in loc:
        return list(ColumnSource.model_fields)
    return list(FileMapping.model_fields)
