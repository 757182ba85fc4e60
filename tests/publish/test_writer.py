"""A snapshot is published whole or not at all, and the last one stays in force until then."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from segmentation.domain.errors import ExitCode, IntegrityError, UsageError
from segmentation.domain.published_tables import CONTRACT_VERSION, PUBLISHED_TABLES
from segmentation.publish import succession, writer
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.layout import IN_FORCE_FILE, LOCK_FILE, published_directory
from segmentation.publish.reader import list_snapshots, open_current, open_previous
from segmentation.publish.verification import verify_snapshot
from segmentation.publish.writer import publish_snapshot
from tests.snapshot_factory import AS_OF, make_facts, make_frames, publish_example


@pytest.fixture(scope="module")
def tables():
    return assemble_tables(make_frames(), AS_OF, None)


def _visible(root):
    return sorted(p.name for p in published_directory(root).iterdir() if not p.name.startswith("."))


def _hidden(root):
    found = {p.name for p in published_directory(root).iterdir() if p.name.startswith(".")}
    return found - {IN_FORCE_FILE} != {LOCK_FILE}


def test_the_manifest_says_what_was_published(snapshot):
    manifest = snapshot.manifest
    facts = make_facts()
    assert manifest.contract_version == CONTRACT_VERSION
    assert snapshot.id == f"{AS_OF}-{facts.fingerprint[:12]}"
    assert snapshot.path.name == f"snap-{snapshot.id}"
    assert (manifest.as_of, manifest.valid_until) == (AS_OF, AS_OF + timedelta(days=7))
    assert manifest.published_at == facts.published_at
    assert manifest.fairness.verdict == "inconclusive"
    assert manifest.model["model"] == "lightgbm_hazard"
    assert manifest.quality["by_verdict"] == {"pass": 1, "warn": 1}
    assert manifest.quality["statements"] == ["warn: The newest fact is one day old."]
    scores = snapshot.read_table("out_invoice_scores").filter(currency="EUR")
    assert manifest.control_totals["EUR"].open_amount == str(scores["open_amount"].sum())
    assert manifest.control_totals["EUR"].open_invoice_count == scores.height
    assert {"polars", "duckdb"} <= manifest.library_versions.keys()


def test_the_database_holds_the_same_tables_with_their_descriptions(snapshot):
    with duckdb.connect(snapshot.path / "scored.duckdb", read_only=True) as connection:
        for name, table in PUBLISHED_TABLES.items():
            stored = table.conform(connection.sql(f"SELECT * FROM {name}").pl())
            assert stored.equals(snapshot.read_table(name))
        comment = "SELECT comment FROM duckdb_columns() WHERE table_name = ? AND column_name = ?"
        found = connection.execute(comment, ["out_portfolio", "formula"]).fetchone()
        assert found == ("how it is computed",)


@pytest.mark.usefixtures("unvalidated")
def test_the_same_run_has_the_same_content_wherever_it_is_published(tmp_path, snapshot, tables):
    again = publish_snapshot(tables, tmp_path, make_facts(published_at=datetime(2026, 3, 5, tzinfo=UTC)))
    assert again.id == snapshot.id
    assert again.manifest.tables == snapshot.manifest.tables


@pytest.mark.usefixtures("unvalidated")
def test_an_empty_table_is_published_and_explained(tmp_path, tables):
    emptied = dict(tables)
    for name in ("out_cash_forecast", "out_reliability"):
        emptied[name] = PUBLISHED_TABLES[name].empty()
    found = publish_snapshot(
        emptied, tmp_path, make_facts(notes={"out_reliability": "No model was trained."})
    )
    assert found.manifest.tables["out_cash_forecast"].note.startswith("No inflow is expected")
    assert found.manifest.tables["out_reliability"].note == "No model was trained."
    assert found.manifest.tables["out_quality"].note is None
    assert found.read_table("out_reliability").schema == PUBLISHED_TABLES["out_reliability"].polars_schema


def test_a_table_that_breaks_its_definition_is_not_published(damaged_root, tables):
    before = open_current(damaged_root)
    wrong = tables["out_invoice_scores"].with_columns(pl.lit(1.5).alias("late_prob"))
    with pytest.raises(IntegrityError, match="late_prob"):
        publish_snapshot(tables | {"out_invoice_scores": wrong}, damaged_root, make_facts(run="wrong"))
    assert open_current(damaged_root) == before
    assert _visible(damaged_root) == ["current", before.path.name]


def test_a_forgotten_table_is_refused_by_name(tmp_path, tables):
    with pytest.raises(IntegrityError, match="out_timeline"):
        publish_snapshot({n: f for n, f in tables.items() if n != "out_timeline"}, tmp_path, make_facts())
    assert open_current(tmp_path) is None


@pytest.mark.usefixtures("unvalidated")
def test_what_cannot_be_read_back_is_not_published(damaged_root, tables, monkeypatch):
    before = open_current(damaged_root)
    original = writer.write_database

    def lose_rows(frames, path):
        original(dict(frames) | {"out_quality": frames["out_quality"].head(1)}, path)

    monkeypatch.setattr(writer, "write_database", lose_rows)
    with pytest.raises(IntegrityError, match=r"out_quality in scored\.duckdb has 1 rows"):
        publish_snapshot(tables, damaged_root, make_facts(run="other"))
    assert open_current(damaged_root) == before
    assert not _hidden(damaged_root)


@pytest.mark.usefixtures("unvalidated")
def test_publishing_the_same_run_again_points_back_to_it(tmp_path, tables):
    first = publish_snapshot(tables, tmp_path, make_facts(run="one"))
    written = (first.path / "manifest.json").stat().st_mtime_ns
    publish_snapshot(tables, tmp_path, make_facts(run="two"))
    again = publish_snapshot(tables, tmp_path, make_facts(run="one", published_at=datetime.now(UTC)))
    assert (again, open_current(tmp_path)) == (first, first)
    assert (first.path / "manifest.json").stat().st_mtime_ns == written


@pytest.mark.usefixtures("unvalidated")
def test_publishing_again_heals_a_damaged_snapshot(damaged_root, tables):
    damaged = open_current(damaged_root)
    (damaged.path / "out_customers.parquet").write_bytes(b"")
    healed = publish_snapshot(tables, damaged_root, make_facts())
    assert healed.id == damaged.id
    verify_snapshot(healed)
    assert len(_visible(damaged_root)) == 2


@pytest.mark.usefixtures("unvalidated")
def test_a_snapshot_never_changes_its_content(damaged_root, tables):
    other = tables | {"out_customers": tables["out_customers"].with_columns(pl.lit("X").alias("name"))}
    with pytest.raises(IntegrityError, match="published already, with other content in out_customers"):
        publish_snapshot(other, damaged_root, make_facts())
    verify_snapshot(open_current(damaged_root))


@pytest.mark.usefixtures("unvalidated")
def test_old_snapshots_are_retired_but_never_the_current_one(tmp_path, tables):
    moment = datetime(2026, 3, 2, 6, tzinfo=UTC)
    ids = [
        publish_snapshot(
            tables,
            tmp_path,
            make_facts(run=str(n), published_at=moment + timedelta(hours=n), keep_snapshots=2),
        ).id
        for n in range(3)
    ]
    assert {s.id for s in list_snapshots(tmp_path)} == set(ids[1:])
    # the oldest of the two comes back into force: the newer one is kept beside it
    publish_snapshot(tables, tmp_path, make_facts(run="1", keep_snapshots=2))
    assert open_current(tmp_path).id == ids[1]
    assert {s.id for s in list_snapshots(tmp_path)} == set(ids[1:])
    assert not _hidden(tmp_path)


@pytest.mark.usefixtures("unvalidated")
def test_a_day_that_is_published_often_keeps_the_list_of_the_day_before(tmp_path, tables):
    yesterday = AS_OF - timedelta(days=1)
    before = publish_snapshot(tables, tmp_path, make_facts(yesterday, keep_snapshots=2)).id
    for n in range(3):
        at = datetime(2026, 3, 2, 6 + n, tzinfo=UTC)
        last = publish_snapshot(tables, tmp_path, make_facts(run=str(n), published_at=at, keep_snapshots=2))
    assert [s.id for s in list_snapshots(tmp_path)][::2] == [last.id, before]
    assert open_previous(tmp_path, AS_OF).id == before
    later = make_facts(AS_OF + timedelta(days=20), keep_snapshots=2)
    publish_snapshot(tables, tmp_path, later)
    assert before not in {s.id for s in list_snapshots(tmp_path)}


def test_a_second_publication_waits_and_then_says_who_is_in_the_way(damaged_root, tables):
    with (published_directory(damaged_root) / ".lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(UsageError, match="Another run is publishing"):
            publish_snapshot(tables, damaged_root, make_facts(run="second"), lock_timeout=0.2)


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize(
    ("module", "step"), [(writer, "write_database"), (succession, "flush"), (succession, "seal_manifest")]
)
def test_a_failing_disk_leaves_the_last_snapshot_and_says_what_to_do(
    damaged_root, tables, monkeypatch, code, module, step
):
    before = open_current(damaged_root)

    def fail(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, step, fail)
    with pytest.raises(UsageError) as refused:
        publish_snapshot(tables, damaged_root, make_facts(run="unlucky"))
    assert os.strerror(code) in str(refused.value)
    assert "the last one stays current" in str(refused.value)
    assert refused.value.exit_code == ExitCode.USAGE
    monkeypatch.undo()
    assert open_current(damaged_root) == before
    assert _visible(damaged_root) == ["current", before.path.name]
    assert not _hidden(damaged_root)


def test_a_data_root_that_is_a_file_is_refused(tmp_path, tables):
    (tmp_path / "root").write_text("")
    with pytest.raises(UsageError, match="could not be written"):
        publish_snapshot(tables, tmp_path / "root", make_facts())


class _KilledError(BaseException):
    """Stands for a killed process: nothing after it runs, not even cleaning up."""


@pytest.mark.usefixtures("unvalidated")
@pytest.mark.parametrize(
    ("function", "call"),
    [("fsync", 1), ("fsync", 20), ("rename", 1), ("symlink", 1), ("replace", 1), ("fsync", -1)],
)
def test_a_crash_at_any_moment_leaves_a_whole_snapshot_in_force(
    damaged_root, tables, monkeypatch, function, call
):
    before = open_current(damaged_root)
    original, calls = getattr(os, function), []

    def crash(*arguments, **options):
        calls.append(arguments)
        # the last flush of all is that of the directory once the link was replaced
        is_last = call == -1 and (published_directory(damaged_root) / "current").resolve() != before.path
        if len(calls) == call or is_last:
            raise _KilledError
        return original(*arguments, **options)

    with monkeypatch.context() as dying:
        dying.setattr(os, function, crash)
        dying.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(_KilledError):
            publish_snapshot(tables, damaged_root, make_facts(run="killed"))
    in_force = open_current(damaged_root)
    assert (in_force == before) is (call != -1)
    for seen in list_snapshots(damaged_root):
        verify_snapshot(seen)
    recovered = publish_snapshot(tables, damaged_root, make_facts(run="killed"))
    assert open_current(damaged_root) == recovered
    verify_snapshot(recovered)
    assert not _hidden(damaged_root)
    assert _visible(damaged_root) == sorted(["current", before.path.name, recovered.path.name])


_KILLED_PUBLISHER = """
import os, signal, sys
from pathlib import Path
from segmentation.publish import succession, writer
from tests.snapshot_factory import publish_example
os.symlink = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
publish_example(Path(sys.argv[1]), run="killed")
"""


def test_a_process_killed_before_the_pointer_moves_changes_nothing(damaged_root, tables, project_root):
    before = open_current(damaged_root)
    paths = os.pathsep.join([str(project_root), str(project_root / "src")])
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_PUBLISHER, str(damaged_root)],
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
        timeout=120,
    )
    assert done.returncode == -9
    assert open_current(damaged_root) == before
    # the lock died with its owner
    publish_snapshot(tables, damaged_root, make_facts(run="next"), lock_timeout=0.5)


_PUBLISHER_ON_A_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from segmentation.domain.errors import UsageError
from tests.snapshot_factory import publish_example
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (1_000, 500_000):  # in the first table, in the database
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        publish_example(Path(sys.argv[1]), run="full")
    except UsageError as error:
        print(error)
"""


def test_a_file_that_cannot_grow_is_a_plain_message_whichever_library_writes_it(damaged_root, project_root):
    before = open_current(damaged_root)
    paths = os.pathsep.join([str(project_root), str(project_root / "src")])
    done = subprocess.run(
        [sys.executable, "-c", _PUBLISHER_ON_A_FULL_DISK, str(damaged_root)],
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.count("The snapshot could not be written") == 2, done.stderr
    assert open_current(damaged_root) == before
    assert not _hidden(damaged_root)


def test_publishing_leaves_no_path_of_this_machine_behind(snapshot, project_root):
    for path in Path(snapshot.path).rglob("*"):
        if path.is_file():
            assert str(project_root).encode() not in path.read_bytes()


@pytest.mark.usefixtures("unvalidated")
def test_the_factory_publishes_what_it_is_told(tmp_path):
    later = publish_example(tmp_path, AS_OF + timedelta(days=1), shift=2)
    assert later.as_of == AS_OF + timedelta(days=1)
