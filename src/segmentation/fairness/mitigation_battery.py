"""What the mitigations achieve in simulation, where a proxy was planted and the true outcomes are known.

Belongs here: rows of features with a planted proxy, and the gap and accuracy of every option on rows that were
not trained on. Does not belong here: whole ledgers (simulator).

Notes
-----
Three members in ten; five features say how late a row truly turns out, a sixth is a proxy: it says nothing but
membership, with noise. A quarter of the members' rows in time are recorded late, so that a model learns to
hold the proxy against whoever shows it.
"""

from typing import Any

import numpy as np
import polars as pl

from segmentation.domain.settings import RiskSettings
from segmentation.fairness.mitigation import measure_ranking, measure_worst_gap
from segmentation.fairness.multiplicity import Floats, Ints
from segmentation.risk.cohort import FeatureMatrix
from segmentation.risk.heads import fit_tree_head
from segmentation.risk.mitigation import Mitigation

OPTIONS = (("none", 0.0), ("penalty", 1.0), ("penalty", 3.0), ("reweighing", 1.0))
MEMBER_SHARE, HIT_SHARE, PROXY_SHIFT = 0.3, 0.25, 1.5
_EFFECTS = (1.2, 0.8, 0.5, 0.3, 0.0)
_INTERCEPT = -0.8
_TEST_SHARE = 0.3
_MIN_ROWS = 30


def evaluate_mitigation(*, worlds: int = 10, rows: int = 20_000, seed: int = 1) -> list[dict[str, Any]]:
    """Return, per option, the mean cut of the gap and loss of AUC over simulated worlds, with the range.

    Parameters
    ----------
    worlds : worlds drawn and trained on.
    rows : rows per world, of which three in ten are held out.
    seed : world ``i`` draws from the seed and ``i``.
    """
    found = [_measure_world(np.random.default_rng([seed, world]), rows, seed) for world in range(worlds)]
    plain = np.array([world["none", 0.0] for world in found])
    report = []
    for option in OPTIONS[1:]:
        values = np.array([world[option] for world in found])
        cut = 1.0 - values[:, 0] / plain[:, 0]
        loss, truth = plain[:, 1] - values[:, 1], values[:, 2] - plain[:, 2]
        report.append(
            {
                "method": option[0],
                "strength": option[1],
                "worlds": worlds,
                "rows": rows,
                "plain_gap": float(plain[:, 0].mean()),
                "gap": float(values[:, 0].mean()),
                "gap_cut_share": float(cut.mean()),
                "gap_cut_share_range": [float(cut.min()), float(cut.max())],
                "auc_loss": float(loss.mean()),
                "auc_loss_range": [float(loss.min()), float(loss.max())],
                "auc_gain_against_truth": float(truth.mean()),
                "seed": seed,
            }
        )
    return report


def _measure_world(
    rng: np.random.Generator, rows: int, seed: int
) -> dict[tuple[str, float], tuple[float, float, float]]:
    """Gap, AUC against what was recorded and AUC against the truth, of every option on the held-out rows."""
    member, features, truth, recorded = _draw_rows(rng, rows)
    trained = np.arange(rows) < rows * (1 - _TEST_SHARE)
    tested = ~trained
    codes = member[:, None]
    settings = RiskSettings(threads=1)
    number = pl.Series(np.arange(rows)[trained])
    found = {}
    for method, strength in OPTIONS:
        mitigation = None
        if method != "none":
            mitigation = Mitigation(method, strength, lambda ids: codes[ids.to_numpy()])  # type: ignore[arg-type]
        head = fit_tree_head(features[trained], recorded[trained], settings, seed, None, mitigation, number)
        score = head.log_odds(features[tested])
        gap, _, _ = measure_worst_gap(score >= 0, recorded[tested], codes[tested], _MIN_ROWS)
        found[method, strength] = (
            gap,
            measure_ranking(score, recorded[tested] == 1),
            measure_ranking(score, truth[tested] == 1),
        )
    return found


def _draw_rows(rng: np.random.Generator, rows: int) -> tuple[Ints, FeatureMatrix, Floats, Floats]:
    member = (rng.random(rows) < MEMBER_SHARE).astype(np.int64)
    signal = rng.normal(size=(rows, len(_EFFECTS)))
    proxy = member * PROXY_SHIFT + rng.normal(size=rows)
    late = 1.0 / (1.0 + np.exp(-(signal @ np.array(_EFFECTS) + _INTERCEPT)))
    truth = (rng.random(rows) < late).astype(np.float64)
    is_hit = (member == 1) & (truth == 0) & (rng.random(rows) < HIT_SHARE)
    features: FeatureMatrix = np.column_stack([signal, proxy]).astype(np.float32)
    return member, features, truth, np.asarray(np.where(is_hit, 1.0, truth), dtype=np.float64)
