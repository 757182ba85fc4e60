"""XML read without following anything that it points to, and looked up by element name.

Belongs here: safe parsing, and helpers that ignore namespace prefixes. Does not belong here: any
document type.

Elements are compared by namespace and name, never by prefix: every sender chooses its own prefixes.
"""

from collections.abc import Iterable
from typing import Any

from segmentation.domain.errors import InputRefusedError

Element = Any
"""An lxml element; lxml has no types of its own."""

MAX_BYTES = 256 * 1024 * 1024
"""Largest XML file that is read: beyond it a file is an accident or an attack."""


def parse_xml(data: bytes, source_file: str) -> Element:
    """Return the root element.

    Raises
    ------
    InputRefusedError
        When the file is empty, too large, not well-formed, or declares a document type: none of the
        formats read here allows one, and entities are how XML is made to read other files or to
        grow without bound.
    """
    from lxml import etree

    if not data.strip():
        raise InputRefusedError("The file is empty", where=source_file, remedy="Deliver it again.")
    if len(data) > MAX_BYTES:
        raise InputRefusedError(
            f"The XML file has {len(data):,} bytes; at most {MAX_BYTES:,} are read",
            where=source_file,
            remedy="Split the export into several files.",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise InputRefusedError(
            f"The file is not well-formed XML: {error.msg}",
            where=f"{source_file}, line {error.lineno}",
            remedy="The file was probably cut off, or is not XML: export or download it again.",
        ) from None
    if root.getroottree().docinfo.doctype:
        raise InputRefusedError(
            "The file declares a document type, which no invoice or statement may do",
            where=source_file,
            remedy="Do not trust this file: ask the sender for one without a DOCTYPE line.",
        )
    return root


def local_name(element: Element) -> str:
    """Return the element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def namespace(element: Element) -> str:
    """Return the element's namespace; empty when it has none."""
    return str(element.tag).rpartition("}")[0].removeprefix("{")


def find_all(element: Element, path: str) -> list[Element]:
    """Return the elements at a path of names ("Refs/EndToEndId"), whatever their namespace."""
    found = [element]
    for name in path.split("/"):
        if not found:
            break
        tag = "{*}" + name
        found = [child for parent in found for child in parent.iterchildren(tag)]
    return found


def find(element: Element, path: str) -> Element | None:
    """Return the first element at a path of names; None when there is none."""
    found = find_all(element, path)
    return found[0] if found else None


def text_at(element: Element | None, *paths: str) -> str | None:
    """Return the text of the first element found at one of the paths, in their order; null when blank."""
    if element is None:
        return None
    for path in paths:
        for found in find_all(element, path):
            if value := text_of(found):
                return value
    return None


def text_of(element: Element) -> str | None:
    """Return the text within an element; null when blank."""
    text = "".join(element.itertext()) if len(element) else element.text or ""
    return text.strip() or None


def text_with_scheme(element: Element | None) -> str | None:
    """Return an identifier as scheme:text, or without its scheme when it names none; null when blank."""
    text = None if element is None else text_of(element)
    scheme = None if element is None else element.get("schemeID")
    return f"{scheme}:{text}" if text and scheme else text


def first_text(texts: Iterable[str | None]) -> str | None:
    """Return the first text that is not blank; null when all are."""
    return next((text for text in texts if text), None)


def line_of(element: Element) -> int:
    """Return the line on which the element starts."""
    return int(element.sourceline or 1)
