import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.segments.propensity import LatePrior, estimate_propensity, fit_prior

FLAT = LatePrior(1.0, 1.0, 0.0, 0.0, 0.0, 10)
weights = st.floats(0, 200, allow_nan=False)


def _counts(late: list[float], prompt: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "settled_count": [int(np.ceil(a + b)) for a, b in zip(late, prompt, strict=True)],
            "late_weight": late,
            "prompt_weight": prompt,
            "late_weight_squares": late,
            "prompt_weight_squares": prompt,
        },
        schema_overrides={"late_weight": pl.Float64, "prompt_weight": pl.Float64},
    )


def test_three_late_of_three_under_a_flat_prior_worked_by_hand():
    row = estimate_propensity(_counts([3.0], [0.0]), FLAT).row(0, named=True)
    assert row["late_propensity"] == pytest.approx(4 / 5)
    assert row["structural_prob"] == pytest.approx(1 - 0.5**4)
    assert row["late_propensity_p05"] == pytest.approx(0.05 ** (1 / 4))
    assert row["late_propensity_p95"] == pytest.approx(0.95 ** (1 / 4))


def test_none_late_of_three_mirrors_it():
    row = estimate_propensity(_counts([0.0], [3.0]), FLAT).row(0, named=True)
    assert row["late_propensity"] == pytest.approx(1 / 5)
    assert row["structural_prob"] == pytest.approx(0.5**4)
    assert row["late_propensity_p95"] == pytest.approx(1 - 0.05 ** (1 / 4))


def test_a_prior_of_unsure_strength_widens_less_than_one_of_unsure_mean():
    """Where alpha and beta rise together the mean stays, and with it most of the probability."""
    spread = {
        sign: estimate_propensity(_counts([2.0], [1.0]), LatePrior(1.0, 1.0, 0.2, 0.2, sign * 0.2, 10))
        for sign in (-1, 1)
    }
    width = {
        sign: (row["structural_prob_p95"] - row["structural_prob_p05"])[0] for sign, row in spread.items()
    }
    assert width[-1] > width[1] + 0.01


def test_nothing_is_said_of_a_customer_without_known_instalments():
    row = estimate_propensity(_counts([0.0], [0.0]), FLAT).row(0, named=True)
    assert row["structural_prob"] is None
    assert row["late_propensity_p95"] is None


@settings(deadline=None)
@given(weights, weights)
def test_intervals_contain_their_estimate_and_stay_within_bounds(late, prompt):
    row = estimate_propensity(_counts([late], [prompt]), FLAT).row(0, named=True)
    if row["settled_count"] == 0:
        return
    assert 0 <= row["structural_prob_p05"] <= row["structural_prob"] <= row["structural_prob_p95"] <= 1
    assert 0 <= row["late_propensity_p05"] <= row["late_propensity_p95"] <= 1


@settings(deadline=None)
@given(weights, st.floats(0.1, 200), st.floats(0.01, 1.0))
def test_calling_a_prompt_instalment_late_never_lowers_the_probability(late, prompt, moved):
    step = moved * prompt
    rows = estimate_propensity(_counts([late, late + step], [prompt, prompt - step]), FLAT)
    before, after = rows["structural_prob"]
    assert after >= before - 1e-12
    assert rows["late_propensity"][1] >= rows["late_propensity"][0]


def test_more_of_the_same_history_narrows_the_propensity():
    rows = estimate_propensity(_counts([2.0, 20.0], [1.0, 10.0]), FLAT)
    width = (rows["late_propensity_p95"] - rows["late_propensity_p05"]).to_list()
    assert width[1] < width[0] / 2


def test_an_uncertain_prior_widens_the_interval_of_the_probability():
    sure = estimate_propensity(_counts([2.0], [1.0]), FLAT)
    unsure = estimate_propensity(_counts([2.0], [1.0]), LatePrior(1.0, 1.0, 0.5, 0.5, 0.0, 10))
    assert unsure["structural_prob_p95"][0] > sure["structural_prob_p95"][0]
    assert unsure["structural_prob_p05"][0] < sure["structural_prob_p05"][0]


def test_the_interval_covers_what_other_draws_of_the_same_customers_give():
    """Of customers whose instalments are drawn again, nine in ten get a probability inside the interval."""
    rng = np.random.default_rng(11)
    theta = rng.beta(2.0, 2.0, 4000)
    first, second = rng.binomial(12, theta), rng.binomial(12, theta)
    prior = fit_prior(first.astype(float), 12.0 - first)
    one = estimate_propensity(_counts(first.tolist(), (12 - first).tolist()), prior)
    two = estimate_propensity(_counts(second.tolist(), (12 - second).tolist()), prior)["structural_prob"]
    is_inside = (two >= one["structural_prob_p05"]) & (two <= one["structural_prob_p95"])
    # A fresh draw varies as much again as the first one did, so that 1.645 / √2 standard deviations
    # cover three quarters of fresh draws; over-coverage would mean that the interval says nothing.
    assert 0.70 <= is_inside.mean() <= 0.90


def test_the_fit_finds_a_planted_prior_again():
    rng = np.random.default_rng(5)
    theta = rng.beta(0.8, 2.4, 5000)
    count = rng.integers(1, 40, 5000)
    late = rng.binomial(count, theta)
    prior = fit_prior(late.astype(float), (count - late).astype(float))
    assert prior.mean == pytest.approx(0.25, abs=0.01)
    assert prior.alpha + prior.beta == pytest.approx(3.2, abs=0.25)
    sd = np.sqrt(prior.alpha_variance)
    assert 0.005 < sd < 0.1
    assert abs(prior.alpha - 0.8) < 4 * sd


def test_cells_of_a_large_book_give_the_same_prior_as_its_customers():
    rng = np.random.default_rng(6)
    weight = rng.gamma(2.0, 4.0, 30_000)
    late = weight * rng.beta(0.7, 1.5, 30_000)
    exact = fit_prior(late[:20_000], (weight - late)[:20_000])
    celled = fit_prior(np.tile(late[:20_000], 2), np.tile((weight - late)[:20_000], 2))
    assert celled.mean == pytest.approx(exact.mean, abs=0.005)
    assert celled.alpha + celled.beta == pytest.approx(exact.alpha + exact.beta, rel=0.05)


@pytest.mark.parametrize(
    ("late", "prompt"), [([], []), ([0.0], [0.0]), ([5.0], [0.0]), ([0.0] * 9, [30.0] * 9)]
)
def test_few_or_uniform_customers_give_a_mild_finite_prior(late, prompt):
    prior = fit_prior(np.array(late), np.array(prompt))
    assert 0 < prior.mean < 0.7
    assert 0.05 < prior.alpha + prior.beta < 500
    assert np.isfinite([prior.alpha_variance, prior.beta_variance, prior.covariance]).all()


def test_the_order_of_customers_does_not_matter():
    rng = np.random.default_rng(8)
    late, prompt = rng.gamma(1.0, 3.0, 300), rng.gamma(1.0, 5.0, 300)
    order = rng.permutation(300)
    assert fit_prior(late, prompt) == fit_prior(late[order], prompt[order])
