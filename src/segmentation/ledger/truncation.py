"""Whether slow payers of the last issue cohorts are missing from an export.

Belongs here: the test for an export from which open invoices were left out, and the day up to which issue
cohorts are complete. Does not belong here: censoring of invoices that are there and open (risk).

An export of settled invoices alone holds, of the last cohorts, only those who paid quickly. The share of open
invoices tells: of what was issued shortly before the end, about as many must be open as earlier cohorts had
open at the same age.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.ledger.findings import PASS, WARN, Finding, describe_finding

FloatArray: TypeAlias = npt.NDArray[np.float64]

TRUNCATION_CHECK = "core_recent_cohorts_are_complete"

FALSE_ALARM_RATE = 0.01
"""At most this share of complete exports is taken for truncated, while customers pay as they did."""

COHORT_COLUMNS = ("customer_id", "issue_date", "issued_known_date", "covered_known_date")
"""What is read of ``core_instalment_balance``."""

_MAX_FOUND_SHARE = 0.5
_MISSING_SHARE = 0.001


@dataclass(frozen=True)
class Truncation:
    """What the test found.

    Parameters
    ----------
    last_day : last day on which anything was learned.
    issued_count : instalments issued in the later half of the export.
    open_count : how many of them are open at the end of ``last_day``.
    expected_count : how many would be, had they been paid as the earlier half was.
    complete_until : last day of issue of which no more than 0.1 % can be missing; None when the export is
        not found to be truncated.
    """

    last_day: date
    issued_count: int
    open_count: int
    expected_count: float
    complete_until: date | None


def find_truncation(balances: pl.DataFrame, as_of: date) -> Truncation | None:
    """Return whether the last issue cohorts lack those who pay late; None when that cannot be judged.

    Parameters
    ----------
    balances : ``core_instalment_balance`` as known on the as-of day.
    as_of : the as-of day; what is issued on or after it does not count.

    Notes
    -----
    Instalments are halved by issue day. The earlier half tells with what probability an instalment is still
    open at an age (each of them is seen up to the end, nothing is censored). For the later half the number
    of open ones is compared with the sum of these probabilities. Were instalments paid independently, so few
    open ones had a probability of at most the Chernoff bound of a sum of unequal Bernoulli trials (Hoeffding
    1956). Instalments of a customer that are issued in one week tend to be paid together, so the exponent of
    the bound is divided by the design effect, the mean size of such a group (Kish 1965). The export is called
    truncated when that is below ``FALSE_ALARM_RATE`` and fewer than half of those expected are open, so that
    a change in paying habits is not taken for missing rows. Where the as-of day lies before the truncated
    zone, those who paid later are known as open, and nothing is found.
    """
    rows = balances.select(
        "customer_id",
        pl.col("issue_date").alias("issue"),
        pl.col("issued_known_date").alias("known"),
        pl.col("covered_known_date").alias("covered"),
    ).filter(pl.col("issue") < as_of)
    last = rows.select(pl.max_horizontal(pl.col("known").max(), pl.col("covered").max())).item()
    if last is None:
        return None
    end = min(last, as_of - timedelta(days=1))
    middle = rows.select(pl.col("issue").cast(pl.Int32).median()).item()
    ages = rows.select(
        "customer_id",
        (pl.lit(end) - pl.col("issue")).dt.total_days().alias("age"),
        (pl.col("covered") - pl.col("issue")).dt.total_days().clip(lower_bound=0).alias("duration"),
        (pl.col("issue").cast(pl.Int32) <= middle).alias("is_early"),
    )
    early, late = ages.filter("is_early"), ages.filter(~pl.col("is_early") & (pl.col("age") >= 0))
    if not early.height or not late.height:
        return None
    oldest = int(late.get_column("age").max())  # type: ignore[arg-type]
    survival = _survive(early, oldest)
    open_prob = survival[late.get_column("age").to_numpy()]
    found, expected = late.get_column("duration").null_count(), float(np.sort(open_prob).sum())
    is_truncated = found < _MAX_FOUND_SHARE * expected and (
        _bound_tail(found, open_prob, early.height) / _design_effect(late) < math.log(FALSE_ALARM_RATE)
    )
    complete_until = None
    if is_truncated:
        complete_age = (
            int(np.argmax(survival <= _MISSING_SHARE)) if survival[-1] <= _MISSING_SHARE else oldest
        )
        complete_until = end - timedelta(days=complete_age)
    return Truncation(end, late.height, found, expected, complete_until)


def _bound_tail(found: int, open_prob: FloatArray, early_count: int) -> float:
    """Return the logarithm of a bound on the probability that no more than ``found`` are open."""
    values, counts = np.unique(np.clip(open_prob, 0, early_count / (early_count + 1)), return_counts=True)
    tilts = np.geomspace(0.01, 1000, 200)[:, None]
    bounds = tilts[:, 0] * found + (counts * np.log1p(values * np.expm1(-tilts))).sum(axis=1)
    return float(min(bounds.min(), 0.0))


def _design_effect(late: pl.DataFrame) -> float:
    """Return the mean size of the group that an instalment is in: one customer, issued in one week."""
    sizes = late.group_by("customer_id", pl.col("age") // 7).len().get_column("len").to_numpy()
    return float(np.square(sizes.astype(np.float64)).sum() / sizes.sum())


def _survive(early: pl.DataFrame, oldest: int) -> FloatArray:
    """Return the share of instalments still open at the end of each age from 0 to ``oldest`` days."""
    durations = early.get_column("duration").drop_nulls().clip(upper_bound=oldest + 1).to_numpy()
    covered = np.bincount(durations.astype(np.int64), minlength=oldest + 2)[: oldest + 1].cumsum()
    return np.asarray(1.0 - covered / early.height, dtype=np.float64)


def check_recent_cohorts(balances: pl.DataFrame, as_of: date) -> Iterator[Finding]:
    """Yield whether the last issue cohorts have their slow payers."""
    found = find_truncation(balances, as_of)
    if found is None:
        return
    counted = (
        f"of {found.issued_count:,} instalments issued in the later half, {found.open_count:,} are open "
        f"at the end of {found.last_day}, where {found.expected_count:,.0f} would be"
    )
    yield describe_finding(
        TRUNCATION_CHECK,
        "core_instalment_balance",
        WARN if found.complete_until else PASS,
        f"slow payers are missing from what was issued after {found.complete_until}: {counted} had they been "
        "paid as before; the export seems to hold settled invoices only. Nothing issued after that day is "
        "learned from; export open invoices too"
        if found.complete_until
        else "no sign that open invoices were left out of the last issue cohorts",
        found.issued_count,
    )
