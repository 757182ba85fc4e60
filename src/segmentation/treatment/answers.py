"""How overdue money was answered: what was paid after each contact, and what without any.

Belongs here: contacts of a ledger beside the share of what was overdue that followed, and the same without contact.
Does not belong here: what is concluded from it (response, arms, policy_report).
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import Action, Channel, CoveredBy
from segmentation.treatment.contact_gates import list_outbound
from segmentation.treatment.scenario import Scenario

MESSAGE, CALL = "message", "call"
APPROACH_OF: dict[str, str] = {
    Action.REMINDER: MESSAGE,
    Action.SELF_SERVICE_LINK: MESSAGE,
    Action.CALL: CALL,
}
BAND_EDGES = (14, 30, 60)
"""Last days beyond terms of each band of lateness but the last."""
_BASELINE_EVIDENCE = 20.0
MOST = 0.5
"""Share of what was overdue from which on a contact counts as paid."""
_WINDOWS = 7
_BASELINE = {
    "segment": pl.String,
    "band": pl.Int64,
    "settled_sum": pl.Float64,
    "window_count": pl.Float64,
}
_EPOCH = date(1970, 1, 1).toordinal()
_DAYS_ENOUGH = 10_000_000
"""More days than calendars have, and few enough for as many customers as a whole number counts."""


def band_of(days: pl.Expr) -> pl.Expr:
    """Return the band of lateness, from 0, of days beyond terms."""
    return sum(((days > edge).cast(pl.Int64) for edge in BAND_EDGES), start=pl.lit(0))


def _settled_by(contact_day: pl.Expr, response_days: int) -> pl.Expr:
    by_payment = pl.col("covered_by") == CoveredBy.PAYMENT
    span = (pl.col("covered_date") - contact_day).dt.total_days()
    return (by_payment & (span >= 0) & (span <= response_days)).fill_null(False)


def _measure_baseline(
    balance: pl.DataFrame, contacts: pl.DataFrame, as_of: date, response_days: int
) -> pl.DataFrame:
    """Return how often overdue instalments were paid within the response days without any contact.

    Returns
    -------
    segment, band (of lateness), ``window_count`` and ``settled_sum`` (windows that saw the payment).

    Notes
    -----
    Windows of response_days start on the day after the due date and follow each other while the
    instalment is open; a window counts when it is over and holds no contact with the customer. One in which the
    instalment was credited or written off tells nothing, and those before it tell that nothing was paid.
    """
    # The day of every contact as one number that sorts by customer first, so that one search finds the next.
    places = contacts.select("customer_id").unique().sort("customer_id").with_row_index("place")
    customer = pl.col("place").cast(pl.Int64) * _DAYS_ENOUGH
    known = contacts.select("customer_id", "sent_on").join(places, on="customer_id")
    days = known.select((customer + _number("sent_on")).sort()).to_series().to_numpy()
    contacted = np.append(days, np.iinfo(np.int64).max)
    names = balance["segment"].unique().sort()
    owing = (
        balance.join(places, on="customer_id", how="left")
        .select(
            customer.fill_null(places.height * _DAYS_ENOUGH).alias("customer"),
            _number("due_date").alias("due"),
            _number("covered_date").fill_null(_DAYS_ENOUGH).alias("covered"),
            (pl.col("covered_by") == CoveredBy.PAYMENT).fill_null(value=False).alias("by_payment"),
            pl.col("segment").replace_strict(names, pl.int_range(names.len(), eager=True)).alias("segment"),
        )
        .sort("customer")
    )
    who, due, covered, by_payment, segment = (column.to_numpy() for column in owing.get_columns())
    windows = []
    for step in range(_WINDOWS):
        lag = 1 + step * response_days
        first, last = due + lag, due + lag + response_days
        is_watched = (
            (last < as_of.toordinal() - _EPOCH) & (covered >= first) & (by_payment | (covered > last))
        )
        following = contacted[np.searchsorted(contacted, (who + first)[is_watched])]
        is_quiet = following > (who + last)[is_watched]
        group = segment[is_watched][is_quiet]
        is_settled = (covered <= last)[is_watched][is_quiet]
        windows.append(
            pl.DataFrame(
                {
                    "segment": names,
                    "band": sum(lag > edge for edge in BAND_EDGES),
                    "settled_sum": np.bincount(group, is_settled, minlength=names.len()),
                    "window_count": np.bincount(group, minlength=names.len()),
                },
                schema=_BASELINE,
            )
        )
    return pl.concat(windows).filter(pl.col("window_count") > 0)


def _number(day: str) -> pl.Expr:
    return pl.col(day).to_physical().cast(pl.Int64)


def list_answers(ledger: Frames, customers: pl.DataFrame, as_of: date, scenario: Scenario) -> pl.DataFrame:
    """Return past reminders and calls with what was paid after them, and what would have been anyway.

    Parameters
    ----------
    ledger : core_contact_event and core_instalment_balance.
    customers : customer_id and ``segment``.
    as_of : contacts count whose response days were over before it.
    scenario : response days.

    Returns
    -------
    One row per contact about something overdue: contact_id, customer_id, approach, segment, channel,
    sent_at, ``paid_share`` (of the overdue instalments, within the response days), ``paid`` (1 when that was
    most of them), ``baseline`` (share paid in as many days without contact), ``band`` of lateness,
    ``amount`` that it was about (null when that was in several currencies), ``days`` to the first payment.
    """
    return compare_answers([find_answers(ledger, customers, as_of, scenario)], scenario)


def find_answers(
    ledger: Frames, customers: pl.DataFrame, as_of: date, scenario: Scenario
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return what contacts were about and whether it was paid, and what was paid without any; see ``list_answers``.

    Returns
    -------
    One row per contact and overdue instalment, and one per segment and band of lateness; of several portions of a
    book, ``compare_answers`` makes one.
    """
    response_days = scenario.response_days
    balance = (
        ledger["core_instalment_balance"]
        .select("customer_id", "invoice_id", "due_date", "covered_date", "covered_by", "amount", "currency")
        .join(customers, on="customer_id", how="left")
        .with_columns(pl.col("segment").fill_null("unknown"))
    )
    contacts = list_outbound(ledger).select(
        *("contact_id", "customer_id", "invoice_id", "sent_on", "sent_at", "channel", "dunning_level"),
        pl.when(pl.col("channel") == Channel.PHONE)
        .then(pl.lit(CALL))
        .otherwise(pl.lit(MESSAGE))
        .alias("approach"),
    )
    due = contacts.filter(
        pl.col("sent_on") + timedelta(days=response_days) < as_of, pl.col("dunning_level").fill_null(1) > 0
    ).select(
        "contact_id",
        "customer_id",
        pl.col("invoice_id").alias("about_id"),
        "sent_on",
        "sent_at",
        "channel",
        "approach",
    )
    touched = (
        due.join(balance, on="customer_id", how="inner")
        .filter(
            pl.col("about_id").is_null() | (pl.col("about_id") == pl.col("invoice_id")),
            pl.col("due_date") < pl.col("sent_on"),
            pl.col("covered_date").is_null() | (pl.col("covered_date") >= pl.col("sent_on")),
            # What was credited or written off within the response days was not there to be paid; what is so later was.
            (pl.col("covered_by") == CoveredBy.PAYMENT).fill_null(value=True)
            | (pl.col("covered_date") > pl.col("sent_on") + timedelta(days=response_days)),
        )
        .select(
            *("contact_id", "customer_id", "invoice_id", "approach", "segment", "channel", "sent_at"),
            *("amount", "currency"),
            _settled_by(pl.col("sent_on"), response_days).alias("settled"),
            (pl.col("covered_date") - pl.col("sent_on")).dt.total_days().alias("days"),
            band_of((pl.col("sent_on") - pl.col("due_date")).dt.total_days()).alias("band"),
        )
    )
    return touched, _measure_baseline(balance, contacts, as_of, response_days)


def compare_answers(found: Sequence[tuple[pl.DataFrame, pl.DataFrame]], scenario: Scenario) -> pl.DataFrame:
    """Return ``list_answers`` of a book from ``find_answers`` of its portions."""
    quiet = pl.concat([baseline for _, baseline in found])
    sums = [pl.col("settled_sum").sum(), pl.col("window_count").sum()]
    overall = (
        quiet.group_by("band")
        .agg(sums)
        .with_columns((pl.col("settled_sum") / pl.col("window_count")).alias("band_rate"))
    )
    narrow = quiet.group_by("segment", "band").agg(sums)
    rate = (pl.col("settled_sum").fill_null(0.0) + _BASELINE_EVIDENCE * pl.col("band_rate")) / (
        pl.col("window_count").fill_null(0.0) + _BASELINE_EVIDENCE
    )
    return (
        pl.concat([touched for touched, _ in found])
        .join(overall.select("band", "band_rate"), on="band", how="left")
        .join(narrow, on=["segment", "band"], how="left")
        .with_columns(pl.col("band_rate").fill_null(scenario.default_paid_prob))
        .with_columns(rate.clip(0.0, 0.95).alias("baseline"))
        .sort("contact_id", "invoice_id")
        .group_by("contact_id", "customer_id", "approach", "segment", "channel", "sent_at")
        .agg(
            pl.col("settled").mean().alias("paid_share"),
            pl.col("baseline").mean(),
            pl.col("band").max(),
            pl.when(pl.col("currency").min() == pl.col("currency").max()).then(pl.col("amount").sum()),
            pl.col("days").filter("settled").min(),
        )
        .with_columns((pl.col("paid_share") >= MOST).cast(pl.Float64).alias("paid"))
        .sort("contact_id")
    )
