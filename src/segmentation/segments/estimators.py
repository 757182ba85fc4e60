"""Segments and causes as scikit-learn estimators, for data scientists who bring tables of their own.

Belongs here: the two methods of the room behind ``fit``, ``predict`` and ``predict_proba``, for NumPy arrays and
frames of Polars or pandas. Does not belong here: what a run does with a ledger (segmentation).

Neither estimator looks at anything but the numbers it is given; the same rows give the same result in any order.
"""

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from segmentation.domain.settings import SegmentSettings
from segmentation.domain.vocabulary import Segment
from segmentation.segments.definitions import CAUSES, load_cause_model
from segmentation.segments.learning import LEAST_RATE, WEIGHT_UNIT, imply_rate, learn_share
from segmentation.segments.propensity import estimate_propensity, fit_prior
from segmentation.segments.rules import assign_segments

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats: TypeAlias = npt.NDArray[np.float64]


class PunctualitySegmenter(BaseEstimator):  # type: ignore[misc]
    """Segments of customers from how late their instalments were.

    Parameters
    ----------
    grace_days : days beyond terms that still count as on time.
    half_life : instalments after which one counts for half; None: all count alike.
    min_settled : fewer known instalments than this: *insufficient_history*.
    structural_prob, incidental_prob : bounds of P(θ > ½), above and below which a segment is named.
    prompt_late_share : *prompt* when the late propensity is below this.

    Attributes
    ----------
    prior_ : how late propensities are spread over the customers of ``fit``.
    segments_ : names of the segments that ``predict`` numbers.
    n_features_in_ : columns seen in ``fit``.

    Notes
    -----
    ``X`` has a row per customer and a column per instalment, newest first: days beyond terms, missing where there
    is none. Beta-binomial with empirical-Bayes prior (``propensity``), segments as in ``rules``, two late
    instalments standing for persistence, as the columns have no dates.

    Examples
    --------
    >>> import polars as pl
    >>> days = pl.DataFrame({"newest": [-2, 30, 12, 0], "before": [0, 25, -1, None], "first": [-5, 40, 20, None]})
    >>> segmenter = PunctualitySegmenter().fit(days)
    >>> segmenter.segments_[segmenter.predict(days)].tolist()
    ['prompt', 'structural', 'undecided', 'insufficient_history']
    >>> segmenter.predict_proba(days)[:, 1].round(2).tolist()
    [0.03, 0.95, 0.66, 0.14]
    """

    def __init__(  # noqa: PLR0917  scikit-learn's parameters
        self,
        grace_days: float = 0,
        half_life: float | None = None,
        min_settled: int = 3,
        structural_prob: float = 0.9,
        incidental_prob: float = 0.1,
        prompt_late_share: float = 0.1,
    ) -> None:
        self.grace_days = grace_days
        self.half_life = half_life
        self.min_settled = min_settled
        self.structural_prob = structural_prob
        self.incidental_prob = incidental_prob
        self.prompt_late_share = prompt_late_share

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: N803  scikit-learn's name
        """Learn how late propensities are spread over these customers; ``y`` is not used."""
        del y
        counts = self._count(validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan"))
        self.segments_ = np.array([segment.value for segment in Segment])
        self.prior_ = fit_prior(counts["late_weight"].to_numpy(), counts["prompt_weight"].to_numpy())
        return self

    def predict(self, X: Any) -> npt.NDArray[np.int64]:  # noqa: N803
        """Return the segment of every customer, as its place in ``segments_``."""
        settings = SegmentSettings(
            min_settled=self.min_settled,
            structural_prob=self.structural_prob,
            incidental_prob=self.incidental_prob,
            prompt_late_share=self.prompt_late_share,
            persistence_days=1,
        )
        named = assign_segments(self.estimate(X), settings, None)["segment"]
        return named.replace_strict(list(self.segments_), list(range(len(self.segments_)))).to_numpy()

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Return, per customer, the probabilities of being incidental and structural late payers, adding up to 1.

        A customer of whom no instalment is known has those of the prior.
        """
        from scipy.special import betainc

        told = self.estimate(X)
        nothing_known = float(1.0 - betainc(self.prior_.alpha, self.prior_.beta, 0.5))
        structural = told["structural_prob"].fill_null(nothing_known).to_numpy()
        return np.column_stack([1.0 - structural, structural])

    def estimate(self, X: Any) -> pl.DataFrame:  # noqa: N803
        """Return late propensity and ``structural_prob`` of every customer with their 90 % intervals.

        One row per row of ``X``, with the columns of ``propensity.estimate_propensity``.
        """
        check_is_fitted(self)
        days = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return estimate_propensity(self._count(days), self.prior_)

    def plot(self, X: Any, ax: "Axes | None" = None) -> "Axes":  # noqa: N803
        """Draw every customer's share of late instalments against ``structural_prob``, with its 90 % interval."""
        import matplotlib.pyplot as plt

        told = self.estimate(X).filter(pl.col("settled_count") > 0)
        axes = ax if ax is not None else plt.subplots()[1]
        share = (told["late_count"] / told["settled_count"]).to_numpy()
        prob, low, high = (told[f"structural_prob{end}"].to_numpy() for end in ("", "_p05", "_p95"))
        axes.errorbar(
            share, prob, yerr=[prob - low, high - prob], fmt="o", alpha=0.4, color="#0072b2", linewidth=1
        )
        for bound in (self.incidental_prob, self.structural_prob):
            axes.axhline(bound, color="#6b7785", linestyle=":", linewidth=1)
        axes.set(
            xlabel="Share of instalments paid late",
            ylabel="P(late by habit), 90 % interval",
            ylim=(-0.02, 1.02),
        )
        return axes

    def _count(self, days: Floats) -> pl.DataFrame:
        """Counts and weights per row, as ``observations.observe_customers`` gives them."""
        is_known = np.isfinite(days)
        is_late = is_known & (np.where(is_known, days, 0.0) > self.grace_days)
        age = np.cumsum(is_known, axis=1) - is_known
        weight = np.ones(days.shape) if self.half_life is None else 2.0 ** (-age / self.half_life)
        late, prompt = weight * is_late, weight * (is_known & ~is_late)
        return pl.DataFrame(
            {
                "customer_id": np.arange(len(days)),
                "settled_count": is_known.sum(axis=1),
                "late_count": is_late.sum(axis=1),
                "late_weight": late.sum(axis=1),
                "prompt_weight": prompt.sum(axis=1),
                "late_weight_squares": (late**2).sum(axis=1),
                "prompt_weight_squares": (prompt**2).sum(axis=1),
                "late_span_days": np.maximum(is_late.sum(axis=1) - 1, 0),
            }
        ).with_columns(pl.col("customer_id").cast(pl.String))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


class CauseClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Causes of lateness from signals: naive Bayes that starts from the reviewed file and learns from labels.

    Parameters
    ----------
    use_reviewed : whether columns and labels that are named as in ``cause_signals.yaml`` start from its
        prior and likelihood ratios; all others start from knowing nothing.
    prior_counts_for : labels that the prior is worth.
    ratios_count_for : labels, with each cause, that the start of a signal is worth.

    Attributes
    ----------
    classes_ : labels, sorted.
    class_prior_ : probability of each before anything is seen.
    rate_ : rate at which each signal is seen among all, never quite 0 or 1.
    seen_rate_ : classes × signals; rate at which each signal is seen with each cause.
    n_features_in_ : columns seen in ``fit``.

    Notes
    -----
    ``X`` has a row per customer and a column per signal: the share of opportunities at which it was seen, missing
    where there was none. Values beyond 0 and 1 are taken as these. Prior and rates are learned as in
    ``learning.learn_causes``, from shares rounded to one part in ``WEIGHT_UNIT``.

    Examples
    --------
    >>> import polars as pl
    >>> seen = pl.DataFrame({"said_cannot_pay": [0.5, 0.0, 0.0, 0.8], "disputed_invoice": [0.0, 0.9, 0.6, None]})
    >>> causes = ["cannot_pay", "disputing", "disputing", "cannot_pay"]
    >>> CauseClassifier().fit(seen, causes).predict(seen).tolist()
    ['cannot_pay', 'disputing', 'disputing', 'cannot_pay']
    """

    def __init__(
        self,
        use_reviewed: bool = True,  # noqa: FBT001, FBT002  scikit-learn's parameters are positional
        prior_counts_for: float = 50.0,
        ratios_count_for: float = 40.0,
    ) -> None:
        self.use_reviewed = use_reviewed
        self.prior_counts_for = prior_counts_for
        self.ratios_count_for = ratios_count_for

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn prior and rates from customers whose cause is known."""
        shares, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        self.classes_, member = np.unique(labels, return_inverse=True)
        names = list(getattr(self, "feature_names_in_", [""] * shares.shape[1]))
        belongs = np.eye(len(self.classes_), dtype=np.int64)[member].T
        known = np.isfinite(shares)
        parts = np.rint(np.where(known, np.clip(shares, 0.0, 1.0), 0.0) * WEIGHT_UNIT).astype(np.int64)
        seen_count, count = belongs @ parts / WEIGHT_UNIT, belongs @ known
        total = count.sum(axis=0)
        self.rate_ = np.clip(
            np.divide(seen_count.sum(axis=0), total, out=np.full(len(total), 0.5), where=total > 0),
            LEAST_RATE,
            1.0 - LEAST_RATE,
        )
        prior, seen, missed = self._start(names)
        start = imply_rate(self.rate_, seen, missed)
        self.seen_rate_ = learn_share(start, self.ratios_count_for, seen_count, count)
        self.class_prior_ = learn_share(prior, self.prior_counts_for, belongs.sum(axis=1), len(labels))
        return self

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803
        """Return the probability of each cause in ``classes_``, adding up to 1 per customer."""
        check_is_fitted(self)
        shares = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        known = np.isfinite(shares)
        shares = np.where(known, np.clip(shares, 0.0, 1.0), 0.0)
        gained = np.log(self.seen_rate_ / self.rate_)
        lost = np.log((1.0 - self.seen_rate_) / (1.0 - self.rate_))
        # Summed signal by signal: what a row gets must not depend on how many rows there are.
        odds = np.tile(np.log(self.class_prior_), (len(shares), 1))
        for signal in range(shares.shape[1]):
            part = shares[:, [signal]] * gained[:, signal] + (known - shares)[:, [signal]] * lost[:, signal]
            odds = odds + part
        raised = np.exp(odds - odds.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the likeliest cause of every customer."""
        prob = self.predict_proba(X)
        return np.asarray(self.classes_[prob.argmax(axis=1)])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw how much each signal, when seen, speaks for each cause (log-odds against the average)."""
        import matplotlib.pyplot as plt

        check_is_fitted(self)
        axes = ax if ax is not None else plt.subplots()[1]
        speaks = np.log(self.seen_rate_ / self.rate_)
        reach = float(np.abs(speaks).max()) or 1.0
        image = axes.imshow(speaks.T, cmap="PuOr", vmin=-reach, vmax=reach, aspect="auto")
        names = getattr(self, "feature_names_in_", np.arange(self.n_features_in_))
        axes.set_xticks(
            range(len(self.classes_)), [str(name) for name in self.classes_], rotation=30, ha="right"
        )
        axes.set_yticks(range(self.n_features_in_), [str(name) for name in names])
        axes.figure.colorbar(image, ax=axes, label="log of the likelihood ratio when seen")
        return axes

    def _start(self, names: list[str]) -> tuple[Floats, Floats, Floats]:
        """Prior over classes, and likelihood ratios (seen, not seen) of classes × signals, before any label."""
        prior = np.full(len(self.classes_), 1.0 / len(self.classes_))
        seen, missed = np.ones((2, len(self.classes_), len(names)))
        causes = {cause.value: cause for cause in CAUSES}
        if not self.use_reviewed or not set(map(str, self.classes_)) <= causes.keys():
            return prior, seen, missed
        model = load_cause_model()
        own = [causes[str(name)] for name in self.classes_]
        prior = np.array([model.prior[cause] for cause in own])
        for column, name in enumerate(names):
            if name in model.signals:
                signal = model.signal(name)
                seen[:, column] = [signal.seen.get(cause, 1.0) for cause in own]
                missed[:, column] = [signal.not_seen.get(cause, 1.0) for cause in own]
        return prior / prior.sum(), seen, missed

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.poor_score = True  # its checks have no shares of opportunities
        return tags
