"""How a source writes fields, numbers and dates; declared, never guessed.

Belongs here: the dialect and what may be said in it. Does not belong here: reading by it (delimited,
values, moments).
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

EXCEL_SERIAL = "excel_serial"
EXCEL_SERIAL_1904 = "excel_serial_1904"
"""Days counted as Excel does: from 1900 (with its non-existent 29 February 1900) or from 1904."""

_KNOWN_ENCODINGS = ("utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15", "cp850")


def as_tuple(value: Any) -> Any:
    """Return a single word as a tuple of one, so that a list may be written as one word."""
    return (value,) if isinstance(value, str) else value


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _drop_blanks(value: Any) -> Any:
    words = as_tuple(value)
    return tuple(word for word in words if word != "") if isinstance(words, tuple | list) else words


Words = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
"""One word or a list of them."""

_Marks = Annotated[tuple[str, ...], BeforeValidator(_drop_blanks)]


class Dialect(BaseModel):
    """How the source writes fields, numbers and dates; declared, never guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delimiter: str = Field(",", min_length=1, max_length=1, description="character between two fields")
    quote: str = Field('"', min_length=1, max_length=1, description="character around a field")
    encoding: str = Field(
        "utf-8", description="utf-8, utf-16, windows-1252 ... (a byte order mark is allowed)"
    )
    header_line: int = Field(
        1, ge=1, description="line of the column names; lines above it (a title) are skipped"
    )
    final_newline: Literal["required", "optional"] = Field(
        "required", description="required: a file whose last line has no end is taken to be cut off"
    )
    decimal_mark: Literal[".", ","] = Field(".", description="mark before the cents")
    thousands_mark: Annotated[str | None, BeforeValidator(_blank_is_none)] = Field(
        None, max_length=1, description="mark between thousands; empty when the source writes none"
    )
    negative: Annotated[
        tuple[Literal["leading_minus", "trailing_minus", "parentheses"], ...], BeforeValidator(as_tuple)
    ] = Field(("leading_minus",), description="how a negative amount is written: one way or a list of them")
    negative_marks: _Marks = Field(
        (), description="words beside an amount that make it negative, as CR or H; none when not written"
    )
    positive_marks: _Marks = Field(
        (), description="words beside an amount that leave it positive, as DR or S; none when not written"
    )
    date_format: Words = Field(
        ("%Y-%m-%d",),
        min_length=1,
        description="how days are written: one format or a list; excel_serial counts days as Excel does",
    )
    two_digit_years_from: int | None = Field(
        None, ge=1900, le=2099, description="first year that two digits may mean; needed where %y is used"
    )
    timestamp_format: Words = Field(
        ("%Y-%m-%dT%H:%M:%S%.fZ",),
        description="how moments are written, with an offset (%z) or in UTC: one format or a list",
    )

    @model_validator(mode="after")
    def _check(self) -> "Dialect":
        try:
            "".encode(self.encoding)  # codecs that make no text of bytes are refused here as well
        except (LookupError, ValueError):
            raise ValueError(
                f"unknown encoding {self.encoding!r}; known are {', '.join(_KNOWN_ENCODINGS)}"
            ) from None
        if not (self.delimiter.isascii() and self.quote.isascii()):
            raise ValueError("delimiter and quote must each be one ASCII character")
        if "\n" in self.delimiter + self.quote or "\r" in self.delimiter + self.quote:
            raise ValueError("a line end can be neither delimiter nor quote")
        if self.thousands_mark == self.decimal_mark:
            raise ValueError("decimal_mark and thousands_mark are the same")
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote are the same")
        if {mark.casefold() for mark in self.negative_marks} & {
            mark.casefold() for mark in self.positive_marks
        }:
            raise ValueError("a mark stands in both negative_marks and positive_marks")
        self.require_years((*self.date_format, *self.timestamp_format))
        if any("%Z" in written for written in self.timestamp_format):
            raise ValueError("%Z, the name of a time zone, says no offset: write moments with %z, or in UTC")
        return self

    @property
    def is_plainly_signed(self) -> bool:
        """Whether only a minus tells negative amounts from others."""
        return not (self.negative_marks or self.positive_marks or "parentheses" in self.negative)

    def require_years(self, formats: tuple[str, ...]) -> None:
        """Raise ValueError when a format writes two-digit years and nothing says which century they mean."""
        if self.two_digit_years_from is None and any("%y" in f or "%D" in f for f in formats):
            raise ValueError("%y needs two_digit_years_from, the first year that two digits may mean")
