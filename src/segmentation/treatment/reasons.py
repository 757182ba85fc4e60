"""Why a step is recommended, in codes and in two or three plain sentences.

Belongs here: the wording of recommendations, as whole-column expressions. Does not belong here: the
choice itself (recommendation), the wording of gates (account_gates, contact_gates).
"""

import polars as pl

from segmentation.domain.vocabulary import Action, Cause, Channel, Segment
from segmentation.treatment.scenario import Scenario
from segmentation.treatment.value import to_money
from segmentation.treatment.wording import amount_text, channel_word, count_word, day_text, weekday_text

LIKELY_UNPROMPTED_PROB = 0.6
_MIN_OWN_CONTACTS = 2
_MIN_USUAL = 3
_POSTAL = (Channel.LETTER.value, Channel.REGISTERED_LETTER.value)

_STEP_WORDS: dict[str, str] = {
    Action.PRE_DUE_NOTICE: "A {tone} notice before the due date by {channel}",
    Action.REMINDER: "A {tone} reminder by {channel}",
    Action.CALL: "A {tone} call by a person",
    Action.PAYMENT_PLAN_OFFER: "An offer of a payment plan by {channel}, in a {tone} tone,",
    Action.DISPUTE_FOLLOW_UP: "A follow-up of the dispute within your own organisation, by {department} and without contacting the customer,",
    Action.SELF_SERVICE_LINK: "A {tone} message by {channel} with a link to pay or to change the account",
    Action.THANK_YOU: "A {tone} word of thanks by {channel}",
    Action.MATCH_CREDIT: "Matching it by a person, within your own organisation,",
    Action.FORMAL_NOTICE: "A formal notice by {channel}, once a named person has approved it,",
    Action.LEGAL_REVIEW: "A review of legal steps by a named person, without contacting the customer,",
}


def _days(count: pl.Expr) -> pl.Expr:
    unit = pl.when(count == 1).then(pl.lit("day")).otherwise(pl.lit("days"))
    return pl.format("{} {}", count, unit)


def _situation() -> pl.Expr:
    """What is open and how late: the first sentence."""
    count, late = pl.col("overdue_count"), _days(pl.col("oldest_days_late"))
    overdue, total = pl.col("overdue_words"), pl.col("open_words")
    several = pl.format(
        "{} invoices are past due, the oldest by {}, {} in all.", count_word(count), late, overdue
    )
    one = pl.format("One invoice is {} past due, {}.", late, overdue)
    none = pl.format(
        "Nothing is past due; {} is open and the next due date is {}.",
        total,
        day_text(pl.col("next_due_date")),
    )
    situation = pl.when(count > 1).then(several).when(count == 1).then(one).otherwise(none)
    others = pl.col("other_words")
    verb = pl.when(others.list.len() > 1).then(pl.lit("are")).otherwise(pl.lit("is"))
    as_well = pl.format(" {} {} open as well.", others.list.join(" and "), verb)
    return pl.concat_str([situation, pl.when(others.list.len() > 0).then(as_well).otherwise(pl.lit(""))])


def _own_leads() -> pl.Expr:
    """Whether the customer's own answers weigh more than those of either group of others."""
    own = pl.col("evidence_own_share")
    return ((own > pl.col("evidence_segment_share")) & (own > pl.col("evidence_global_share"))).fill_null(
        False
    )


def _evidence(response_days: int) -> pl.Expr:
    """What the advice rests on: the second sentence of a step."""
    days, paid = pl.col("own_median_days").round(0).cast(pl.Int64), pl.col("own_paid_count")

    def soon(word: str) -> pl.Expr:
        same_day = pl.lit("on the same day")
        return pl.when(days == 0).then(same_day).otherwise(pl.format("{} {}", pl.lit(word), _days(days)))

    how_soon = (
        pl.when(paid >= _MIN_USUAL)
        .then(pl.format(", usually {}", soon("within")))
        .when(paid == 1)
        .then(pl.format(": once, {}", soon("after")))
        .when((paid > 1) & (days > 0))
        .then(pl.format(", on average {}", soon("after")))
        .otherwise(pl.lit(""))
    )
    contacts = pl.when(pl.col("action") == Action.CALL).then(pl.lit("calls")).otherwise(pl.lit("reminders"))
    answered = pl.format(
        "After {} of {} earlier {} this customer paid within {} days{}.",
        paid,
        pl.col("own_count"),
        contacts,
        pl.lit(response_days),
        how_soon.fill_null(""),
    )
    others = (
        pl.when(pl.col("evidence_segment_share") > pl.col("evidence_global_share"))
        .then(pl.lit("customers who pay in the same way"))
        .otherwise(pl.lit("all customers"))
    )
    rests_on = (
        pl.when(_own_leads())
        .then(pl.lit("the expected gain takes this into account"))
        .otherwise(pl.format("the expected gain rests mostly on {}", others))
    )
    brought = (
        pl.when(pl.col("own_part_count") > 0)
        .then(pl.lit("only part of what was overdue"))
        .otherwise(pl.lit("no payment"))
    )
    unanswered = pl.format(
        "{} earlier {} to this customer brought {} within {} days; {}.",
        count_word(pl.col("own_count")),
        contacts,
        brought,
        pl.lit(response_days),
        rests_on,
    )
    own = pl.when(paid > 0).then(answered).otherwise(unanswered)
    some = pl.format("What is known of this customer's answers is little, so it rests mostly on {}.", others)
    default = pl.lit("No contact history speaks for this step yet, so the documented default scenario does.")
    has_own = pl.col("own_count") >= _MIN_OWN_CONTACTS
    return pl.when(pl.col("is_default")).then(default).when(has_own).then(own).otherwise(some)


def _step() -> pl.Expr:
    """The step and its moment: the last sentence of a step."""
    words = pl.col("action").replace_strict(_STEP_WORDS, default="", return_dtype=pl.String)
    for name, value in (
        ("tone", pl.col("tone")),
        ("channel", channel_word(pl.col("channel"))),
        ("department", pl.col("department")),
    ):
        words = words.str.replace(f"{{{name}}}", value.fill_null(""), literal=True)
    harsh = pl.col("action").is_in([Action.FORMAL_NOTICE, Action.LEGAL_REVIEW])
    ending = (
        pl.when(harsh)
        .then(pl.lit("is the next step, as earlier ones brought no payment"))
        .when(pl.col("action") == Action.DISPUTE_FOLLOW_UP)
        .then(pl.lit("comes before any reminder"))
        .when(pl.col("action") == Action.MATCH_CREDIT)
        .then(pl.format("comes first: until then, {} past due gets no reminder", "overdue_words"))
        .when(pl.col("action") == Action.THANK_YOU)
        .then(pl.lit("follows the payment that came after a reminder"))
        .otherwise(pl.format("is expected to bring {} more than waiting, after its cost", "value_words"))
    )
    # Nobody but the sender sees the hour of a letter or of work within the own organisation.
    has_hours = (pl.col("channel").is_not_null() & ~pl.col("channel").is_in(_POSTAL)).fill_null(False)
    hours = pl.when(has_hours).then(pl.format(" ({} in their time)", "window_hours")).otherwise(pl.lit(""))
    return pl.format("{} on {}{} {}.", words, weekday_text(pl.col("window_day")), hours, ending)


def _waiting(response_days: int) -> pl.Expr:
    """Why to wait: the remaining sentences of a wait."""
    look_again = (
        pl.when(pl.col("earliest_lawful_at").is_not_null())
        .then(
            pl.format(
                " The earliest lawful moment is {} ({} in their time).",
                weekday_text(pl.col("window_day")),
                "window_hours",
            )
        )
        .otherwise(pl.lit(""))
    )
    more = (
        pl.when(pl.col("blocked_by").list.len() > 1)
        .then(pl.format(" {} more gate(s) are closed.", pl.col("blocked_by").list.len() - 1))
        .otherwise(pl.lit(""))
    )
    blocked = pl.format("Wait. {}{}{}", "block_detail", more, look_again)
    paid_share = (pl.col("act_paid_prob") * 100).round(0).cast(pl.Int64, strict=False)
    unprompted = pl.format(
        "Wait: it is likely ({} %) to be paid within {} days without a step, and contact costs goodwill.",
        paid_share,
        pl.lit(response_days),
    )
    texts = {
        "held_out": pl.lit(
            "Wait: the customer was drawn by lot to be left alone this time, so that what contact brings can be measured."
        ),
        "not_due": pl.format(
            "Wait: no step is needed before the due date.{}",
            pl.when(pl.col("blocked_by").list.len() > 0)
            .then(pl.format(" {}", pl.col("block_detail").fill_null("")))
            .otherwise(pl.lit("")),
        ),
        "early_days": pl.lit(
            "Wait: it is only just past due, and the scenario gives the payment some days to arrive."
        ),
        "steps_exhausted": pl.lit(
            "Wait: the scenario has no further step at this stage, so a person should look at the account."
        ),
        "calls_used_up": pl.lit(
            "Wait: a call would be worth it, but all calls of the day go to customers where more is at stake."
        ),
        "likely_to_pay_unprompted": unprompted,
        "not_worth_its_cost": pl.lit(
            "Wait: with this amount and delay, a step cannot be said to bring more than it costs."
        ),
    }
    expression = blocked
    for code, text in texts.items():
        expression = pl.when(pl.col("wait_code") == code).then(text).otherwise(expression)
    return expression


def _asides() -> pl.Expr:
    """What else the reader must know, each with a leading space."""
    is_step = pl.col("action") != Action.WAIT
    left_out = (
        pl.when(
            is_step
            & ~pl.col("action").is_in([Action.DISPUTE_FOLLOW_UP, Action.MATCH_CREDIT])
            & (pl.col("left_out_amount") > 0)
        )
        .then(
            pl.format(
                " Of the overdue amount, {} is left out because a gate is closed for those invoices.",
                "left_out_words",
            )
        )
        .otherwise(pl.lit(""))
    )
    at_other_levels = (
        pl.when(is_step & (pl.col("other_amount") > 0))
        .then(
            pl.format(
                " Another {} is past due, on invoices that were reminded of more or less often: they get steps of their own.",
                "other_level_words",
            )
        )
        .otherwise(pl.lit(""))
    )
    unverified = (
        pl.when(is_step & pl.col("is_unverified"))
        .then(pl.lit(" No addresses are on record, so check the channel first."))
        .otherwise(pl.lit(""))
    )
    unplanned = (
        pl.when((pl.col("action") == Action.PAYMENT_PLAN_OFFER) & pl.col("plan_schedule").is_null())
        .then(pl.lit(" Payments so far carry no schedule, so ask what the customer can pay."))
        .otherwise(pl.lit(""))
    )
    return pl.concat_str([left_out, at_other_levels, unplanned, unverified])


def _codes() -> pl.Expr:
    """Reason codes, strongest first; the null ones fall away."""
    is_wait = pl.col("action") == Action.WAIT

    def code(condition: pl.Expr, word: str) -> pl.Expr:
        return pl.when(condition).then(pl.lit(word)).otherwise(pl.lit(None, dtype=pl.String))

    is_step = ~is_wait
    known_segment = ~pl.col("segment").is_in([Segment.INSUFFICIENT_HISTORY, Segment.UNDECIDED])
    # One text that is cut into its words costs a quarter of a list whose gaps are taken out.
    codes = pl.concat_str(
        pl.when(is_wait).then("wait_code").otherwise(pl.lit(None, dtype=pl.String)),
        code((pl.col("wait_code") == "not_due") & (pl.col("blocked_by").list.len() > 0), "blocked"),
        code(is_step & (pl.col("overdue_count") > 0), "overdue"),
        code(is_step & (pl.col("action") == Action.PRE_DUE_NOTICE), "likely_late"),
        code(
            (pl.col("action") == Action.SELF_SERVICE_LINK) & ~pl.col("unusual_debit"), "failed_direct_debit"
        ),
        code((pl.col("action") == Action.SELF_SERVICE_LINK) & pl.col("unusual_debit"), "unusual_debit"),
        code(pl.col("action") == Action.MATCH_CREDIT, "credit_to_match"),
        code(is_step & (pl.col("reached_level") > 0), "earlier_reminders_unanswered"),
        code(pl.col("is_default"), "default_scenario"),
        code(~pl.col("is_default") & (pl.col("own_count") > 0) & _own_leads(), "own_response_history"),
        code(is_step & pl.col("is_preferred"), "preferred_channel"),
        code(is_step & ~pl.col("is_preferred") & pl.col("lift").is_not_null(), "best_answered_channel"),
        code(is_step & pl.col("slot").is_not_null(), "best_answered_slot"),
        code(pl.col("is_exploration"), "exploration"),
        code(is_step & pl.col("is_unverified"), "channel_not_verified"),
        code(is_step & pl.col("is_over_capacity"), "calls_used_up"),
        code(is_step & (pl.col("overdue_amount") > pl.col("act_amount")), "invoices_left_out"),
        code(~pl.col("is_scored"), "risk_not_scored"),
        pl.when(known_segment)
        .then(pl.format("segment_{}", "segment"))
        .otherwise(pl.lit(None, dtype=pl.String)),
        pl.when(pl.col("cause") != Cause.UNCLEAR)
        .then(pl.format("cause_{}_hypothesis", "cause"))
        .otherwise(pl.lit(None, dtype=pl.String)),
        code(pl.col("other_currencies").list.len() > 0, "other_currencies_open"),
        separator=",",
        ignore_nulls=True,
    )
    return pl.when(codes == "").then(pl.lit([], dtype=pl.List(pl.String))).otherwise(codes.str.split(","))


def write_reasons(frame: pl.DataFrame, scenario: Scenario) -> pl.DataFrame:
    """Return the chosen steps with ``reason_codes`` and ``reason_text``.

    Parameters
    ----------
    frame : one row per customer with the chosen action and everything the choice rested on.
    scenario : response days.

    Returns
    -------
    The frame with both columns; the text has two or three sentences, and never states a cause as a fact.
    """
    evidence = (
        pl.when(pl.col("action") == Action.MATCH_CREDIT)
        .then("block_detail")
        .when(pl.col("action") == Action.THANK_YOU)
        .then(pl.lit("What had been overdue is paid."))
        .otherwise(_evidence(scenario.response_days))
    )
    step = pl.format("{} {} {}{}", _situation(), evidence, _step(), _asides())
    wait = pl.format("{} {}", _situation(), _waiting(scenario.response_days))
    rows = (
        frame.lazy()
        .with_row_index("row")
        .with_columns(
            amount_text("overdue_amount", "currency").alias("overdue_words"),
            amount_text("open_amount", "currency").alias("open_words"),
        )
    )
    # Whoever waits needs no words about a step, and the other way round.
    is_wait = pl.col("action") == Action.WAIT
    waits = rows.filter(is_wait)
    steps = (
        rows.filter(~is_wait)
        .with_columns(
            (pl.col("overdue_amount") - pl.col("act_amount") - pl.col("other_amount")).alias(
                "left_out_amount"
            ),
            to_money("value").alias("value_amount"),
        )
        .with_columns(
            amount_text("value_amount", "currency").alias("value_words"),
            amount_text("left_out_amount", "currency").alias("left_out_words"),
            amount_text("other_amount", "currency").alias("other_level_words"),
        )
    )
    texts = pl.concat(
        [
            waits.select("row", wait.alias("reason_text")),
            steps.select("row", step.alias("reason_text")),
        ]
    )
    return frame.with_columns(_codes().alias("reason_codes"), texts.sort("row").collect()["reason_text"])
