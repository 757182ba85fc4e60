"""Settings from a YAML file, with errors that name the setting and the nearest right name."""

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from segmentation.domain.errors import UsageError
from segmentation.domain.hashing import hash_text
from segmentation.domain.settings import Settings


def load_settings(path: Path | None) -> Settings:
    """Return the settings in ``path``, or the defaults when it is None.

    Raises
    ------
    UsageError
        When the file cannot be read, is not YAML, or names a setting or value that does not exist.
    """
    if path is None:
        return Settings()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The settings file cannot be read: {error}",
            where=str(path),
            remedy="Check the path, and write it as UTF-8.",
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(
            "The settings file is not valid YAML", where=_yaml_place(path, error), remedy="Correct that line."
        ) from error
    if not isinstance(content, dict):
        raise UsageError(
            "The settings file is not a list of names with values",
            where=str(path),
            remedy=f"Begin with one of: {', '.join(Settings.model_fields)}.",
        )
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        hint = _nearest(first["loc"]) if first["type"] == "extra_forbidden" else ""
        raise UsageError(
            f"{name}: {first['msg']}", where=str(path), remedy=f"Correct the setting.{hint}"
        ) from error


def hash_settings(settings: Settings) -> str:
    """Return the hash by which a manifest tells the settings of a run."""
    return hash_text(settings.model_dump_json())


def _yaml_place(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"{path}, line {mark.line + 1}" if mark else str(path)


def _nearest(location: tuple[Any, ...]) -> str:
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ""
        model = annotation
    close = difflib.get_close_matches(str(location[-1]), model.model_fields, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known here: {', '.join(model.model_fields)}."
