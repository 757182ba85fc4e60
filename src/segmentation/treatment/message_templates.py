"""The texts that customers may get, in their own language, read from files that anybody can review.

Belongs here: the form of ``messages/*.yaml`` and how their pieces make one text per step, variant and
tone. Does not belong here: the texts themselves, filling in a customer's own figures (messages).
"""

from enum import StrEnum
from functools import cache
from importlib import resources

import polars as pl
import yaml
from pydantic import BaseModel, ConfigDict

from segmentation.domain.settings import SenderSettings
from segmentation.domain.vocabulary import Action, Cause, Tone
from segmentation.treatment.jurisdiction import PeriodStart
from segmentation.treatment.readability import measure_reading_ease

LANGUAGES = ("nl", "fr", "en", "de")
TEMPLATE_KEY = ["message_language", "action", "message_variant", "tone"]
_ASKS_FOR_HELP = (Action.REMINDER, Action.SELF_SERVICE_LINK, Action.FORMAL_NOTICE, Action.CALL)
_MAY_CROSS = (Action.REMINDER, Action.FORMAL_NOTICE)
_LONG = "{greeting}\n\n{opening}\n\n{invoices}\n\n{ask}\n\n{change}\n\n{contents}\n\n{help}\n\n{crossed}\n\n{answer}\n\n{closing}"
_CALL = "{opening}\n\n{invoices}\n\n{ask}\n\n{help}\n\n{change}"


class Variant(StrEnum):
    """Which of several texts of one step a message takes."""

    ONLY = "only"
    FIRST = "first"
    LATER = "later"
    FAILED = "failed"
    COMING = "coming"
    SCHEDULED = "scheduled"
    OPEN = "open"


class _Texts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Marks(_Texts):
    """How amounts are written."""

    decimal: str
    thousands: str


class StepText(_Texts):
    """One step in one variant; ``opening`` is by tone, ``any`` for every other tone."""

    subject: str
    opening: dict[Tone | str, str]
    ask: str
    change: str
    short: str | None = None


class Costs(_Texts):
    """What is said of costs."""

    none: str
    ceiling: str


class Reach(_Texts):
    """How an answer may come back, each with a leading word."""

    phone: str
    email: str


class Answer(_Texts):
    """How to answer, when the message can be answered itself and when it cannot."""

    written: str
    post: str


class Blanks(_Texts):
    """What stands for something that settings do not say."""

    sender: str
    iban: str
    link: str
    number: str
    delivery: str


class Language(_Texts):
    """All texts in one language."""

    language: str
    marks: Marks
    months: tuple[str, ...]
    greeting_unnamed: str
    greeting: dict[Tone, str]
    closing: dict[Tone, str]
    number: str
    delivery: str
    invoice: str
    more: str
    instalment: str
    term: dict[PeriodStart, str]
    pay: str
    costs: Costs
    answer: Answer
    reach: Reach
    crossed: str
    help: dict[Cause, str]
    steps: dict[Action, dict[Variant, StepText]]
    blank: Blanks


@cache
def load_language(language: str) -> Language:
    """Return the texts in one of ``LANGUAGES``."""
    path = resources.files("segmentation.treatment").joinpath("messages", f"{language}.yaml")
    return Language.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def compose_templates(sender: SenderSettings) -> pl.DataFrame:
    """Return every text with the sender filled in and the customer's own figures still in braces.

    Parameters
    ----------
    sender : who writes; what is empty becomes a blank in brackets.

    Returns
    -------
    One row per language, action, variant and tone: ``subject``, ``long_text``, ``short_text`` (for text
    messages; the long one where there is none) and ``message_reading_ease`` of each with typical figures
    (``long_ease``, ``short_ease``).
    """
    return _compose_for(sender.model_dump_json())


@cache
def _compose_for(sender_json: str) -> pl.DataFrame:
    sender = SenderSettings.model_validate_json(sender_json)
    rows = []
    for language in LANGUAGES:
        texts = load_language(language)
        for action, variants in texts.steps.items():
            for variant, step in variants.items():
                for tone in Tone:
                    long_text = _compose(texts, action, step, tone, sender)
                    short_text = _fill_sender(step.short, texts, sender) if step.short else long_text
                    rows.append(
                        {
                            "message_language": language,
                            "action": action.value,
                            "message_variant": variant.value,
                            "tone": tone.value,
                            "subject": step.subject,
                            "long_text": long_text,
                            "short_text": short_text,
                            "long_ease": measure_reading_ease(_exemplify(long_text, texts, sender), language),
                            "short_ease": measure_reading_ease(
                                _exemplify(short_text, texts, sender), language
                            ),
                        }
                    )
    return pl.DataFrame(rows)


def list_terms(days_by_pack: dict[str, tuple[int, PeriodStart, PeriodStart]]) -> pl.DataFrame:
    """Return the words for the days in which to pay, by language, pack and whether it goes by post.

    Parameters
    ----------
    days_by_pack : pack → days, event that starts them for electronic messages, and for post.
    """
    rows = [
        (language, pack, is_post, load_language(language).term[post if is_post else electronic], str(days))
        for language in LANGUAGES
        for pack, (days, electronic, post) in days_by_pack.items()
        for is_post in (False, True)
    ]
    return pl.DataFrame(
        [(*row[:3], row[3].replace("{days}", row[4])) for row in rows],
        orient="row",
        schema={
            "message_language": pl.String,
            "jurisdiction": pl.String,
            "is_post": pl.Boolean,
            "term": pl.String,
        },
    )


def list_phrases() -> pl.DataFrame:
    """Return the phrases that fill the slots of a text, one row per language and cause."""
    return pl.DataFrame(
        [
            {
                "message_language": texts.language,
                "cause": cause.value,
                "help": texts.help[cause],
                "costs_none": texts.costs.none,
                "costs_ceiling": texts.costs.ceiling,
                "greeting_unnamed": texts.greeting_unnamed,
                "contents_number": texts.number,
                "contents_delivery": texts.delivery,
                "blank_number": texts.blank.number,
                "blank_delivery": texts.blank.delivery,
            }
            for texts in map(load_language, LANGUAGES)
            for cause in Cause
        ]
    )


def _compose(texts: Language, action: Action, step: StepText, tone: Tone, sender: SenderSettings) -> str:
    asks_for_help, may_cross = action in _ASKS_FOR_HELP, action in _MAY_CROSS
    has_amounts = action is not Action.THANK_YOU
    pieces = {
        "opening": step.opening.get(tone.value, step.opening["any"]),
        "ask": step.ask,
        "change": step.change,
        "invoices": "{invoices}" if has_amounts else "",
        "contents": "{contents}" if action is Action.REMINDER else "",
        "help": "{help}" if asks_for_help else "",
        "crossed": texts.crossed if may_cross else "",
        "answer": "{answer}",
        "closing": texts.closing[tone],
        "greeting": "{greeting}",
    }
    layout = _CALL if action is Action.CALL else _LONG
    for slot, piece in pieces.items():
        layout = layout.replace(f"{{{slot}}}", piece)
    return _fill_sender(layout, texts, sender)


def _fill_sender(text: str, texts: Language, sender: SenderSettings) -> str:
    filled = {
        "pay": texts.pay,
        "sender": sender.name or texts.blank.sender,
        "iban": sender.iban or texts.blank.iban,
        "link": sender.payment_link or texts.blank.link,
    }
    for slot, value in filled.items():
        text = text.replace(f"{{{slot}}}", value)
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


def write_answers(sender: SenderSettings) -> pl.DataFrame:
    """Return how to answer, by language and whether the message goes by post."""
    rows = []
    for language in LANGUAGES:
        texts = load_language(language)
        phone = texts.reach.phone.replace("{phone}", sender.phone) if sender.phone else ""
        email = texts.reach.email.replace("{email}", sender.email) if sender.email else ""
        rows += [
            (language, False, texts.answer.written.replace("{reach}", phone or email)),
            (language, True, texts.answer.post.replace("{reach}", phone + email)),
        ]
    return pl.DataFrame(
        rows,
        orient="row",
        schema={"message_language": pl.String, "is_post": pl.Boolean, "answer": pl.String},
    )


def _exemplify(text: str, texts: Language, sender: SenderSettings) -> str:
    """Return a text with typical figures, and without lists, greeting and closing: what has to be read."""
    example = {
        "{greeting}": "",
        "{invoices}": "",
        "{plan}": "",
        "{contents}": "",
        "{amount}": "120 euro",
        "{due}": "3 " + texts.months[2],
        "{invoice}": "1203",
        "{reference}": "1203",
        "{cost}": "20 euro",
        "{name}": "",
        "{term}": texts.term[PeriodStart.DAY_AFTER_SENDING].replace("{days}", "14"),
        "{help}": texts.help[Cause.UNCLEAR],
        "{costs}": texts.costs.ceiling,
        "{answer}": texts.answer.written.replace("{reach}", ""),
        **dict.fromkeys((_fill_sender(c, texts, sender) for c in texts.closing.values()), ""),
    }
    for _ in range(2):  # phrases hold slots of their own
        for slot, value in example.items():
            text = text.replace(slot, value)
    return text
