"""Computes the feature tables: for each instalment at its issue, and for the book on the as-of day.

Belongs here: the three public functions and the moments that they look at. Does not belong here:
what a feature means (``definitions``), what was known when (``facts``, ``tallies``), the sweep.
"""

import datetime as dt

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.features.dates import OBSERVED
from segmentation.features.definitions import FEATURE_TABLES, Scope, features_about
from segmentation.features.engine import build_engine
from segmentation.features.facts import build_book_facts
from segmentation.features.own_state import add_own_state
from segmentation.features.paths import THOUSANDTHS
from segmentation.features.permission import without_refused

_KEY = ("invoice_id", "instalment_number", "customer_id")


def compute_issue_features(ledger: Frames) -> pl.DataFrame:
    """Return every instalment with what was known at the start of its day of issue.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day.

    Returns
    -------
    feat_instalment_at_issue. ``as_of_date`` is the day of issue: only what was observed strictly
    before it counts, besides the instalment's own amount, terms and due date.

    Notes
    -----
    A row does not depend on anything learned on or after its day of issue, so the features of a
    past day are the same whether they are computed then or now.
    """
    permitted = without_refused(ledger)
    book = build_book_facts(permitted)
    moments = (
        permitted["core_instalment_balance"]
        .select(*_KEY, "currency", "issue_date", "due_date", "amount")
        .with_columns(as_of_date=pl.col("issue_date"), amount=(pl.col("amount") * THOUSANDTHS).cast(pl.Int64))
    )
    features = features_about(Scope.CUSTOMER, Scope.INSTALMENT)
    frame = build_engine(permitted, book, features).compute(moments, keep=(*_KEY, "as_of_date"))
    return FEATURE_TABLES["feat_instalment_at_issue"].conform(frame)


def compute_open_features(ledger: Frames, as_of: dt.date) -> pl.DataFrame:
    """Return every instalment that is open on the as-of day, with what was known at its start.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day (facts learned later do not matter).
    as_of : the as-of day.

    Returns
    -------
    feat_open_instalment: the same features by the same code as at issue, and the instalment's own
    state. The instalment itself is part of the open book and, once overdue, counts as late.
    """
    permitted = without_refused(ledger)
    book = build_book_facts(permitted)
    moments = add_own_state(permitted, book, as_of)
    features = features_about(Scope.CUSTOMER, Scope.INSTALMENT, Scope.OPEN_INSTALMENT)
    frame = build_engine(permitted, book, features).compute(moments, keep=(*_KEY, "as_of_date"))
    return FEATURE_TABLES["feat_open_instalment"].conform(frame)


def compute_customer_features(ledger: Frames, as_of: dt.date) -> pl.DataFrame:
    """Return every customer with what was known at the start of the as-of day.

    Parameters
    ----------
    ledger : all ``core_`` tables, as known on the as-of day (facts learned later do not matter).
    as_of : the as-of day.

    Returns
    -------
    feat_customer, one row for each customer known by then, by name or by an instalment. Amounts
    are in the currency that the customer was invoiced in most often.
    """
    permitted = without_refused(ledger)
    book = build_book_facts(permitted)
    known = permitted["core_instalment_balance"].filter(
        pl.max_horizontal("issue_date", "issued_known_date") < as_of
    )
    named = permitted["core_customer"].filter(as_of > OBSERVED)
    customers = pl.concat([named.select("customer_id"), known.select("customer_id")]).unique()
    moments = customers.with_columns(
        pl.lit(as_of).alias("as_of_date"), pl.lit(None, pl.String).alias("currency")
    )
    frame = build_engine(permitted, book, features_about(Scope.CUSTOMER)).compute(
        moments, keep=("customer_id", "as_of_date")
    )
    return FEATURE_TABLES["feat_customer"].conform(frame)
