"""Simulated worlds with what the room says about them, and the figures that the batteries share.

Belongs here: judging one world, who is held against the truth, F1 and means over worlds. Does not belong here:
targets (battery), what findings teach (learning_battery).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from segmentation.domain.core_tables import CAUSE_FINDING
from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment
from segmentation.ledger.loading import load_ledger
from segmentation.segments.definitions import load_cause_model
from segmentation.segments.learning import find_known_causes
from segmentation.segments.observations import classify_instalments
from segmentation.segments.segmentation import segment_customers
from segmentation.segments.signals import count_signals, find_contacted
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

WELL_KNOWN_COUNT = 10
"""Settled instalments from which on a segment is held against the planted one."""


@dataclass(frozen=True, slots=True)
class JudgedWorld:
    """What was published about a simulated world, beside what was planted.

    Parameters
    ----------
    seed : of the world.
    customers : ``pred_segment`` with the planted ``segment_at_end`` and ``true_cause`` (null: pays promptly).
    signals : result of ``signals.count_signals``.
    contacted : result of ``signals.find_contacted``.
    """

    seed: int
    customers: pl.DataFrame
    signals: pl.DataFrame
    contacted: pl.DataFrame


def judge_world(seed: int, customers: int, settings: SegmentSettings | None = None) -> JudgedWorld:
    """Return what the room says about a world that is written to files and read like any ledger."""
    settings, model = settings or SegmentSettings(), load_cause_model()
    world = simulate_world(WorldSettings(customer_count=customers, seed=seed))
    with TemporaryDirectory() as folder:
        write_world(world, Path(folder))
        loaded = load_ledger(Path(folder), "canonical")
    truth = world.truth["customer"].select(
        "customer_id", "segment_at_end", pl.col("cause").alias("true_cause")
    )
    known = classify_instalments(loaded.ledger["core_instalment_balance"], loaded.as_of, settings)
    signals = count_signals(loaded.ledger, known, loaded.as_of, model, settings.promise_grace_days)
    segments = segment_customers(loaded.ledger, loaded.as_of, settings)
    nobody = find_known_causes(CAUSE_FINDING.empty(), loaded.as_of)
    contacted = find_contacted(loaded.ledger, nobody)
    return JudgedWorld(seed, segments.join(truth, "customer_id"), signals, contacted)


def find_well_known(customers: pl.DataFrame) -> pl.DataFrame:
    """Return the customers whose segment is held against the planted one, with the ``side`` they are put on."""
    side = pl.col("segment").replace({Segment.PROMPT.value: Segment.INCIDENTAL.value})
    return customers.filter(pl.col("settled_count") >= WELL_KNOWN_COUNT).with_columns(side=side)


def find_late_payers(customers: pl.DataFrame) -> pl.DataFrame:
    """Return the customers about whose cause something is said, and for whom one was planted."""
    silent = (Segment.PROMPT.value, Segment.INSUFFICIENT_HISTORY.value)
    return customers.filter(
        pl.col("true_cause").is_not_null() & (pl.col("late_count") > 0) & ~pl.col("segment").is_in(silent)
    )


def macro_f1(truth: pl.Series, told: pl.Series) -> float:
    """Return the mean F1 over the classes of ``truth``; what is told outside of them is a miss.

    Examples
    --------
    >>> macro_f1(pl.Series(["a", "a", "b"]), pl.Series(["a", "unclear", "b"]))
    0.8333333333333333
    """
    scores = []
    for name in truth.unique(maintain_order=True):
        hits = ((truth == name) & (told == name)).sum()
        scores.append(2 * hits / ((truth == name).sum() + (told == name).sum()))
    return float(np.mean(scores))


def summarise(values: Sequence[float]) -> dict[str, float | None]:
    """Return the mean over worlds with its 95 % interval (Student's t), the least and the most."""
    from scipy.stats import t

    found = np.asarray(values, dtype=np.float64)
    mean = float(found.mean())
    reach = (
        float(t.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
        if len(found) > 1
        else None
    )
    return {
        "mean": mean,
        "low": None if reach is None else mean - reach,
        "high": None if reach is None else mean + reach,
        "least": float(found.min()),
        "most": float(found.max()),
    }
