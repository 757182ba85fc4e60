"""Records of delimited text told apart byte by byte, as compiled code.

Belongs here: where each record begins and ends, how many fields it has and whether its quotes are well
formed (RFC 4180). Does not belong here: what is done about it (delimited).

Importing this module loads the compiled form from numba's cache: import it where it is used.
"""

from typing import Final, NamedTuple

import numba
import numpy as np

from segmentation.domain.compilation import compiled

NEWLINE, RETURN, SPACE, ASCII_END = 10, 13, 32, 128

HAS_QUOTE, HAS_EDGE_BLANK = 1, 2


class RecordScan(NamedTuple):
    """Complete records of a piece of text.

    Parameters
    ----------
    starts, ends : offsets of each record's first byte and of the byte after its last (line end left out).
    lines : line of each record's first byte, counted from the first line of the piece.
    line_counts : physical lines of each record.
    field_counts : fields of each record.
    is_malformed : whether a quote stands where none may.
    marks : ``HAS_QUOTE`` and ``HAS_EDGE_BLANK`` (what may be a blank at the edge of a field, within its
        quotes too, or nothing between them), for the piece.
    consumed : bytes up to the end of the last complete record.
    line_count : line ends in the consumed bytes.
    open_quote_line : line on which a quoted field was opened that the piece does not close; 0 when none.
    is_contiguous : whether the records fill the consumed bytes (no blank line between them).
    """

    starts: np.ndarray
    ends: np.ndarray
    lines: np.ndarray
    line_counts: np.ndarray
    field_counts: np.ndarray
    is_malformed: np.ndarray
    marks: int
    consumed: int
    line_count: int
    open_quote_line: int
    is_contiguous: bool


def scan_records(text: bytes, delimiter: str, quote: str) -> RecordScan:
    """Return the complete records in ``text``; a record is complete when its line end is there.

    Parameters
    ----------
    text : ASCII-compatible text, beginning at the start of a record.
    delimiter, quote : one ASCII character each.

    Notes
    -----
    Lines of blanks alone are no records. A quote inside an unquoted field, or text after a closing quote,
    makes a record malformed; such a quote opens nothing, so that it cannot swallow the lines after it.
    """
    most = text.count(b"\n")
    is_special = np.zeros(256, dtype=np.bool_)
    is_special[: SPACE + 1] = True
    is_special[[ord(delimiter), ord(quote)]] = True
    places = np.empty((5, most), dtype=np.int64)
    is_malformed = np.empty(most, dtype=np.bool_)
    outcome = np.zeros(6, dtype=np.int64)
    data = np.frombuffer(text, dtype=np.uint8)
    _scan(data, is_special, ord(delimiter), ord(quote), places, is_malformed, outcome)
    count = int(outcome[0])
    starts, ends, lines, line_counts, field_counts = places[:, :count]
    return RecordScan(
        starts,
        ends,
        lines,
        line_counts,
        field_counts,
        is_malformed[:count],
        marks=int(outcome[1]),
        consumed=int(outcome[2]),
        line_count=int(outcome[3]),
        open_quote_line=int(outcome[4]),
        is_contiguous=not outcome[5],
    )


_TEXT: Final = numba.types.Array(numba.uint8, 1, "C", readonly=True)


@compiled(
    numba.void(
        _TEXT,
        numba.boolean[::1],
        numba.int64,
        numba.int64,
        numba.int64[:, ::1],
        numba.boolean[::1],
        numba.int64[::1],
    )
)
def _scan(  # noqa: C901, PLR0912, PLR0915, PLR0917  one state machine
    data: np.ndarray,
    is_special: np.ndarray,
    delimiter: int,
    quote: int,
    places: np.ndarray,
    is_malformed: np.ndarray,
    outcome: np.ndarray,
) -> None:
    size = data.shape[0]
    count, marks, line = 0, 0, 1
    start, first_line, fields = 0, 1, 1
    is_quoted = False  # inside a quoted field
    is_closed = False  # just after the quote that ended a quoted field
    is_at_edge = True  # at the start of a field
    is_blank = True  # nothing but blanks in the record so far
    is_bad = False
    opened, opened_at, gaps = 0, -1, 0
    position = 0
    while position < size:
        byte = data[position]
        if is_quoted:
            is_first = position == opened_at + 1
            if byte == quote:
                if is_first or data[position - 1] <= SPACE or data[position - 1] >= ASCII_END:
                    marks |= HAS_EDGE_BLANK
                is_quoted, is_closed = False, True
            else:
                if is_first and (byte <= SPACE or byte >= ASCII_END):
                    marks |= HAS_EDGE_BLANK
                if byte == NEWLINE:
                    line += 1
        elif is_closed and byte == quote:  # a doubled quote is a quote in the text
            is_quoted, is_closed = True, False
        elif not is_special[byte]:
            if is_closed:
                is_bad, is_closed = True, False
            if is_at_edge and byte >= ASCII_END:
                marks |= HAS_EDGE_BLANK  # it may be: not all blanks are ASCII
            is_at_edge, is_blank = False, False
            while position + 1 < size and not is_special[data[position + 1]]:
                position += 1
        elif byte == NEWLINE:
            end = position
            if end > start and data[end - 1] == RETURN:
                end -= 1
            if end > start and (data[end - 1] <= SPACE or data[end - 1] >= ASCII_END):
                marks |= HAS_EDGE_BLANK
            if is_blank:
                gaps = 1
            else:
                places[0, count] = start
                places[1, count] = end
                places[2, count] = first_line
                places[3, count] = line - first_line + 1
                places[4, count] = fields
                is_malformed[count] = is_bad
                count += 1
            line += 1
            start, first_line, fields = position + 1, line, 1
            is_closed, is_at_edge, is_blank, is_bad = False, True, True, False
            outcome[2], outcome[3] = position + 1, line - 1
        elif byte == delimiter:
            if position > start and (data[position - 1] <= SPACE or data[position - 1] >= ASCII_END):
                marks |= HAS_EDGE_BLANK
            fields += 1
            is_closed, is_at_edge, is_blank = False, True, False
        elif byte == quote:
            marks |= HAS_QUOTE
            if is_at_edge:
                is_quoted, opened, opened_at = True, line, position
            else:
                is_bad = True
            is_at_edge, is_blank = False, False
        else:  # a blank or control character; a return ends a line only before its newline
            ends_line = byte == RETURN and position + 1 < size and data[position + 1] == NEWLINE
            if is_closed and not ends_line:
                is_bad, is_closed = True, False
            if byte not in (SPACE, RETURN):
                is_blank = False
            if not ends_line:
                if is_at_edge:
                    marks |= HAS_EDGE_BLANK
                is_at_edge = False
        position += 1
    outcome[0], outcome[1], outcome[5] = count, marks, gaps
    outcome[4] = opened if is_quoted else 0
