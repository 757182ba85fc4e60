from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Cause
from segmentation.segments.causes import weigh_causes
from segmentation.segments.definitions import CAUSES, CauseModel, CauseSignal, load_cause_model
from segmentation.segments.evidence import NO_CONTACT_HISTORY, NOT_CONTACTED_YET
from segmentation.segments.observations import classify_instalments
from segmentation.segments.segmentation import segment_customers
from segmentation.segments.signals import count_signals, find_contacted

AS_OF = date(2026, 1, 1)
LATE = [20, 20, 0, 20, 0, 20, 0, 20]


def _due(number: int) -> date:
    return AS_OF - timedelta(days=60 + 14 * number)


def _reminders(customer: str, days_before_payment: list[int], **columns: object) -> pl.DataFrame:
    """One reminder per late instalment of LATE, so many days before it was paid."""
    late = [number for number, days in enumerate(LATE) if days > 0]
    rows = [
        {
            "contact_id": f"{customer}-c{number}",
            "customer_id": customer,
            "invoice_id": f"{customer}-{number}",
            "direction": "outbound",
            "channel": "email",
            "sent_at": datetime.combine(_due(number) + timedelta(days=20 - days), datetime.min.time(), UTC),
            "dunning_level": 1,
            **columns,
        }
        for number, days in zip(late, days_before_payment, strict=True)
    ]
    return pl.DataFrame(rows)


def _signals(ledger) -> dict[tuple[str, str], tuple[int, int]]:
    known = classify_instalments(ledger["core_instalment_balance"], AS_OF, SegmentSettings())
    counted = count_signals(ledger, known, AS_OF, load_cause_model())
    return {(row[0], row[1]): (row[2], row[3]) for row in counted.iter_rows()}


def _outcome(contact_id: str, code: str) -> pl.DataFrame:
    moment = datetime(2025, 12, 1, tzinfo=UTC)
    return pl.DataFrame({"contact_id": [contact_id], "code": [code], "recorded_at": [moment]})


def _row(ledger, customer: str, **kwargs) -> dict[str, object]:
    return segment_customers(ledger, AS_OF, **kwargs).filter(customer_id=customer).row(0, named=True)


def test_probabilities_worked_by_hand():
    model = CauseModel(
        version="t",
        learning=load_cause_model().learning,
        prior={
            "forgetful": 0.4,
            "administrative": 0.1,
            "disputing": 0.1,
            "cannot_pay": 0.2,
            "will_not_pay": 0.2,
        },
        signals={
            "s": CauseSignal(
                reason="a reason of some length",
                evidence="e",
                counts_for=2,
                seen={"forgetful": 3.0},
                not_seen={"forgetful": 0.5},
            )
        },
    )
    signals = pl.DataFrame({"customer_id": ["A"], "signal": ["s"], "seen": [3], "count": [4]})
    row = weigh_causes(signals, model).row(0, named=True)
    odds = 0.4 * (3.0**3 * 0.5) ** (2 / 4)
    assert row["forgetful"] == pytest.approx(odds / (odds + 0.6))
    assert row["cannot_pay"] == pytest.approx(0.2 / (odds + 0.6))
    assert sum(row[cause.value] for cause in CAUSES) == pytest.approx(1.0)


def test_many_sightings_weigh_no_more_than_the_cap():
    model = load_cause_model()
    signal, cap = "said_cannot_pay", int(model.signal("said_cannot_pay").counts_for)
    counts = {
        "customer_id": ["A", "B"],
        "signal": [signal] * 2,
        "seen": [cap, 50 * cap],
        "count": [cap, 50 * cap],
    }
    both = weigh_causes(pl.DataFrame(counts), model)["cannot_pay"].to_list()
    assert both[0] == pytest.approx(both[1])


def test_reminders_that_work_point_to_forgetting(make_ledger):
    ledger = make_ledger({"A": LATE}, core_contact_event=_reminders("A", [2, 3, 1, 9, 4]))
    assert _signals(ledger)["A", "paid_soon_after_reminder"] == (4, 5)
    row = _row(ledger, "A")
    assert row["cause"] == "forgetful"
    assert row["cause_prob"] >= 0.5
    assert row["evidence"][0] == "5 of 8 known instalments late"
    assert "paid within 5 days of a reminder, 4 of 5 times" in row["evidence"]


def test_a_reminder_before_the_due_date_or_after_payment_is_no_opportunity(make_ledger):
    late_only = make_ledger({"A": LATE}, core_contact_event=_reminders("A", [2, 2, -3, 25, 2]))
    assert _signals(late_only)["A", "paid_soon_after_reminder"] == (3, 3)


def test_a_reminder_of_yesterday_is_no_opportunity_yet(make_ledger):
    ledger = make_ledger({"A": [20]})
    ledger["core_instalment_balance"] = ledger["core_instalment_balance"].with_columns(
        is_open=True, covered_date=pl.lit(None, pl.Date), covered_by=pl.lit(None, pl.String), days_late=60
    )
    event = make_ledger({}, core_contact_event=_reminders("A", [2] * 5).head(1))["core_contact_event"]
    recent, old = (
        event.with_columns(sent_at=pl.lit(datetime(2025, 12, day, tzinfo=UTC)).cast(event.schema["sent_at"]))
        for day in (30, 1)
    )
    assert set(_signals(ledger | {"core_contact_event": recent})) == {("A", "long_overdue")}
    found = _signals(ledger | {"core_contact_event": old})
    assert found["A", "paid_soon_after_reminder"] == (0, 1)
    assert found["A", "ignored_contact"] == (1, 1)


def test_silence_is_not_counted_where_the_customer_answered(make_ledger):
    events = _reminders("A", [19] * 5)
    ledger = make_ledger(
        {"A": LATE}, core_contact_event=events, core_contact_outcome=_outcome("A-c0", "promise")
    )
    assert _signals(ledger)["A", "ignored_contact"] == (4, 5)
    unreachable = make_ledger(
        {"A": LATE}, core_contact_event=events, core_contact_outcome=_outcome("A-c0", "unreachable")
    )
    assert _signals(unreachable)["A", "ignored_contact"] == (5, 5)


@pytest.mark.parametrize(
    ("code", "signal"),
    [
        ("not_received", "said_paperwork"),
        ("disputed", "said_disputed"),
        ("cannot_pay", "said_cannot_pay"),
        ("will_not_pay", "said_will_not_pay"),
        ("payment_sent", "said_payment_sent"),
    ],
)
def test_what_the_customer_said_is_counted(make_ledger, code, signal):
    ledger = make_ledger(
        {"A": LATE}, core_contact_event=_reminders("A", [9] * 5), core_contact_outcome=_outcome("A-c0", code)
    )
    assert _signals(ledger)["A", signal] == (1, 1)


@pytest.mark.parametrize("status", ["open", None])  # null: what became of it is not known yet
def test_a_promise_that_was_due_and_not_paid_is_broken_even_when_still_called_open(make_ledger, status):
    promises = pl.DataFrame(
        {
            "promise_id": ["p0", "p1", "p3", "p5"],
            "invoice_id": ["A-0", "A-1", "A-3", "A-5"],
            "made_at": [_due(0), _due(1), _due(3), _due(5)],
            "promised_date": [_due(0) + timedelta(5), _due(1) + timedelta(25), _due(3), AS_OF + timedelta(3)],
            "status": [status, status, "kept", status],
        }
    )
    found = _signals(make_ledger({"A": LATE}, core_promise_to_pay=promises))
    assert found["A", "broken_promise"] == (1, 3)


@pytest.mark.parametrize("status", ["running", "broken", None])
def test_a_plan_was_asked_for_whatever_became_of_it(make_ledger, status):
    plan = {"plan_id": ["P"], "customer_id": ["A"], "started_at": [_due(2)], "status": [status]}
    frame = pl.DataFrame(plan, schema_overrides={"status": pl.String})
    assert _signals(make_ledger({"A": LATE}, core_payment_plan=frame))["A", "asked_for_plan"] == (1, 1)


def test_failed_direct_debits_and_parts_point_to_a_lack_of_means(make_ledger):
    days = [_due(number) for number in range(4)]
    payments = pl.DataFrame(
        {
            "payment_id": ["p0", "p1", "p2", "r1"],
            "customer_id": ["A"] * 4,
            "value_date": days,
            "amount": [100, 100, 100, -100],
            "currency": ["EUR"] * 4,
            "reversal_of": [None, None, None, "p1"],
            "reason_code": [None, None, None, "failed_direct_debit"],
        }
    )
    ledger = make_ledger({"A": LATE}, core_payment=payments)
    is_late = pl.col("days_late") > 0
    ledger["core_instalment_balance"] = ledger["core_instalment_balance"].with_columns(
        payment_count=pl.when(is_late).then(2).otherwise(1).cast(pl.Int64)
    )
    found = _signals(ledger)
    assert found["A", "failed_direct_debit"] == (1, 3)
    assert found["A", "partial_payment"] == (5, 5)
    assert _row(ledger, "A")["cause"] == "cannot_pay"


def _statement(reason: str | None, reversal_of: str | None = "p0") -> dict[str, pl.DataFrame]:
    """Two payments that name nobody, for A's first invoices, and money taken back."""
    return {
        "core_payment": pl.DataFrame(
            {
                "payment_id": ["p0", "p1", "r0"],
                "customer_id": pl.Series([None] * 3, dtype=pl.String),
                "value_date": [_due(number) for number in range(3)],
                "amount": [100, 100, -100],
                "currency": ["EUR"] * 3,
                "reversal_of": pl.Series([None, None, reversal_of], dtype=pl.String),
                "reason_code": pl.Series([None, None, reason], dtype=pl.String),
                "observed_at": [datetime(2025, 12, 1, tzinfo=UTC)] * 3,
            }
        ),
        "core_allocation": pl.DataFrame(
            {
                "allocation_id": ["a0", "a1"],
                "payment_id": ["p0", "p1"],
                "invoice_id": ["A-0", "A-1"],
                "amount": [100, 100],
                "observed_at": [datetime(2025, 12, 2, tzinfo=UTC)] * 2,
            }
        ),
    }


def test_a_failed_direct_debit_on_a_statement_is_of_whose_invoice_was_collected(make_ledger):
    ledger = make_ledger({"A": LATE, "B": LATE}, **_statement("failed_direct_debit"))
    assert _signals(ledger)["A", "failed_direct_debit"] == (1, 2)
    assert find_contacted(ledger, pl.DataFrame(schema={"customer_id": pl.String}))[
        "customer_id"
    ].to_list() == ["A"]


@pytest.mark.parametrize(
    ("reason", "is_seen"),
    [("AM04", True), ("MD06", True), ("ms03", True), ("914", True), ("AM05", False), ("chargeback", False)],
)
def test_banks_say_by_code_that_a_direct_debit_came_back(make_ledger, reason, is_seen):
    found = _signals(make_ledger({"A": LATE}, **_statement(reason)))
    assert (("A", "failed_direct_debit") in found) == is_seen


def test_a_refund_by_the_supplier_says_nothing_about_a_customer(make_ledger):
    ledger = make_ledger({"A": LATE}, **_statement(None, reversal_of=None))
    named = pl.when(pl.col("payment_id") == "r0").then(pl.lit("A")).alias("customer_id")
    ledger["core_payment"] = ledger["core_payment"].with_columns(named)
    assert find_contacted(ledger, pl.DataFrame(schema={"customer_id": pl.String})).height == 0


def test_without_contact_history_the_cause_is_unclear_and_says_what_is_missing(make_ledger):
    row = _row(make_ledger({"A": LATE}), "A")
    assert (row["cause"], row["cause_prob"]) == ("unclear", None)
    assert NO_CONTACT_HISTORY in row["evidence"]


def test_contact_history_of_others_says_nothing_about_a_customer(make_ledger):
    ledger = make_ledger({"A": LATE, "B": LATE}, core_contact_event=_reminders("A", [2] * 5))
    assert _row(ledger, "A")["cause"] == "forgetful"
    assert _row(ledger, "B")["cause"] == "unclear"
    assert NOT_CONTACTED_YET in _row(ledger, "B")["evidence"]


def test_a_weak_hypothesis_is_unclear_and_keeps_its_probability(make_ledger):
    ledger = make_ledger({"A": LATE}, core_contact_event=_reminders("A", [2, 19, 19, 2, 19]))
    weak = _row(ledger, "A", settings=SegmentSettings(min_cause_prob=0.95))
    assert weak["cause"] == "unclear"
    assert 0 < weak["cause_prob"] < 0.95


def test_background_alone_names_no_cause(make_ledger):
    """Short delays shift the balance to forgetting; a rejected dispute elsewhere does not confirm it."""
    disputes = pl.DataFrame({"dispute_id": ["d"], "invoice_id": ["A-7"], "opened_at": [_due(7)]})
    row = _row(
        make_ledger({"A": [20] * 8}, core_dispute=disputes), "A", settings=SegmentSettings(min_cause_prob=0.2)
    )
    assert row["cause"] == "unclear"
    assert row["cause_prob"] > 0.2


def test_prompt_customers_are_given_no_cause(make_ledger):
    good = [-1] * 30
    event = _reminders("A", [2] * 5)
    row = _row(make_ledger({"A": good}, core_contact_event=event), "A")
    assert (row["segment"], row["cause"], row["cause_prob"]) == ("prompt", "unclear", None)
    assert row["evidence"] == ["0 of 30 known instalments late"]


def test_the_reviewed_file_names_known_causes_only_and_gives_reasons():
    model = load_cause_model()
    assert set(model.prior) == set(CAUSES)
    for name, signal in model.signals.items():
        assert Cause.UNCLEAR not in signal.seen, name
        assert any(ratio > 1 for ratio in [*signal.seen.values(), *signal.not_seen.values()]), name


@pytest.mark.parametrize(
    "fault",
    [
        {"seen": {"forgetful": 2.0}, "not_seen": {"forgetful": 1.5}},
        {"seen": {"forgetful": 0.0}},
        {"seen": {"laziness": 2.0}},
        {"seen": {"forgetful": 2.0}, "reason": "short"},
        {"seen": {"forgetful": 2.0}, "counts_for": 0},
    ],
)
def test_a_signal_that_contradicts_itself_or_gives_no_reason_is_refused(fault):
    sound = {"reason": "a reason of some length", "evidence": "e", "counts_for": 1}
    with pytest.raises(ValidationError):
        CauseSignal.model_validate(sound | fault)
