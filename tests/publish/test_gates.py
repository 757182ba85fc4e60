"""A reader sees the verdict of every gate, with its channel and invoice."""

import polars as pl
import pytest

from segmentation.domain.errors import UsageError
from segmentation.domain.room_tables import GATE
from segmentation.domain.vocabulary import BlockCode
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.gates import list_gate_verdicts
from segmentation.publish.writer import publish_snapshot
from tests.snapshot_factory import AS_OF, make_facts, make_frames


def test_every_gate_has_a_verdict_and_closed_ones_say_until_when(snapshot):
    verdicts = list_gate_verdicts(snapshot, "C009")
    assert verdicts["gate"].to_list() == [code.value for code in BlockCode]
    closed = verdicts.filter(verdict="closed").row(0, named=True)
    assert (closed["gate"], closed["lifts_at"] is not None, closed["detail"]) == (
        "cool_down",
        True,
        "cool down",
    )
    assert verdicts.filter(verdict="closed").height == 1
    assert verdicts["detail"].null_count() == 0
    assert set(list_gate_verdicts(snapshot, "C001")["verdict"]) == {"open"}


def test_gates_of_channels_and_invoices_are_shown_one_by_one(tmp_path):
    frames = make_frames()
    rows = [
        {"customer_id": "C001", "gate": "channel_not_permitted", "channel": "sms", "detail": "no sms"},
        {"customer_id": "C001", "gate": "channel_not_permitted", "channel": "email", "detail": "no email"},
        {"customer_id": "C001", "gate": "open_dispute", "invoice_id": "C001-009", "detail": "disputed"},
    ]
    frames["act_gate"] = GATE.conform(
        pl.concat([frames["act_gate"], pl.DataFrame(rows)], how="diagonal_relaxed")
    )
    published = publish_snapshot(assemble_tables(frames, AS_OF, None), tmp_path, make_facts())
    closed = list_gate_verdicts(published, "C001").filter(verdict="closed")
    assert closed.select("gate", "channel", "invoice_id", "detail").rows() == [
        ("open_dispute", None, "C001-009", "disputed"),
        ("channel_not_permitted", "email", None, "no email"),
        ("channel_not_permitted", "sms", None, "no sms"),
    ]
    # A step that is recommended beside such gates does not name them; they are published all the same.
    step = published.read_table("out_recommendations").filter(customer_id="C001").row(0, named=True)
    assert step["blocked_by"] == []


def test_a_snapshot_without_gates_is_refused_in_words(snapshot):
    tables = {name: facts for name, facts in snapshot.manifest.tables.items() if name != "out_gates"}
    older = type(snapshot)(
        snapshot.id, snapshot.path, snapshot.manifest.model_copy(update={"tables": tables})
    )
    with pytest.raises(UsageError, match="out_gates"):
        list_gate_verdicts(older, "C001")
