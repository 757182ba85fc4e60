"""What else was weighed: steps that were not open or not worth it, and what would change the advice.

Belongs here: both lists, in words, as whole-column expressions. Does not belong here: why the chosen step
was chosen (reasons).
"""

import polars as pl

from segmentation.domain.vocabulary import Action
from segmentation.treatment.value import to_money
from segmentation.treatment.wording import amount_text, day_text

ACTION_WORDS: dict[str, str] = {
    Action.PRE_DUE_NOTICE: "a notice before the due date",
    Action.REMINDER: "a reminder",
    Action.CALL: "a call",
    Action.PAYMENT_PLAN_OFFER: "an offer of a payment plan",
    Action.DISPUTE_FOLLOW_UP: "a follow-up of the dispute",
    Action.SELF_SERVICE_LINK: "a message with a link to pay",
    Action.THANK_YOU: "a word of thanks",
    Action.MATCH_CREDIT: "matching the money or credit on the account",
    Action.FORMAL_NOTICE: "a formal notice",
    Action.LEGAL_REVIEW: "a review of legal steps",
    Action.WAIT: "waiting",
}


def action_words(action: str) -> pl.Expr:
    """Return a step in words, to stand within a sentence."""
    return pl.col(action).replace_strict(ACTION_WORDS, default=None, return_dtype=pl.String)


def list_vetoes(ranked: pl.DataFrame, unheard: pl.DataFrame, gate: pl.DataFrame) -> pl.DataFrame:
    """Return the steps that the scenario names for each customer now and that were not open, with the reason.

    Parameters
    ----------
    ranked : weighed candidates, with is_worth_it and is_over_capacity.
    unheard : customer_id, action and first channel of candidates without an open channel.
    gate : act_gate.

    Returns
    -------
    customer_id and ``vetoed``, sentences in the order of the steps.
    """
    key = ["customer_id", "action"]
    mute = unheard.join(
        gate.filter(pl.col("channel").is_not_null())
        .sort("customer_id", "channel", "gate", "invoice_id", nulls_last=True)
        .group_by("customer_id", "channel", maintain_order=True)
        .agg(pl.col("detail").first()),
        on=["customer_id", "channel"],
        how="left",
    ).select(*key, pl.col("detail").fill_null("No channel for it is known.").alias("because"))
    weighed = ranked.with_columns(to_money("value_low").alias("low_amount")).with_columns(
        amount_text("low_amount", "currency").alias("low_words")
    )
    full = weighed.filter("is_over_capacity").select(
        *key, pl.lit("All calls of the day go where more is at stake.").alias("because")
    )
    dear = weighed.filter(~pl.col("is_worth_it")).select(
        *key,
        pl.format(
            "It cannot be said to bring more than it costs: {} at the lower end.", pl.col("low_words")
        ).alias("because"),
    )
    order = {action.value: place for place, action in enumerate(Action)}
    named = action_words("action")
    return (
        pl.concat([mute, full, dear])
        .sort("customer_id", pl.col("action").replace_strict(order, return_dtype=pl.Int64), "because")
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.concat_str(
                named.str.slice(0, 1).str.to_uppercase(), named.str.slice(1), pl.lit(": "), pl.col("because")
            ).alias("vetoed")
        )
    )


def tell_changes() -> pl.Expr:
    """Return what would change the advice, as a list of sentences.

    Notes
    -----
    Columns: action, wait_code, runner_up, runner_value, break_even_amount, act_amount, coming_amount,
    currency words prepared by the caller (``break_even_words``, ``runner_words``), blocked_by,
    block_detail, earliest_lawful_at, window_day, first_step_day.
    """
    is_wait = pl.col("action") == Action.WAIT
    is_step = ~is_wait
    has_runner = pl.col("runner_up").is_not_null() & (pl.col("runner_up") != Action.WAIT)
    below = pl.when(
        is_step & (pl.col("break_even_amount") > 0) & (pl.col("action") != Action.THANK_YOU)
    ).then(pl.format("With less than {} at stake, waiting would be better.", pl.col("break_even_words")))
    next_best = pl.when(is_step & has_runner).then(
        pl.format(
            "If it cannot be taken: {}, expected to bring {} more than waiting.",
            action_words("runner_up"),
            pl.col("runner_words"),
        )
    )
    paid = pl.when(
        is_step & ~pl.col("action").is_in([Action.THANK_YOU, Action.PRE_DUE_NOTICE, Action.MATCH_CREDIT])
    ).then(pl.lit("A payment, a promise or a dispute that comes in first makes it fall away."))
    matched = pl.when(pl.col("action") == Action.MATCH_CREDIT).then(
        pl.lit("Once it is matched, what is still open gets its next step in the next run.")
    )
    above = pl.when(
        is_wait & has_runner & (pl.col("break_even_amount") > 0) & (pl.col("wait_code") != "blocked")
    ).then(pl.format("From about {} at stake on: {}.", pl.col("break_even_words"), action_words("runner_up")))
    lifted = pl.when(
        is_wait & (pl.col("wait_code") == "blocked") & pl.col("earliest_lawful_at").is_not_null()
    ).then(pl.format("From {} on, steps are weighed again.", day_text(pl.col("window_day"))))
    settled = pl.when(
        is_wait & (pl.col("wait_code") == "blocked") & pl.col("earliest_lawful_at").is_null()
    ).then(pl.lit("Once what closes the gate is settled in the ledger, steps are weighed again."))
    early = pl.when(is_wait & (pl.col("wait_code") == "early_days")).then(
        pl.format("Still open on {}: a reminder is weighed.", day_text(pl.col("first_step_day")))
    )
    return pl.concat_list(below, next_best, paid, matched, above, lifted, settled, early).list.drop_nulls()
