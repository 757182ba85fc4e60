"""Bytes of a file made UTF-8 text by the declared encoding; what is no such text is refused.

Belongs here: encodings, byte order marks, and files that are something else than text in rows. Does not
belong here: records and fields (delimited).
"""

import codecs
import mmap
import re
from collections.abc import Mapping

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.dialect import Dialect

UTF8_MARK = b"\xef\xbb\xbf"
_BEGINNING = 4096
_WORKBOOK = (
    "an Excel workbook or an archive",
    "Give the file `format: excel` in the mapping, save the sheet as CSV, or unpack it.",
)
_FOREIGN_FILES: Mapping[bytes, tuple[str, str]] = {
    b"PK\x03\x04": _WORKBOOK,
    b"PK\x05\x06": _WORKBOOK,
    b"\xd0\xcf\x11\xe0": _WORKBOOK,
    b"\x1f\x8b": ("packed with gzip", "Please unpack it and deliver what was in it."),
    b"PAR1": ("a Parquet file", "Give the file `format: parquet` in the mapping."),
    b"%PDF-": ("a PDF document", "Export the rows as CSV instead of printing them."),
    b"{\\rtf": ("a document of a word processor", "Export the rows as CSV."),
}
"""First bytes of files that are no delimited text: what they are, and what to do."""

_MARKUP = re.compile(
    rb"\s*<(?:(?:!doctype|\?xml|html|head|body|div|table|error)\b|[!?a-z][^<>]*>(?!\t|\s*[,;|]))",
    re.IGNORECASE,
)
_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[\]{\"])")
_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def is_utf8_declared(encoding: str) -> bool:
    """Whether text in the encoding needs no conversion, so that it can be read in place."""
    return encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"}


def as_utf8(data: bytes | mmap.mmap, dialect: Dialect, source_file: str) -> bytes | mmap.mmap:
    """Return the file as UTF-8 with newlines, its byte order mark left in.

    Raises
    ------
    InputRefusedError
        When the file is something else than delimited text, or is not in the declared encoding. A file
        declared as UTF-8 is not looked through: whoever takes a block of it does that.
    """
    for mark, (what, remedy) in _FOREIGN_FILES.items():
        if data[: len(mark)] == mark:
            raise InputRefusedError(
                f"The file is {what}, whatever its name says", where=source_file, remedy=remedy
            )
    _require_order_of_bytes(data, dialect, source_file)
    if not is_utf8_declared(dialect.encoding):
        data = bytes(data)
        if not data.isascii() and is_utf8(data):
            raise wrong_encoding(dialect, "utf-8", source_file)
        try:
            data = data.decode(dialect.encoding).removeprefix("\ufeff").encode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise wrong_encoding(dialect, "windows-1252", f"{source_file}, line {line}") from None
        except ValueError:
            raise wrong_encoding(dialect, "utf-8", source_file) from None
    beginning = data[:_BEGINNING].removeprefix(UTF8_MARK)
    for pattern, what in ((_MARKUP, "a web page or XML"), (_JSON, "JSON")):
        if pattern.match(beginning):
            raise InputRefusedError(
                f"The file is {what}, not a table",
                where=f"{source_file}, line 1",
                remedy="The export or download probably failed: open the file, read its message, export again.",
            )
    if data.find(b"\n") < 0 and data.find(b"\r") >= 0:
        return bytes(data).replace(b"\r", b"\n")
    return data


def _require_order_of_bytes(data: bytes | mmap.mmap, dialect: Dialect, source_file: str) -> None:
    """Refuse two-byte text where another encoding is declared, or where nothing says which byte comes first."""
    declared = codecs.lookup(dialect.encoding).name
    marked = _UTF16_MARKS.get(data[:2])
    if marked is not None and declared not in {"utf-16", marked}:
        raise wrong_encoding(dialect, "utf-16", f"{source_file}, line 1")
    if declared == "utf-16" and marked is None and len(data):
        raise wrong_encoding(dialect, "utf-16-le or utf-16-be", f"{source_file}, line 1")


def is_utf8(data: bytes) -> bool:
    """Whether the bytes can be read as UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def wrong_encoding(dialect: Dialect, likely: str, where: str) -> InputRefusedError:
    """Return the refusal of a file in another encoding than the declared one."""
    return InputRefusedError(
        f"The file is not written in {dialect.encoding}",
        where=where,
        remedy=f"Set `encoding` in the mapping to what the source writes ({likely} is likely), or export again.",
    )
