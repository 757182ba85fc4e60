"""What the bias gate blocked is published by approval alone, once."""

from datetime import timedelta

import pytest

from segmentation.domain.errors import GateBlockedError
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.candidates import publish_candidate
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


def test_an_approval_that_died_before_it_was_in_force_can_be_given_again(tmp_path):
    before = publish_example(tmp_path, run="before")
    approve(tmp_path, "Ana", 1)
    link = tmp_path / "published" / "current"
    link.unlink()
    link.symlink_to(before.path.name)
    assert approve(tmp_path, "Ana", 2).id == open_current(tmp_path).id != before.id
