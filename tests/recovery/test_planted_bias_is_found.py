"""The bias gate against worlds in which a group is treated worse, and one in which none is."""

import polars as pl
import pytest

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import FairnessSettings
from segmentation.fairness import audit
from segmentation.fairness.gate import judge_audit
from segmentation.fairness.ledger_audit import audit_bias
from segmentation.ledger.loading import load_ledger
from segmentation.segments.segmentation import segment_customers
from segmentation.simulator.settings import BiasKind, InjectedBias, WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

SETTINGS = FairnessSettings()
NOTHING = {
    name: ROOM_TABLES[name].empty() for name in ("act_gate", "act_recommendation", "pred_instalment_risk")
}
METRICS = {
    BiasKind.LABELS: "structural_label_rate",
    BiasKind.PROXIES: "structural_label_rate",
    BiasKind.CONTACT_ACCESS: "letter_only_rate",
}


def inject(kind):
    return kind and InjectedBias(kind=kind, attribute="language", group="fr", strength=0.6)


@pytest.fixture(scope="module", params=[None, *METRICS], ids=str)
def audited(request, tmp_path_factory):
    """A world's injected bias, its audit, and its segments beside the truth."""
    settings = WorldSettings(
        customer_count=1000,
        seed=12,
        mean_invoice_count=14,
        with_contacts=False,
        injected_bias=inject(request.param),
    )
    world = simulate_world(settings)
    folder = tmp_path_factory.mktemp("world")
    write_world(world, folder)
    loaded = load_ledger(folder, "canonical")
    segments = segment_customers(loaded.ledger, loaded.as_of)
    found = audit_bias(loaded.ledger, {**NOTHING, "pred_segment": segments}, SETTINGS, loaded.as_of, 1)
    known = segments.filter(pl.col("segment") != "insufficient_history")
    truth = world.truth["customer"].select("customer_id", "segment_at_end")
    judged = known.join(truth, "customer_id")
    return request.param, found, judged.join(loaded.ledger["core_customer"], "customer_id")


def test_the_gate_blocks_where_a_group_is_treated_worse_and_only_there(audited):
    kind, found, _ = audited
    verdict = judge_audit(found, SETTINGS).row(0, named=True)
    if kind is None:
        assert verdict["verdict"] != "block"
        return
    assert verdict["verdict"] == "block"
    assert "language French" in verdict["statement"]
    row = found.filter(metric=METRICS[kind], attribute="language", group="fr").row(0, named=True)
    assert row["gap"] > 0.05
    assert row["verdict"] == "block"


def test_the_observable_gate_agrees_with_the_audit_against_planted_truth(audited):
    kind, _, judged = audited
    found = audit(
        (judged["segment"] == "structural").to_list(),
        (judged["segment_at_end"] == "structural").to_list(),
        judged.select("language"),
    )
    blocked = found.filter(family="primary", verdict="block")["group"].to_list()
    is_label_bias = kind in {BiasKind.LABELS, BiasKind.PROXIES}
    assert blocked == (["fr"] if is_label_bias else [])
