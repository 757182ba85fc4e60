"""A dunning system gets the steps that somebody stands behind and that still hold, and nothing else."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from segmentation.domain.asked_debt import write_asked
from segmentation.domain.core_tables import DECISION
from segmentation.domain.errors import UsageError
from segmentation.domain.room_tables import GATE
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.decisions import DecisionStore, Step
from segmentation.publish.dunning_feed import explain_silence, list_actionable_steps
from segmentation.publish.reader import open_current, open_previous
from segmentation.publish.writer import publish_snapshot
from tests.snapshot_factory import AS_OF, find_last_decision, make_facts, make_frames, publish_example

NOW = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 9, tzinfo=UTC)


@pytest.fixture
def location(tmp_path):
    return tmp_path / "decisions.sqlite"


@pytest.fixture
def decide(location):
    """Decide on the recommendation of a customer."""

    def decide_(root, customer, decision, **changes):
        snapshot = open_current(root)
        row = snapshot.read_table("out_recommendations").filter(customer_id=customer).row(0, named=True)
        with DecisionStore(location) as store:
            given = {"decided_by": "Ann", "decided_at": NOW, "after": find_last_decision(store, customer)}
            store.record_decision(snapshot, row, decision, **(given | changes))
        return row

    return decide_


def test_a_moment_is_understood_in_any_zone(published_root, location, decide):
    decide(published_root, "C001", "accept")
    in_brussels = NOW.astimezone(ZoneInfo("Europe/Brussels"))
    found = list_actionable_steps(published_root, in_brussels, location)
    assert found.equals(list_actionable_steps(published_root, NOW, location))
    assert found.height == 1


def test_only_accepted_and_adjusted_steps_may_be_carried_out(published_root, location, decide):
    accepted = decide(published_root, "C001", "accept")
    call = {"window_start_at": NOW + timedelta(days=1), "window_end_at": NOW + timedelta(days=1, hours=2)}
    decide(published_root, "C002", "adjust", reason="x", step=Step("call", "phone", **call))
    decide(published_root, "C003", "ignore", reason="x")
    found = list_actionable_steps(published_root, NOW, location)
    message = ["message_language", "message_subject", "message_text", "message_missing", "plan_schedule"]
    assert found.columns == [
        *(*DECISION.column_names, "valid_until", "dunning_level", "tone", "propensity"),
        *(*message, "asked_invoices"),
    ]
    assert found.select("dunning_level", "tone", "propensity").rows() == [
        (accepted["dunning_level"], accepted["tone"], accepted["propensity"]),
        (1, None, None),  # of the call, not of what was recommended; a person chose it
    ]
    assert found["message_text"][0] == accepted["message_text"]
    assert found["message_text"][1] is None, "it was written for another step"
    assert found.select("customer_id", "action", "channel").rows() == [
        ("C001", accepted["action"], accepted["channel"]),
        ("C002", "call", "phone"),
    ]
    assert found["valid_until"][0] == accepted["valid_until"]


def test_a_withdrawn_step_is_gone_at_once_and_back_when_decided_again(published_root, location, decide):
    decide(published_root, "C001", "accept")
    decide(published_root, "C001", "withdraw")
    assert list_actionable_steps(published_root, NOW, location).is_empty()
    decide(published_root, "C001", "accept")
    assert list_actionable_steps(published_root, NOW, location).height == 1


def test_waiting_is_nothing_to_carry_out(published_root, location, decide):
    decide(published_root, "C002", "adjust", reason="x", step=Step("wait"))
    assert list_actionable_steps(published_root, NOW, location).is_empty()


def test_a_step_ends_with_its_window_and_with_its_recommendation(published_root, location, decide):
    row = decide(published_root, "C001", "accept")
    later = {name: row[name] + timedelta(days=1) for name in ("window_start_at", "window_end_at")}
    decide(published_root, "C002", "adjust", reason="x", step=Step("call", "phone", **later))
    second = timedelta(seconds=1)

    def customers(moment):
        return list_actionable_steps(published_root, moment, location)["customer_id"].to_list()

    assert customers(row["window_end_at"]) == ["C001", "C002"]
    assert customers(row["window_end_at"] + second) == ["C002"]
    assert customers(later["window_end_at"] + second) == []


def test_a_step_without_a_window_ends_with_its_recommendation(published_root, location, decide):
    row = decide(published_root, "C010", "adjust", reason="x", step=Step("legal_review"))
    assert list_actionable_steps(published_root, row["valid_until"], location).height == 1
    late = row["valid_until"] + timedelta(seconds=1)
    assert list_actionable_steps(published_root, late, location).is_empty()


def test_every_last_moment_that_may_be_chosen_is_carried_out(published_root, location, decide):
    snapshot = open_current(published_root)
    row = snapshot.read_table("out_recommendations").filter(customer_id="C001").row(0, named=True)
    end = row["valid_until"] - timedelta(hours=5)  # the evening before, within contact hours
    window = {"window_start_at": end - timedelta(hours=2), "window_end_at": end}
    decide(published_root, "C001", "adjust", reason="x", step=Step("call", "phone", **window))
    assert list_actionable_steps(published_root, end, location).height == 1


def test_a_step_on_a_later_worklist_replaces_an_earlier_one(tmp_path, location, decide):
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    decide(root, "C001", "accept")
    decide(root, "C002", "accept")
    publish_example(root, as_of=AS_OF + timedelta(days=1))
    steps = list_actionable_steps(root, NOW, location)
    assert steps["customer_id"].to_list() == ["C001", "C002"]  # yesterday's decisions still hold
    decide(root, "C001", "adjust", reason="x", step=Step("wait"))
    assert list_actionable_steps(root, NOW, location)["customer_id"].to_list() == ["C002"]


@pytest.mark.parametrize("later", ["ignore", "withdraw"])
def test_whatever_is_decided_on_a_later_worklist_ends_an_earlier_step(tmp_path, location, decide, later):
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    decide(root, "C001", "accept")
    publish_example(root, as_of=AS_OF + timedelta(days=1))
    if later == "withdraw":
        decide(root, "C001", "accept")
    decide(root, "C001", later, reason="x")
    assert list_actionable_steps(root, NOW, location).is_empty()


@pytest.mark.parametrize("step", [None, Step("wait")])
def test_a_list_of_the_same_day_replaces_the_one_before(tmp_path, location, decide, step):
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    morning = open_current(root)
    decide(root, "C001", "accept")
    publish_example(root, as_of=AS_OF, run="corrected", published_at=NOW)
    corrected = open_current(root)
    assert corrected.id != morning.id
    # The same step in both, and so the same identifier: what was accepted is the text of the morning.
    assert list_actionable_steps(root, NOW, location).is_empty()
    decide(root, "C001", "adjust" if step else "accept", reason="x", step=step)
    steps = list_actionable_steps(root, NOW, location)
    assert steps["snapshot_id"].to_list() == ([] if step else [corrected.id])


def test_a_list_that_is_back_in_force_is_carried_out_on_its_day_and_the_next(tmp_path, location, decide):
    """The correction was wrong, and the run before it is published again: nothing is written anew."""
    root = tmp_path / "root"
    first = publish_example(root, as_of=AS_OF)
    publish_example(root, as_of=AS_OF, run="corrected", published_at=NOW)
    publish_example(root, as_of=AS_OF, published_at=NOW + timedelta(minutes=1))
    decide(root, "C001", "accept")
    assert list_actionable_steps(root, NOW, location)["snapshot_id"].to_list() == [first.id]
    following = publish_example(root, as_of=AS_OF + timedelta(days=1))
    assert list_actionable_steps(root, NOW, location)["snapshot_id"].to_list() == [first.id]
    assert (first.manifest.previous_id, following.manifest.previous_id) == (None, first.id)


def test_nobody_decides_on_a_list_that_was_replaced(tmp_path, location, decide):
    """Who reads the list of the morning would overrule what a colleague decided on the corrected one, unseen."""
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    morning = open_current(root)
    stale = morning.read_table("out_recommendations").filter(customer_id="C001").row(0, named=True)
    publish_example(root, as_of=AS_OF, run="corrected", published_at=NOW)
    decide(root, "C001", "accept")
    with DecisionStore(location) as store:
        for customer in ("C001", "C002"):
            given = {"decided_by": "Bob", "decided_at": NOW, "after": find_last_decision(store, customer)}
            with pytest.raises(UsageError, match="has been replaced"):
                store.record_decision(
                    morning, stale | {"customer_id": customer}, "ignore", reason="x", **given
                )
            with pytest.raises(UsageError, match="no decision on this recommendation to withdraw"):
                store.record_decision(morning, stale | {"customer_id": customer}, "withdraw", **given)
    assert list_actionable_steps(root, NOW, location)["decided_by"].to_list() == ["Ann"]


def test_a_step_of_yesterday_can_be_taken_back_today(tmp_path, location, decide):
    """Today the customer waits for what was decided, so that only the list of yesterday has the step."""
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    yesterday = open_current(root)
    row = decide(root, "C001", "accept")
    publish_example(root, as_of=AS_OF + timedelta(days=1))
    with DecisionStore(location) as store:
        last = find_last_decision(store, "C001")
        store.record_decision(yesterday, row, "withdraw", decided_by="Ann", decided_at=NOW, after=last)
    assert list_actionable_steps(root, NOW, location).is_empty()


@pytest.fixture
def republish(tmp_path, location):
    """Publish a snapshot of the next day in which some tables are changed; nobody decided on it yet."""
    root, day = tmp_path / "root", AS_OF + timedelta(days=1)
    publish_example(root, as_of=AS_OF)

    def republish_(**changes):
        frames = make_frames(day)
        frames |= {name: change(frames[name]) for name, change in changes.items()}
        tables = assemble_tables(frames, day, open_previous(root, day))
        return publish_snapshot(tables, root, make_facts(day))

    def customers():
        return list_actionable_steps(root, NOW, location)["customer_id"].to_list()

    return root, republish_, customers


def _block(codes, customer="C001", **values):
    mine = pl.col("customer_id") == customer
    columns = {"blocked_by": pl.lit(codes, dtype=pl.List(pl.String))} | {
        k: pl.lit(v) for k, v in values.items()
    }
    return lambda frame: frame.with_columns(
        pl.when(mine).then(new).otherwise(name).alias(name) for name, new in columns.items()
    )


def _close(gate, channel=None, customer="C001", invoice=None):
    row = {"customer_id": customer, "gate": gate, "channel": channel, "invoice_id": invoice, "detail": "x"}
    return lambda frame: GATE.conform(pl.concat([frame, pl.DataFrame([row])], how="diagonal_relaxed"))


@pytest.mark.parametrize(
    "changes",
    [
        {"act_recommendation": _block(["insolvency"], action="wait")},
        {"act_gate": _close("insolvency")},
        {"act_gate": _close("channel_not_permitted", "email")},  # the channel that was decided on
        {"act_recommendation": lambda frame: frame.filter(pl.col("customer_id") != "C001")},  # nothing open
        {"act_recommendation": _block([], open_amount=Decimal("0.000"), overdue_amount=Decimal("0.000"))},
    ],
    ids=["blocked", "account", "channel", "settled", "nothing_open"],
)
def test_what_the_snapshot_in_force_closes_is_not_carried_out(republish, decide, changes):
    root, publish, customers = republish
    decide(root, "C001", "accept")
    decide(root, "C002", "accept")
    assert customers() == ["C001", "C002"]
    publish(**changes)
    assert customers() == ["C002"]


def _asked(invoice="C001-009"):
    """The recommendation for C001 names one of its invoices, as it stands in the first snapshot."""

    def name(frame, scores):
        one = scores.filter(invoice_id=invoice).select("invoice_id", "due_date", "open_amount")
        asked = one.select(write_asked("due_date", "open_amount")).item()
        return frame.with_columns(
            pl.when(pl.col("customer_id") == "C001").then(pl.lit(asked)).alias("asked_invoices")
        )

    return name


def _scores(**values):
    """What is known of the invoice that is asked for; nothing at all: it is no longer open."""
    mine = pl.col("invoice_id") == "C001-009"
    if not values:
        return lambda frame: frame.filter(~mine)
    return lambda frame: frame.with_columns(
        pl.when(mine).then(pl.lit(value).cast(frame.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    )


@pytest.mark.parametrize(
    ("changes", "carried_out"),
    [
        ({}, ["C001", "C002"]),
        ({"pred_instalment_risk": _scores()}, ["C002"]),
        ({"pred_instalment_risk": _scores(open_amount=Decimal(1))}, ["C002"]),
        ({"pred_instalment_risk": _scores(due_date=AS_OF - timedelta(days=1))}, ["C002"]),
        ({"act_gate": _close("open_dispute", invoice="C001-009")}, ["C002"]),
        ({"act_gate": _close("open_dispute", invoice="C001-010")}, ["C001", "C002"]),
    ],
    ids=["same", "paid", "amount", "due_date", "disputed", "another_disputed"],
)
def test_a_message_is_not_carried_out_once_an_invoice_that_it_asks_for_changed(
    tmp_path, location, decide, changes, carried_out
):
    root = tmp_path / "root"
    for day in (AS_OF, AS_OF + timedelta(days=1)):
        frames = make_frames(AS_OF)
        frames["act_recommendation"] = _asked()(frames["act_recommendation"], frames["pred_instalment_risk"])
        if day > AS_OF:
            frames |= {name: change(frames[name]) for name, change in changes.items()}
        publish_snapshot(assemble_tables(frames, day, open_previous(root, day)), root, make_facts(day))
        if day == AS_OF:
            decide(root, "C001", "accept")
            decide(root, "C002", "accept")
    assert list_actionable_steps(root, NOW, location)["customer_id"].to_list() == carried_out


def test_a_step_on_overdue_debt_ends_when_nothing_is_overdue_any_more(republish, decide):
    root, publish, customers = republish
    decide(root, "C001", "accept")
    decide(root, "C002", "accept")
    publish(pred_instalment_risk=_scores())
    assert customers() == ["C002"], "other invoices of C001 are open, none is overdue"


def test_gates_that_leave_the_step_lawful_keep_it(republish, decide):
    root, publish, customers = republish
    decide(root, "C001", "accept")
    decide(root, "C007", "accept")  # a dispute is followed up because it closes the account for reminders
    publish(act_gate=_close("channel_unreachable", "sms"))
    assert customers() == ["C001", "C007"]


def test_a_decision_does_not_stop_itself(republish, decide):
    root, publish, customers = republish
    decide(root, "C001", "accept")
    own = "awaiting_decision_effect"
    publish(act_recommendation=_block([own], action="wait"), act_gate=_close(own))
    assert customers() == ["C001"]


@pytest.mark.parametrize(
    ("gates", "stays"), [(["open_dispute", "cool_down"], True), (["open_dispute", "insolvency"], False)]
)
def test_work_that_a_gate_calls_for_goes_on_while_it_is_closed(republish, decide, gates, stays):
    """The next run waits for what was decided to have effect; the dispute is there to be followed up all the same."""
    root, publish, customers = republish
    decide(root, "C007", "accept")
    own = "awaiting_decision_effect"
    blocked = _block([*gates, own], customer="C007", action="wait")
    publish(act_recommendation=blocked, act_gate=_close(own, customer="C007"))
    assert customers() == (["C007"] if stays else [])


def test_a_snapshot_past_its_day_is_silent_and_says_why(published_root, location, decide):
    decide(published_root, "C001", "accept")
    last = open_current(published_root).manifest.valid_until
    late = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    assert explain_silence(published_root, NOW) is None
    assert explain_silence(published_root, late - timedelta(seconds=1)) is None
    assert "may not be relied on after 2026-03-09" in explain_silence(published_root, late)
    silent = list_actionable_steps(published_root, late, location)
    assert silent.is_empty()
    assert silent.schema == list_actionable_steps(published_root, NOW, location).schema


def test_nothing_vouches_for_a_step_whose_snapshot_is_gone(tmp_path, published_root, location, decide):
    decide(published_root, "C001", "accept")
    assert list_actionable_steps(tmp_path / "empty", NOW, location).is_empty()
    assert "Nothing was published yet" in explain_silence(tmp_path / "empty", NOW)


def test_a_damaged_snapshot_takes_its_own_steps_only(tmp_path, location, decide, caplog):
    root = tmp_path / "root"
    first = publish_example(root, as_of=AS_OF)
    decide(root, "C001", "accept")
    publish_example(root, as_of=AS_OF + timedelta(days=1))
    decide(root, "C003", "accept")
    assert list_actionable_steps(root, NOW, location).height == 2
    with (first.path / "out_recommendations.parquet").open("ab") as file:
        file.write(b"x")
    assert list_actionable_steps(root, NOW, location)["customer_id"].to_list() == ["C003"]
    assert first.id in caplog.text


def test_the_store_beside_the_snapshots_is_read_when_none_is_named(tmp_path):
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    assert list_actionable_steps(root, NOW).is_empty()
    with DecisionStore.for_data_root(root) as store:
        snapshot = open_current(root)
        row = snapshot.read_table("out_recommendations").filter(customer_id="C001").row(0, named=True)
        store.record_decision(snapshot, row, "accept", decided_by="Ann", decided_at=NOW, after=None)
    assert list_actionable_steps(root, NOW).height == 1


def test_a_moment_without_time_zone_is_refused(published_root, location):
    with pytest.raises(UsageError, match="time zone"):
        list_actionable_steps(published_root, NOW.replace(tzinfo=None), location)


def test_an_expired_recommendation_is_neither_accepted_nor_adjusted_but_may_be_ignored(
    published_root, decide
):
    late = {"decided_at": NOW + timedelta(days=400)}
    for decision in ("accept", "adjust"):
        with pytest.raises(UsageError, match="expired"):
            decide(
                published_root,
                "C001",
                decision,
                reason="x",
                step=Step("wait") if decision == "adjust" else None,
                **late,
            )
    decide(published_root, "C001", "ignore", reason="x", **late)
