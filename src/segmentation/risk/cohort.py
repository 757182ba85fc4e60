"""Instalments with what is known about when they were paid, on the as-of day or on an earlier one.

Belongs here: dates, censoring and the feature matrix. Does not belong here: computing features, models.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from segmentation.domain.vocabulary import CoveredBy
from segmentation.ledger.truncation import find_truncation
from segmentation.risk.grid import NEVER, BoolArray, FloatArray, IntArray

KEY = ("invoice_id", "instalment_number")
FeatureMatrix = npt.NDArray[np.float32]
_EPOCH = date(1970, 1, 1)
_AS_LOOKED_AT = ("issue_date", "due_date")
"""Columns of feature tables that tell what was known then of what the balances tell as known now."""


def day_number(day: date) -> int:
    """Return the days from 1970-01-01 to ``day``."""
    return (day - _EPOCH).days


@dataclass(frozen=True)
class Outcome:
    """What was known, at the start of one day, about the payment of each instalment of a cohort.

    ``event_day`` is the day of payment relative to the due date, infinite when no payment was known;
    ``last_open_day`` the last day on which an unpaid instalment was seen open.
    """

    event_day: FloatArray
    last_open_day: IntArray

    @property
    def is_paid(self) -> BoolArray:
        """Whether a payment was known."""
        return np.isfinite(self.event_day)

    def late_after(self, days: int) -> FloatArray:
        """Return 1 when paid more than ``days`` after the due date, 0 when not, NaN when not known."""
        unpaid = np.where(self.last_open_day >= days, 1.0, np.nan)
        return np.where(self.is_paid, (self.event_day > days).astype(np.float64), unpaid)

    def take(self, rows: BoolArray | IntArray) -> "Outcome":
        """Return the outcomes of these rows."""
        return Outcome(self.event_day[rows], self.last_open_day[rows])


@dataclass(frozen=True)
class Cohort:
    """Instalments, sorted by key, with their dates as day numbers and their features.

    Parameters
    ----------
    key : invoice_id, instalment_number, customer_id, one row per instalment.
    customer : number of the customer, for resampling whole customers.
    issue, due, issued_known : day numbers.
    paid, paid_known : day of payment, and day on which it was known; ``NEVER`` without one.
    closed, closed_known : the same for a credit note or write-off, which end the observation.
    is_supplier_caused : lateness that is not the payer's doing; never trained or judged on.
    amount : of the instalment, in its currency; no model sees it, sums of money are judged with it.
    currency : number of the currency.
    feature_names, features : columns and values; a missing value is NaN.
    """

    key: pl.DataFrame
    customer: IntArray
    issue: IntArray
    due: IntArray
    issued_known: IntArray
    paid: IntArray
    paid_known: IntArray
    closed: IntArray
    closed_known: IntArray
    is_supplier_caused: BoolArray
    amount: FloatArray
    currency: IntArray
    feature_names: tuple[str, ...]
    features: FeatureMatrix

    def __len__(self) -> int:
        """Number of instalments."""
        return len(self.due)

    @property
    def start_day(self) -> IntArray:
        """Day of issue relative to the due date."""
        return np.asarray(np.minimum(self.issue - self.due, 0), dtype=np.int64)

    def feature(self, name: str) -> FloatArray:
        """Return one feature; all NaN when the cohort does not have it."""
        if name not in self.feature_names:
            return np.full(len(self), np.nan)
        return self.features[:, self.feature_names.index(name)].astype(np.float64)

    def take(self, rows: BoolArray | IntArray) -> "Cohort":
        """Return these rows."""
        where = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return replace(
            self,
            key=self.key[where],
            customer=self.customer[where],
            issue=self.issue[where],
            due=self.due[where],
            issued_known=self.issued_known[where],
            paid=self.paid[where],
            paid_known=self.paid_known[where],
            closed=self.closed[where],
            closed_known=self.closed_known[where],
            is_supplier_caused=self.is_supplier_caused[where],
            amount=self.amount[where],
            currency=self.currency[where],
            features=self.features[where],
        )

    def content_hash(self) -> str:
        """Return the SHA-256 of dates and features; the same instalments give the same, a changed one another.

        Notes
        -----
        Customers count as groups of instalments, so that new names of the same customers in the same
        order change nothing. All missing values are alike, and −0 is 0.
        """
        digest = hashlib.sha256(repr((len(self), self.feature_names)).encode())
        numbers = (self.customer, self.issue, self.due, self.issued_known)
        outcomes = (self.paid, self.paid_known, self.closed, self.closed_known)
        for values in (*numbers, *outcomes, self.is_supplier_caused):
            digest.update(np.ascontiguousarray(values).tobytes())
        for column in range(len(self.feature_names)):
            known = self.features[:, column]
            missing = np.isnan(known)
            digest.update(missing.tobytes())
            digest.update((np.where(missing, np.float32(0), known) + np.float32(0)).tobytes())
        return digest.hexdigest()

    def known_before(self, day: int) -> BoolArray:
        """Whether each instalment was issued, and known to be, before the start of ``day``."""
        return (self.issued_known < day) & (self.issue < day)

    def outcome_before(self, day: int) -> Outcome:
        """Return what was known about payment at the start of ``day``.

        Notes
        -----
        A payment that became known later leaves the instalment open; a credit note or write-off ends the
        observation on the day before, because it says nothing about when the customer would have paid.
        """
        is_paid = self.paid_known < day
        is_closed = ~is_paid & (self.closed_known < day)
        event = np.where(is_paid, np.maximum(self.paid, self.issue) - self.due, np.inf).astype(np.float64)
        last = np.where(is_closed, np.minimum(self.closed, day), day) - 1 - self.due
        return Outcome(event, np.where(is_paid, np.where(is_paid, event, 0) - 1, last).astype(np.int64))


def build_cohort(
    features: pl.DataFrame, balance: pl.DataFrame, feature_names: Sequence[str], levels: dict[str, list[str]]
) -> Cohort:
    """Return the instalments of ``balance`` for which there are features, sorted by key.

    Parameters
    ----------
    features : feat_instalment_at_issue or feat_open_instalment.
    balance : core_instalment_balance as known on the as-of day.
    feature_names : columns of ``features`` to use, in order.
    levels : words of each text feature in their order (see ``text_levels``); other words become missing.

    Notes
    -----
    Issue and due date, from which days are counted, are those known at the moment that the features look from,
    and not as they were corrected since: what is said of an instalment is about the due date that it then had.
    """
    told = [*(name for name in _AS_LOOKED_AT if name in features.columns), *feature_names]
    joined = features.select(*KEY, *told).join(balance.drop(told, strict=False), on=KEY, how="inner")
    joined = joined.sort(KEY)
    by_payment = pl.col("covered_by") == CoveredBy.PAYMENT.value

    def days(expression: pl.Expr) -> IntArray:
        numbers = joined.select(expression.cast(pl.Date).cast(pl.Int32).fill_null(NEVER)).to_series()
        return numbers.to_numpy().astype(np.int64)

    known = pl.coalesce("covered_known_date", "covered_date")
    matrix = joined.select(_numeric(joined, name, levels) for name in feature_names)
    return Cohort(
        key=joined.select(*KEY, "customer_id"),
        customer=joined["customer_id"].rank("dense").fill_null(0).to_numpy().astype(np.int64),
        issue=days(pl.col("issue_date")),
        due=days(pl.col("due_date")),
        issued_known=days(pl.col("issued_known_date")),
        paid=days(pl.when(by_payment).then("covered_date")),
        paid_known=days(pl.when(by_payment).then(known)),
        closed=days(pl.when(~by_payment).then("covered_date")),
        closed_known=days(pl.when(~by_payment).then(known)),
        is_supplier_caused=joined["is_supplier_caused"].fill_null(value=False).to_numpy().astype(np.bool_),
        amount=joined["amount"].cast(pl.Float64).fill_null(0.0).to_numpy(),
        currency=(joined["currency"].rank("dense").fill_null(1) - 1).to_numpy().astype(np.int64),
        feature_names=tuple(feature_names),
        features=matrix.to_numpy().astype(np.float32).reshape(joined.height, len(feature_names)),
    )


def drop_incomplete(cohort: Cohort, balance: pl.DataFrame, as_of: date) -> Cohort:
    """Return the cohort without what was issued when slow payers are already missing from the export.

    Parameters
    ----------
    cohort : instalments to learn from or to judge on.
    balance : core_instalment_balance as known on the as-of day.
    as_of : the day up to which outcomes are known.

    Notes
    -----
    Whether the export is truncated, and from when, is found by ``ledger.truncation``; of a complete export
    nothing is dropped. What is left of the last cohorts are those who paid early: learning from them would
    call everybody prompt.
    """
    found = find_truncation(balance, as_of)
    if found is None or found.complete_until is None:
        return cohort
    return cohort.take(np.asarray(cohort.issue <= day_number(found.complete_until)))


def text_levels(frame: pl.DataFrame, feature_names: Sequence[str]) -> dict[str, list[str]]:
    """Return the words of every text feature, sorted, so that a word keeps its number everywhere."""
    return {
        name: sorted(frame[name].drop_nulls().unique().to_list())
        for name in feature_names
        if frame.schema[name] == pl.String
    }


def _numeric(frame: pl.DataFrame, name: str, levels: dict[str, list[str]]) -> pl.Expr:
    column = pl.col(name)
    if frame.schema[name] != pl.String:
        return column.cast(pl.Float32).fill_null(np.nan)
    words = levels.get(name, [])
    if not words:
        return pl.lit(np.nan, pl.Float32).alias(name)
    return column.replace_strict(
        words, list(range(len(words))), default=None, return_dtype=pl.Float32
    ).fill_null(np.nan)
