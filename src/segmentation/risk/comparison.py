"""The choice of who speaks: models against baselines, out of time, customers resampled whole.

Belongs here: the verdict and the tables that document it. Does not belong here: making predictions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.risk import metrics
from segmentation.risk.candidates import BASELINES, MODELS, PROBABILITY_BASELINES
from segmentation.risk.grid import BoolArray, FloatArray
from segmentation.risk.inputs import DEPTH_GROUPS
from segmentation.risk.validation import OutOfTime, Validation

FALLBACK = "past_late_rate"
_MIN_DEPTH_ROWS = 200
_MIN_DEPTH_CUSTOMERS = 20


@dataclass(frozen=True)
class Choice:
    """Who speaks for each depth of history, and why.

    ``speakers`` holds one name per entry of ``DEPTH_GROUPS``; ``is_proven`` whether that name was judged
    out of time on enough instalments of that depth.
    """

    speakers: tuple[str, ...]
    is_proven: tuple[bool, ...]
    notes: Mapping[str, str]


def choose_speakers(validation: Validation | None, settings: RiskSettings, seed: int) -> Choice:
    """Return who speaks for each depth of history.

    Notes
    -----
    The model with the lowest Brier score for late is compared with the best baseline on the Brier score for
    late and on the payment day (ranked probability score), by the 5th and 95th
    percentile of the paired difference, customers resampled whole, each block counting twice the one before
    it. It speaks when it is shown to be better on one and not shown to be worse on the other: it speaks for a
    whole distribution, so the day counts as much as the due date. At a depth with at least 200 test
    instalments of 20 customers, a baseline that is shown to be better there on the Brier
    score speaks instead.
    """
    everywhere = len(DEPTH_GROUPS)
    if validation is None:
        note = "nothing has matured yet on which it could be judged"
        return Choice((FALLBACK,) * everywhere, (False,) * everywhere, {FALLBACK: note})
    late = validation.is_late
    losses = {name: (p.late_prob - late) ** 2 for name, p in validation.predictions.items()}
    weight = validation.weight

    def mean_loss(name: str) -> float:
        return float(np.average(losses[name], weights=weight))

    baseline = min(PROBABILITY_BASELINES, key=mean_loss)
    models = [name for name in MODELS if name in losses]
    count = len(late)
    notes = {
        name: f"judged on {count} instalments in {len(validation.origins)} blocks before the as-of day"
        for name in losses
    }
    if not models:
        notes[baseline] += "; too few instalments or late ones to train a model, so a baseline speaks"
        return Choice((baseline,) * everywhere, _proven(validation, (baseline,) * everywhere), notes)
    best = min(models, key=mean_loss)
    customer, replicates = validation.cohort.customer, settings.bootstrap_replicates
    low, high = metrics.paired_mean_bounds(
        customer, losses[best] - losses[baseline], weight, replicates, seed
    )
    days = validation.predictions[best].day_score - validation.predictions[baseline].day_score
    days_low, days_high = metrics.paired_mean_bounds(customer, days, weight, replicates, seed)
    interval = (
        f"against {baseline}, 90 % intervals: Brier {low:+.4f} to {high:+.4f}, "
        f"payment day {days_low:+.2f} to {days_high:+.2f} days"
    )
    if max(low, days_low) > 0 or min(high, days_high) >= 0:
        notes[best] += f"; best model, but not shown to beat the best baseline ({interval})"
        notes[baseline] += "; best baseline, and no model was shown to beat it"
        return Choice((baseline,) * everywhere, _proven(validation, (baseline,) * everywhere), notes)
    notes[best] += f"; beats the best baseline ({interval})"
    speakers = tuple(
        _speaker_at(validation, losses, depth, best, settings=settings, seed=seed)
        for depth in range(everywhere)
    )
    for name in models:
        if name != best:
            notes[name] += f"; {best} was better"
    return Choice(speakers, _proven(validation, speakers), notes)


def _speaker_at(
    validation: Validation,
    losses: Mapping[str, FloatArray],
    depth: int,
    best: str,
    *,
    settings: RiskSettings,
    seed: int,
) -> str:
    rows = validation.depth == depth
    customers = validation.cohort.customer[rows]
    if int(rows.sum()) < _MIN_DEPTH_ROWS or len(np.unique(customers)) < _MIN_DEPTH_CUSTOMERS:
        return best
    weight = validation.weight[rows]
    rival = min(PROBABILITY_BASELINES, key=lambda name: float(np.average(losses[name][rows], weights=weight)))
    low, _ = metrics.paired_mean_bounds(
        customers, (losses[best] - losses[rival])[rows], weight, settings.bootstrap_replicates, seed
    )
    return rival if low > 0 else best


def _proven(validation: Validation, speakers: Sequence[str]) -> tuple[bool, ...]:
    """Whether each depth had enough test rows and its speaker was no worse than the late rate of all."""
    proven = []
    for depth, speaker in enumerate(speakers):
        rows = validation.depth == depth
        enough = int(rows.sum()) >= 30  # noqa: PLR2004  below this a share has an error above 10 points
        late = validation.is_late[rows]
        own = validation.predictions[speaker].late_prob[rows]
        flat = validation.predictions["prevalence"].late_prob[rows]
        knows_something = depth > 0 or speaker in MODELS
        proven.append(
            enough and knows_something and float(np.sum((own - late) ** 2 - (flat - late) ** 2)) <= 0
        )
    return tuple(proven)


def build_model_comparison(validation: Validation | None, choice: Choice) -> pl.DataFrame:
    """Return how every model and baseline did out of time, overall and by depth (pred_model_comparison)."""
    table = ROOM_TABLES["pred_model_comparison"]
    spoken = set(choice.speakers)
    if validation is None:
        rows = [
            {
                "model": name,
                "depth": "all",
                "invoice_count": 0,
                "is_published": name in spoken,
                "note": choice.notes.get(name, "not judged: nothing has matured yet"),
            }
            for name in BASELINES
        ]
        return table.conform(pl.DataFrame(rows))
    rows = []
    for name, prediction in validation.predictions.items():
        everyone = np.ones(len(validation.is_late), dtype=np.bool_)
        rows.append(
            _judge(
                validation,
                prediction,
                everyone,
                model=name,
                depth="all",
                is_published=name in spoken,
                note=choice.notes[name],
            )
        )
        for depth, label in enumerate(DEPTH_GROUPS):
            speaks = choice.speakers[depth] == name
            note = (
                f"speaks for customers with {label} known instalments"
                if speaks
                else f"{choice.speakers[depth]} speaks for this depth"
            )
            rows.append(
                _judge(
                    validation,
                    prediction,
                    validation.depth == depth,
                    model=name,
                    depth=label,
                    is_published=speaks,
                    note=note,
                )
            )
    return table.conform(pl.DataFrame(rows, infer_schema_length=None))


def _judge(
    validation: Validation,
    prediction: OutOfTime,
    rows: BoolArray,
    *,
    model: str,
    depth: str,
    is_published: bool,
    note: str,
) -> dict[str, object]:
    late, prob = validation.is_late[rows], prediction.late_prob[rows]
    is_certain = model in BASELINES and model not in PROBABILITY_BASELINES
    paid = rows & validation.outcome.is_paid
    actual, median = validation.outcome.event_day[paid], prediction.p50_day[paid]
    inside = prediction.is_inside[rows]
    return {
        "model": model,
        "depth": depth,
        "invoice_count": int(rows.sum()),
        "late_auc": metrics.auc(late, prob),
        "late_brier": metrics.brier(late, prob),
        "late_log_loss": None if is_certain else metrics.log_loss(late, prob),
        "late_ece": metrics.calibration_error(late, prob),
        "days_mae": metrics.mean_absolute_error(actual, median),
        "coverage_80_share": None if is_certain or not len(inside) else float(inside.mean()),
        "is_published": is_published,
        "note": note,
    }


def build_reliability(validation: Validation | None, choice: Choice, bins: int = 10) -> pl.DataFrame:
    """Return predicted against observed late share in bins of equal count (pred_reliability).

    Each test instalment is predicted by whoever speaks for its depth now, calibrated only by what was
    known at its block's first day.
    """
    table = ROOM_TABLES["pred_reliability"]
    if validation is None:
        return table.empty()
    prob = spoken_values(validation, choice, "late_prob")
    bin_ = metrics.reliability_bins(prob, bins)
    count = np.bincount(bin_)
    frame = pl.DataFrame(
        {
            "target": ["late"] * len(count),
            "bin": np.arange(1, len(count) + 1),
            "invoice_count": count,
            "predicted_prob": np.bincount(bin_, weights=prob) / count,
            "observed_share": np.bincount(bin_, weights=validation.is_late) / count,
        }
    )
    return table.conform(frame)


def spoken_values(
    validation: Validation, choice: Choice, figure: Literal["late_prob", "is_inside"]
) -> FloatArray:
    """Return a figure of the out-of-time predictions, by whoever speaks for each test instalment's depth."""
    values = np.empty(len(validation.is_late))
    for depth, speaker in enumerate(choice.speakers):
        rows = validation.depth == depth
        values[rows] = getattr(validation.predictions[speaker], figure)[rows]
    return values
