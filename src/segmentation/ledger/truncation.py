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
from typing import NamedTuple, TypeAlias

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

_MISSING_SHARE = 0.001


class _Limit(NamedTuple):
    """When too few instalments of at least an age are open.

    Parameters
    ----------
    youngest_age : days since issue from which they are counted.
    alarm_share : share of the rate of false alarms that this age has.
    max_found_share : above this share of the expected, what is open may be the work of other habits.
    """

    youngest_age: int
    alarm_share: float
    max_found_share: float


_LIMITS = (_Limit(0, 0.9, 0.5), *(_Limit(age, 0.02, 0.1) for age in (15, 30, 45, 60, 90)))
"""Most exports leave out all that is open, some only what is due; new habits change old debts most."""


@dataclass(frozen=True)
class Truncation:
    """What the test found.

    Parameters
    ----------
    last_day : last day on which anything was learned.
    youngest_age : days since issue from which instalments were counted.
    issued_count : instalments issued in the later half of the export, at least so many days before its end.
    open_count : how many of them are open at the end of ``last_day``.
    expected_count : how many would be, had they been paid as the earlier half was.
    complete_until : last day of issue of which no more than 0.1 % can be missing; None when the export is
        not found to be truncated.
    """

    last_day: date
    youngest_age: int
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
    the bound is divided by the design effect, the mean size of such a group (Kish 1965). That is done for all
    of the later half, and for what is older than a fortnight, a month and so on, since exports of what is settled
    or not yet due have young open ones. The export is called truncated when one of these bounds is below its part
    of ``FALSE_ALARM_RATE`` (Bonferroni) and fewer than half of those expected are open, of the old ones a tenth,
    so that a change in paying habits is not taken for missing rows. Where the as-of day lies before the truncated
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
    survival = _survive(early, int(late.get_column("age").max()))  # type: ignore[arg-type]
    told = (_count_open(late, survival, early.height, limit) for limit in _LIMITS)
    counts = [count for count in told if count is not None]
    missing = next((count for count in counts if count.is_too_few), None)
    complete_until = None
    if missing is not None:
        is_low = survival <= _MISSING_SHARE
        complete_until = end - timedelta(days=int(np.argmax(is_low)) if is_low[-1] else len(survival) - 1)
    shown = missing or counts[0]
    return Truncation(end, shown.youngest_age, shown.issued, shown.found, shown.expected, complete_until)


@dataclass(frozen=True)
class _Count:
    """Open instalments of at least an age, and how many there would be."""

    youngest_age: int
    issued: int
    found: int
    expected: float
    is_too_few: bool


def _count_open(late: pl.DataFrame, survival: FloatArray, early_count: int, limit: _Limit) -> _Count | None:
    """Return the count of instalments of at least an age; None when there are none."""
    counted = late.filter(pl.col("age") >= limit.youngest_age)
    if counted.is_empty():
        return None
    open_prob = survival[counted.get_column("age").to_numpy()]
    found, expected = counted.get_column("duration").null_count(), float(np.sort(open_prob).sum())
    is_too_few = found < limit.max_found_share * expected and (
        _bound_tail(found, open_prob, early_count) / _design_effect(counted)
        < math.log(FALSE_ALARM_RATE * limit.alarm_share)
    )
    return _Count(limit.youngest_age, counted.height, found, expected, is_too_few)


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
    aged = f" and at least {found.youngest_age} days ago" if found.youngest_age else ""
    counted = (
        f"of {found.issued_count:,} instalments issued in the later half{aged}, {found.open_count:,} are open "
        f"at the end of {found.last_day}, where {found.expected_count:,.0f} would be"
    )
    yield describe_finding(
        TRUNCATION_CHECK,
        "core_instalment_balance",
        WARN if found.complete_until else PASS,
        f"slow payers are missing from what was issued after {found.complete_until}: {counted} had they been "
        "paid as before; the export seems to leave out invoices that are open. Nothing issued after that day is "
        "learned from; export open invoices too"
        if found.complete_until
        else "no sign that open invoices were left out of the last issue cohorts",
        found.issued_count,
    )
