"""What is at stake with each customer: open, overdue and coming amounts, inside and outside the gates.

Belongs here: one row per customer in one currency, with the facts that steps depend on. Does not
belong here: what a step is worth (value).
"""

from datetime import date

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import BlockCode, ScoreStatus
from segmentation.treatment.reminder_levels import REMINDERS, find_levels
from segmentation.treatment.scenario import Scenario
from segmentation.treatment.wording import amount_text

_COMING_DAYS = 7
_KEPT_DIGITS = 9


def list_closed_invoices(gate: pl.DataFrame) -> pl.DataFrame:
    """Return the invoices that a gate of their own closes, whoever it was found for, and whether they are in dispute."""
    return (
        gate.filter(pl.col("invoice_id").is_not_null())
        .group_by("invoice_id")
        .agg((pl.col("gate") == BlockCode.OPEN_DISPUTE).any().alias("is_disputed"))
        .with_columns(pl.lit(True).alias("is_closed"))
    )


def list_instalments(
    part: Frames,
    closed: pl.DataFrame,
    places: pl.DataFrame,
    as_of: date,
    scenario: Scenario,
) -> pl.DataFrame:
    """Return open instalments with their risk, whether a gate closes their invoice, and how far reminders have come.

    Parameters
    ----------
    part : core_instalment_balance, ``REMINDERS`` and pred_instalment_risk; instalments without a usable score take the
        scenario's default figures.
    closed : of ``list_closed_invoices``; a gate of a single invoice closes its instalments.
    places : customer_id and jurisdiction, which says what counts as a first reminder.
    as_of : as-of day.
    scenario : default figures.
    """
    risk = part["pred_instalment_risk"].select(
        "invoice_id",
        "instalment_number",
        "late_prob",
        "paid_14_prob",
        (pl.col("expected_payment_date") - pl.lit(as_of)).dt.total_days().alias("remaining_days"),
        (pl.col("expected_payment_date") - pl.col("due_date")).dt.total_days().alias("expected_late_days"),
        (pl.col("score_status") == ScoreStatus.SCORED).alias("is_scored"),
    )
    balance = part["core_instalment_balance"].filter("is_open")
    is_scored = pl.col("is_scored").fill_null(False)
    days_late = (pl.lit(as_of) - pl.col("due_date")).dt.total_days()
    listed = (
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
    levels = find_levels(part[REMINDERS], listed.filter("is_actionable"), places)
    return listed.join(levels, on=["invoice_id", "instalment_number"], how="left").with_columns(
        pl.col("level", "reminder_count").fill_null(0).cast(pl.Int32)
    )


def _weighted(value: str, over: pl.Expr) -> pl.Expr:
    """Mean weighted by amount; its last digits, which depend on the number of threads, are cut off."""
    total = pl.when(over).then(pl.col(value) * pl.col("weight")).otherwise(0.0).sum()
    weight = pl.when(over).then("weight").otherwise(0.0).sum()
    return (total / weight).round(_KEPT_DIGITS).fill_nan(None)


def _amount(over: pl.Expr) -> pl.Expr:
    return pl.when(over).then("open_amount").otherwise(0).sum()


def _measure_actionable() -> list[pl.Expr]:
    """What is overdue behind no closed gate, of the instalments of a group."""
    act, days, due = pl.col("is_actionable"), pl.col("days_late"), pl.col("due_date")
    return [
        _amount(act).alias("act_amount"),
        pl.when(act).then(days).max().alias("act_days_late"),
        pl.when(act).then(due).min().alias("act_due_date"),
        _weighted("paid_prob", act).alias("act_paid_prob"),
        _weighted("remaining_days", act).alias("act_remaining_days"),
        pl.when(act).then("level").min().fill_null(0).alias("past_level"),
        pl.when(act).then("level").max().fill_null(0).alias("reached_level"),
        pl.when(act).then("reminder_count").max().fill_null(0).alias("reminder_count"),
    ]


def measure_exposure(instalments: pl.DataFrame) -> pl.DataFrame:
    """Return what is at stake with every customer who has something open, in one currency.

    Parameters
    ----------
    instalments : of list_instalments; those behind a closed gate are counted apart.

    Returns
    -------
    One row per customer. ``open_*`` and ``overdue_*`` count everything; ``act_*`` what is overdue and
    behind no closed gate, ``coming_*`` what falls due within a week behind none, ``dispute_*`` what is
    overdue and in dispute. Days are null where there is nothing to count. ``past_level`` and ``reached_level`` are the
    lowest and the highest dunning level of what ``act_*`` counts, ``reminder_count`` the most reminders that one of
    these debts has seen; 0 where there is none.

    Notes
    -----
    A customer with several currencies is shown in the one with the largest amount overdue behind no
    closed gate, then overdue, then open: one with anything overdue comes before one without. Amounts are
    never converted. ``other_currencies`` names the rest, ``other_words`` what is open in each.
    """
    act, coming, dispute = pl.col("is_actionable"), pl.col("is_coming"), pl.col("is_in_dispute")
    overdue, days, due = pl.col("is_overdue"), pl.col("days_late"), pl.col("due_date")

    # Of the instalments of an invoice that are overdue (or coming ...), the first stands for the invoice.
    kinds = {"overdue": overdue, "act": act, "coming": coming, "dispute": dispute}
    counted = instalments.sort("invoice_id", "instalment_number").with_columns(
        (over & pl.when(over).then("invoice_id").is_first_distinct()).alias(f"{kind}_count")
        for kind, over in kinds.items()
    )
    by_currency = counted.group_by("customer_id", "currency").agg(
        *(pl.col(f"{kind}_count").sum() for kind in kinds),
        pl.col("open_amount").sum(),
        _amount(overdue).alias("overdue_amount"),
        pl.when(overdue).then(days).max().alias("oldest_days_late"),
        _amount(~pl.col("is_closed")).alias("unblocked_amount"),
        *_measure_actionable(),
        (pl.col("is_scored") | ~(act | coming)).all().alias("is_scored"),
        _amount(coming).alias("coming_amount"),
        pl.when(coming).then(days).max().alias("coming_days_late"),
        pl.when(coming).then(due).min().alias("coming_due_date"),
        _weighted("late_prob", coming).alias("coming_late_prob"),
        _weighted("expected_late_days", coming).alias("coming_expected_late_days"),
        _amount(dispute).alias("dispute_amount"),
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


def measure_rounds(instalments: pl.DataFrame, exposure: pl.DataFrame) -> pl.DataFrame:
    """Return what is overdue behind no closed gate by dunning level, of customers whose debts differ in it.

    Parameters
    ----------
    instalments : of list_instalments.
    exposure : of measure_exposure; it says who they are, and in which currency.

    Returns
    -------
    One row per customer and level, in this order: customer_id, the ``act_*`` columns, past_level, reached_level
    and reminder_count of the debts of that level; none for customers all of whose debts have the same.
    """
    differ = exposure.filter(pl.col("past_level") < pl.col("reached_level")).select("customer_id", "currency")
    return (
        instalments.filter("is_actionable")
        .join(differ, on=["customer_id", "currency"], how="semi")
        .group_by("customer_id", "level")
        .agg(
            pl.col("invoice_id").n_unique().cast(exposure.schema["act_count"]).alias("act_count"),
            *_measure_actionable(),
        )
        .drop("level")
        .sort("customer_id", "past_level")
    )
