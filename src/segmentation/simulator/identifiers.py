"""Identifiers of everything in a world, as wide as its size needs."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.simulator.columns import numbered
from segmentation.simulator.randomness import Ints

_LEGACY_EVERY = 41
_LEGACY_WIDTH = 7
_LEGACY_OFFSET = 4000


def _width(count: int) -> int:
    return max(4, len(str(max(count - 1, 1))))


@dataclass(frozen=True, slots=True)
class Identifiers:
    """How positions are written as identifiers.

    Every 41st customer carries a number with leading zeros, as customers taken over from an older
    system do.
    """

    customer_count: int
    invoice_count: int
    cash_count: int

    def customer(self, positions: Ints) -> pl.Series:
        """Return customer numbers; null where negative."""
        usual = numbered("C", positions, _width(self.customer_count))
        legacy = numbered("", np.where(positions < 0, positions, positions + _LEGACY_OFFSET), _LEGACY_WIDTH)
        is_legacy = pl.Series(positions % _LEGACY_EVERY == _LEGACY_EVERY - 5)
        return pl.select(pl.when(is_legacy).then(legacy).otherwise(usual)).to_series()

    def invoice(self, positions: Ints) -> pl.Series:
        """Return invoice numbers; null where negative."""
        return numbered("I", positions, _width(self.invoice_count))

    def credit_note(self, positions: Ints) -> pl.Series:
        """Return numbers of credit notes; null where negative."""
        return numbered("CN", positions, _width(self.invoice_count) - 1)

    def payment(self, positions: Ints) -> pl.Series:
        """Return payment numbers; null where negative."""
        return numbered("P", positions, _width(self.cash_count))

    def allocation(self, positions: Ints) -> pl.Series:
        """Return allocation numbers; null where negative."""
        return numbered("A", positions, _width(self.cash_count))

    def other(self, prefix: str, positions: Ints) -> pl.Series:
        """Return numbers of contacts, disputes and the like; null where negative."""
        return numbered(prefix, positions, _width(self.invoice_count))
