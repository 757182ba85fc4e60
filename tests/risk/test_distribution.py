"""All figures are read from one distribution, so they cannot contradict each other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.risk.distribution import PaymentDistribution, anchor_survival
from segmentation.risk.grid import Grid, build_episodes

GRID = Grid.up_to(180)
HORIZON = 180


@st.composite
def distributions(draw):
    seed = draw(st.integers(0, 10_000))
    seen = draw(st.integers(-60, 250))
    rng = np.random.default_rng(seed)
    hazard = rng.beta(0.3, 3.0, (4, GRID.size)) * (rng.random((4, GRID.size)) < draw(st.floats(0.1, 1.0)))
    survival = np.cumprod(1 - hazard, axis=1)
    seen_day = np.full(4, seen)
    return PaymentDistribution(GRID, survival, seen_day, 0.01, np.maximum(seen_day + 1, 0) + HORIZON)


@settings(max_examples=150, deadline=None)
@given(distributions())
def test_probabilities_are_ordered_in_time(distribution):
    previous = np.ones(len(distribution))
    for day in (-30, -7, 0, 1, 14, 30, 90, 180, 300):
        unpaid = distribution.unpaid_prob(day)
        assert (unpaid <= previous + 1e-12).all()
        assert ((unpaid >= 0) & (unpaid <= 1)).all()
        previous = unpaid


@settings(max_examples=150, deadline=None)
@given(distributions(), st.floats(0.005, 0.45))
def test_quantiles_are_ordered_and_after_the_last_seen_day(distribution, level):
    low, middle, high = (distribution.quantile_day(q) for q in (level, 0.5, 1 - level))
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert (low > distribution.seen_day).all()
    assert (high <= distribution.horizon_day).all()


@settings(max_examples=150, deadline=None)
@given(distributions(), st.floats(0.01, 0.99))
def test_quantile_is_the_first_day_on_which_the_probability_is_reached(distribution, level):
    day = distribution.quantile_day(level)
    inside = day < distribution.horizon_day
    assert (1 - distribution.unpaid_prob(day) >= level - 1e-6)[inside].all()
    later = inside & (day > distribution.seen_day + 1)
    assert (1 - distribution.unpaid_prob(day - 1) < level + 1e-6)[later].all()


@settings(max_examples=100, deadline=None)
@given(distributions())
def test_mean_is_the_sum_of_the_survival_curve(distribution):
    expected = distribution.seen_day + 1.0
    for step in range(1, int((distribution.horizon_day - distribution.seen_day).max())):
        day = distribution.seen_day + step
        expected = expected + np.where(day < distribution.horizon_day, distribution.unpaid_prob(day), 0.0)
    np.testing.assert_allclose(distribution.mean_day(), expected, rtol=1e-9, atol=1e-6)


def test_being_open_conditions_the_curve():
    survival = np.ones((1, GRID.size))
    survival[:, GRID.ends >= 0] = 0.6  # 40 % pay on the due date
    survival[:, GRID.ends >= 5] = 0.3  # 30 % five days later
    survival[:, GRID.ends >= 10] = 0.0

    def seen(day):
        return PaymentDistribution(GRID, survival, np.array([day]), 0.01, np.array([180]))

    assert seen(-10).unpaid_prob(0)[0] == pytest.approx(0.6)
    assert seen(-10).quantile_day(0.5)[0] == 5
    assert seen(-10).quantile_day(0.3)[0] == 0
    assert seen(2).unpaid_prob(0)[0] == 1.0
    assert seen(2).unpaid_prob(5)[0] == pytest.approx(0.5)
    assert seen(2).mean_day()[0] == pytest.approx(0.5 * 5 + 0.5 * 10)


def test_anchoring_moves_the_due_date_and_keeps_the_rest():
    rng = np.random.default_rng(0)
    survival = np.cumprod(1 - rng.beta(1, 20, (5, GRID.size)), axis=1)
    wanted = np.array([0.05, 0.2, 0.5, 0.8, 0.95])
    anchored = anchor_survival(GRID, survival, wanted)
    due = GRID.due_bin
    np.testing.assert_allclose(anchored[:, due], wanted)
    np.testing.assert_allclose(anchored[:, -1] / anchored[:, due], survival[:, -1] / survival[:, due])
    assert (np.diff(anchored, axis=1) <= 0).all()


def test_episodes_stop_at_payment_and_at_the_last_whole_bin_seen_open():
    start = np.array([-30, -30, -3])
    event = np.array([-2.0, np.inf, np.inf])
    last_open = np.array([-3, 1, 16])
    episodes = build_episodes(GRID, start, event, last_open)
    ends = [GRID.ends[episodes.bin[episodes.row == row]].tolist() for row in range(3)]
    assert ends[0] == [-30, -27, -24, -21, -18, -15, -12, -10, -8, -7, -6, -5, -4, -3, -2]
    assert ends[1][-1] == 1
    assert ends[2] == [
        *range(-3, 15)
    ]  # day 16 lies in the bin that ends on day 17: it was not seen to its end
    assert GRID.ends[episodes.bin[episodes.is_paid]].tolist() == [-2]
