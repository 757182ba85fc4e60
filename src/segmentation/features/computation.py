"""Computes the feature tables: for each instalment at its issue, and for the book on the as-of day.

Belongs here: the public functions and the moments that they look at. Does not belong here:
what a feature means (``definitions``), what was known when (``facts``, ``tallies``), the sweep.

Every function takes the features to compute, by default all: to try one of your own, pass
``(*FEATURES, mine)``. Rows are in order of customer, then of moment, then as the ledger has them.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.features.agreements import tell_agreements
from segmentation.features.dates import OBSERVED
from segmentation.features.definitions import FEATURES, features_about
from segmentation.features.encoding import NumberedLedger, number_ledger
from segmentation.features.engine import build_history, compute_batches
from segmentation.features.facts import BookFacts, build_book_facts
from segmentation.features.feature import Feature, Scope
from segmentation.features.own_state import add_own_state
from segmentation.features.paths import THOUSANDTHS
from segmentation.features.permission import without_refused

_INSTALMENT_KEY = ("invoice_id", "instalment_number", "customer_id", "as_of_date")
_CUSTOMER_KEY = ("customer_id", "as_of_date")


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
    numbered, book = _know(ledger)
    return {
        "feat_instalment_at_issue": pl.concat(_stream_issues(numbered, book, features)),
        "feat_open_instalment": pl.concat(_stream_open(numbered, book, as_of, features)),
        "feat_customer": pl.concat(_stream_customers(numbered, book, as_of, features)),
    }


def stream_issue_features(ledger: Frames, features: Sequence[Feature] = FEATURES) -> Iterator[pl.DataFrame]:
    """Return the rows of ``compute_issue_features`` as frames of some ten thousand rows, one after the other.

    Each frame holds all rows of its customers. Memory does not grow with the number of rows that are
    taken, so this is the way for millions of invoices.
    """
    return _stream_issues(*_know(ledger), features)


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
    whether they are computed then or now. One exception: the ledger holds one version of each fact, with the
    day on which that was learned. Of a row that was corrected, moments before the correction know nothing, and its
    own row at issue has the corrected amount and terms; features of the as-of day itself know what was known then.
    """
    return pl.concat(stream_issue_features(ledger, features))


def compute_open_features(
    ledger: Frames, as_of: dt.date, features: Sequence[Feature] = FEATURES
) -> pl.DataFrame:
    """Return every instalment that is open on the as-of day, with what was known at its start.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day (facts learned later do not matter).
    as_of : the as-of day.
    features : what to compute.

    Returns
    -------
    feat_open_instalment: the same features by the same code as at issue, and the instalment's own
    state. The instalment itself is part of the open book and, once overdue, counts as late.
    """
    return pl.concat(_stream_open(*_know(ledger), as_of, features))


def compute_customer_features(
    ledger: Frames, as_of: dt.date, features: Sequence[Feature] = FEATURES
) -> pl.DataFrame:
    """Return every customer with what was known at the start of the as-of day.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day (facts learned later do not matter).
    as_of : the as-of day.
    features : what to compute, of those about customers.

    Returns
    -------
    feat_customer, one row for each customer known by then, by name or by an instalment. Amounts
    are in the currency that the customer was invoiced in most often.
    """
    return pl.concat(_stream_customers(*_know(ledger), as_of, features))


def _know(ledger: Frames) -> tuple[NumberedLedger, BookFacts]:
    numbered = number_ledger(tell_agreements(without_refused(ledger)))
    return numbered, build_book_facts(numbered.frames)


def _stream_issues(
    numbered: NumberedLedger, book: BookFacts, features: Sequence[Feature]
) -> Iterator[pl.DataFrame]:
    balance = numbered.frames["core_instalment_balance"]
    if balance["replaced_date"].null_count() < balance.height:
        balance = balance.filter(pl.col("replaced_date").is_null())
    moments = balance.select(
        "invoice_id",
        "instalment_number",
        "customer_id",
        "currency",
        "issue_date",
        "due_date",
        (pl.col("amount") * THOUSANDTHS).cast(pl.Int64),
        as_of_date=pl.max_horizontal("issue_date", "agreed_date"),
    )
    chosen = features_about(Scope.CUSTOMER, Scope.INSTALMENT, features=features)
    return _stream(numbered, book, moments, chosen, _INSTALMENT_KEY)


def _stream_open(
    numbered: NumberedLedger, book: BookFacts, as_of: dt.date, features: Sequence[Feature]
) -> Iterator[pl.DataFrame]:
    moments = add_own_state(numbered.frames, book, as_of)
    return _stream(numbered, book, moments, features_about(*Scope, features=features), _INSTALMENT_KEY)


def _stream_customers(
    numbered: NumberedLedger, book: BookFacts, as_of: dt.date, features: Sequence[Feature]
) -> Iterator[pl.DataFrame]:
    invoiced = numbered.frames["core_instalment_balance"].filter(
        pl.max_horizontal("issue_date", "issued_known_date") < as_of
    )
    named = numbered.frames["core_customer"].filter(as_of > OBSERVED)
    customers = pl.concat([named.select("customer_id"), invoiced.select("customer_id")]).unique()
    moments = customers.with_columns(as_of_date=pl.lit(as_of), currency=pl.lit(None, pl.Int32))
    return _stream(numbered, book, moments, features_about(Scope.CUSTOMER, features=features), _CUSTOMER_KEY)


def _stream(
    numbered: NumberedLedger,
    book: BookFacts,
    moments: pl.DataFrame,
    features: Sequence[Feature],
    key: Sequence[str],
) -> Iterator[pl.DataFrame]:
    history = build_history(numbered, book, moments, features)
    keep = {name: numbered.customers if name == "customer_id" else None for name in key}
    return compute_batches(history, moments, features, keep)
