"""What confirmed causes are worth: causes told before and after them, in a book unlike the one the file has in mind.

Belongs here: the measurement. Does not belong here: the learning itself (learning), worlds (battery_world).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Cause
from segmentation.segments.battery_world import JudgedWorld, find_late_payers, macro_f1, summarise
from segmentation.segments.causes import choose_causes, weigh_causes
from segmentation.segments.definitions import load_cause_model
from segmentation.segments.learning import learn_causes

FINDING_COUNTS = (0, 25, 50, 100, 200)
KEPT_SHARES = {
    Cause.FORGETFUL: 0.15,
    Cause.ADMINISTRATIVE: 0.3,
    Cause.DISPUTING: 0.6,
    Cause.CANNOT_PAY: 1.0,
    Cause.WILL_NOT_PAY: 1.0,
}
"""Share of the customers with each planted cause that stay: a book in hard times, in which few merely forget."""


def evaluate_learning(worlds: Sequence[JudgedWorld]) -> dict[str, Any]:
    """Return how well causes are told after so many findings, with intervals over worlds.

    Parameters
    ----------
    worlds : judged by the file as it is.

    Notes
    -----
    Of every world customers are left out until causes are mixed as in ``KEPT_SHARES``. Findings are the planted
    causes of customers of one half; causes are told, and counted, in the other half. Per number of findings:
    ``cause_macro_f1`` among those told, ``cause_abstained_share``, and ``gain`` in macro-F1 over no findings.
    """
    by_world = [_follow_world(world) for world in worlds]
    rows = []
    for place, count in enumerate(FINDING_COUNTS):
        figures = [follow[place] for follow in by_world]
        gains = [follow[place]["cause_macro_f1"] - follow[0]["cause_macro_f1"] for follow in by_world]
        rows.append(
            {
                "findings": count,
                "gain": summarise(gains),
                **{name: summarise([figure[name] for figure in figures]) for name in figures[0]},
            }
        )
    return {"kept_shares": KEPT_SHARES, "by_findings": rows}


def _follow_world(world: JudgedWorld) -> list[dict[str, float]]:
    rng = np.random.default_rng([world.seed, len(FINDING_COUNTS)])
    late = find_late_payers(world.customers).sort("customer_id")
    kept_share = late["true_cause"].replace_strict(KEPT_SHARES, return_dtype=pl.Float64).to_numpy()
    kept = late.filter(pl.Series(rng.random(late.height) < kept_share))
    mixed = kept[rng.permutation(kept.height)]
    asked, others = mixed.head(mixed.height // 2), mixed.tail(mixed.height - mixed.height // 2)
    signals = world.signals.join(kept, "customer_id", "semi")
    found = asked.select("customer_id", pl.col("true_cause").alias("found_cause"))
    model, settings = load_cause_model(), SegmentSettings()
    figures = []
    for count in FINDING_COUNTS:
        learned = learn_causes(model, found.head(count), signals)
        untold = others.drop("cause", "cause_prob")
        causes = choose_causes(untold, weigh_causes(signals, learned), world.contacted, settings)
        told = causes.filter(pl.col("cause") != Cause.UNCLEAR.value)
        figures.append(
            {
                "cause_macro_f1": macro_f1(told["true_cause"], told["cause"]),
                "cause_abstained_share": 1.0 - told.height / causes.height,
            }
        )
    return figures
