"""Counts the facts of a tally at moments.

Belongs here: sorted keys and binary search. Does not belong here: what a tally counts (``tallies``).
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.features.encoding import Days
from segmentation.features.state import NEVER, NO_DAY
from segmentation.features.tallies import Tally

_YEAR = 365
_SPAN = NEVER + 1

NO_FACTS = pl.DataFrame(schema={"customer_id": pl.Int32, "from_date": pl.Date, "until_date": pl.Date})
"""Facts of a tally of which there are none."""


@dataclass(frozen=True, slots=True)
class TallyCounts:
    """Facts of a tally as sorted packed keys (customer, day), ready to be counted."""

    tally: Tally
    since: np.ndarray
    until: np.ndarray
    year_end: np.ndarray
    first_day: int

    def at(self, customer: np.ndarray, day: np.ndarray) -> dict[str, pl.Series]:
        """Return the tally's state columns at moments: customer numbers and days, as offsets."""
        count_name, year_name, last_name = self.tally.columns
        if self.first_day == NEVER:
            nothing = pl.Series(values=[None], dtype=pl.Int64).new_from_index(0, len(day))
            return {count_name: nothing, year_name: nothing, last_name: nothing}
        low = customer * _SPAN
        begun = np.searchsorted(self.since, low + day)
        ended = np.searchsorted(self.until, low + day)
        left = np.searchsorted(self.year_end, low + day)
        origin = np.searchsorted(self.since, low)
        # facts of earlier customers have all begun and, in this order of keys, all ended: they cancel out
        has_any = begun > origin
        last = np.where(
            has_any, self.since[np.maximum(begun, 1) - 1] - low if len(self.since) else NO_DAY, NO_DAY
        )
        is_recorded = pl.Series(day > self.first_day)
        return {
            name: pl.select(pl.when(is_recorded).then(pl.Series(values.astype(np.int64)))).to_series()
            for name, values in (
                (count_name, begun - ended),
                (year_name, begun - left),
                (last_name, last),
            )
        }


def count_tally(tally: Tally, facts: pl.DataFrame, first_day: int | None, days: Days) -> TallyCounts:
    """Return the facts of a tally as sorted keys.

    Parameters
    ----------
    facts : customer_id (numbers), from_date and until_date.
    first_day : days from 1970 to the ledger's first record of the kind; None when it has none.
    """
    key = facts["customer_id"].to_numpy().astype(np.int64) * _SPAN
    since = days.offset(facts["from_date"]).astype(np.int64)
    until = np.maximum(days.offset(facts["until_date"]).astype(np.int64), since)
    year_end = np.minimum(until, since + _YEAR)
    return TallyCounts(
        tally,
        np.sort(key + since),
        np.sort(key + until),
        np.sort(key + year_end),
        NEVER if first_day is None else first_day - days.base,
    )
