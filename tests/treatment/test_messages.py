"""What customers read: in their language, about their money, in plain words, with what the law wants said."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.settings import SenderSettings, TreatmentSettings
from segmentation.domain.vocabulary import Action, Cause, Tone
from segmentation.treatment.costs import cap_costs, cost_ceiling
from segmentation.treatment.jurisdiction import load_pack, pack_names
from segmentation.treatment.message_templates import LANGUAGES, compose_templates, load_language
from segmentation.treatment.readability import count_syllables, measure_reading_ease

AS_OF = date(2026, 3, 2)
SENDER = SenderSettings(
    name="Zon & Co",
    company_number="0123.456.749",
    phone="+32 2 555 00 00",
    email="vragen@zon.example",
    iban="BE68 5390 0754 7034",
    payment_link="https://zon.example/betaal",
    delivery={"nl": "brood", "fr": "pain", "en": "bread", "de": "Brot"},
    charges_costs=True,
)
SETTINGS = TreatmentSettings(sender=SENDER, calls_per_day=0)
PLAIN = 60.0
"""Flesch: standard, plain language from 60 on, which is read easily at level B1."""


def write(book, settings=SETTINGS, **customer):
    book.rows["core_customer"][0] |= {"name": "An Peeters", "party_type": "consumer"} | customer
    return book.advice(settings=settings)


@pytest.mark.parametrize(
    ("language", "amount", "day", "greeting"),
    [
        ("nl", "EUR 1.000,00", "18 februari 2026", "Beste An Peeters,"),
        ("fr", "EUR 1\N{NO-BREAK SPACE}000,00", "18 février 2026", "Bonjour An Peeters,"),
        ("en", "EUR 1,000.00", "18 February 2026", "Dear An Peeters,"),
        ("de", "EUR 1.000,00", "18. Februar 2026", "Guten Tag An Peeters,"),
    ],
)
def test_a_reminder_names_the_person_the_amount_the_invoice_and_how_to_answer(
    book, language, amount, day, greeting
):
    advice = write(book.risk(), language=language)
    text = advice["message_text"]
    assert advice["message_language"] == language
    assert text.startswith(greeting)
    assert text.count(amount) == 2, "in the list and in the sum that is asked"
    assert "factu" in text or "invoice" in text or "Rechnung" in text
    assert day in text
    assert "+32 2 555 00 00" in text
    assert "BE68 5390 0754 7034" in text
    assert "Zon & Co" in text
    assert amount in advice["message_subject"]
    assert "{" not in text
    assert advice["message_missing"] == []
    assert advice["message_reading_ease"] >= PLAIN


def test_the_belgian_first_reminder_holds_what_the_law_wants(book):
    # Code of Economic Law, XIX.2 § 3: balance and damages, creditor and company number, what was delivered
    # and when it fell due, and the term. The ceiling on costs of EUR 1,000 is 65 + 5 % of 500 = 90.
    text = write(book.risk(), language="nl")["message_text"]
    for content in ("EUR 1.000,00", "EUR 90,00", "Zon & Co", "0123.456.749", "brood", "18 februari 2026"):
        assert content in text, content
    assert "binnen 14 dagen. Die dagen tellen vanaf de dag na de verzending van dit bericht" in text


@pytest.mark.parametrize(
    ("country", "channel", "term"),
    [
        ("BE", "email", "vanaf de dag na de verzending"),
        ("BE", "letter", "vanaf de derde werkdag na de verzending van deze brief"),
        ("NL", "email", "vanaf de dag nadat u dit bericht kreeg"),
        ("NL", "letter", "vanaf de dag nadat u dit bericht kreeg"),
    ],
)
def test_days_are_counted_from_the_legal_event_of_channel_and_country(book, country, channel, term):
    book.point(channel)
    text = write(book.risk(), language="nl", country=country)["message_text"]
    assert term in text


def test_the_dutch_letter_names_the_costs_of_the_decree(book):
    text = write(book.risk(), language="nl", country="NL")["message_text"]
    assert "hoogstens EUR 150,00 kosten" in text  # 15 % of 1,000


def test_costs_are_not_named_unless_the_terms_allow_them(book):
    quiet = SETTINGS.model_copy(
        update={"sender": SENDER.model_copy(update={"charges_costs": False, "name": "Zon"})}
    )
    text = write(book.risk(), quiet, language="en")["message_text"]
    assert "costs you nothing" in text
    assert "90.00" not in text


def test_what_settings_do_not_say_stands_in_brackets_and_is_listed(book):
    advice = write(book.risk(), TreatmentSettings(), language="fr")
    assert advice["message_missing"] == ["sender_name", "account_number", "company_number", "delivery"]
    for blank in ("[nom de votre entreprise]", "[numéro de compte]", "[numéro d'entreprise]"):
        assert blank in advice["message_text"]


def test_an_unknown_language_takes_the_one_in_settings_and_a_nameless_customer_no_name(book):
    advice = write(book.risk(), language="pl", name=None)
    assert advice["message_language"] == "en"
    assert advice["message_text"].startswith("Dear customer,")
    assert "null" not in advice["message_text"]


def test_a_name_is_never_read_as_a_slot(book):
    text = write(book.risk(), language="nl", name="{amount} $1 BV")["message_text"]
    assert text.startswith("Beste {amount} $1 BV,")


def test_many_invoices_are_listed_up_to_eight_and_the_rest_is_counted(book):
    for number in range(11):
        book.invoice(f"J{number:02}", amount="10.00", days_late=20)
    text = write(book.risk(), language="en")["message_text"]
    assert text.count("- invoice") == 8
    assert "- and 4 more, EUR 1,030.00 in all" in text
    assert "EUR 1,110.00" in text


def test_a_disputed_invoice_is_not_asked_for(book):
    book.invoice("J", amount="400.00")
    book.add("dispute", dispute_id="D", invoice_id="J", opened_at=AS_OF - timedelta(days=5))
    text = write(book.risk(), language="en")["message_text"]
    assert "invoice I," in text
    assert "invoice J," not in text
    assert "EUR 1,400.00" not in text


def test_what_helps_follows_the_likely_cause_without_stating_it(book):
    advice = write(book.risk().segment("incidental", "administrative"), language="en")
    assert "Did the invoice not reach you?" in advice["message_text"]
    cautious = write(book, language="en")
    assert not any(
        word in cautious["message_text"].lower() for word in ("administrative", "cause", "segment")
    )


def test_waiting_and_work_inside_have_no_message(book):
    book.add("unallocated_cash", customer_id="C", currency="EUR", credit_amount=Decimal(5),
             unmatched_cash_amount=Decimal(0), possible_cash_amount=Decimal(0))  # fmt: skip
    advice = write(book.risk())
    assert advice["channel"] is None
    assert (advice["message_text"], advice["message_language"], advice["message_missing"]) == (None, None, [])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_complete_and_plain(language):
    rows = compose_templates(SENDER).filter(pl.col("message_language") == language)
    hard = rows.filter((pl.col("long_ease") < PLAIN) | (pl.col("short_ease") < PLAIN))
    assert hard.is_empty(), hard
    reached = {a.value for a in Action} - {"wait", "dispute_follow_up", "match_credit", "legal_review"}
    assert set(rows["action"]) == reached
    assert set(rows["tone"]) == {tone.value for tone in Tone}
    assert set(load_language(language).help) == set(Cause)
    shorts = rows.filter(pl.col("action").is_in(["reminder", "pre_due_notice", "self_service_link"]))
    assert (shorts["short_text"].str.len_chars() < 320).all()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_threatens_or_blames(language):
    texts = " ".join(compose_templates(SENDER).filter(message_language=language)["long_text"]).lower()
    for word in ("deurwaarder", "huissier", "bailiff", "gerichtsvollzieher", "immediately", "onmiddellijk",
                 "immédiatement", "sofort", "schuld", "debtor", "débiteur", "wanbetaler"):  # fmt: skip
        assert word not in texts, word


def test_hard_prose_scores_low():
    official = "Notwithstanding aforementioned stipulations, immediate remuneration obligations necessitate compliance."
    assert measure_reading_ease(official, "en") < 0
    assert measure_reading_ease("Please pay by Friday. Call us if you can not.", "en") > 90
    # Douma (1960): 206.84 − .93 × 4 − 77 × 6 / 4 = 87.62 for four words of six syllables.
    assert measure_reading_ease("Betaal ons de rekening.", "nl") == pytest.approx(
        206.84 - 0.93 * 4 - 77 * 7 / 4, abs=0.05
    )
    assert [count_syllables(word, "nl") for word in ("open", "betaling", "ingebrekestelling")] == [2, 3, 6]


@pytest.mark.parametrize("name", pack_names())
def test_the_ceiling_of_a_column_is_that_of_each_amount(name):
    amounts = [Decimal(f"{value:.3f}") for value in (0, 0.005, 1, 149.999, 150, 150.01, 499.99, 500, 500.01, 2500, 2500.01, 5000.01, 10000.01, 39199.99, 39200.01, 200000.01, 9999999.99)]  # fmt: skip
    frame = pl.DataFrame({"a": amounts}, schema={"a": pl.Decimal(18, 3)})
    found = frame.select(cost_ceiling(load_pack(name), pl.col("a")).alias("c"))["c"].to_list()
    assert found == [cap_costs(load_pack(name), amount) for amount in amounts]
