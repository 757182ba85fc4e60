"""Computes the feature tables: for each instalment at its issue, and for the book on the as-of day.

Belongs here: the public functions and the moments that they look at. Does not belong here:
what a feature means (``definitions``), what was known when (``facts``, ``tallies``), the sweep.

Every function takes the features to compute, by default all: to try one of your own, pass
``(*FEATURES, mine)``. Rows are in order of customer, then of moment, then as the ledger has them.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from segmentation.domain.core_tables import CUSTOMER, superseded_name
from segmentation.domain.schema import Frames
from segmentation.features.agreements import tell_agreements
from segmentation.features.dates import OBSERVED
from segmentation.features.definitions import FEATURES, features_about
from segmentation.features.encoding import ISSUES, NumberedLedger, number_ledger
from segmentation.features.engine import build_history, compute_batches
from segmentation.features.eras import ERA, find_eras, is_corrected, name_eras, strip_era, tell_eras
from segmentation.features.facts import BookFacts, build_book_facts
from segmentation.features.feature import Feature, Scope
from segmentation.features.issues import list_issues, recall_issues
from segmentation.features.own_state import add_own_state
from segmentation.features.permission import without_refused

_OF_INSTALMENT = ("invoice_id", "instalment_number", "customer_id", "issue_date", "due_date", "as_of_date")
_OF_CUSTOMER = ("customer_id", "as_of_date")
_LOOKS = {"customer_id": pl.String(), "as_of_date": pl.Date()}
_NAMED = (CUSTOMER.name, superseded_name(CUSTOMER.name))


def compute_feature_tables(
    ledger: Frames, as_of: dt.date, features: Sequence[Feature] = FEATURES
) -> dict[str, pl.DataFrame]:
    """Return all feature tables by name, from one reading of the ledger.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day.
    as_of : the as-of day.
    features : what to compute.
    """
    known = _know(ledger, as_of, at_issue=True)
    return {
        "feat_instalment_at_issue": pl.concat(_stream_issues(known, features)),
        "feat_open_instalment": pl.concat(_stream_open(known, as_of, features)),
        "feat_customer": pl.concat(_stream_customers(known, as_of, features)),
    }


def stream_issue_features(ledger: Frames, features: Sequence[Feature] = FEATURES) -> Iterator[pl.DataFrame]:
    """Return the rows of ``compute_issue_features`` as frames of some ten thousand rows, one after the other.

    Each frame holds all rows of its customers (of one with corrections, those of an era of it). Memory does not grow
    with the number of rows that are taken, so this is the way for millions of invoices.
    """
    return _stream_issues(_know(ledger, at_issue=True), features)


def compute_issue_features(ledger: Frames, features: Sequence[Feature] = FEATURES) -> pl.DataFrame:
    """Return every instalment with what was known at the start of its day of issue.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day.
    features : what to compute, of those about customers and instalments.

    Returns
    -------
    feat_instalment_at_issue. ``as_of_date`` is the day of issue, or of an instalment that was agreed later
    the day on which it was learned: only what was observed strictly before it counts, besides the
    instalment's own amount, terms and due date.

    Notes
    -----
    A row does not depend on any fact learned on or after its day, so the features of a past day are the same
    whether they are computed then or now; rows that were corrected since are seen as they were believed to be
    (``eras``), and the instalment itself as it was known first (``issues``).
    """
    return pl.concat(stream_issue_features(ledger, features))


def compute_open_features(
    ledger: Frames, as_of: dt.date, features: Sequence[Feature] = FEATURES
) -> pl.DataFrame:
    """Return every instalment that is open on the as-of day, with what was known at its start.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day (facts learned later do not matter, given what they superseded).
    as_of : the as-of day.
    features : what to compute.

    Returns
    -------
    feat_open_instalment: the same features by the same code as at issue, and the instalment's own
    state. The instalment itself is part of the open book and, once overdue, counts as late.
    """
    return pl.concat(_stream_open(_know(ledger, as_of), as_of, features))


def compute_customer_features(
    ledger: Frames, as_of: dt.date, features: Sequence[Feature] = FEATURES
) -> pl.DataFrame:
    """Return every customer with what was known at the start of the as-of day.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day (facts learned later do not matter, given what they superseded).
    as_of : the as-of day.
    features : what to compute, of those about customers.

    Returns
    -------
    feat_customer, one row for each customer known by then, by name or by an instalment. Amounts
    are in the currency that the customer was invoiced in most often.
    """
    return pl.concat(_stream_customers(_know(ledger, as_of), as_of, features))


@dataclass(frozen=True, slots=True)
class _Known:
    """What is looked at: the ledger in numbers, its book, and the eras of customers with corrections."""

    numbered: NumberedLedger
    book: BookFacts
    eras: pl.DataFrame | None = None

    def hide_other_eras(self, moments: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
        """Return the moments (customer_id numbers) without those of eras in which the day does not lie."""
        if self.eras is None:
            return moments
        others = self.eras.filter((pl.col("since_date") >= as_of) | (pl.col("until_date") < as_of))
        return moments.join(others, on="customer_id", how="anti", maintain_order="left")


def _know(ledger: Frames, as_of: dt.date | None = None, *, at_issue: bool = False) -> _Known:
    """Return what is to be looked at from the as-of day, where there is one, and from issues where asked."""
    ledger = without_refused(ledger)
    if not is_corrected(ledger):
        numbered = number_ledger(tell_agreements(ledger))
        return _Known(numbered, build_book_facts(numbered.frames))
    looks = pl.DataFrame({"customer_id": None, "as_of_date": as_of}, _LOOKS).drop_nulls("as_of_date")
    issues = recall_issues(ledger, list_issues(tell_agreements(ledger))) if at_issue else None
    if issues is not None:
        looks = pl.concat([looks, issues.select(*_LOOKS)])
    eras = find_eras(ledger, looks)
    told = tell_agreements(tell_eras(ledger, eras))
    if issues is not None:
        told[ISSUES] = issues.with_columns(name_eras(issues, eras))
    numbered = number_ledger(told)
    number = pl.col(ERA).replace_strict(
        numbered.customers,
        pl.int_range(len(numbered.customers), eager=True),
        default=None,
        return_dtype=pl.Int32,
    )
    names = numbered.customers.replace(eras[ERA], eras["customer_id"])
    return _Known(
        replace(numbered, customers=names),
        build_book_facts(numbered.frames),
        eras.select(number.alias("customer_id"), "since_date", "until_date"),
    )


def _stream_issues(known: _Known, features: Sequence[Feature]) -> Iterator[pl.DataFrame]:
    frames = known.numbered.frames
    moments = frames[ISSUES] if ISSUES in frames else list_issues(frames)
    chosen = features_about(Scope.CUSTOMER, Scope.INSTALMENT, features=features)
    return _stream(known, moments, chosen, _OF_INSTALMENT)


def _stream_open(known: _Known, as_of: dt.date, features: Sequence[Feature]) -> Iterator[pl.DataFrame]:
    moments = add_own_state(known.numbered.frames, known.book, as_of)
    if known.eras is not None:
        moments = known.hide_other_eras(moments, as_of).with_columns(strip_era("invoice_id"))
    return _stream(known, moments, features_about(*Scope, features=features), _OF_INSTALMENT)


def _stream_customers(known: _Known, as_of: dt.date, features: Sequence[Feature]) -> Iterator[pl.DataFrame]:
    frames = known.numbered.frames
    invoiced = frames["core_instalment_balance"].filter(
        pl.max_horizontal("issue_date", "issued_known_date") < as_of
    )
    named = [frames[name].filter(as_of > OBSERVED) for name in _NAMED if name in frames]
    customers = pl.concat(rows.select("customer_id") for rows in (*named, invoiced)).unique()
    moments = customers.with_columns(as_of_date=pl.lit(as_of), currency=pl.lit(None, pl.Int32))
    chosen = features_about(Scope.CUSTOMER, features=features)
    return _stream(known, known.hide_other_eras(moments, as_of), chosen, _OF_CUSTOMER)


def _stream(
    known: _Known, moments: pl.DataFrame, features: Sequence[Feature], key: Sequence[str]
) -> Iterator[pl.DataFrame]:
    history = build_history(known.numbered, known.book, moments, features)
    keep = {name: known.numbered.customers if name == "customer_id" else None for name in key}
    return compute_batches(history, moments, features, keep)
