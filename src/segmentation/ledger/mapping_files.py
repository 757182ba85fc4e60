"""Mappings read from YAML, with the place and the nearest match of every mistake.

Belongs here: finding and reading mapping files. Does not belong here: what a mapping may say (mapping).
"""

from importlib import resources
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from segmentation.domain.errors import UsageError
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.mapping import ColumnSource, FileMapping, MistakeError, SourceMapping
from segmentation.ledger.near_words import hint
from segmentation.ledger.yaml_lines import YamlDocument, read_yaml

_PACKAGE = "segmentation.ledger"
_FOLDER = "mappings"


def mapping_names() -> list[str]:
    """Return the names of the mappings that ship with the library, sorted."""
    folder = resources.files(_PACKAGE).joinpath(_FOLDER)
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def load_mapping(name_or_path: str | Path, *, included_by: tuple[str, ...] = ()) -> SourceMapping:
    """Return the mapping of that name, or the one in that YAML file, with the files that it includes.

    Parameters
    ----------
    name_or_path : name of a mapping that ships with the library, or path of a YAML file.
    included_by : mappings that led to this one; a mapping that includes itself is refused.

    Raises
    ------
    UsageError
        When there is no such mapping or file, or it says something that cannot be carried out;
        with file, line and the nearest match.
    """
    text, where = _find_text(name_or_path)
    document = read_yaml(text, where)
    try:
        mapping = SourceMapping.model_validate(document.content)
    except ValidationError as error:
        raise _explain(error, document, where) from None
    chain = (*included_by, str(name_or_path))
    for name in mapping.include:
        if name in chain:
            raise _cannot_include(name, "it would include itself", document, where)
    included = [load_mapping(name, included_by=chain) for name in mapping.include]
    files = [
        kind.model_copy(update={"dialect": other.dialect.model_dump() | kind.dialect, "optional": True})
        for other in included
        for kind in other.files
    ]
    for other in included:
        names = [kind.name.casefold() for kind in (*mapping.files, *files) if kind.name]
        if twice := [kind.name for kind in other.files if names.count(kind.name.casefold()) > 1]:
            what = f"its name {twice[0]!r} stands for another file as well"
            raise _cannot_include(other.name, what, document, where)
    return mapping.model_copy(update={"files": (*mapping.files, *files)})


def _cannot_include(name: str, why: str, document: YamlDocument, where: str) -> UsageError:
    return UsageError(
        f"The mapping {name!r} cannot be included: {why}",
        where=f"{where}, line {document.line(('include',))}",
        remedy="Take it out of `include`, or rename one of the two.",
    )


def _find_text(name_or_path: str | Path) -> tuple[str, str]:
    name = str(name_or_path)
    if name in mapping_names():
        found = resources.files(_PACKAGE).joinpath(_FOLDER, f"{name}.yaml")
        return found.read_text(encoding="utf-8"), f"mapping {name}"
    path = Path(name_or_path)
    if not path.suffix and not path.exists():
        raise UsageError(
            f"There is no mapping called {name!r}{hint(name, mapping_names())}",
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
    line = document.line((*first["loc"], *(cause.place if isinstance(cause, MistakeError) else ())))
    return UsageError(
        f"The mapping cannot be used: {_message(first)}",
        where=f"{where}, line {line}",
        remedy=f"Correct the mapping and run again.{more}",
    )


def _message(detail: ErrorDetails) -> str:
    place = ".".join(str(part) for part in detail["loc"] if part != "columns")
    if detail["type"] == "extra_forbidden":
        key = str(detail["loc"][-1])
        return f"unknown key {key!r}{hint(key, _known_keys(detail['loc'][:-1]))}"
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
