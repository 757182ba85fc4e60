"""Monitoring: whether today's instalments look like those that were learned from, and whether scores came true.

Belongs here: drift of inputs and scores, calibration of the last matured cohort. Does not belong here: what
to do about it (people, or the next training).
"""

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.risk import metrics
from segmentation.risk.cohort import Cohort
from segmentation.risk.comparison import spoken_values
from segmentation.risk.grid import FloatArray
from segmentation.risk.speaking import Speakers

_BINS = 10
_MIN_ROWS = 50
_LARGE_SHIFT = 0.25
"""Population stability index above which a distribution is held to have moved (a convention of credit scoring)."""

_LARGE_GAP = 0.05
_COVERAGE_RANGE = (0.7, 0.9)


def build_monitoring(
    past: Cohort, speakers: Speakers, day: int, settings: RiskSettings, seed: int
) -> pl.DataFrame:
    """Return drift of every feature and of the score, and calibration of the last test block (pred_monitoring).

    Parameters
    ----------
    past : instalments with their features at issue.
    speakers : models and their validation.
    day : as-of day.
    settings : what counts as recent.
    seed : of the resampling of customers.
    """
    known = past.known_before(day)
    recent = past.take(known & (past.issue >= day - settings.monitoring_days))
    learned = past.take(known & (past.due < day) & (past.issue < day - settings.monitoring_days))
    rows = [
        _judge_shift("input_drift", name, learned.feature(name), recent.feature(name))
        for name in past.feature_names
    ]
    validation = speakers.validation
    if validation is not None:
        before = spoken_values(validation, speakers.choice, "late_prob")
        # What has been due may have trained the models that speak, and fits them better than what is to come.
        coming = past.take(known & (past.due >= day))
        now = speakers.late_prob(coming) if len(coming) else np.empty(0)
        rows.append(_judge_shift("score_drift", "late_prob", before, now))
        rows.extend(_judge_last_block(speakers, before, settings, seed))
    return ROOM_TABLES["pred_monitoring"].conform(pl.DataFrame(rows, infer_schema_length=None))


def shift_index(reference: FloatArray, current: FloatArray) -> float:
    """Return the population stability index of two samples: Σ (c − r) · ln(c ÷ r) over ten bins and missing.

    Bins hold equal shares of the reference; half an instalment is added to each, so that empty bins count.

    Examples
    --------
    >>> shift_index(np.arange(1000.0), np.arange(1000.0))
    0.0
    >>> shift_index(np.arange(1000.0), np.arange(1000.0) + 500) > 1
    True
    """
    known = reference[np.isfinite(reference)]
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS)) if len(known) else known

    def spread(values: FloatArray) -> FloatArray:
        bin_ = np.where(np.isfinite(values), np.searchsorted(edges, values, side="right"), len(edges) + 1)
        count = np.bincount(bin_, minlength=len(edges) + 2) + 0.5
        return np.asarray(count / count.sum(), dtype=np.float64)

    old, new = spread(reference), spread(current)
    return float(((new - old) * np.log(new / old)).sum())


def _judge_shift(kind: str, subject: str, reference: FloatArray, current: FloatArray) -> dict[str, object]:
    counts = {
        "kind": kind,
        "subject": subject,
        "reference_count": len(reference),
        "current_count": len(current),
    }
    if min(len(reference), len(current)) < _MIN_ROWS:
        return {**counts, "verdict": "not_assessable", "statement": "Too few instalments to compare."}
    value = shift_index(reference, current)
    # By chance alone the index is about (bins − 1) · (1/n + 1/m).
    chance = _BINS * (1.0 / len(reference) + 1.0 / len(current))
    moved = value > _LARGE_SHIFT + chance
    words = (
        "has moved: look whether the cause lies in the data or in the customers"
        if moved
        else "has not moved much"
    )
    return {
        **counts,
        "value": value,
        "verdict": "warn" if moved else "pass",
        "statement": f"{subject.replace('_', ' ')} {words}.",
    }


def _judge_last_block(
    speakers: Speakers, prob: FloatArray, settings: RiskSettings, seed: int
) -> list[dict[str, object]]:
    """Return the gap between observed and predicted late share, and the coverage, of the last matured cohort."""
    validation = speakers.validation
    if validation is None:
        return []
    rows = validation.fold == validation.fold.max()
    late, said, customer = validation.is_late[rows], prob[rows], validation.cohort.customer[rows]
    inside = spoken_values(validation, speakers.choice, "is_inside")[rows]
    found = []
    for subject, values, none, bad in (
        ("late_gap", late - said, 0.0, _LARGE_GAP),
        (
            "coverage_80_share",
            inside,
            sum(_COVERAGE_RANGE) / 2,
            (_COVERAGE_RANGE[1] - _COVERAGE_RANGE[0]) / 2,
        ),
    ):
        value = float(values.mean())
        low, high = metrics.paired_mean_bounds(
            customer, values, np.ones(len(values)), settings.bootstrap_replicates, seed
        )
        off = abs(value - none) > bad and not low <= none <= high
        said_words = {
            "late_gap": f"Of the last matured cohort {late.mean():.1%} were late, {said.mean():.1%} were predicted",
            "coverage_80_share": f"{value:.1%} of its payment dates lay inside the 80 % interval",
        }[subject]
        found.append(
            {
                "kind": "calibration",
                "subject": subject,
                "reference_count": int(rows.sum()),
                "current_count": int(rows.sum()),
                "value": value,
                "value_low": low,
                "value_high": high,
                "verdict": "warn" if off else "pass",
                "statement": f"{said_words}{': more than chance explains' if off else ''}.",
            }
        )
    return found
