"""Rolling-origin validation: every candidate predicts blocks of instalments that it has not seen.

Belongs here: origins, out-of-time predictions, their calibration by what was known at each origin.
Does not belong here: choosing a winner (comparison).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from segmentation.domain.settings import RiskSettings
from segmentation.risk.calibration import (
    IntervalCalibration,
    LateCalibration,
    fit_interval_calibration,
    fit_late_calibration,
    interval_scores,
)
from segmentation.risk.candidates import MODELS, FittedCandidates, fit_candidates
from segmentation.risk.cohort import Cohort, Outcome
from segmentation.risk.distribution import PaymentDistribution, anchor_survival
from segmentation.risk.grid import BoolArray, FloatArray, Grid, IntArray
from segmentation.risk.inputs import DEPTH, depth_group
from segmentation.risk.mitigation import Mitigation

_MIN_SETTLED = 200
_SETTLING_DAYS = (30, 14, 0)


@dataclass(frozen=True)
class Calibration:
    """What is done to a model's curves before they are published."""

    late: LateCalibration = field(default_factory=LateCalibration)
    interval: IntervalCalibration = field(default_factory=IntervalCalibration)

    def apply(self, grid: Grid, survival: FloatArray) -> FloatArray:
        """Return curves that pass through the calibrated probability at the due date."""
        if self.late == LateCalibration():
            return survival
        return anchor_survival(grid, survival, self.late.apply(survival[:, grid.due_bin]))


@dataclass(frozen=True)
class OutOfTime:
    """Predictions of one candidate for the test blocks, calibrated by what was known at each origin.

    ``late_prob``, ``p10_day``, ``p50_day``, ``p90_day`` (relative to the due date), ``is_inside`` (of the
    80 % interval) and ``pit`` (F just before and at the payment day, averaged; NaN where not paid).
    """

    late_prob: FloatArray
    p10_day: FloatArray
    p50_day: FloatArray
    p90_day: FloatArray
    is_inside: FloatArray
    pit: FloatArray
    day_score: FloatArray
    """Continuous ranked probability score, in days; lower is better."""
    calibration: Calibration
    """Calibration for predictions from now on."""


@dataclass(frozen=True)
class Validation:
    """Test blocks before the as-of day, with the outcome known on that day and every prediction.

    ``fold`` numbers the blocks from 0; ``origins`` are their first days, ``fitted`` what predicted them.
    """

    cohort: Cohort
    outcome: Outcome
    is_late: FloatArray
    fold: IntArray
    depth: IntArray
    origins: tuple[int, ...]
    fitted: tuple[FittedCandidates, ...]
    predictions: Mapping[str, OutOfTime]

    @property
    def weight(self) -> FloatArray:
        """What each row counts when models are compared: half for every block before the last.

        The models that will speak have learned from all blocks, and so are most like those of the last one.
        """
        return np.asarray(0.5 ** (self.fold.max(initial=0) - self.fold), dtype=np.float64)


def choose_origins(cohort: Cohort, day: int, settings: RiskSettings) -> list[int]:
    """Return the first days of the test blocks, each holding ``calibration_share`` of what has matured."""
    matured = cohort.known_before(day) & (cohort.due < day)
    if not matured.any():
        return []
    issued = np.sort(cohort.issue[matured])
    folds = min(settings.validation_folds, int(0.6 / settings.calibration_share + 1e-9) or 1)
    places = [1.0 - settings.calibration_share * (folds - fold) for fold in range(folds)]
    days = {int(issued[min(int(place * len(issued)), len(issued) - 1)]) for place in places}
    return sorted(day for day in days if day > issued[0])


def validate(  # noqa: PLR0917  what a model is fitted with
    cohort: Cohort,
    day: int,
    grid: Grid,
    settings: RiskSettings,
    seed: int,
    mitigation: Mitigation | None = None,
) -> Validation | None:
    """Return out-of-time predictions of all candidates for the blocks before ``day``; None without any.

    Notes
    -----
    A candidate is frozen at the first day of a block, fitted to what was known at its start, and predicts
    each instalment issued in the block with the features of its day of issue. Blocks hold only instalments
    due before ``day``, so that late ones are not missing because they are late.
    """
    origins = choose_origins(cohort, day, settings)
    late_by_day = cohort.outcome_before(day).late_after(0)
    testable = (
        cohort.known_before(day) & (cohort.due < day) & np.isfinite(late_by_day) & ~cohort.is_supplier_caused
    )
    bounds = [*origins, day]
    blocks: list[IntArray] = []
    curves: dict[str, list[FloatArray]] = {}
    frozen: list[FittedCandidates] = []
    kept_origins: list[int] = []
    for fold, origin in enumerate(origins):
        rows = np.flatnonzero(testable & (cohort.issue >= origin) & (cohort.issue < bounds[fold + 1]))
        if not len(rows):
            continue
        fitted = fit_candidates(cohort, origin, grid, settings, seed, mitigation=mitigation)
        block = cohort.take(rows)
        blocks.append(rows)
        kept_origins.append(origin)
        frozen.append(fitted)
        for name, candidate in fitted.candidates.items():
            curves.setdefault(name, []).append(candidate.survival(block))
    if not blocks:
        return None
    # A model that the first blocks were too small for is judged on the blocks that have all of them.
    usable = min(len(parts) for parts in curves.values())
    blocks, kept_origins, frozen = blocks[-usable:], kept_origins[-usable:], frozen[-usable:]
    test = cohort.take(np.concatenate(blocks))
    outcome = test.outcome_before(day)
    fold_of = np.repeat(np.arange(usable), [len(rows) for rows in blocks])
    depth = depth_group(test.feature(DEPTH))
    predictions = {
        name: _calibrate_in_turn(
            np.concatenate(parts[-usable:]),
            is_model=name in MODELS,
            grid=grid,
            tails=np.array([fitted.tail_hazard for fitted in frozen]),
            settings=settings,
            test=test,
            fold=fold_of,
            depth=depth,
            days=(*kept_origins, day),
        )
        for name, parts in curves.items()
    }
    return Validation(
        test, outcome, outcome.late_after(0), fold_of, depth, tuple(kept_origins), tuple(frozen), predictions
    )


def at_issue(
    grid: Grid, survival: FloatArray, cohort: Cohort, tail_hazard: float, settings: RiskSettings
) -> PaymentDistribution:
    """Return the distribution of instalments as seen on their day of issue."""
    seen = cohort.start_day - 1
    horizon = np.full(len(cohort), settings.horizon_days, dtype=np.int64)
    return PaymentDistribution(grid, survival, seen, tail_hazard, horizon)


def _calibrate_in_turn(
    survival: FloatArray,
    *,
    is_model: bool,
    grid: Grid,
    tails: FloatArray,
    settings: RiskSettings,
    test: Cohort,
    fold: IntArray,
    depth: IntArray,
    days: tuple[int, ...],
) -> OutOfTime:
    """Calibrate each block by the earlier ones, as known on its first day, and the future by all."""
    calibration = Calibration()
    parts: list[tuple[FloatArray, ...]] = []
    for block, origin in enumerate(days):
        seen = (fold < block) & (test.due < origin)
        if is_model and seen.any():
            calibration = _fit_calibration(
                survival,
                grid=grid,
                tails=tails,
                settings=settings,
                test=test,
                depth=depth,
                fold=fold,
                seen=seen,
                origin=origin,
            )
        if block == len(tails):
            break
        rows = fold == block
        curves = calibration.apply(grid, survival[rows])
        known = test.take(rows)
        outcome = known.outcome_before(days[-1])
        distribution = at_issue(grid, curves, known, float(tails[block]), settings)
        level = calibration.interval.levels(depth[rows])
        scores = interval_scores(distribution, outcome.event_day, outcome.last_open_day)
        paid_day = np.where(outcome.is_paid, outcome.event_day, 0).astype(np.int64)
        pit = 1.0 - (distribution.unpaid_prob(paid_day) + distribution.unpaid_prob(paid_day - 1)) / 2
        parts.append(
            (
                curves[:, grid.due_bin],
                distribution.quantile_day(level).astype(np.float64),
                distribution.quantile_day(0.5).astype(np.float64),
                distribution.quantile_day(1.0 - level).astype(np.float64),
                (scores >= level - 1e-9).astype(np.float64),
                np.where(outcome.is_paid, pit, np.nan),
                score_days(grid, curves, outcome),
            )
        )
    late, p10, p50, p90, inside, pit, score = (np.concatenate(part) for part in zip(*parts, strict=True))
    return OutOfTime(late, p10, p50, p90, inside, pit, score, calibration)


def score_days(grid: Grid, survival: FloatArray, outcome: Outcome) -> FloatArray:
    """Return the ranked probability score of each curve, in days, from 60 days before to 90 after the due date.

    Notes
    -----
    Σ over bins of width × (F − 1{paid})² (Matheson & Winkler 1976); bins that were not seen to their end of an
    instalment that is still open do not count (Graf et al. 1999).
    """
    ends, widths = grid.ends, (grid.ends - grid.starts).astype(np.float64)
    counted = (ends > -60) & (ends <= 90)  # noqa: PLR2004  where nearly all payments fall
    is_paid = outcome.event_day[:, None] <= ends[None, :]
    known = outcome.is_paid[:, None] | (ends[None, :] <= outcome.last_open_day[:, None])
    error = np.where(known, (1.0 - survival - is_paid) ** 2, 0.0)
    return np.asarray((error * widths * counted).sum(axis=1), dtype=np.float64)


def _fit_calibration(
    survival: FloatArray,
    *,
    grid: Grid,
    tails: FloatArray,
    settings: RiskSettings,
    test: Cohort,
    depth: IntArray,
    fold: IntArray,
    seen: BoolArray,
    origin: int,
) -> Calibration:
    outcome = test.outcome_before(origin)
    late = outcome.late_after(0)
    rows = np.flatnonzero(seen & np.isfinite(late))
    late_calibration = fit_late_calibration(survival[rows, grid.due_bin], late[rows], fold[rows])
    calibrated = Calibration(late_calibration).apply(grid, survival[rows])
    tail = float(
        tails[fold[rows].max()]
    )  # of the last block seen: later fits know what came after ``origin``
    distribution = at_issue(grid, calibrated, test.take(rows), tail, settings)
    known = outcome.take(rows)
    settled = _long_due(test.due[rows], origin)
    scores = interval_scores(distribution, known.event_day, known.last_open_day)
    interval = fit_interval_calibration(scores[settled], depth[rows][settled], fold[rows][settled])
    return Calibration(late_calibration, interval)


def _long_due(due: IntArray, day: int) -> BoolArray:
    """Return which instalments have been due for so long that most are paid, as long as enough remain.

    The widths of intervals are learned from these: of those due last week the slow payers are still open,
    and to count them as about to pay would make intervals too narrow.
    """
    for margin in _SETTLING_DAYS:
        rows = due + margin < day
        if int(rows.sum()) >= _MIN_SETTLED:
            return np.asarray(rows)
    return np.ones(len(due), dtype=np.bool_)
