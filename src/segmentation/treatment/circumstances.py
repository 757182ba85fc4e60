"""What is the case with a customer beside amounts: failed debits, refusals, lateness to come, payments just made.

Belongs here: the conditions of the scenario, a flag each. Does not belong here: what is at stake (exposure), how far
reminders have come (reminder_levels).
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.payers import name_payers
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.taken_back import is_returned_debit
from segmentation.domain.vocabulary import CoveredBy, OutcomeCode, PaymentMethod
from segmentation.treatment.contact_gates import list_outbound
from segmentation.treatment.scenario import Scenario

_DIRECT_DEBIT_DAYS = 30
_JUST_PAID_DAYS = 7
_LIKELY_LATE_PROB = 0.5


def mark_contacts(ledger: Frames) -> pl.DataFrame:
    """Return core_contact_event with ``is_about_open``: about an open invoice, whose ever, or about the account."""
    event = ledger["core_contact_event"]
    invoice = event["invoice_id"]
    is_open = is_known(invoice, ledger["core_instalment_balance"].filter("is_open")["invoice_id"])
    return event.with_columns((is_open | invoice.is_null()).alias("is_about_open"))


def find_circumstances(
    ledger: Frames, exposure: pl.DataFrame, as_of: date, scenario: Scenario
) -> pl.DataFrame:
    """Return the conditions that hold for every customer in the exposure.

    Parameters
    ----------
    ledger : of ``name_payers``, core_contact_event (of ``mark_contacts``), core_contact_outcome,
        core_instalment_balance, core_customer.
    exposure : of measure_exposure.
    as_of : as-of day.
    scenario : when a coming direct debit is unusually high.

    Returns
    -------
    customer_id and a flag per condition of the scenario.
    """
    who = exposure.select(
        *("customer_id", "currency", "act_due_date", "coming_late_prob", "coming_amount"),
        *("overdue_count", "dispute_count"),
    )
    failed = name_payers(ledger).filter(
        pl.col("customer_id").is_not_null(),
        is_returned_debit(),
        pl.col("value_date") >= as_of - timedelta(days=_DIRECT_DEBIT_DAYS),
    )
    about_open = (
        list_outbound(ledger)
        .filter("is_about_open")
        .join(who.select("customer_id", "act_due_date"), on="customer_id", how="inner")
        .filter(pl.col("sent_on") > pl.col("act_due_date"))
    )
    refused = (
        ledger["core_contact_outcome"]
        .filter(pl.col("code") == OutcomeCode.WILL_NOT_PAY)
        .join(about_open.select("contact_id", "customer_id"), on="contact_id", how="inner")
    )
    just_paid = _find_paid_after_reminder(ledger, as_of)

    def has(frame: pl.DataFrame, name: str) -> pl.DataFrame:
        return frame.select("customer_id").unique().with_columns(pl.lit(True).alias(name))

    nothing_overdue = pl.col("overdue_count") == 0
    return (
        who.join(has(failed, "failed_direct_debit"), on="customer_id", how="left")
        .join(has(refused, "refused"), on="customer_id", how="left")
        .join(has(just_paid, "just_paid"), on="customer_id", how="left")
        .join(_find_unusual_debits(ledger, who, scenario), on="customer_id", how="left")
        .select(
            "customer_id",
            pl.col("failed_direct_debit").fill_null(False),
            pl.col("refused").fill_null(False),
            (pl.col("just_paid").fill_null(False) & nothing_overdue).alias("just_paid"),
            (pl.col("coming_late_prob").fill_null(0) >= _LIKELY_LATE_PROB).alias("likely_late"),
            (pl.col("dispute_count") > 0).alias("disputed"),
            pl.col("unusual_debit").fill_null(False),
        )
    )


def _find_paid_after_reminder(ledger: Frames, as_of: date) -> pl.DataFrame:
    """Return customers who lately paid an overdue invoice after somebody had reminded them of it."""
    paid = ledger["core_instalment_balance"].filter(
        pl.col("covered_date") >= as_of - timedelta(days=_JUST_PAID_DAYS),
        pl.col("covered_date") > pl.col("due_date"),
        pl.col("covered_by") == CoveredBy.PAYMENT,
    )
    reminded = list_outbound(ledger).filter(pl.col("dunning_level").fill_null(1) > 0)
    return (
        paid.join(reminded, on="customer_id", how="inner", suffix="_about")
        .filter(
            pl.col("invoice_id_about").is_null() | (pl.col("invoice_id_about") == pl.col("invoice_id")),
            pl.col("sent_on").is_between("due_date", "covered_date"),
        )
        .select("customer_id")
        .unique()
    )


def _find_unusual_debits(ledger: Frames, who: pl.DataFrame, scenario: Scenario) -> pl.DataFrame:
    """Return customers whose direct debit of the coming week is unusually high, with nothing overdue."""
    rules = scenario.unusual_debit
    by_debit = ledger["core_customer"].filter(pl.col("payment_method") == PaymentMethod.DIRECT_DEBIT)
    usual = (
        ledger["core_instalment_balance"]
        .filter(pl.col("covered_date").is_not_null())
        .group_by("customer_id", "currency")
        .agg(pl.col("amount").cast(pl.Float64).median().alias("usual_amount"), pl.len().alias("settled"))
        .filter(pl.col("settled") >= rules.settled)
    )
    is_high = pl.col("coming_amount").cast(pl.Float64) > rules.times_median * pl.col("usual_amount")
    return (
        who.filter(pl.col("overdue_count") == 0)
        .join(by_debit, on="customer_id", how="semi")
        .join(usual, on=["customer_id", "currency"], how="inner")
        .filter(is_high)
        .select("customer_id", pl.lit(value=True).alias("unusual_debit"))
    )
