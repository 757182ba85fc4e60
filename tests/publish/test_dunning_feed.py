"""A dunning system gets the steps that somebody stands behind and that still hold, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest

from segmentation.domain.core_tables import DECISION
from segmentation.domain.errors import UsageError
from segmentation.publish.decisions import DecisionStore, Step
from segmentation.publish.dunning_feed import list_actionable_steps
from segmentation.publish.reader import open_current
from tests.snapshot_factory import AS_OF, publish_example

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
        given = {"decided_by": "Ann", "decided_at": NOW, "token": f"{decision}{customer}"}
        with DecisionStore(location) as store:
            store.record_decision(snapshot, row, decision, **(given | changes))
        return row

    return decide_


def test_only_accepted_and_adjusted_steps_may_be_carried_out(published_root, location, decide):
    accepted = decide(published_root, "C001", "accept")
    call = {"window_start_at": NOW + timedelta(days=1), "window_end_at": NOW + timedelta(days=1, hours=2)}
    decide(published_root, "C002", "adjust", reason="x", step=Step("call", "phone", **call))
    decide(published_root, "C003", "ignore", reason="x")
    found = list_actionable_steps(published_root, NOW, location)
    assert found.columns == [*DECISION.column_names, "valid_until"]
    assert found.select("customer_id", "action", "channel").rows() == [
        ("C001", accepted["action"], accepted["channel"]),
        ("C002", "call", "phone"),
    ]
    assert found["valid_until"][0] == accepted["valid_until"]


def test_a_withdrawn_step_is_gone_at_once_and_back_when_decided_again(published_root, location, decide):
    decide(published_root, "C001", "accept")
    decide(published_root, "C001", "withdraw")
    assert list_actionable_steps(published_root, NOW, location).is_empty()
    decide(published_root, "C001", "accept", token="again")
    assert list_actionable_steps(published_root, NOW, location).height == 1


def test_waiting_is_nothing_to_carry_out(published_root, location, decide):
    decide(published_root, "C002", "adjust", reason="x", step=Step("wait"))
    assert list_actionable_steps(published_root, NOW, location).is_empty()


def test_a_step_ends_with_its_window_and_with_its_recommendation(published_root, location, decide):
    row = decide(published_root, "C001", "accept")
    window = {"window_start_at": row["window_start_at"], "window_end_at": NOW + timedelta(days=30)}
    decide(published_root, "C002", "adjust", reason="x", step=Step("call", "phone", **window))
    second = timedelta(seconds=1)

    def customers(moment):
        return list_actionable_steps(published_root, moment, location)["customer_id"].to_list()

    assert customers(row["window_end_at"]) == ["C001", "C002"]
    assert customers(row["window_end_at"] + second) == ["C002"]
    assert customers(row["valid_until"]) == ["C002"]
    assert customers(row["valid_until"] + second) == []


def test_a_step_on_a_later_worklist_replaces_an_earlier_one(tmp_path, location, decide):
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    decide(root, "C001", "accept")
    decide(root, "C002", "accept")
    publish_example(root, as_of=AS_OF + timedelta(days=1))
    steps = list_actionable_steps(root, NOW, location)
    assert steps["customer_id"].to_list() == ["C001", "C002"]  # yesterday's decisions still hold
    decide(root, "C001", "adjust", reason="x", step=Step("wait"), token="later")
    assert list_actionable_steps(root, NOW, location)["customer_id"].to_list() == ["C002"]


def test_nothing_vouches_for_a_step_whose_snapshot_is_gone(tmp_path, published_root, location, decide):
    decide(published_root, "C001", "accept")
    assert list_actionable_steps(tmp_path / "empty", NOW, location).is_empty()


def test_the_store_beside_the_snapshots_is_read_when_none_is_named(tmp_path):
    root = tmp_path / "root"
    publish_example(root, as_of=AS_OF)
    assert list_actionable_steps(root, NOW).is_empty()
    with DecisionStore.for_data_root(root) as store:
        snapshot = open_current(root)
        row = snapshot.read_table("out_recommendations").filter(customer_id="C001").row(0, named=True)
        store.record_decision(snapshot, row, "accept", decided_by="Ann", decided_at=NOW, token="t")
    assert list_actionable_steps(root, NOW).height == 1


def test_a_moment_without_time_zone_is_refused(published_root, location):
    with pytest.raises(UsageError, match="time zone"):
        list_actionable_steps(published_root, NOW.replace(tzinfo=None), location)
