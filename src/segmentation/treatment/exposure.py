"""What is at stake with each customer: open, overdue and coming amounts, inside and outside the gates.

Belongs here: one row per customer in one currency, with the facts that steps depend on. Does not
belong here: what a step is worth (value).
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.payers import name_payers
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.taken_back import is_returned_debit
from segmentation.domain.vocabulary import (
    BlockCode,
    Channel,
    CoveredBy,
    OutcomeCode,
    PaymentMethod,
    ScoreStatus,
)
from segmentation.treatment.contact_gates import list_outbound
from segmentation.treatment.scenario import Scenario
from segmentation.treatment.wording import amount_text

_DIRECT_DEBIT_DAYS = 30
_JUST_PAID_DAYS = 7
_COMING_DAYS = 7
_LIKELY_LATE_PROB = 0.5
_KEPT_DIGITS = 9


def list_closed_invoices(gate: pl.DataFrame) -> pl.DataFrame:
    """Return the invoices that a gate of their own closes, whoever it was found for, and whether they are in dispute."""
    return (
        gate.filter(pl.col("invoice_id").is_not_null())
        .group_by("invoice_id")
        .agg((pl.col("gate") == BlockCode.OPEN_DISPUTE).any().alias("is_disputed"))
        .with_columns(pl.lit(True).alias("is_closed"))
    )


def mark_contacts(ledger: Frames) -> pl.DataFrame:
    """Return core_contact_event with ``is_about_open``: about an open invoice, whose ever, or about the account."""
    event = ledger["core_contact_event"]
    invoice = event["invoice_id"]
    is_open = is_known(invoice, ledger["core_instalment_balance"].filter("is_open")["invoice_id"])
    return event.with_columns((is_open | invoice.is_null()).alias("is_about_open"))


def list_instalments(
    ledger: Frames, instalment_risk: pl.DataFrame, closed: pl.DataFrame, as_of: date, scenario: Scenario
) -> pl.DataFrame:
    """Return open instalments with their risk and whether a gate closes their invoice.

    Parameters
    ----------
    ledger : core_instalment_balance.
    instalment_risk : pred_instalment_risk; instalments without a usable score take the scenario's
        default figures.
    closed : of ``list_closed_invoices``; a gate of a single invoice closes its instalments.
    as_of : as-of day.
    scenario : default figures.
    """
    risk = instalment_risk.select(
        "invoice_id",
        "instalment_number",
        "late_prob",
        "paid_14_prob",
        (pl.col("expected_payment_date") - pl.lit(as_of)).dt.total_days().alias("remaining_days"),
        (pl.col("expected_payment_date") - pl.col("due_date")).dt.total_days().alias("expected_late_days"),
        (pl.col("score_status") == ScoreStatus.SCORED).alias("is_scored"),
    )
    balance = ledger["core_instalment_balance"].filter("is_open")
    is_scored = pl.col("is_scored").fill_null(False)
    days_late = (pl.lit(as_of) - pl.col("due_date")).dt.total_days()
    return (
        balance.select(
            "customer_id", "currency", "invoice_id", "instalment_number", "due_date", "open_amount"
        )
        .join(risk, on=["invoice_id", "instalment_number"], how="left")
        .join(closed, on="invoice_id", how="left")
        .with_columns(
            is_scored,
            days_late.alias("days_late"),
            (days_late > 0).alias("is_overdue"),
            pl.col("is_closed").fill_null(False),
            pl.col("is_disputed").fill_null(False),
            pl.when(is_scored)
            .then(pl.col("paid_14_prob"))
            .fill_null(scenario.default_paid_prob)
            .clip(0.0, 0.99)
            .alias("paid_prob"),
            pl.when(is_scored)
            .then(pl.col("remaining_days"))
            .fill_null(scenario.default_remaining_days)
            .clip(1, None)
            .alias("remaining_days"),
            pl.when(is_scored).then(pl.col("late_prob")).fill_null(0.0).alias("late_prob"),
            pl.when(is_scored)
            .then(pl.col("expected_late_days"))
            .fill_null(0)
            .clip(0, None)
            .alias("expected_late_days"),
            pl.col("open_amount").cast(pl.Float64).alias("weight"),
        )
        .with_columns(
            (~pl.col("is_overdue") & ~pl.col("is_closed") & (days_late >= -_COMING_DAYS)).alias("is_coming"),
            (pl.col("is_overdue") & ~pl.col("is_closed")).alias("is_actionable"),
            (pl.col("is_overdue") & pl.col("is_disputed")).alias("is_in_dispute"),
        )
    )


def _weighted(value: str, over: pl.Expr) -> pl.Expr:
    """Mean weighted by amount; its last digits, which depend on the number of threads, are cut off."""
    total = pl.when(over).then(pl.col(value) * pl.col("weight")).otherwise(0.0).sum()
    weight = pl.when(over).then("weight").otherwise(0.0).sum()
    return (total / weight).round(_KEPT_DIGITS).fill_nan(None)


def measure_exposure(instalments: pl.DataFrame) -> pl.DataFrame:
    """Return what is at stake with every customer who has something open, in one currency.

    Parameters
    ----------
    instalments : of list_instalments; those behind a closed gate are counted apart.

    Returns
    -------
    One row per customer. ``open_*`` and ``overdue_*`` count everything; ``act_*`` what is overdue and
    behind no closed gate, ``coming_*`` what falls due within a week behind none, ``dispute_*`` what is
    overdue and in dispute. Days are null where there is nothing to count.

    Notes
    -----
    A customer with several currencies is shown in the one with the largest amount overdue behind no
    closed gate, then overdue, then open: one with anything overdue comes before one without. Amounts are
    never converted. ``other_currencies`` names the rest, ``other_words`` what is open in each.
    """
    act, coming, dispute = pl.col("is_actionable"), pl.col("is_coming"), pl.col("is_in_dispute")
    overdue, days, due = pl.col("is_overdue"), pl.col("days_late"), pl.col("due_date")

    def amount(over: pl.Expr) -> pl.Expr:
        return pl.when(over).then("open_amount").otherwise(0).sum()

    # Of the instalments of an invoice that are overdue (or coming ...), the first stands for the invoice.
    kinds = {"overdue": overdue, "act": act, "coming": coming, "dispute": dispute}
    counted = instalments.sort("invoice_id", "instalment_number").with_columns(
        (over & pl.when(over).then("invoice_id").is_first_distinct()).alias(f"{kind}_count")
        for kind, over in kinds.items()
    )
    by_currency = counted.group_by("customer_id", "currency").agg(
        *(pl.col(f"{kind}_count").sum() for kind in kinds),
        pl.col("open_amount").sum(),
        amount(overdue).alias("overdue_amount"),
        pl.when(overdue).then(days).max().alias("oldest_days_late"),
        amount(~pl.col("is_closed")).alias("unblocked_amount"),
        amount(act).alias("act_amount"),
        pl.when(act).then(days).max().alias("act_days_late"),
        pl.when(act).then(due).min().alias("act_due_date"),
        _weighted("paid_prob", act).alias("act_paid_prob"),
        _weighted("remaining_days", act).alias("act_remaining_days"),
        (pl.col("is_scored") | ~(act | coming)).all().alias("is_scored"),
        amount(coming).alias("coming_amount"),
        pl.when(coming).then(days).max().alias("coming_days_late"),
        pl.when(coming).then(due).min().alias("coming_due_date"),
        _weighted("late_prob", coming).alias("coming_late_prob"),
        _weighted("expected_late_days", coming).alias("coming_expected_late_days"),
        amount(dispute).alias("dispute_amount"),
        pl.when(dispute).then(days).max().alias("dispute_days_late"),
        _weighted("paid_prob", dispute).alias("dispute_paid_prob"),
        _weighted("remaining_days", dispute).alias("dispute_remaining_days"),
        pl.when(~overdue).then(due).min().alias("next_due_date"),
    )
    ordered = by_currency.sort(
        "customer_id",
        "act_amount",
        "overdue_amount",
        "open_amount",
        "currency",
        descending=[False, True, True, True, False],
    )
    is_shown = ordered["customer_id"].is_first_distinct()
    others = (
        ordered.filter(~is_shown)
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("currency").alias("other_currencies"),
            amount_text("open_amount", "currency").alias("other_words"),
        )
    )
    return (
        ordered.filter(is_shown)
        .join(others, on="customer_id", how="left", maintain_order="left")
        .with_columns(pl.col("other_currencies", "other_words").fill_null([]))
    )


def find_circumstances(
    ledger: Frames, exposure: pl.DataFrame, as_of: date, scenario: Scenario
) -> pl.DataFrame:
    """Return the conditions and the dunning level of every customer in the exposure.

    Parameters
    ----------
    ledger : of ``name_payers``, core_contact_event (of ``mark_contacts``), core_contact_outcome,
        core_instalment_balance, core_customer.
    exposure : of measure_exposure.
    as_of : as-of day.
    scenario : when a coming direct debit is unusually high.

    Returns
    -------
    customer_id, ``past_level`` (highest dunning level of the written contacts since the oldest actionable
    invoice fell due; 0 when none), ``reminder_count`` (how many of them the most reminded invoice has seen)
    and a flag per condition of the scenario.

    Notes
    -----
    A call is no level: the first reminder in writing stays the first one, with all that it has to say.
    """
    who = exposure.select(
        *("customer_id", "currency", "act_due_date", "act_count", "coming_late_prob", "coming_amount"),
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
    reminded = about_open.filter(pl.col("channel") != Channel.PHONE, pl.col("dunning_level").fill_null(1) > 0)
    level = (
        reminded.group_by("customer_id", "invoice_id")
        .agg(pl.col("dunning_level").fill_null(1).max(), pl.len().alias("count"))
        .group_by("customer_id")
        .agg(
            pl.col("dunning_level").max().alias("past_level"),
            (
                pl.col("count").filter(pl.col("invoice_id").is_not_null()).max().fill_null(0)
                + pl.col("count").filter(pl.col("invoice_id").is_null()).sum()
            )
            .cast(pl.Int64)
            .alias("reminder_count"),
        )
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
        who.join(level, on="customer_id", how="left")
        .join(has(failed, "failed_direct_debit"), on="customer_id", how="left")
        .join(has(refused, "refused"), on="customer_id", how="left")
        .join(has(just_paid, "just_paid"), on="customer_id", how="left")
        .join(_find_unusual_debits(ledger, who, scenario), on="customer_id", how="left")
        .select(
            "customer_id",
            pl.col("past_level", "reminder_count").fill_null(0),
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
