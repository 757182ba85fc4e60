"""What a reader makes of a file: named sets of records, every value text, each with its line.

Belongs here: the shape that all readers share. Does not belong here: reading a format (readers),
what the columns mean (sources).
"""

from dataclasses import dataclass

import polars as pl

LINE = "source_line"
MAX_VALUE_LENGTH = 200
"""Characters of a bad value that quarantine keeps."""

BLANKS = (
    " \t\n\v\f\r\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u200e\u200f\u2060\ufeff"
)
"""What means nothing at the edge of a value: white space as Unicode has it, and marks of no width."""

REJECT_SCHEMA: dict[str, pl.DataType] = {LINE: pl.Int64(), "rule": pl.String(), "value": pl.String()}


@dataclass(frozen=True)
class RecordSet:
    """Records of one kind in a file.

    Parameters
    ----------
    name : kind of record (a sheet, ``document``, ``entry``); empty when the file has only one kind.
    header : column names, in order.
    rows : ``source_line`` and one text column per header name; blank values are null. Several records
        may come from one line.
    rejects : ``source_line``, ``rule`` and ``value`` of the records that could not be read; where the format
        tells, also the columns of the header, as far as they could be.
    may_have_lost_digits : whether a value may be written in powers of ten, as 1.23E+11.
    """

    name: str
    header: list[str]
    rows: pl.DataFrame
    rejects: pl.DataFrame
    may_have_lost_digits: bool = False

    @property
    def row_count(self) -> int:
        """Records in the file, rejected ones included, a header not counted."""
        return self.rows.height + self.rejects.height
