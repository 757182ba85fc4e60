"""Decisions are kept as they were made: complete, once, in order and for good."""

import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import DECISION
from segmentation.domain.errors import UsageError
from segmentation.domain.validation import find_violations
from segmentation.publish.decision_rules import decided_step
from segmentation.publish.decisions import DecisionStore, Step
from tests.postgres_server import postgres_url  # noqa: F401  a fixture
from tests.snapshot_factory import AS_OF, find_last_decision

NOW = datetime(2026, 3, 2, 9, 30, 15, 123456, tzinfo=UTC)
_numbers = count()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def location(request, tmp_path):
    """Where an empty store can be made, in each database that is supported."""
    if request.param == "sqlite":
        return tmp_path / "new" / "decisions.sqlite"
    url = request.getfixturevalue("postgres_url")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    engine = sa.create_engine(url.replace("://", "+psycopg://", 1), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
def store(location):
    with DecisionStore(location) as opened:
        yield opened


@pytest.fixture(scope="session")
def recommendations(snapshot):
    table = snapshot.read_table("out_recommendations")
    return table.rows_by_key("customer_id", named=True, unique=True, include_key=True)


def _decide(store, snapshot, row, decision="accept", **changes):
    """Decide as somebody who has seen all that was decided on the customer, unless ``after`` says what was seen."""
    given = {"decided_by": "Ann", "decided_at": NOW, "after": find_last_decision(store, row["customer_id"])}
    return store.record_decision(snapshot, row, decision, **(given | changes))


def _other_step(row, **changes):
    step = {name: row[name] for name in ("action", "channel", "window_start_at", "window_end_at")}
    return Step(**(step | changes))


def test_an_accepted_recommendation_is_kept_with_its_step(store, snapshot, recommendations):
    row = recommendations["C002"]
    identifier = _decide(store, snapshot, row)
    kept = store.read_decisions()
    assert find_violations(kept, DECISION) == []
    assert kept.row(0, named=True) == {
        "decision_id": identifier,
        "recommendation_id": row["recommendation_id"],
        "snapshot_id": snapshot.id,
        "as_of_date": AS_OF,
        "customer_id": "C002",
        "decision": "accept",
        "action": "reminder",
        "channel": "email",
        "window_start_at": row["window_start_at"],
        "window_end_at": row["window_end_at"],
        "reason": None,
        "decided_by": "Ann",
        "decided_at": NOW,
        "sequence": 1,
    }


def test_an_empty_store_gives_empty_typed_tables(store):
    assert store.read_decisions().schema == DECISION.polars_schema
    assert store.latest_decisions().is_empty()
    assert store.history("C001").columns == DECISION.column_names


def test_an_adjusted_recommendation_is_kept_with_the_step_chosen_instead(store, snapshot, recommendations):
    row = recommendations["C002"]
    step = _other_step(row, action="call", channel="phone")
    _decide(store, snapshot, row, "adjust", reason=" They asked to be called. ", step=step)
    kept = store.read_decisions().row(0, named=True)
    assert (kept["action"], kept["channel"], kept["reason"]) == ("call", "phone", "They asked to be called.")


def test_an_ignored_recommendation_has_no_step(store, snapshot, recommendations):
    _decide(store, snapshot, recommendations["C002"], "ignore", reason="Paid yesterday by cheque")
    kept = store.read_decisions().row(0, named=True)
    assert (kept["decision"], kept["action"], kept["channel"]) == ("ignore", None, None)


def test_a_double_click_is_one_decision(store, snapshot, recommendations):
    row = recommendations["C001"]
    first = _decide(store, snapshot, row)
    again = _decide(store, snapshot, row, after=None, decided_at=NOW + timedelta(seconds=1))
    assert first == again
    assert store.read_decisions()["decided_at"].to_list() == [NOW]


def test_every_decision_after_another_one_is_kept(store, snapshot, recommendations):
    row = recommendations["C001"]
    ids = {
        _decide(store, snapshot, row),
        _decide(store, snapshot, row),
        _decide(store, snapshot, row, decided_by="Bob"),
        _decide(store, snapshot, row, "ignore", reason="one"),
        _decide(store, snapshot, row, "ignore", reason="two"),
        _decide(store, snapshot, recommendations["C002"]),
    }
    assert len(ids) == store.read_decisions().height == 6


def test_the_last_decision_on_a_recommendation_counts(store, snapshot, recommendations):
    one, two = recommendations["C001"], recommendations["C002"]
    _decide(store, snapshot, one)
    _decide(store, snapshot, two)
    # a clock that runs behind does not change which decision came last
    _decide(store, snapshot, one, "ignore", reason="no", decided_at=NOW - timedelta(hours=1))
    latest = dict(store.latest_decisions().select("customer_id", "decision").iter_rows())
    assert latest == {"C001": "ignore", "C002": "accept"}
    assert store.history("C001")["decision"].to_list() == ["ignore", "accept"]


@pytest.mark.parametrize("first", ["accept", "ignore"])
def test_a_withdrawal_is_kept_without_a_step_and_needs_no_reason(store, snapshot, recommendations, first):
    row = recommendations["C002"]
    _decide(store, snapshot, row, first, reason="x")
    _decide(store, snapshot, row, "withdraw")
    kept = store.latest_decisions().row(0, named=True)
    step = [kept[name] for name in ("action", "channel", "window_start_at", "window_end_at", "reason")]
    assert (kept["decision"], kept["sequence"], step) == ("withdraw", 2, [None] * 5)
    assert store.history("C002")["decision"].to_list() == ["withdraw", first]


def test_only_a_decision_in_force_can_be_withdrawn(store, snapshot, recommendations):
    row = recommendations["C002"]
    _decide(store, snapshot, recommendations["C001"])
    with pytest.raises(UsageError, match="no decision on this recommendation"):
        _decide(store, snapshot, row, "withdraw")
    _decide(store, snapshot, row)
    with pytest.raises(UsageError, match="Choose adjust"):
        _decide(store, snapshot, row, "withdraw", step=Step("wait"))
    seen = find_last_decision(store, "C002")
    first = _decide(store, snapshot, row, "withdraw")
    assert _decide(store, snapshot, row, "withdraw", after=seen) == first  # a double click
    with pytest.raises(UsageError, match="no decision on this recommendation"):
        _decide(store, snapshot, row, "withdraw")
    _decide(store, snapshot, row)
    assert store.history("C002")["decision"].to_list() == ["accept", "withdraw", "accept"]


def test_a_run_knows_decisions_on_earlier_days_only(store, snapshot, recommendations):
    _decide(store, snapshot, recommendations["C001"])
    assert store.read_decisions(before=AS_OF).is_empty()
    assert store.read_decisions(before=AS_OF + timedelta(days=1)).height == 1


@pytest.mark.parametrize(
    ("decision", "changes", "message"),
    [
        ("approve", {}, "Choose accept, adjust, ignore or withdraw"),
        ("accept", {"decided_by": "  "}, "needs a person"),
        ("accept", {"decided_at": NOW.replace(tzinfo=None)}, "no time zone"),
        ("ignore", {}, "needs a reason"),
        ("ignore", {"reason": " "}, "needs a reason"),
        ("adjust", {"step": Step("wait")}, "needs a reason"),
        ("adjust", {"reason": "x"}, "must differ"),
        ("accept", {"step": Step("wait")}, "Choose adjust"),
        ("adjust", {"reason": "x", "step": Step("visit", "email")}, "Unknown step"),
        ("adjust", {"reason": "x", "step": Step("call")}, "needs a channel"),
        ("adjust", {"reason": "x", "step": Step("call", "phone")}, "needs a window"),
        ("adjust", {"reason": "x", "step": Step("wait", "phone")}, "no channel"),
        (
            "adjust",
            {"reason": "x", "step": Step("call", "phone", NOW, NOW + timedelta(hours=1))},
            "earliest lawful moment",
        ),
    ],
    ids=str,
)
def test_an_incomplete_decision_is_refused_and_not_kept(
    tmp_path, snapshot, recommendations, decision, changes, message
):
    with DecisionStore(tmp_path / "d.sqlite") as store:
        with pytest.raises(UsageError, match=message):
            _decide(store, snapshot, recommendations["C002"], decision, **changes)
        assert store.read_decisions().is_empty()


@pytest.mark.parametrize(
    ("customer", "step", "is_permitted"),
    [
        ("C007", {"action": "reminder", "channel": "email"}, False),  # reminding during a dispute
        ("C011", {"action": "call", "channel": "phone"}, False),  # do not contact, no end known
        ("C009", {"action": "reminder", "channel": "email", "days": 1}, False),  # cool-down of five days
        ("C009", {"action": "reminder", "channel": "email", "days": 7}, False),  # lawful, but expired by then
        ("C006", {"action": "pre_due_notice", "channel": "email", "days": 1}, True),  # waiting was a choice
    ],
)
def test_nobody_steps_around_a_closed_gate(tmp_path, snapshot, recommendations, customer, step, is_permitted):
    row = recommendations[customer]
    start = datetime(2026, 3, 2, 9, tzinfo=UTC) + timedelta(days=step.pop("days", 2))
    chosen = Step(**step, window_start_at=start, window_end_at=start + timedelta(hours=1))
    with DecisionStore(tmp_path / "d.sqlite") as store:
        if is_permitted:
            _decide(store, snapshot, row, "adjust", reason="x", step=chosen)
        else:
            with pytest.raises(UsageError, match=r"not permitted|earliest lawful|is valid"):
                _decide(store, snapshot, row, "adjust", reason="x", step=chosen)
        assert store.read_decisions().height == int(is_permitted)


def _window(row, hour, *, days=0, hours=1):
    zone = ZoneInfo(row["contact_timezone"])
    start = datetime.combine(AS_OF + timedelta(days=days), time(hour), zone).astimezone(UTC)
    return {"window_start_at": start, "window_end_at": start + timedelta(hours=hours)}


def _adjusted(row, action, channel="email", **window):
    return decided_step(row, "adjust", decided_by="Ann", reason="x", step=Step(action, channel, **window))


def test_a_channel_that_the_customer_opted_out_of_is_refused(recommendations):
    row = recommendations["C002"]
    with pytest.raises(UsageError, match="Contact by portal is not permitted"):
        _adjusted(row, "reminder", "portal", **_window(row, 10, days=2))
    with pytest.raises(UsageError, match="no channel of this one is open"):
        _adjusted(row | {"open_channels": []}, "call", "phone", **_window(row, 10, days=2))


@pytest.mark.parametrize("channels", [{}, {"open_channels": None}])
def test_where_open_channels_are_not_known_only_the_recommended_one_may_be_used(recommendations, channels):
    row = {
        name: value for name, value in recommendations["C002"].items() if name != "open_channels"
    } | channels
    assert _adjusted(row, "reminder", "email", **_window(row, 10, days=2)).channel == "email"
    with pytest.raises(UsageError, match="Choose one of email"):
        _adjusted(row, "reminder", "letter", **_window(row, 10, days=2))


@pytest.mark.parametrize(
    ("hour", "hours", "is_permitted"),
    [(8, 12, True), (1, 1, False), (7, 2, False), (19, 2, False), (8, 36, False)],
)
@pytest.mark.parametrize("zone", ["Europe/Brussels", "America/Toronto", None])
def test_a_window_lies_within_the_contact_hours_of_the_customer(
    recommendations, hour, hours, is_permitted, zone
):
    later = recommendations["C002"]["valid_until"] + timedelta(days=2)
    row = recommendations["C002"] | {"contact_timezone": zone, "valid_until": later}
    window = _window(row | {"contact_timezone": zone or "Europe/Brussels"}, hour, days=3, hours=hours)
    if is_permitted:
        assert _adjusted(row, "reminder", **window).window_start_at == window["window_start_at"]
    else:
        with pytest.raises(UsageError, match="contact hours"):
            _adjusted(row, "reminder", **window)


def test_narrower_hours_of_a_customer_hold(recommendations):
    row = recommendations["C002"] | {"open_hour": 10, "close_hour": 16}
    assert _adjusted(row, "reminder", **_window(row, 10, days=2, hours=6))
    with pytest.raises(UsageError, match="10:00 to 16:00"):
        _adjusted(row, "reminder", **_window(row, 15, days=2, hours=2))


def test_sundays_and_public_holidays_are_refused(recommendations):
    row = recommendations["C002"]
    holiday = AS_OF + timedelta(days=2)
    for other in (row, row | {"closed_days": None}):
        with pytest.raises(UsageError, match="not permitted on 2026-03-08"):
            _adjusted(other, "reminder", **_window(other, 10, days=6))
    with pytest.raises(UsageError, match=f"not permitted on {holiday}"):
        _adjusted(row | {"closed_days": [holiday.isoformat()]}, "reminder", **_window(row, 10, days=2))
    with pytest.raises(UsageError, match="too far ahead"):
        _adjusted(row, "reminder", **_window(row, 10, days=31))


def test_a_window_that_ends_after_the_recommendation_is_refused(recommendations):
    row = recommendations["C002"]
    until = row["valid_until"]
    last = {"window_start_at": until - timedelta(hours=8), "window_end_at": until - timedelta(hours=5)}
    assert _adjusted(row, "reminder", **last)
    for day in (3, 21):  # the feed ends with the recommendation, however lawful the day
        with pytest.raises(UsageError, match="until when this recommendation is valid"):
            _adjusted(row, "reminder", **_window(row, 10, days=day))


@pytest.mark.parametrize("decision", ["accept", "adjust"])
def test_a_step_whose_window_has_closed_is_refused_and_not_kept(store, snapshot, recommendations, decision):
    row = recommendations["C002"]
    late = row["window_end_at"] + timedelta(seconds=1)
    assert late < row["valid_until"]
    step = _other_step(row, action="call", channel="phone") if decision == "adjust" else None
    with pytest.raises(UsageError, match="window of this step closed on 2026-03-03"):
        _decide(store, snapshot, row, decision, reason="x", step=step, decided_at=late)
    assert store.read_decisions().is_empty()
    tomorrow = _other_step(row, **_window(row, 10, days=2))
    assert _decide(store, snapshot, row, "adjust", reason="x", step=tomorrow, decided_at=late)


def test_a_step_that_claims_a_debt_needs_something_overdue(recommendations):
    row = recommendations["C006"]
    assert row["overdue_amount"] == 0
    for action in ("reminder", "call", "payment_plan_offer", "formal_notice"):
        with pytest.raises(UsageError, match="nothing of this customer is overdue"):
            _adjusted(row, action, **_window(row, 10, days=2))
    with pytest.raises(UsageError, match="nothing of this customer is overdue"):
        _adjusted(row, "legal_review", None)
    assert _adjusted(row, "thank_you", **_window(row, 10, days=2))


@pytest.mark.parametrize("action", ["dispute_follow_up", "match_credit", "legal_review", "wait"])
def test_a_step_within_the_own_organisation_takes_neither_channel_nor_window(recommendations, action):
    row = recommendations["C010"]
    for step in (("phone", _window(row, 10, days=2)), ("phone", {}), (None, _window(row, 10, days=2))):
        with pytest.raises(UsageError, match="has no channel and no window"):
            _adjusted(row, action, step[0], **step[1])
    assert _adjusted(row, action, None) == Step(action)


def test_a_step_within_the_own_organisation_can_be_accepted_until_the_advice_expires(
    store, snapshot, recommendations
):
    row = recommendations["C007"] | {"channel": None}
    assert row["window_end_at"] < row["valid_until"]
    _decide(store, snapshot, row, decided_at=row["valid_until"])
    kept = store.read_decisions().row(0, named=True)
    step = [kept[name] for name in ("action", "channel", "window_start_at", "window_end_at")]
    assert step == ["dispute_follow_up", None, None, None]


def test_a_legal_review_does_not_wait_behind_a_closed_gate(recommendations):
    for customer in ("C009", "C011"):  # with and without a known end
        with pytest.raises(UsageError, match="while gates are closed"):
            _adjusted(recommendations[customer], "legal_review", None)
    assert _adjusted(recommendations["C010"], "legal_review", None)


@pytest.mark.parametrize("known", [["reminder", "call"], None])
def test_a_formal_step_needs_what_has_to_come_before(recommendations, known):
    row = recommendations["C002"] | {"open_actions": known}
    with pytest.raises(UsageError, match="formal_notice is not permitted yet"):
        _adjusted(row, "formal_notice", "registered_letter", **_window(row, 10, days=2))
    with pytest.raises(UsageError, match="legal_review is not permitted yet"):
        _adjusted(row, "legal_review", None)
    assert _adjusted(row, "call", "phone", **_window(row, 10, days=2))


def test_a_harsher_step_needs_a_reason(recommendations):
    row = recommendations["C002"]
    step = Step("formal_notice", "registered_letter", **_window(row, 10, days=2))
    with pytest.raises(UsageError, match="needs a reason"):
        decided_step(row, "adjust", decided_by="Ann", reason=" ", step=step)


def test_waiting_is_always_permitted(store, snapshot, recommendations):
    for customer in ("C007", "C010"):
        _decide(store, snapshot, recommendations[customer], "adjust", reason="x", step=Step("wait"))
    assert set(store.latest_decisions()["action"]) == {"wait"}


_TAMPERING = {
    "sqlite": "INSERT OR REPLACE INTO decision SELECT * FROM decision",
    "postgresql": "TRUNCATE decision",
}


def test_a_recorded_decision_cannot_be_changed_or_removed(store, snapshot, recommendations):
    _decide(store, snapshot, recommendations["C001"])
    before = store.read_decisions()
    statements = (
        "UPDATE decision SET decided_by = 'Mallory'",
        "DELETE FROM decision",
        _TAMPERING[store._engine.dialect.name],
    )
    for statement in statements:
        with pytest.raises(sa.exc.IntegrityError, match="append-only"), store._engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert store.read_decisions().equals(before)


def test_decisions_outlive_the_store(location, snapshot, recommendations):
    with DecisionStore(location) as first:
        _decide(first, snapshot, recommendations["C001"])
    with DecisionStore(location) as second:
        assert second.read_decisions().height == 1


def _write_many(location, snapshot, rows, writer, barrier):
    barrier.wait()
    with DecisionStore(location) as store:  # all create the table at once
        for row in rows:
            while True:  # who was overtaken looks again
                try:
                    _decide(store, snapshot, row, decided_by=f"writer {writer}")
                except UsageError as error:
                    assert "meanwhile" in str(error)  # noqa: PT017
                else:
                    break


def test_many_writers_at_once_lose_and_double_nothing(location, snapshot, recommendations):
    rows, writers = list(recommendations.values()), 4
    barrier = threading.Barrier(writers)
    with ThreadPoolExecutor(writers) as pool:
        done = [pool.submit(_write_many, location, snapshot, rows, n, barrier) for n in range(writers)]
        for future in done:
            future.result()
    with DecisionStore(location) as store:
        assert store.read_decisions().height == len(rows) * writers


def test_of_decisions_at_once_one_counts_and_the_others_learn_of_it(location, snapshot, recommendations):
    barrier, row = threading.Barrier(4), recommendations["C001"]
    DecisionStore(location).close()

    def decide(number):
        with DecisionStore(location) as store:
            barrier.wait()
            try:  # of each person two clicks on one page
                return _decide(store, snapshot, row, decided_by=f"person {number % 2}", after=None)
            except UsageError as error:
                return str(error)

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(decide, range(4)))
    with DecisionStore(location) as store:
        kept = store.read_decisions().row(0, named=True)
        assert store.read_decisions().height == 1
    assert said.count(kept["decision_id"]) == 2
    assert sum(f"{kept['decided_by']} accepted a step" in words for words in said) == 2


def test_who_has_not_seen_what_a_colleague_decided_is_told(store, snapshot, recommendations):
    row = recommendations["C001"]
    _decide(store, snapshot, row, "ignore", reason="agreed by phone: pays on Friday")
    for after in (None, "some earlier one"):
        with pytest.raises(UsageError, match=r"Ann ignored .* meanwhile: agreed by phone: pays on Friday"):
            _decide(store, snapshot, row, decided_by="Bob", after=after)
    assert store.read_decisions().height == 1


def test_two_processes_write_into_the_same_file(tmp_path, snapshot, recommendations):
    location, rows = tmp_path / "decisions.sqlite", list(recommendations.values())
    spawning = multiprocessing.get_context("spawn")
    barrier = spawning.Barrier(2)
    other = spawning.Process(target=_write_many, args=(location, snapshot, rows, 1, barrier))
    other.start()
    _write_many(location, snapshot, rows, 0, barrier)
    other.join(120)
    assert other.exitcode == 0
    with DecisionStore(location) as store:
        assert store.read_decisions().height == len(rows) * 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40),
)
def test_any_text_comes_back_as_it_was_typed(store, snapshot, recommendations, reason, person):
    if not reason.strip() or not person.strip():
        return
    identifier = _decide(store, snapshot, recommendations["C003"], "ignore", reason=reason, decided_by=person)
    kept = store.read_decisions().filter(decision_id=identifier).row(0, named=True)
    assert (kept["reason"], kept["decided_by"]) == (reason.strip(), person.strip())


def test_an_unusable_store_is_a_plain_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used"):
        DecisionStore(tmp_path / "file" / "decisions.sqlite")
    (tmp_path / "noise.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 50)
    with pytest.raises(UsageError, match="cannot be used"):
        DecisionStore(tmp_path / "noise.sqlite")


def test_a_password_never_shows_in_a_message():
    pytest.importorskip("psycopg")
    with pytest.raises(UsageError) as refused:
        DecisionStore("postgresql://ann:secret@127.0.0.1:1/none?connect_timeout=1")
    assert "secret" not in str(refused.value)
    assert "***" in str(refused.value)


def test_reading_snapshots_does_not_load_the_database_library(project_root):
    script = "import sys, segmentation.publish.reader; sys.exit('sqlalchemy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(project_root / "src")},
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
