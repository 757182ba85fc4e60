"""What people found out about causes is kept as they said it, beside the decisions."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from segmentation.domain.core_tables import CAUSE_FINDING
from segmentation.domain.errors import UsageError
from segmentation.domain.validation import find_violations
from segmentation.publish.append_only_store import DECISIONS_FILE
from segmentation.publish.cause_findings import FindingStore
from segmentation.publish.decisions import DecisionStore
from tests.snapshot_factory import AS_OF

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SEGMENT = {"customer_id": "C001", "cause": "forgetful"}


@pytest.fixture
def store(tmp_path):
    with FindingStore(tmp_path / DECISIONS_FILE) as opened:
        yield opened


def _find(store, snapshot, cause="forgetful", **changes):
    given = {"found_by": "Ann", "found_at": NOW, "token": "form-1"}
    return store.record_finding(snapshot, SEGMENT, cause, **(given | changes))


def test_a_finding_is_kept_with_what_was_told(store, snapshot):
    _find(store, snapshot, "cannot_pay")
    kept = store.read_findings()
    assert find_violations(kept, CAUSE_FINDING) == []
    row = kept.row(0, named=True)
    assert (row["told_cause"], row["cause"], row["found_by"]) == ("forgetful", "cannot_pay", "Ann")
    assert (row["snapshot_id"], row["as_of_date"], row["found_at"]) == (snapshot.id, AS_OF, NOW)


def test_a_double_click_is_one_finding_and_the_last_word_counts(store, snapshot):
    assert _find(store, snapshot) == _find(store, snapshot, found_at=NOW + timedelta(seconds=1))
    _find(store, snapshot, "unclear", token="form-2")
    assert store.read_findings().height == 2
    assert store.latest_finding("C001", AS_OF)["cause"] == "unclear"
    assert store.latest_finding("C002", AS_OF) is None


def test_a_finding_that_runs_have_forgotten_is_no_longer_shown(store, snapshot):
    _find(store, snapshot)
    last_day = AS_OF + timedelta(days=365)
    assert store.latest_finding("C001", last_day)["cause"] == "forgetful"
    assert store.latest_finding("C001", last_day + timedelta(days=1)) is None


def test_a_run_knows_findings_on_earlier_days_only(store, snapshot):
    _find(store, snapshot)
    assert store.read_findings(before=AS_OF).is_empty()
    assert store.read_findings(before=AS_OF + timedelta(days=1)).height == 1


@pytest.mark.parametrize(
    "changes", [{"found_by": " "}, {"cause": "lazy"}, {"found_at": NOW.replace(tzinfo=None)}]
)
def test_an_incomplete_finding_is_refused_and_not_kept(store, snapshot, changes):
    with pytest.raises(UsageError):
        _find(store, snapshot, **changes)
    assert store.read_findings().is_empty()


def test_findings_cannot_be_changed_and_join_a_database_that_has_decisions(tmp_path, snapshot):
    path = tmp_path / DECISIONS_FILE
    with DecisionStore(path), FindingStore(path) as store:
        _find(store, snapshot)
    engine = sa.create_engine(f"sqlite:///{path}")
    for statement in (
        "UPDATE cause_finding SET cause = 'disputing'",
        "DELETE FROM cause_finding",
        "REPLACE INTO cause_finding SELECT * FROM cause_finding",
    ):
        with engine.begin() as connection, pytest.raises(sa.exc.IntegrityError, match="append-only"):
            connection.exec_driver_sql(statement)
    engine.dispose()
