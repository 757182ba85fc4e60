"""A run that treats a group worse is not published, whatever happens, until a named person decides."""

import contextlib
import datetime as dt
import io
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from pipelines.command_line.app import run_command
from segmentation.domain.errors import ExitCode
from segmentation.publish.candidates import list_candidates
from segmentation.publish.reader import list_snapshots, open_current
from segmentation.publish.verification import verify_snapshot
from segmentation.simulator.settings import BiasKind, InjectedBias, WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

pytestmark = pytest.mark.slow

BIAS = InjectedBias(kind=BiasKind.CONTACT_ACCESS, attribute="party_type", group="consumer", strength=1.0)
DAY = "2026-09-08"


def words_of_run(ledger, root, settings):
    words = ["run", "--ledger", ledger, "--mapping", "canonical", "--data-root", root, "--as-of", DAY]
    return [str(word) for word in [*words, "--settings", settings, "--accept-smaller-delivery"]]


def approve(root, candidate, by="Ana Credit", reason="Letters are what they asked for.", days=30):
    until = (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)).isoformat()
    words = ["approve", candidate, "--by", by, "--reason", reason, "--until", until, "--data-root", str(root)]
    return run_command(words)


@pytest.fixture(scope="module")
def blocked(published_small, quick_settings, tmp_path_factory):
    """A biased ledger, and a data root in which its run was blocked after an earlier publication."""
    folder = tmp_path_factory.mktemp("blocked")
    world = WorldSettings(customer_count=120, seed=7, with_contacts=False, injected_bias=BIAS)
    write_world(simulate_world(world), folder / "ledger")
    shutil.copytree(published_small, folder / "root", symlinks=True)
    with contextlib.redirect_stderr(io.StringIO()) as message:
        assert run_command(words_of_run(folder / "ledger", folder / "root", quick_settings)) == 4
    (folder / "message").write_text(message.getvalue())
    return folder


@pytest.fixture
def copied(blocked, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(blocked / "root", root, symlinks=True)
    return root


def test_injected_bias_blocks_and_the_last_snapshot_stays(blocked, published_small):
    assert open_current(blocked / "root").id == open_current(published_small).id
    (candidate,) = list_candidates(blocked / "root")
    verify_snapshot(candidate)
    assert candidate.manifest.fairness.verdict == "block"
    assert "consumer" in (candidate.path / "bias_report.html").read_text()
    message = (blocked / "message").read_text()
    for word in (
        "party type consumer (letter only rate",
        "90 % interval",
        "gap",
        "stays current",
        candidate.id,
    ):
        assert word in message


def test_a_named_person_can_publish_it_and_the_next_run_has_nothing_to_do(
    blocked, copied, quick_settings, capsys
):
    (candidate,) = list_candidates(copied)
    assert approve(copied, candidate.id, days=2) == 0
    current = open_current(copied)
    verify_snapshot(current)
    assert current.id == candidate.id
    override = current.manifest.override
    assert (override.approved_by, override.reason) == ("Ana Credit", "Letters are what they asked for.")
    assert current.manifest.valid_until == min(override.until, candidate.manifest.valid_until)
    assert list_candidates(copied) == []
    history = current.read_table("out_fairness_history")
    assert history["verdict"].to_list()[-1] == "block"
    assert history["alpha_spent"].is_sorted()
    assert run_command(words_of_run(blocked / "ledger", copied, quick_settings)) == 0
    assert "Nothing changed" in capsys.readouterr().out
    assert approve(copied, candidate.id) == ExitCode.USAGE


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder, _root: (folder / "ledger" / "customer.csv").open("a").write("\n"), "the ledger"),
        (lambda _folder, root: (root / "published" / "current").unlink(), "the snapshot in force"),
    ],
)
def test_an_approval_is_refused_when_something_changed(blocked, copied, tmp_path, capsys, change, words):
    ledger = blocked / "ledger"
    kept = tmp_path / "kept"
    shutil.copytree(ledger, kept)
    try:
        change(blocked, copied)
        before = [s.id for s in list_snapshots(copied)]
        assert approve(copied, list_candidates(copied)[0].id) == ExitCode.GATE_BLOCKED
        assert words in capsys.readouterr().err
        assert [s.id for s in list_snapshots(copied)] == before
        assert len(list_candidates(copied)) == 1
    finally:
        shutil.copytree(kept, ledger, dirs_exist_ok=True)


def test_an_approval_is_refused_when_the_program_changed(copied, monkeypatch, capsys):
    monkeypatch.setattr("pipelines.run_facts.hash_program", lambda: "another")
    assert approve(copied, list_candidates(copied)[0].id) == ExitCode.GATE_BLOCKED
    assert "the program changed" in capsys.readouterr().err


def test_a_damaged_candidate_cannot_be_approved(copied, capsys):
    (candidate,) = list_candidates(copied)
    with (candidate.path / "out_recommendations.parquet").open("ab") as file:
        file.write(b"x")
    assert approve(copied, candidate.id) == ExitCode.INTEGRITY
    assert "out_recommendations.parquet" in capsys.readouterr().err
    assert open_current(copied).id != candidate.id


def test_an_approval_needs_a_name_a_reason_and_a_near_day(copied, capsys):
    (candidate,) = list_candidates(copied)
    assert approve(copied, candidate.id, by=" ") == ExitCode.USAGE
    assert approve(copied, candidate.id, reason="") == ExitCode.USAGE
    assert approve(copied, candidate.id, days=-1) == ExitCode.USAGE
    assert approve(copied, candidate.id, days=400) == ExitCode.USAGE
    assert approve(copied, "2026-01-01-nothing") == ExitCode.USAGE
    assert candidate.id in capsys.readouterr().err


@pytest.mark.parametrize("function", ["copytree", "rename", "replace"])
def test_an_approval_that_dies_leaves_everything_as_it_was(copied, monkeypatch, function):
    class KilledError(BaseException):
        pass

    def die(*_arguments, **_options):
        raise KilledError

    before, (candidate,) = open_current(copied).id, list_candidates(copied)
    with monkeypatch.context() as dying:
        owner = shutil if function == "copytree" else os
        dying.setattr(owner, function, die)
        if function != "copytree":
            dying.setattr(shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(KilledError):
            approve(copied, candidate.id)
    assert open_current(copied).id == before
    assert approve(copied, candidate.id) == 0
    verify_snapshot(open_current(copied))


_STALLED_AUDIT = """
import sys, time
from pathlib import Path
from segmentation.fairness import ledger_audit

def stall(*arguments):
    Path(sys.argv[1]).touch()
    time.sleep(600)

ledger_audit.audit_bias = stall
from pipelines.command_line.app import main
main(sys.argv[2:])
"""


def test_killing_the_process_inside_the_audit_changes_nothing(
    published_small, small_ledger, quick_settings, tmp_path, project_root
):
    root, marker = tmp_path / "root", tmp_path / "inside"
    shutil.copytree(published_small, root, symlinks=True)
    before = open_current(root)
    paths = os.pathsep.join([str(project_root), str(project_root / "src")])
    words = [sys.executable, "-c", _STALLED_AUDIT, str(marker)]
    process = subprocess.Popen(
        [*words, *words_of_run(small_ledger, root, quick_settings)],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while not marker.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert marker.exists(), "the audit was never reached"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    after = open_current(root)
    assert after == before
    verify_snapshot(after)
    assert list_candidates(root) == []
