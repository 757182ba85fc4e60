"""Readers get whole, checked tables, or a clear refusal."""

import json
import re
import shutil
from datetime import timedelta

import polars as pl
import pytest

from segmentation.domain.errors import ExitCode, IntegrityError, UsageError
from segmentation.domain.published_tables import CONTRACT_VERSION, PUBLISHED_TABLES
from segmentation.publish import checksums
from segmentation.publish.audit_history import read_audit_history
from segmentation.publish.manifest import canonical_json
from segmentation.publish.reader import (
    find_snapshot,
    list_snapshots,
    open_current,
    open_previous,
    open_snapshot,
)
from tests.snapshot_factory import AS_OF, publish_example


def test_nothing_published_yet_is_no_snapshot(tmp_path):
    assert open_current(tmp_path) is None
    assert list_snapshots(tmp_path) == []
    assert open_previous(tmp_path, AS_OF) is None


def test_every_table_is_read_typed_and_sorted(snapshot):
    for name, table in PUBLISHED_TABLES.items():
        frame = snapshot.read_table(name)
        assert frame.schema == table.polars_schema
        assert frame.equals(frame.sort(table.key, nulls_last=True))
        assert frame.height == snapshot.manifest.tables[name].row_count


def test_chosen_columns_are_read_alone(snapshot):
    assert snapshot.read_table("out_customers", columns=["customer_id"]).columns == ["customer_id"]


def test_a_snapshot_may_be_relied_on_until_its_last_day(snapshot):
    assert snapshot.as_of == AS_OF
    assert snapshot.is_valid_on(AS_OF + timedelta(days=7))
    assert not snapshot.is_valid_on(AS_OF + timedelta(days=8))


def test_an_unknown_table_is_named_with_the_nearest_one(snapshot):
    with pytest.raises(UsageError, match="out_recommendations"):
        snapshot.read_table("out_recommendation")


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "swap"])
def test_a_damaged_table_is_refused_by_name(damaged_root, damage):
    damaged = open_current(damaged_root)
    path = damaged.path / "out_recommendations.parquet"
    damaged.read_table("out_recommendations")  # so that its checksum is remembered
    data = bytearray(path.read_bytes())
    if damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-1])
    elif damage == "remove":
        path.unlink()
    else:
        shutil.copy(damaged.path / "out_customers.parquet", path)
    with pytest.raises(IntegrityError, match=r"out_recommendations\.parquet") as refused:
        damaged.read_table("out_recommendations")
    assert refused.value.exit_code == ExitCode.INTEGRITY
    assert "Run the pipeline again" in str(refused.value)
    damaged.read_table("out_customers")


def test_a_file_is_hashed_once_while_it_stays_the_same(damaged_root, monkeypatch):
    hashed = []
    original = checksums.hash_file
    monkeypatch.setattr(checksums, "hash_file", lambda path: hashed.append(path) or original(path))
    current = open_current(damaged_root)
    for _ in range(5):
        current.read_table("out_customers")
    assert len(hashed) == 1


def test_a_changed_manifest_is_refused(damaged_root):
    path = open_current(damaged_root).path / "manifest.json"
    content = json.loads(path.read_bytes())
    content["model_version"] = "another"
    path.write_bytes(canonical_json(content))
    with pytest.raises(IntegrityError, match="manifest"):
        open_current(damaged_root)
    assert list_snapshots(damaged_root) == []


def test_a_snapshot_of_another_major_contract_is_refused_with_both_versions(damaged_root, monkeypatch):
    kept = re.escape(CONTRACT_VERSION)
    monkeypatch.setattr("segmentation.publish.manifest.CONTRACT_VERSION", "99.0.0")
    with pytest.raises(IntegrityError, match=rf"{kept}.*99\.0\.0"):
        open_current(damaged_root)


def test_a_pointer_to_nothing_is_refused(damaged_root):
    shutil.rmtree(open_current(damaged_root).path)
    with pytest.raises(IntegrityError, match="manifest"):
        open_current(damaged_root)


def test_a_copy_of_a_snapshot_can_be_read_elsewhere(snapshot, tmp_path):
    shutil.copytree(snapshot.path, tmp_path / "elsewhere")
    copy = open_snapshot(tmp_path / "elsewhere")
    assert copy.read_table("out_customers").equals(snapshot.read_table("out_customers"))


@pytest.mark.usefixtures("unvalidated")
def test_snapshots_are_listed_newest_first_and_found_by_name(tmp_path):
    days = [AS_OF + timedelta(days=offset) for offset in (1, 0, 2)]
    for day in days:
        publish_example(tmp_path, day)
    assert [s.as_of for s in list_snapshots(tmp_path)] == sorted(days, reverse=True)
    assert open_previous(tmp_path, AS_OF + timedelta(days=2)).as_of == AS_OF + timedelta(days=1)
    assert open_previous(tmp_path, AS_OF) is None
    current = open_current(tmp_path)
    assert find_snapshot(tmp_path, "current") == current
    assert find_snapshot(tmp_path, current.id) == find_snapshot(tmp_path, current.path.name) == current
    for unknown in ("2020-01-01-000000000000", "../published", ""):
        with pytest.raises(UsageError, match=current.id):
            find_snapshot(tmp_path, unknown)


@pytest.mark.usefixtures("unvalidated")
def test_a_damaged_snapshot_is_no_earlier_one(tmp_path, caplog):
    whole, damaged = (publish_example(tmp_path, AS_OF + timedelta(days=n)) for n in (0, 1))
    (damaged.path / "out_customer_segments.parquet").write_bytes(b"x")
    assert open_previous(tmp_path, AS_OF + timedelta(days=2)).id == whole.id
    assert damaged.id in caplog.text
    assert read_audit_history(tmp_path, AS_OF + timedelta(days=2))["as_of_date"].to_list() == [AS_OF]


def test_an_open_snapshot_stays_the_same_while_another_is_published(tmp_path):
    first = publish_example(tmp_path, AS_OF)
    publish_example(tmp_path, AS_OF + timedelta(days=1), shift=3)
    scores = first.read_table("out_invoice_scores")
    assert scores.select(pl.col("as_of_date").unique()).item() == AS_OF
    assert open_current(tmp_path).as_of == AS_OF + timedelta(days=1)
