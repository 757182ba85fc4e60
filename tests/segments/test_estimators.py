"""The estimators keep scikit-learn's contract, and say what the room says."""

import matplotlib as mpl
import numpy as np
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import estimator_checks_generator

from segmentation.domain.settings import SegmentSettings
from segmentation.segments.estimators import CauseClassifier, PunctualitySegmenter
from segmentation.segments.observations import classify_instalments, observe_customers
from segmentation.segments.propensity import estimate_propensity, fit_prior
from segmentation.segments.rules import assign_segments
from tests.segments.conftest import AS_OF


def contract_checks():
    """What scikit-learn asks of every estimator, but for arrays of other libraries, which need a setting of SciPy."""
    for estimator in (PunctualitySegmenter(), PunctualitySegmenter(half_life=6), CauseClassifier()):
        for instance, check in estimator_checks_generator(estimator):
            name = check.func.__name__
            if not name.startswith("check_array_api"):
                yield pytest.param(instance, check, id=f"{instance}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(contract_checks()))
def test_the_contract_of_scikit_learn_is_kept(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def days(mixed_book) -> pl.DataFrame:
    longest = max(map(len, mixed_book.values()))
    rows = [lateness + [None] * (longest - len(lateness)) for lateness in mixed_book.values()]
    return pl.DataFrame(rows, schema=[f"instalment_{i}" for i in range(longest)], orient="row")


def test_segments_are_those_of_the_rules(make_ledger, mixed_book, days):
    # Without dates nothing fades: in a room with a half-life that is long neither does.
    settings = SegmentSettings(half_life_days=10**7)
    known = classify_instalments(make_ledger(mixed_book)["core_instalment_balance"], AS_OF, settings)
    counts = observe_customers(known, known["customer_id"].unique().sort(), settings).counts
    prior = fit_prior(counts["late_weight"].to_numpy(), counts["prompt_weight"].to_numpy())
    room = assign_segments(estimate_propensity(counts, prior), settings, None).sort("customer_id")
    segmenter = PunctualitySegmenter().fit(days)
    assert segmenter.segments_[segmenter.predict(days)].tolist() == room["segment"].to_list()
    told = segmenter.predict_proba(days)[:, 1]
    assert told == pytest.approx(room["structural_prob"].to_numpy(), abs=1e-3)
    assert segmenter.estimate(days).height == len(mixed_book)


def test_frames_and_arrays_say_the_same_and_the_order_of_rows_does_not_matter(days):
    segmenter = PunctualitySegmenter(half_life=5).fit(days)
    values = days.to_numpy().astype(float)
    turned = clone(segmenter).fit(values[::-1])
    assert (turned.predict_proba(values) == segmenter.predict_proba(days)).all()
    assert "PunctualitySegmenter" in segmenter._repr_html_()


def test_causes_are_learned_alike_from_rows_in_any_order():
    rng = np.random.default_rng(7)
    shares, labels = rng.random((500, 4)), rng.choice(["cannot_pay", "disputing", "forgetful"], 500)
    shares[rng.random(shares.shape) < 0.1] = np.nan
    learned = CauseClassifier().fit(shares, labels)
    for _ in range(5):
        order = rng.permutation(500)
        again = CauseClassifier().fit(shares[order], labels[order])
        assert (again.predict_proba(shares) == learned.predict_proba(shares)).all()


def test_the_reviewed_file_is_where_causes_start():
    signals = ["said_cannot_pay", "said_disputed"]
    nobody = pl.DataFrame({name: [None, None] for name in signals}, schema=dict.fromkeys(signals, pl.Float64))
    seen = pl.DataFrame({"said_cannot_pay": [1.0, 0.0], "said_disputed": [0.0, 1.0]})
    labels = ["cannot_pay", "disputing"]
    with pytest.raises(ValueError, match="minimum"):
        CauseClassifier().fit(seen.head(0), [])
    reviewed = CauseClassifier().fit(seen, labels)
    blank = CauseClassifier(use_reviewed=False).fit(seen, labels)
    assert reviewed.predict(seen).tolist() == labels
    assert reviewed.predict_proba(seen).max(axis=1).min() > blank.predict_proba(seen).max(axis=1).min() + 0.2
    assert reviewed.predict_proba(nobody)[0, 0] == pytest.approx((50 * 0.6 + 1) / 52), "0.18 of 0.18 + 0.12"


def test_labels_correct_a_file_that_is_wrong_about_a_book():
    rng = np.random.default_rng(1)
    is_unable = rng.random(400) < 0.5
    share = np.where(is_unable, 0.1, 0.6) + rng.uniform(-0.1, 0.1, 400)
    frame = pl.DataFrame({"said_cannot_pay": share})
    labels = np.where(is_unable, "cannot_pay", "disputing")
    assert CauseClassifier().fit(frame, labels).score(frame, labels) > 0.95


def test_one_call_plots(days):
    mpl.use("agg")
    axes = PunctualitySegmenter().fit(days).plot(days)
    assert "late by habit" in axes.get_ylabel()
    seen = pl.DataFrame({"said_cannot_pay": [1.0, 0.0], "said_disputed": [0.0, 1.0]})
    chart = CauseClassifier().fit(seen, ["cannot_pay", "disputing"]).plot()
    assert [label.get_text() for label in chart.get_yticklabels()] == ["said_cannot_pay", "said_disputed"]
