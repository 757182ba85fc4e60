"""A book in portions: customers in ranges of their identifier, so that memory does not grow with the book.

Belongs here: cutting tables by customer. Does not belong here: what is worked out of a portion, and what is
joint between customers (gates, recommendation).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

import polars as pl

from segmentation.domain.schema import Frames

PORTION_CUSTOMERS = 50_000
"""Small enough that a portion's work fits beside the book, large enough that its fixed costs do not count."""

_Result = TypeVar("_Result")


class Portions(Iterable[Frames]):
    """The tables of a book, a portion of its customers at a time; each portion is a range of identifiers.

    Parameters
    ----------
    frames : tables by name; those without ``customer_id`` are whole in every portion.
    customers : identifiers, in any order and as often as they come; any other identifier falls into the range in
        which it would stand.
    size : customers in a portion.

    Notes
    -----
    A table is cut when a portion reads it, keeps the order of its rows, and is let go with the portion. Rows that name
    no customer are in none of several portions.
    """

    def __init__(self, frames: Frames, customers: pl.Series, size: int = PORTION_CUSTOMERS) -> None:
        self._frames = frames
        self._bounds = customers.unique().drop_nulls().sort().gather_every(size).slice(1)
        self._places: dict[str, pl.Series] = {}

    def __len__(self) -> int:
        return self._bounds.len() + 1

    def __iter__(self) -> Iterator[Frames]:
        return (_Portion(self, number) for number in range(len(self)))

    def cut(self, frame: pl.DataFrame) -> list[pl.DataFrame]:
        """Return the rows of every portion of one more table."""
        place = self._place(frame)
        return [frame.filter(place == number) for number in range(len(self))]

    def names(self) -> Iterator[str]:
        """Return the names of the tables."""
        return iter(self._frames)

    def read(self, name: str, number: int) -> pl.DataFrame:
        """Return the rows of a table that belong to a portion, counted from 0."""
        frame = self._frames[name]
        if "customer_id" not in frame.columns or len(self) == 1:
            return frame
        if name not in self._places:
            self._places[name] = self._place(frame)
        return frame.filter(self._places[name] == number)

    def _place(self, frame: pl.DataFrame) -> pl.Series:
        """Return the number of each row's portion; null for rows that name no customer."""
        customer = frame.get_column("customer_id")
        place = self._bounds.search_sorted(customer, side="right")
        return place.zip_with(customer.is_not_null(), pl.Series([None], dtype=place.dtype))


class _Portion(Mapping[str, pl.DataFrame]):
    """Tables of one portion, each cut when it is first read."""

    def __init__(self, portions: Portions, number: int) -> None:
        self._portions, self._number = portions, number
        self._cut: dict[str, pl.DataFrame] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        if name not in self._cut:
            self._cut[name] = self._portions.read(name, self._number)
        return self._cut[name]

    def __iter__(self) -> Iterator[str]:
        return self._portions.names()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def drain(parts: list[_Result]) -> Iterator[_Result]:
    """Give the entries away in their order, so that each is let go with the work on its portion."""
    parts.reverse()
    while parts:
        yield parts.pop()
