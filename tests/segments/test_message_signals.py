"""Messages are read for kinds of words; their text goes nowhere."""

from datetime import UTC, datetime

import polars as pl
import pytest

from segmentation.domain.vocabulary import OutcomeCode
from segmentation.segments.definitions import load_cause_model
from segmentation.segments.message_signals import count_message_signals
from segmentation.segments.segmentation import segment_customers
from segmentation.simulator.message_texts import TEXTS
from tests.segments.conftest import AS_OF

LATE = [20, 20, 0, 20, 0, 20, 0, 20]
RECEIVED = datetime(2025, 12, 1, 9, tzinfo=UTC)
SIGNALS = {
    OutcomeCode.NOT_RECEIVED: "wrote_paperwork",
    OutcomeCode.AWAITING_APPROVAL: "wrote_paperwork",
    OutcomeCode.IN_PAYMENT_RUN: "wrote_paperwork",
    OutcomeCode.DISPUTED: "wrote_disputed",
    OutcomeCode.CANNOT_PAY: "wrote_hardship",
    OutcomeCode.WILL_NOT_PAY: "wrote_refusal",
}


def _messages(*bodies: str, customer: str = "A") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "message_id": f"{customer}-m{number}",
                "customer_id": customer,
                "received_at": RECEIVED,
                "body": body,
            }
            for number, body in enumerate(bodies)
        ]
    )


def _shown(ledger) -> set[str]:
    counted = pl.concat(count_message_signals(ledger, load_cause_model()))
    return set(counted.filter(pl.col("seen") > 0)["signal"])


@pytest.mark.parametrize("code", SIGNALS)
@pytest.mark.parametrize("language", ["nl", "fr", "en", "de"])
def test_what_customers_write_is_understood_in_four_languages(make_ledger, code, language):
    subject, body = TEXTS[code][language]
    message = _messages(body.upper()).with_columns(pl.lit(subject).alias("subject"))
    assert _shown(make_ledger({}, core_message=message)) == {SIGNALS[code]}


@pytest.mark.parametrize(
    ("body", "signal"),
    [
        ("Le virement a ete effectue hier.", "wrote_payment_sent"),
        ("Wir können\nnicht zahlen", "wrote_hardship"),
        ("Can\u2019t pay: sorry", "wrote_hardship"),
        ("pas d\u2019accord avec vous", "wrote_disputed"),
    ],
)
def test_accents_case_and_line_breaks_do_not_matter(make_ledger, body, signal):
    assert _shown(make_ledger({}, core_message=_messages(body))) == {signal}


@pytest.mark.parametrize(
    "body",
    [
        "Thank you for your call. We shall look at it.",
        "Bedankt!\n\n> Wij zijn het niet eens met deze factuur.",
        "Fine.\n\nVan: u\nBetreft: wij weigeren te betalen",
        "We received the invoice and agree with it.",
        "instalments of the lorry",
    ],
)
def test_other_words_and_quoted_ones_say_nothing(make_ledger, body):
    assert _shown(make_ledger({}, core_message=_messages(body))) == set()


def test_what_a_colleague_recorded_is_not_counted_again(make_ledger):
    contact = pl.DataFrame(
        {"contact_id": ["k"], "customer_id": ["A"], "direction": ["inbound"], "channel": ["email"]}
    ).with_columns(pl.lit(RECEIVED).alias("sent_at"))
    outcome = pl.DataFrame({"contact_id": ["k"], "code": ["disputed"], "recorded_at": [RECEIVED]})
    tables = {"core_message": _messages("We dispute it"), "core_contact_event": contact}
    assert _shown(make_ledger({}, **tables)) == {"wrote_disputed"}
    counted = count_message_signals(
        make_ledger({}, **tables, core_contact_outcome=outcome), load_cause_model()
    )
    assert all(frame.is_empty() for frame in counted)
    unanswered = outcome.with_columns(pl.lit("unreachable").alias("code"))
    tried = make_ledger({}, **tables, core_contact_outcome=unanswered)
    assert _shown(tried) == {"wrote_disputed"}, "a call that nobody took says nothing"


def test_evidence_says_what_kind_of_words_and_never_which(make_ledger):
    body = "I lost my job and my wife is ill, I cannot pay. Can it be in instalments? Jan"
    ledger = make_ledger({"A": LATE, "B": LATE}, core_message=_messages(body, body, body))
    row = segment_customers(ledger, AS_OF).filter(customer_id="A").row(0, named=True)
    assert row["cause"] == "cannot_pay"
    assert "wrote about paying in parts or not being able to pay in 3 of 3 messages" in row["evidence"]
    assert not any(word in " ".join(row["evidence"]) for word in ("job", "wife", "Jan", "instalments?"))
