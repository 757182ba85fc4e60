"""Identifiers of everything in a world, as wide as its size needs."""

import numpy as np
import polars as pl

from segmentation.simulator.columns import numbered
from segmentation.simulator.randomness import Ints

_LEGACY_EVERY = 41
_LEGACY_REST = 36
_LEGACY_WIDTH = 7
_LEGACY_OFFSET = 4000


class Identifiers:
    """How positions are written as identifiers; a negative position is null.

    Every 41st customer carries a number with leading zeros, as customers taken over from an older
    system do.
    """

    def __init__(self, customer_count: int, invoice_count: int, allocation_count: int) -> None:
        self._width = _width(invoice_count)
        self._allocation_width = _width(allocation_count)
        everybody = np.arange(customer_count)
        legacy = pl.Series(everybody % _LEGACY_EVERY == _LEGACY_REST)
        self._customers = pl.select(
            pl.when(legacy)
            .then(numbered("", everybody + _LEGACY_OFFSET, _LEGACY_WIDTH))
            .otherwise(numbered("C", everybody, _width(customer_count)))
        ).to_series()
        self._invoices = numbered("I", np.arange(invoice_count), self._width)

    def customer(self, positions: Ints) -> pl.Series:
        """Return customer numbers."""
        return _look_up(self._customers, positions)

    def invoice(self, positions: Ints) -> pl.Series:
        """Return invoice numbers."""
        return _look_up(self._invoices, positions)

    def credit_note(self, positions: Ints) -> pl.Series:
        """Return numbers of credit notes."""
        return numbered("CN", positions, self._width - 1)

    def payment(self, positions: Ints) -> pl.Series:
        """Return payment numbers."""
        return numbered("P", positions, self._allocation_width)

    def allocation(self, positions: Ints) -> pl.Series:
        """Return allocation numbers."""
        return numbered("A", positions, self._allocation_width)

    def other(self, prefix: str, positions: Ints) -> pl.Series:
        """Return numbers of contacts, disputes and the like."""
        return numbered(prefix, positions, self._width)


def _width(count: int) -> int:
    return max(4, len(str(max(count - 1, 1))))


def _look_up(names: pl.Series, positions: Ints) -> pl.Series:
    extended = names.extend_constant(None, 1)
    return extended.gather(pl.Series(np.where(positions < 0, len(names), positions)))
