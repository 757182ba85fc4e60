"""Ten thousand random states: no step through a closed gate, whatever the ledger says.

The facts are checked against the ledger itself, not against the gates, so a gate that forgets to
close is found too.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import polars as pl
import pytest

from segmentation.domain.room_tables import GATE
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.validation import find_violations
from segmentation.treatment.gates import close_gates
from segmentation.treatment.recommendation import RECOMMENDATION, recommend_steps
from tests.treatment.random_book import RandomBook

SETTINGS = TreatmentSettings()
CASES = [
    (1, date(2026, 3, 28), 2500, True),  # the night before summer time
    (2, date(2026, 10, 24), 2500, True),  # the night before winter time
    (3, date(2028, 2, 29), 2000, True),  # a leap day
    (4, date(2026, 4, 3), 1500, True),  # Good Friday, before Easter
    (5, date(2026, 12, 24), 1500, False),  # Christmas Eve, and no address on record
]


def run(book: RandomBook, ledger=None, settings: TreatmentSettings = SETTINGS):
    ledger = ledger or book.draw()
    gate = close_gates(ledger, book.decisions(), book.as_of, settings)
    found = recommend_steps(ledger, book.risks(ledger), book.segments(), gate, book.as_of, settings)
    return ledger, gate, found


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[1]}")
def state(request):
    seed, as_of, customers, has_addresses = request.param
    book = RandomBook(seed, customers, as_of)
    ledger = book.draw(has_addresses=has_addresses)
    decisions = book.decisions()
    gate = close_gates(ledger, decisions, as_of, SETTINGS)
    found = recommend_steps(ledger, book.risks(ledger), book.segments(), gate, as_of, SETTINGS)
    return as_of, ledger, decisions, gate, found


def steps(found: pl.DataFrame) -> pl.DataFrame:
    return found.filter(pl.col("action") != "wait")


def matching(found: pl.DataFrame) -> pl.DataFrame:
    return found.filter(pl.col("action") == "match_credit")


def contacts(found: pl.DataFrame) -> pl.DataFrame:
    return steps(found).filter(pl.col("channel").is_not_null())


def test_tables_keep_their_definitions(state):
    _, _, _, gate, found = state
    assert find_violations(gate, GATE) == []
    assert find_violations(found, RECOMMENDATION) == []


def test_everybody_with_something_open_has_exactly_one_row_and_many_get_a_step(state):
    _, ledger, _, _, found = state
    owing = ledger["core_instalment_balance"].filter("is_open")["customer_id"].unique()
    assert sorted(found["customer_id"]) == sorted(owing)
    assert steps(found).height > found.height / 20, "a policy that always waits proves nothing"
    assert found.filter(pl.col("action") == "wait").height > 0


def test_no_step_on_a_closed_account_or_through_a_closed_channel(state):
    _, _, _, gate, found = state
    account = gate.filter(pl.col("channel").is_null() & pl.col("invoice_id").is_null())
    taken = steps(found).filter(pl.col("action") != "match_credit")
    assert taken.join(account, on="customer_id", how="semi").is_empty()
    assert contacts(found).join(gate, on=["customer_id", "channel"], how="semi").is_empty()
    blocked = steps(found).filter(pl.col("blocked_by").list.len() > 0)
    assert set(blocked["action"]) <= {"dispute_follow_up", "match_credit"}


def test_money_is_matched_by_a_person_who_contacts_nobody_where_nothing_else_holds_the_account(state):
    _, _, _, gate, found = state
    task = matching(found)
    assert task.height > 0
    assert task["channel"].null_count() == task.height
    assert task["needs_approval"].all()
    assert (task["overdue_amount"] > 0).all()
    assert (task["department"] == "cash application").all()
    account = gate.filter(pl.col("channel").is_null() & pl.col("invoice_id").is_null())
    closed = task.join(account, on="customer_id", how="inner")
    money = {"unmatched_cash", "credit_available"}
    assert set(closed["gate"]) <= money | {"contact_cap", "cool_down", "waiting_period", "running_plan"}
    assert closed.filter(pl.col("gate").is_in(money))["customer_id"].n_unique() == task.height


def test_no_step_for_somebody_held_paid_or_lately_contacted_as_the_ledger_has_it(state):
    as_of, ledger, decisions, _, found = state
    who = steps(found).filter(pl.col("action") != "match_credit").select("customer_id")
    cash = ledger["core_unallocated_cash"].filter(
        (pl.col("unmatched_cash_amount") > 1) | (pl.col("credit_amount") > 1)
    )
    held = ledger["core_dunning_block"].filter(
        pl.col("scope") == "customer",
        pl.col("valid_from") <= as_of,
        pl.col("valid_until").is_null() | (pl.col("valid_until") >= as_of),
    )
    plan = ledger["core_payment_plan"].filter(
        pl.col("status").is_null() | (pl.col("status") == "running"), pl.col("started_at") <= as_of
    )
    lately = ledger["core_contact_event"].filter(
        pl.col("direction") == "outbound", pl.col("sent_at").dt.date() > as_of - timedelta(days=7)
    )
    decided = decisions.filter(pl.col("as_of_date") < as_of, pl.col("as_of_date") > as_of - timedelta(days=7))
    broken = ledger["core_quarantine"].drop_nulls("customer_id")
    for frame, key in (
        (cash, "customer_id"),
        (held, "scope_id"),
        (plan, "customer_id"),
        (lately, "customer_id"),
        (decided, "customer_id"),
        (broken, "customer_id"),
    ):
        assert not frame.is_empty(), "otherwise nothing is tested"
        assert who.join(frame, left_on="customer_id", right_on=key, how="semi").is_empty()


def test_no_contact_where_every_overdue_invoice_is_disputed_or_promised(state):
    as_of, ledger, _, _, found = state
    overdue = ledger["core_instalment_balance"].filter(pl.col("is_open"), pl.col("due_date") < as_of)
    disputed = ledger["core_dispute"].filter(pl.col("closed_at").is_null())
    promised = ledger["core_promise_to_pay"].filter(
        pl.col("status").is_null() | (pl.col("status") == "open"),
        pl.col("promised_date") + timedelta(days=3) >= as_of,
    )
    free = overdue.join(disputed, on="invoice_id", how="anti").join(promised, on="invoice_id", how="anti")
    shut = contacts(found).filter(pl.col("overdue_amount") > 0).join(free, on="customer_id", how="anti")
    assert shut.is_empty()


def test_no_contact_through_a_channel_that_was_refused_as_the_ledger_has_it(state):
    as_of, ledger, _, _, found = state
    forbidden = ledger["core_contact_permission"].filter(
        pl.col("status") == "do_not_contact",
        pl.col("valid_from") <= as_of,
        pl.col("valid_until").is_null() | (pl.col("valid_until") >= as_of),
    )
    assert contacts(found).join(forbidden, on=["customer_id", "channel"], how="semi").is_empty()
    points = ledger["core_contact_point"]
    if points.is_empty():
        assert set(contacts(found)["channel"]) <= {"email", "letter", "registered_letter", "phone"}
        assert all("channel_not_verified" in codes for codes in contacts(found)["reason_codes"])
    else:
        assert contacts(found).join(points, on=["customer_id", "channel"], how="anti").is_empty()


def test_every_window_is_lawful_in_the_customers_own_time(state):
    as_of, ledger, _, _, found = state
    known = available_timezones()
    zones = ledger["core_customer"].select("customer_id", "timezone")
    for row in steps(found).join(zones, on="customer_id", how="left").iter_rows(named=True):
        zone = ZoneInfo(row["timezone"] if row["timezone"] in known else SETTINGS.default_timezone)
        start, end = (row[f"window_{edge}_at"].astimezone(zone) for edge in ("start", "end"))
        assert start.date() == end.date() >= as_of
        assert start.weekday() != 6
        assert time(8) <= start.time() < end.time() <= time(20)
        assert row["valid_until"] >= row["window_end_at"]


def test_harsh_steps_and_natural_persons_always_need_a_person(state):
    _, ledger, _, _, found = state
    harsh = found.filter(pl.col("action").is_in(["formal_notice", "legal_review", "payment_plan_offer"]))
    assert harsh["needs_approval"].all()
    business = ledger["core_customer"].filter(pl.col("party_type").is_in(["legal_person", "public_body"]))
    assert steps(found).join(business, on="customer_id", how="anti")["needs_approval"].all()
    assert not found.filter(pl.col("action") == "wait")["needs_approval"].any()


def test_a_step_is_only_taken_when_its_lower_bound_is_above_nothing(state):
    found = state[-1]
    taken = steps(found)
    assert (taken["expected_value_p05_amount"] >= 0).all()
    assert (taken["expected_value_p05_amount"] <= taken["expected_value_amount"]).all()
    assert (taken["expected_value_amount"] <= taken["expected_value_p95_amount"]).all()
    assert (found.filter(pl.col("action") == "wait")["expected_value_amount"] == 0).all()
    assert taken.filter(pl.col("action") == "call").height <= SETTINGS.calls_per_day


def test_the_text_is_short_and_complete(state):
    found = state[-1]
    assert found["reason_text"].null_count() == 0
    assert (found["reason_text"].str.len_chars() < 600).all()
    assert not found["reason_text"].str.contains(r"\{|\}|null|None|NaN").any()
    assert (found["reason_codes"].list.len() > 0).all()


def test_the_order_of_rows_changes_nothing():
    book = RandomBook(11, 300, date(2026, 3, 2))
    ledger = book.draw()
    decisions, risks, segments = book.decisions(), book.risks(ledger), book.segments()
    gate = close_gates(ledger, decisions, book.as_of, SETTINGS)
    expected = recommend_steps(ledger, risks, segments, gate, book.as_of, SETTINGS)

    def shuffle(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
        return frame.sample(fraction=1.0, shuffle=True, seed=seed)

    for seed in range(3):
        mixed = {name: shuffle(frame, seed) for name, frame in ledger.items()}
        again = close_gates(mixed, shuffle(decisions, seed), book.as_of, SETTINGS)
        assert again.equals(gate)
        found = recommend_steps(
            mixed, shuffle(risks, seed), shuffle(segments, seed), shuffle(gate, seed), book.as_of, SETTINGS
        )
        assert found.equals(expected)


def test_a_gate_with_a_date_is_open_on_that_date_when_nothing_else_happens():
    book = RandomBook(12, 400, date(2026, 3, 2))
    ledger, decisions = book.draw(), book.decisions()
    settings = TreatmentSettings(max_source_age_days=999)
    gate = close_gates(ledger, decisions, book.as_of, settings)
    dated = gate.drop_nulls("lifts_at")
    assert dated.height > 100
    for (lifts_at,), rows in dated.group_by("lifts_at"):
        assert isinstance(lifts_at, datetime)
        later = close_gates(ledger, decisions, lifts_at.date(), settings)
        # A block, permission or decision that only starts meanwhile closes it anew; those are no contradiction.
        settled = rows.filter(~pl.col("gate").is_in(["manual_block", "awaiting_decision_effect"]))
        assert settled.join(later, on=GATE.key, how="semi", nulls_equal=True).is_empty()
        assert lifts_at.date() > book.as_of
