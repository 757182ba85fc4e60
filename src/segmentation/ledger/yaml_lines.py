"""YAML read as plain text values, with the line of every key.

Belongs here: reading YAML so that ``Yes``, ``007`` and ``2026-01-01`` stay what was typed, and so
that a mistake can be shown where it stands. Does not belong here: what the keys mean.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from segmentation.domain.errors import UsageError

_Place = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlDocument:
    """Content of a YAML file (every scalar a string) and the line on which each key stands."""

    content: Any
    lines: dict[_Place, int]

    def line(self, place: _Place) -> int:
        """Return the line of the key at ``place``, or of the nearest key that contains it.

        Parts of the place that the file does not write (a list of one that was written without its
        dash, a level that the model adds) are passed over.
        """
        known: _Place = ()
        for part in place:
            if (*known, part) in self.lines:
                known = (*known, part)
        return self.lines.get(known, 1)


def read_yaml(text: str, where: str) -> YamlDocument:
    """Return a YAML document in which every scalar is text; UsageError when it is not valid YAML."""
    remedy = "Correct the YAML and run again."
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # libyaml is ten times as fast where it is there
    try:
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = error.problem or "it cannot be parsed"
        raise UsageError(
            f"The file is not valid YAML: {problem}", where=f"{where}, line {line}", remedy=remedy
        ) from None
    except yaml.YAMLError as error:
        raise UsageError(f"The file is not valid YAML: {error}", where=where, remedy=remedy) from None
    if not isinstance(node, yaml.MappingNode):
        raise UsageError("The file is not a list of keys and values", where=where, remedy=remedy)
    lines: dict[_Place, int] = {}
    content = _walk(node, (), lines, where)
    return YamlDocument(content, lines)


def _walk(node: yaml.Node, place: _Place, lines: dict[_Place, int], where: str) -> Any:
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in content:
                raise UsageError(
                    f"The key {key!r} is there twice",
                    where=f"{where}, line {line}",
                    remedy="Remove one of them and run again.",
                )
            lines[(*place, key)] = line
            content[key] = _walk(value_node, (*place, key), lines, where)
        return content
    if isinstance(node, yaml.SequenceNode):
        items = []
        for number, item in enumerate(node.value):
            lines[(*place, number)] = item.start_mark.line + 1
            items.append(_walk(item, (*place, number), lines, where))
        return items
    return node.value
