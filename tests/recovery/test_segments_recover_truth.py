"""Segments and causes against the truth that the simulator planted."""

import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import SegmentSettings
from segmentation.ledger.loading import load_ledger
from segmentation.segments.definitions import load_cause_model
from segmentation.segments.observations import classify_instalments
from segmentation.segments.segmentation import segment_customers
from segmentation.segments.signals import count_signals
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

SEEDS = (1, 2, 3)
CUSTOMERS = 800


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """Each world's ledger, and its segments joined with what was planted."""
    found = []
    for seed in SEEDS:
        world = simulate_world(WorldSettings(customer_count=CUSTOMERS, seed=seed))
        folder = tmp_path_factory.mktemp(f"world{seed}")
        write_world(world, folder)
        loaded = load_ledger(folder, "canonical")
        segments = segment_customers(loaded.ledger, loaded.as_of)
        truth = world.truth["customer"].select(
            "customer_id", "segment_at_end", pl.col("cause").alias("true_cause")
        )
        found.append((loaded, segments.join(truth, "customer_id")))
    return found


def _macro_f1(truth: pl.Series, told: pl.Series) -> float:
    """Mean F1 over the classes of ``truth``; a told class outside of them is a miss."""
    scores = []
    for name in truth.unique():
        hits = ((truth == name) & (told == name)).sum()
        scores.append(2 * hits / ((truth == name).sum() + (told == name).sum()))
    return float(np.mean(scores))


def _well_known(judged: pl.DataFrame) -> pl.DataFrame:
    side = pl.col("segment").replace({"prompt": "incidental"})
    return judged.filter(pl.col("settled_count") >= 10).with_columns(side=side)


def test_decided_segments_are_the_planted_ones(worlds):
    for _, judged in worlds:
        decided = _well_known(judged).filter(pl.col("side") != "undecided")
        assert _macro_f1(decided["segment_at_end"], decided["side"]) >= 0.95


def test_hardly_anybody_is_put_on_the_wrong_side(worlds):
    known = pl.concat([_well_known(judged) for _, judged in worlds])
    is_accused = (known["segment_at_end"] == "incidental") & (known["side"] == "structural")
    share = is_accused.sum() / (known["segment_at_end"] == "incidental").sum()
    assert share <= 0.02
    assert (known["side"] == "undecided").mean() <= 0.35


def test_the_probability_of_being_structural_is_calibrated(worlds):
    known = _well_known(pl.concat([judged for _, judged in worlds]))
    prob, truth = known["structural_prob"].to_numpy(), (known["segment_at_end"] == "structural").to_numpy()
    bins = np.array_split(np.argsort(prob, kind="stable"), 10)
    error = sum(len(b) * abs(prob[b].mean() - truth[b].mean()) for b in bins) / len(prob)
    assert error <= 0.04


def test_causes_are_the_planted_ones_and_hardship_is_not_taken_for_unwillingness(worlds):
    for _, judged in worlds:
        late = judged.filter(
            pl.col("true_cause").is_not_null()
            & (pl.col("late_count") > 0)
            & ~pl.col("segment").is_in(["prompt", "insufficient_history"])
        )
        told = late.filter(pl.col("cause") != "unclear")
        assert _macro_f1(told["true_cause"], told["cause"]) >= 0.75
        assert told.height >= 0.65 * late.height
        unable = late.filter(pl.col("true_cause") == "cannot_pay")
        assert (unable["cause"] == "will_not_pay").mean() <= 0.03
        for single in late["true_cause"].unique():
            rule = pl.Series([single] * told.height)
            assert _macro_f1(told["true_cause"], told["cause"]) > _macro_f1(told["true_cause"], rule)


def test_every_reviewed_signal_is_seen_in_a_world_that_has_everything(worlds):
    loaded, _ = worlds[0]
    settings, model = SegmentSettings(), load_cause_model()
    known = classify_instalments(loaded.ledger["core_instalment_balance"], loaded.as_of, settings)
    # Messages count where no colleague recorded what they say.
    uncoded = {"core_contact_outcome": loaded.ledger["core_contact_outcome"].clear()}
    seen: set[str] = set()
    for ledger in (loaded.ledger, loaded.ledger | uncoded):
        counted = count_signals(ledger, known, loaded.as_of, model)
        seen |= set(counted.filter(pl.col("seen") > 0)["signal"])
    # No simulated customer writes that payment was made.
    assert seen == set(model.signals) - {"wrote_payment_sent"}


def test_messages_tell_causes_where_nobody_recorded_outcomes(worlds):
    loaded, judged = worlds[0]
    uncoded = loaded.ledger | {"core_contact_outcome": loaded.ledger["core_contact_outcome"].clear()}
    silent = uncoded | {"core_message": loaded.ledger["core_message"].clear()}
    scores = []
    for ledger in (uncoded, silent):
        told = (
            segment_customers(ledger, loaded.as_of)
            .join(judged.select("customer_id", "true_cause").drop_nulls(), "customer_id")
            .filter(pl.col("cause") != "unclear")
        )
        scores.append(_macro_f1(told["true_cause"], told["cause"]))
    assert scores[0] > scores[1] + 0.05
