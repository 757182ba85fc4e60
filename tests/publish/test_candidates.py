"""What the bias gate blocked is published by approval alone, once."""

import os
from datetime import timedelta

import pytest

from segmentation.domain.errors import GateBlockedError
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.candidates import list_candidates, publish_candidate, read_request
from segmentation.publish.manifest import Override
from segmentation.publish.reader import open_current
from segmentation.publish.writer import keep_candidate
from tests.snapshot_factory import AS_OF, make_facts, make_frames, publish_example

NOW = make_facts().published_at
BLOCKED = {"fairness_verdict": "block", "fairness_statement": "Treated worse: language fr."}


def approve(root, by, minutes):
    tables = assemble_tables(make_frames(AS_OF), AS_OF, None)
    candidate = keep_candidate(tables, root, make_facts(**BLOCKED), {})
    at = NOW + timedelta(minutes=minutes)
    override = Override(approved_by=by, reason="They pay later.", approved_at=at, until=AS_OF)
    return publish_candidate(root, candidate, override, 5)


def test_a_blocked_run_is_not_published_and_the_last_snapshot_stays_in_force(tmp_path):
    before = publish_example(tmp_path, run="before")
    with pytest.raises(GateBlockedError, match="The bias gate blocks: Treated worse: language fr"):
        publish_example(tmp_path, **BLOCKED)
    assert open_current(tmp_path).id == before.id


def test_what_was_approved_once_keeps_its_name_and_reason(tmp_path):
    approved = approve(tmp_path, "Ana", 1)
    publish_example(tmp_path, run="later", published_at=NOW + timedelta(minutes=2))
    with pytest.raises(GateBlockedError, match="published already"):
        approve(tmp_path, "Bo", 3)
    assert (approved.path / "manifest.json").read_text().count("Ana") == 1


def test_an_approval_that_died_before_it_was_in_force_can_be_given_again(tmp_path, monkeypatch):
    before = publish_example(tmp_path, run="before")
    with monkeypatch.context() as dying:
        dying.setattr("segmentation.publish.succession._point_to", exit)
        with pytest.raises(SystemExit):
            approve(tmp_path, "Ana", 1)
    assert approve(tmp_path, "Ana", 2).id == open_current(tmp_path).id != before.id


def test_an_approved_list_is_not_replaced_once_an_earlier_one_is_back_in_force(tmp_path):
    publish_example(tmp_path, run="before")
    approve(tmp_path, "Ana", 1)
    publish_example(tmp_path, run="before")
    with pytest.raises(GateBlockedError, match="published already"):
        approve(tmp_path, "Bo", 3)


def damage(directory, at):
    (directory / "manifest.json").write_text("{")
    os.utime(directory, (at.timestamp(), at.timestamp()))


def test_damaged_candidates_are_retired_with_what_is_on_record_about_their_run(tmp_path):
    tables = assemble_tables(make_frames(AS_OF), AS_OF, None)
    for n in range(4):
        at = NOW + timedelta(hours=n)
        kept = keep_candidate(
            tables, tmp_path, make_facts(**BLOCKED, run=str(n), published_at=at, keep_snapshots=2), {}
        )
        if n == 0:
            damage(kept.path, at)
            damaged = kept.path
        assert damaged.exists() == (n < 2)
    assert not list((tmp_path / "candidates").glob(f"*{damaged.name}*"))
    assert len(list_candidates(tmp_path)) == 2


def test_damaged_snapshots_are_retired_and_cost_no_whole_one_its_place(tmp_path):
    ids = []
    for n in range(4):
        at = NOW + timedelta(hours=n)
        published = publish_example(tmp_path, run=str(n), published_at=at, keep_snapshots=3)
        ids.append(published.id)
        if n in (0, 2):
            damage(published.path, at)
    left = {path.name.removeprefix("snap-") for path in (tmp_path / "published").glob("snap-*")}
    assert left == {ids[1], ids[2], ids[3]}
    assert open_current(tmp_path).id == ids[3]
    publish_example(tmp_path, run="last", published_at=NOW + timedelta(hours=5), keep_snapshots=1)
    assert [path.name for path in (tmp_path / "published").glob("snap-*")] == [
        open_current(tmp_path).path.name
    ]


def test_what_is_on_record_about_a_run_is_for_its_owner_alone(tmp_path):
    tables = assemble_tables(make_frames(AS_OF), AS_OF, None)
    candidate = keep_candidate(tables, tmp_path, make_facts(**BLOCKED), {"ledger": "here"})
    request = candidate.path.with_name(candidate.path.name + ".json")
    assert request.stat().st_mode & 0o777 == 0o600
    assert read_request(candidate) == {"ledger": "here"}
