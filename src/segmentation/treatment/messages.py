"""The message that goes with each recommended step, filled in for the customer.

Belongs here: choosing the text, naming the person, amounts, invoices, days and costs, as whole-column
expressions; what the settings must still say. Does not belong here: the texts (messages/*.yaml), sending.
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Action, Channel
from segmentation.treatment.costs import cost_ceiling
from segmentation.treatment.jurisdiction import PeriodStart, ReminderContent, load_pack, pack_names
from segmentation.treatment.message_templates import (
    LANGUAGES,
    TEMPLATE_KEY,
    Variant,
    compose_templates,
    list_phrases,
    list_terms,
    load_language,
    write_answers,
)
from segmentation.treatment.waiting_period import POST
from segmentation.treatment.wording import amount_text

MESSAGE_COLUMNS = (
    "message_language",
    "message_subject",
    "message_text",
    "message_reading_ease",
    "message_missing",
)
_LINES_SHOWN = 8
_SHORT_CHANNELS = (Channel.SMS.value, Channel.WHATSAPP.value)
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
    steps : one row per customer: action, channel, tone, cause, jurisdiction, past_level,
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
        *("act_amount", "coming_amount", "coming_due_date"),
    )
    described = _describe(spoken, ledger, plans, settings)
    listed = described.join(
        _list_invoices(described, instalments, ledger), on="customer_id", how="left", maintain_order="left"
    )
    chosen = (
        listed.join(compose_templates(settings.sender), on=TEMPLATE_KEY, how="left", maintain_order="left")
        .join(list_phrases(), on=["message_language", "cause"], how="left", maintain_order="left")
        .join(write_answers(settings.sender), on=["message_language", "is_post"], how="left")
        .join(
            list_terms(_count_days(settings)), on=["message_language", "jurisdiction", "is_post"], how="left"
        )
        .join(_write_plans(described, plans), on="customer_id", how="left")
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


def _list_invoices(described: pl.DataFrame, instalments: pl.DataFrame, ledger: Frames) -> pl.DataFrame:
    """Return per customer the lines of the invoices that a message is about, and what to quote."""
    references = ledger["core_invoice"].select("invoice_id", "remittance_reference")
    own = described.select("customer_id", "currency", "is_coming_step", "message_language")
    invoices = (
        instalments.filter(pl.col("is_actionable") | pl.col("is_coming"))
        .join(own, on=["customer_id", "currency"], how="inner")
        .filter(pl.col("is_coming") == pl.col("is_coming_step"))
        .group_by("customer_id", "currency", "message_language", "invoice_id")
        .agg(pl.col("open_amount").sum(), pl.col("due_date").min())
        .join(references, on="invoice_id", how="left")
        .sort("customer_id", "due_date", "invoice_id")
        .with_columns(pl.int_range(pl.len()).over("customer_id").alias("place"))
    )
    line = invoices.with_columns(
        _phrase("invoice").alias("line"),
        amount_text("open_amount", "currency").alias("open_words"),
        _write_day("due_date").alias("due_words"),
    ).with_columns(
        pl.col("line")
        .str.replace("{due}", pl.col("due_words"), literal=True)
        .str.replace("{open}", _localise("open_words"), literal=True)
        .str.replace("{invoice}", pl.col("invoice_id"), literal=True)
    )
    is_shown = pl.col("place") < _LINES_SHOWN
    return (
        line.group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("line").filter(is_shown).str.join("\n"),
            (~is_shown).sum().alias("rest_count"),
            pl.col("open_amount").filter(~is_shown).sum().alias("rest_amount"),
            pl.col("currency", "message_language").first(),
            pl.when(pl.len() == 1)
            .then(pl.coalesce("remittance_reference", "invoice_id").first())
            .alias("reference"),
            pl.when(pl.len() == 1).then(pl.col("invoice_id").first()).alias("invoice"),
        )
        .with_columns(amount_text("rest_amount", "currency").alias("rest_words"))
        .select(
            "customer_id",
            "reference",
            "invoice",
            pl.when(pl.col("rest_count") > 0)
            .then(
                pl.concat_str(
                    "line",
                    pl.lit("\n"),
                    _phrase("more")
                    .str.replace("{count}", pl.col("rest_count").cast(pl.String), literal=True)
                    .str.replace("{open}", _localise("rest_words"), literal=True),
                )
            )
            .otherwise("line")
            .alias("invoices"),
        )
    )


def _write_plans(described: pl.DataFrame, plans: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of every proposed plan, by customer."""
    own = described.select("customer_id", "message_language", "currency")
    return (
        plans.join(own, on="customer_id", how="inner")
        .sort("customer_id", "number")
        .with_columns(
            amount_text("part_amount", "currency").alias("part_words"), _write_day("day").alias("day_words")
        )
        .select(
            "customer_id",
            _phrase("instalment")
            .str.replace("{day}", pl.col("day_words"), literal=True)
            .str.replace("{part}", _localise("part_words"), literal=True)
            .alias("plan"),
        )
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col("plan").str.join("\n"))
    )


def _fill(chosen: pl.DataFrame, settings: TreatmentSettings) -> pl.DataFrame:
    sender = settings.sender
    needs_number = _needs(ReminderContent.COMPANY_NUMBER)
    needs_delivery = _needs(ReminderContent.DELIVERY)
    is_short = pl.col("channel").is_in(_SHORT_CHANNELS)
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
    named = _phrase_by("greeting", ["message_language", "tone"]).str.replace(
        "{name}", pl.col("name"), literal=True
    )
    frame = chosen.with_columns(
        amount_text("asked_amount", "currency").alias("amount_words"), cost.alias("cost_amount")
    ).with_columns(
        amount_text("cost_amount", "currency").alias("cost_words"),
        contents.alias("contents"),
        pl.when(pl.col("name").is_null()).then("greeting_unnamed").otherwise(named).alias("greeting"),
        _write_day("coming_due_date").alias("due_words"),
    )
    costs = (
        pl.when(pl.col("cost_amount") > 0)
        .then(pl.col("costs_ceiling").str.replace("{cost}", _localise("cost_words"), literal=True))
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
        "amount": _localise("amount_words"),
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
        .str.replace("{amount}", _localise("amount_words"), literal=True)
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


def _phrase(name: str) -> pl.Expr:
    words = {language: getattr(load_language(language), name) for language in LANGUAGES}
    return pl.col("message_language").replace_strict(words, return_dtype=pl.String)


def _phrase_by(name: str, key: list[str]) -> pl.Expr:
    """Return a phrase that differs by language and a second word."""
    words = {
        f"{language}/{word.value}": phrase
        for language in LANGUAGES
        for word, phrase in getattr(load_language(language), name).items()
    }
    return pl.concat_str(key, separator="/").replace_strict(words, default=None, return_dtype=pl.String)


def _localise(words: str) -> pl.Expr:
    """Return an amount in words with the marks of the message's language: EUR 1.250,00."""
    expression = pl.col(words)
    for language in LANGUAGES:
        marks = load_language(language).marks
        own = pl.col(words).str.replace_many([",", "."], [marks.thousands, marks.decimal])
        expression = pl.when(pl.col("message_language") == language).then(own).otherwise(expression)
    return expression


def _write_day(day: str) -> pl.Expr:
    """Return a day as people write it in the message's language: 3 maart 2026."""
    months = {
        f"{language}/{number}": month
        for language in LANGUAGES
        for number, month in enumerate(load_language(language).months, start=1)
    }
    month = pl.concat_str("message_language", pl.col(day).dt.month().cast(pl.String), separator="/")
    point = pl.when(pl.col("message_language") == "de").then(pl.lit(".")).otherwise(pl.lit(""))
    return pl.format(
        "{}{} {} {}",
        pl.col(day).dt.day(),
        point,
        month.replace_strict(months, default=None, return_dtype=pl.String),
        pl.col(day).dt.year(),
    )
