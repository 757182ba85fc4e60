"""What stands in a delimited file, read slowly and plainly: Python's csv, Decimal and datetime.

Says what a record of a file means by its dialect, one value at a time. None means: not written as the
dialect says. Shares no code with the library, so that both are unlikely to be wrong in the same way.
"""

import csv
import re
import unicodedata
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

NO_WIDTH = "\u200b\u200e\u200f\u2060\ufeff"
RETURN = "\ue00d"
"""Stands for a carriage return that ends no line, which Python's csv refuses."""

MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9}
MONTHS |= {"oct": 10, "nov": 11, "dec": 12}
DAY_PATTERNS = {
    "%Y-%m-%d": r"(?P<Y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    "%d.%m.%Y": r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<Y>\d{4})",
    "%d/%m/%Y": r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<Y>\d{4})",
    "%m/%d/%Y": r"(?P<m>\d{1,2})/(?P<d>\d{1,2})/(?P<Y>\d{4})",
    "%Y%m%d": r"(?P<Y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
    "%d/%m/%y": r"(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{2})",
    "%y%m%d": r"(?P<y>\d{2})(?P<m>\d{2})(?P<d>\d{2})",
    "%d-%b-%Y": r"(?P<d>\d{1,2})-(?P<b>[A-Za-z]{3})-(?P<Y>\d{4})",
}


class FileText:
    """A file as lines of text; ``decode`` raises UnicodeDecodeError when it is not in its encoding."""

    def __init__(self, data, dialect):
        if dialect.encoding == "utf-8":  # what stands above the header is not read
            above = data.split(b"\n")[: dialect.header_line - 1] if b"\n" in data else []
            title = b"".join(line + b"\n" for line in above)
            data = title.decode("utf-8", errors="replace").encode() + data[len(title) :]
        text = data.decode(dialect.encoding).removeprefix("\ufeff")
        if "\n" not in text:
            text = text.replace("\r", "\n")
        self.dialect = dialect
        self.lines = re.sub(r"\r(?!\n|\Z)", RETURN, text).split("\n")

    def read_record(self, line):
        """Return the fields of the record that begins on a line, and how many lines it has."""
        text = self.lines[line - 1]
        if self.dialect.quote not in text:
            fields, count = text.removesuffix("\r").split(self.dialect.delimiter), 1
        else:
            reader = csv.reader(
                (text + "\n" for text in self.lines[line - 1 :]),
                delimiter=self.dialect.delimiter,
                quotechar=self.dialect.quote,
                strict=True,
            )
            fields, count = next(reader), reader.line_num
        return [strip(field.replace(RETURN, "\r")) for field in fields], count

    def is_blank(self, line):
        return not self.lines[line - 1].replace(RETURN, "").strip(" \r")

    def find_header(self):
        line = self.dialect.header_line
        while self.is_blank(line):
            line += 1
        return line

    def read_row(self, line):
        """Return text by column name of the record that begins on a line."""
        names, _ = self.read_record(self.find_header())
        fields, _ = self.read_record(line)
        return dict(zip(names, fields, strict=True))


def strip(text):
    def is_nothing(letter):
        return unicodedata.category(letter) in {"Zs", "Zl", "Zp"} or letter in "\t\n\v\f\r\x85" + NO_WIDTH

    while text and is_nothing(text[0]):
        text = text[1:]
    while text and is_nothing(text[-1]):
        text = text[:-1]
    return text


def read_amount(text, dialect):
    text, sign = take_sign(text, dialect)
    whole, mark, cents = text.partition(dialect.decimal_mark)
    groups = whole.split(dialect.thousands_mark) if dialect.thousands_mark else [whole]
    is_grouped = len(groups) == 1 or (len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:]))
    if not is_grouped or not all(is_digits(part) for part in groups) or (mark and not is_digits(cents)):
        return None
    whole = "".join(groups).lstrip("0")
    cents = cents.rstrip("0")
    if len(whole) > 15 or len(cents) > 3:
        return None
    return sign * Decimal(f"{whole or 0}.{cents or 0}")


def take_sign(text, dialect):
    """Return the number without its sign or mark, and the sign; no number where a mark is missing."""
    for marks, sign in ((dialect.negative_marks, -1), (dialect.positive_marks, 1)):
        for mark in marks:
            if text.casefold().endswith(mark.casefold()):
                return strip(text[: -len(mark)]), sign
            if text.casefold().startswith(mark.casefold()):
                return strip(text[len(mark) :]), sign
    if dialect.positive_marks:
        return "", 1
    ways = {"leading_minus": ("-", ""), "trailing_minus": ("", "-"), "parentheses": ("(", ")")}
    for way in dialect.negative:
        before, behind = ways[way]
        if text.startswith(before) and text.endswith(behind):
            return text.removeprefix(before).removesuffix(behind), -1
    return text.removeprefix("+"), 1


def is_digits(text):
    return text.isascii() and text.isdigit()


def read_day(text, dialect, years=(1990, 2100)):
    """Return the day; None too when two formats read different days, or its year is implausible."""
    days = {day for name in dialect.date_format if (day := read_day_as(text, name, dialect)) is not None}
    day = days.pop() if len(days) == 1 else None
    return day if day is not None and years[0] <= day.year <= years[1] else None


def read_day_as(text, name, dialect):
    if name.startswith("excel_serial"):
        found = re.fullmatch(r"([0-9]{1,6})(\.0+)?", text)
        count = int(found[1]) if found else 60
        if name == "excel_serial_1904":
            return date(1904, 1, 1) + timedelta(days=count) if found else None
        start = date(1899, 12, 30) if count > 60 else date(1899, 12, 31)
        return start + timedelta(days=count) if count != 60 else None
    has_gaps = re.search("%[Yymd]%[Yymd]", name) is None
    text = re.sub(r"\s|\+(?=[0-9]{4})", "", text) if has_gaps else text
    found = re.fullmatch(DAY_PATTERNS[name], text, re.ASCII)
    if not found:
        return None
    part = found.groupdict()
    month = int(part["m"]) if "m" in part else MONTHS.get(part["b"].lower(), 0)
    year = int(part["Y"]) if "Y" in part else None
    if year is None:
        first = dialect.two_digit_years_from
        year = next(year for year in range(first, first + 100) if year % 100 == int(part["y"]))
    try:
        return date(year, month, int(part["d"]))
    except ValueError:
        return None


def read_moment(text, dialect):
    text = re.sub(r"\s+", " ", text)
    for pattern in (
        r"(.*)T(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?Z",
        r"(.*) (\d{1,2}):(\d{1,2}):(\d{1,2})",
    ):
        found = re.fullmatch(pattern, text, re.ASCII)
        is_declared = any(("Z" in name) == ("Z" in pattern) for name in dialect.timestamp_format)
        if not found or not is_declared:
            continue
        day = read_day_as(found[1], "%Y-%m-%d", dialect)
        hour, minute, second = (int(part) for part in found.groups()[1:4])
        if day is not None and hour < 24 and minute < 60 and second <= 60 and 1990 <= day.year <= 2100:
            fraction = ((found.groups()[4:] or ("",))[0] or "").ljust(6, "0")[:6]
            start = datetime.combine(day, datetime.min.time(), tzinfo=UTC)
            return start + timedelta(
                hours=hour, minutes=minute, seconds=second, microseconds=int(fraction or 0)
            )
    day = read_day(text, dialect)
    return None if day is None else datetime.combine(day, datetime.min.time(), tzinfo=UTC)
