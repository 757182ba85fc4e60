"""The message that goes with each recommended step, filled in for the customer.

Belongs here: choosing the text, naming the person, amounts, invoices, days and costs, as whole-column
expressions; what the settings must still say. Does not belong here: the texts (messages/*.yaml), sending.
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Action
from segmentation.treatment.costs import cost_ceiling
from segmentation.treatment.jurisdiction import PeriodStart, ReminderContent, load_pack, pack_names
from segmentation.treatment.message_lines import list_invoices, write_plans
from segmentation.treatment.message_templates import (
    LANGUAGES,
    TEMPLATE_KEY,
    Variant,
    compose_templates,
    list_phrases,
    list_terms,
    write_answers,
)
from segmentation.treatment.message_words import localise, phrase_by, write_day
from segmentation.treatment.reminder_levels import SHORT_CHANNELS
from segmentation.treatment.waiting_period import POST
from segmentation.treatment.wording import amount_text

MESSAGE_COLUMNS = (
    "message_language",
    "message_subject",
    "message_text",
    "message_reading_ease",
    "message_missing",
    "asked_invoices",
)
_SHORTEST_TERM_DAYS = 7
"""Nobody can pay by return: a message never asks for less, whatever the law allows."""
_NEEDS_ACCOUNT = (Action.PRE_DUE_NOTICE, Action.REMINDER, Action.PAYMENT_PLAN_OFFER, Action.FORMAL_NOTICE)


def write_messages(
    steps: pl.DataFrame,
    instalments: pl.DataFrame,
    plans: pl.DataFrame,
    ledger: Frames,
    settings: TreatmentSettings,
) -> pl.DataFrame:
    """Return the steps with the message in the customer's language, how easily it reads, what it lacks.

    Parameters
    ----------
    steps : one row per customer: action, channel, tone, cause, jurisdiction, past_level, round_level,
        currency, act_amount (what is overdue), coming_amount and coming_due_date.
    instalments : of ``exposure.list_instalments``: what stands open, in and outside the gates.
    plans : of ``payment_plan.propose_plans``: customer_id, number, day, part_amount.
    ledger : core_customer (name, language) and core_invoice (reference to quote).
    settings : the sender, and the waiting period.

    Returns
    -------
    The steps with ``MESSAGE_COLUMNS``; all null (``message_missing`` empty) for steps without a channel.
    The days in which to pay are told as a number and the event from which they count, so the text stays
    true when a person moves the step to another day. A customer whose language is not written here gets
    that of ``sender.language``. For a call the text is a guide for the caller.

    Notes
    -----
    ``message_missing`` names what settings leave empty and the message needs: such a message stands in
    brackets there and must not be sent. Costs are named only where settings say that the terms allow
    them, the amounts are in the pack's currency and the pack has a ceiling.
    """
    spoken = steps.filter(pl.col("channel").is_not_null()).select(
        *("customer_id", "action", "channel", "tone", "cause", "jurisdiction", "past_level", "currency"),
        *("round_level", "act_amount", "coming_amount", "coming_due_date"),
    )
    described = _describe(spoken, ledger, plans, settings)
    listed = described.join(
        list_invoices(described, instalments, ledger), on="customer_id", how="left", maintain_order="left"
    )
    chosen = (
        listed.join(compose_templates(settings.sender), on=TEMPLATE_KEY, how="left", maintain_order="left")
        .join(list_phrases(), on=["message_language", "cause"], how="left", maintain_order="left")
        .join(write_answers(settings.sender), on=["message_language", "is_post"], how="left")
        .join(
            list_terms(_count_days(settings)), on=["message_language", "jurisdiction", "is_post"], how="left"
        )
        .join(write_plans(described, plans), on="customer_id", how="left")
    )
    written = _fill(chosen, settings).select("customer_id", *MESSAGE_COLUMNS)
    return steps.join(written, on="customer_id", how="left", maintain_order="left").with_columns(
        pl.col("message_missing").fill_null([])
    )


def _describe(
    steps: pl.DataFrame, ledger: Frames, plans: pl.DataFrame, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return the steps with language, variant, amount and name."""
    who = ledger["core_customer"].select(
        "customer_id", "name", pl.col("language").str.to_lowercase().str.slice(0, 2).alias("own")
    )
    planned = plans.select("customer_id").unique().with_columns(pl.lit(value=True).alias("has_plan"))
    action, is_failed = pl.col("action"), pl.col("act_amount") > 0
    is_link = action == Action.SELF_SERVICE_LINK
    is_coming = (action == Action.PRE_DUE_NOTICE) | (is_link & ~is_failed)
    variant = (
        pl.when((action == Action.REMINDER) & (pl.col("past_level") == 0))
        .then(pl.lit(Variant.FIRST.value))
        .when(action == Action.REMINDER)
        .then(pl.lit(Variant.LATER.value))
        .when(is_link & is_failed)
        .then(pl.lit(Variant.FAILED.value))
        .when(is_link)
        .then(pl.lit(Variant.COMING.value))
        .when((action == Action.PAYMENT_PLAN_OFFER) & pl.col("has_plan").fill_null(value=False))
        .then(pl.lit(Variant.SCHEDULED.value))
        .when(action == Action.PAYMENT_PLAN_OFFER)
        .then(pl.lit(Variant.OPEN.value))
        .otherwise(pl.lit(Variant.ONLY.value))
    )
    return (
        steps.join(who, on="customer_id", how="left", maintain_order="left")
        .join(planned, on="customer_id", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("own").is_in(LANGUAGES))
            .then("own")
            .otherwise(pl.lit(settings.sender.language))
            .alias("message_language"),
            variant.alias("message_variant"),
            pl.col("channel").is_in(POST).alias("is_post"),
            is_coming.alias("is_coming_step"),
            pl.when(is_coming).then("coming_amount").otherwise("act_amount").alias("asked_amount"),
        )
    )


def _fill(chosen: pl.DataFrame, settings: TreatmentSettings) -> pl.DataFrame:
    sender = settings.sender
    needs_number = _needs(ReminderContent.COMPANY_NUMBER)
    needs_delivery = _needs(ReminderContent.DELIVERY)
    is_short = pl.col("channel").is_in(SHORT_CHANNELS)
    cost = _count_costs() if sender.charges_costs else pl.lit(None, dtype=pl.Decimal(18, 3))
    delivery = pl.col("message_language").replace_strict(
        sender.delivery, default=None, return_dtype=pl.String
    )
    number = pl.lit(sender.company_number or None, dtype=pl.String)
    first = (pl.col("action") == Action.REMINDER) & (pl.col("past_level") == 0)
    contents = pl.concat_str(
        pl.when(first & needs_delivery).then(
            pl.col("contents_delivery").str.replace(
                "{delivery}", pl.coalesce(delivery, "blank_delivery"), literal=True
            )
        ),
        pl.when(first & needs_number).then(
            pl.col("contents_number").str.replace(
                "{number}", pl.coalesce(number, "blank_number"), literal=True
            )
        ),
        separator=" ",
        ignore_nulls=True,
    )
    named = phrase_by("greeting", ["message_language", "tone"]).str.replace(
        "{name}", pl.col("name"), literal=True
    )
    frame = chosen.with_columns(
        amount_text("asked_amount", "currency").alias("amount_words"), cost.alias("cost_amount")
    ).with_columns(
        amount_text("cost_amount", "currency").alias("cost_words"),
        contents.alias("contents"),
        pl.when(pl.col("name").is_null()).then("greeting_unnamed").otherwise(named).alias("greeting"),
        write_day("coming_due_date").alias("due_words"),
    )
    costs = (
        pl.when(pl.col("cost_amount") > 0)
        .then(pl.col("costs_ceiling").str.replace("{cost}", localise("cost_words"), literal=True))
        .otherwise(pl.col("costs_none"))
    )
    values = {
        "invoices": pl.col("invoices"),
        "costs": costs,
        "term": pl.col("term"),
        "help": pl.col("help"),
        "contents": pl.col("contents"),
        "plan": pl.col("plan"),
        "answer": pl.col("answer"),
        "amount": localise("amount_words"),
        "due": pl.col("due_words"),
        "reference": pl.coalesce("reference", "customer_id"),
        "invoice": pl.coalesce("invoice", "customer_id"),
        "greeting": pl.col("greeting"),
        "name": pl.col("name").fill_null("…"),
    }
    text = pl.when(is_short).then("short_text").otherwise("long_text")
    for slot, value in values.items():
        text = text.str.replace_all(f"{{{slot}}}", value.fill_null(""), literal=True)
    is_link = pl.col("action") == Action.SELF_SERVICE_LINK
    lacks = {
        "sender_name": pl.lit(not sender.name),
        "account_number": pl.col("action").is_in(_NEEDS_ACCOUNT) & ~is_short & pl.lit(not sender.iban),
        "payment_link": is_link & pl.lit(not sender.payment_link),
        "way_to_answer": pl.col("is_post") & pl.lit(not (sender.phone or sender.email)),
        "company_number": first & needs_number & number.is_null(),
        "delivery": first & needs_delivery & delivery.is_null(),
    }
    return frame.with_columns(
        text.str.replace_all(r"\n{3,}", "\n\n").str.strip_chars().alias("message_text"),
        pl.col("subject")
        .str.replace("{amount}", localise("amount_words"), literal=True)
        .alias("message_subject"),
        pl.when(is_short).then("short_ease").otherwise("long_ease").alias("message_reading_ease"),
        pl.concat_list(pl.when(is_missing).then(pl.lit(name)) for name, is_missing in lacks.items())
        .list.drop_nulls()
        .alias("message_missing"),
    )


def _needs(content: ReminderContent) -> pl.Expr:
    packs = [name for name in pack_names() if content in load_pack(name).first_reminder_contents]
    return pl.col("jurisdiction").is_in(packs)


def _count_costs() -> pl.Expr:
    """Return the ceiling on costs of what is asked, null where the pack's currency is another."""
    ceiling = pl.lit(None, dtype=pl.Decimal(18, 3))
    for name in pack_names():
        pack = load_pack(name)
        holds = (pl.col("jurisdiction") == name) & (pl.col("currency") == pack.costs.currency)
        ceiling = pl.when(holds).then(cost_ceiling(pack, pl.col("asked_amount"))).otherwise(ceiling)
    return ceiling


def _count_days(settings: TreatmentSettings) -> dict[str, tuple[int, PeriodStart, PeriodStart]]:
    waiting = {name: load_pack(name).waiting for name in pack_names()}
    return {
        name: (max(rule.days, settings.waiting_period_days, _SHORTEST_TERM_DAYS), rule.electronic, rule.post)
        for name, rule in waiting.items()
    }
