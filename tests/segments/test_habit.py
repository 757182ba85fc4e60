"""The hidden Markov model of habits, on histories whose truth is known."""

import numpy as np
import polars as pl
import pytest

from segmentation.segments import habit_filter
from segmentation.segments.habit import HabitModel, fit_habits, follow_habits
from segmentation.segments.histories import Histories

LEVELS = 24
EVEN = HabitModel((1 / LEVELS,) * LEVELS, up=0.01, down=0.01)
STILL = HabitModel(EVEN.spread, up=0.0, down=0.0)


def _histories(late, prompt) -> Histories:
    return Histories(*(np.array(table, dtype=np.uint16, order="C") for table in (late, prompt)))


def _follow(histories: Histories, model: HabitModel) -> pl.DataFrame:
    late, prompt = (table.sum(axis=1).astype(float) for table in (histories.late, histories.prompt))
    counts = {
        f"{name}_{part}": weight
        for name, weight in (("late", late), ("prompt", prompt))
        for part in ("weight", "weight_squares")
    }
    return follow_habits(pl.DataFrame(counts), histories, model)


def _plant(start, up, down, count=3000, periods=30):
    """Histories of customers who change state at known rates; whether each is late by habit at first, and at the end."""
    rng = np.random.default_rng(4)
    is_habitual = rng.random(count) < start

    def draw(habitual):
        return np.where(habitual, rng.beta(16, 4, count), rng.beta(3, 17, count))

    level, late, prompt, states = draw(is_habitual), [], [], []
    for _ in range(periods):
        moves = rng.random(count) < np.where(is_habitual, down, up)
        states.append(is_habitual ^ moves)
        is_habitual = states[-1]
        level = np.where(moves, draw(is_habitual), level)
        seen = rng.poisson(1.5, count)
        late.append(rng.binomial(seen, level))
        prompt.append(seen - late[-1])
    return _histories(np.array(late).T, np.array(prompt).T), states[0], states[-1]


@pytest.fixture(scope="module")
def planted():
    """Histories of 3,000 customers over 30 periods who change state at known rates, with their state at the end."""
    histories, _, is_habitual = _plant(start=0.3, up=0.01, down=0.03)
    return histories, is_habitual


def test_the_fit_finds_planted_rates_of_change_again(planted):
    model = fit_habits(planted[0])
    assert model.up == pytest.approx(0.01, rel=0.25)
    assert model.down == pytest.approx(0.03, rel=0.25)
    assert sum(model.spread) == pytest.approx(1.0)


def test_changes_of_state_say_nothing_about_how_many_start_late(monkeypatch):
    said, expect = [], habit_filter.expect_moves

    def listen(*given):
        found = expect(*given)
        said.append(found[0])
        return found

    monkeypatch.setattr(habit_filter, "expect_moves", listen)
    histories, was_habitual, _ = _plant(start=0.1, up=0.02, down=0.02, count=1000, periods=36)
    model = fit_habits(histories)
    assert sum(model.spread[LEVELS // 2 :]) == pytest.approx(was_habitual.mean(), abs=0.04)
    assert len(said) > 10, "a fit that stops at once proves nothing"
    # The weak priors may take back a little of the likelihood, never more than this.
    assert np.diff(said).min() > -0.01


def test_the_probability_of_a_planted_state_is_calibrated(planted):
    histories, is_habitual = planted
    prob = _follow(histories, fit_habits(histories))["structural_prob"].fill_null(0.5).to_numpy()
    bins = np.array_split(np.argsort(prob, kind="stable"), 10)
    error = sum(len(b) * abs(prob[b].mean() - is_habitual[b].mean()) for b in bins) / len(prob)
    assert error <= 0.02
    assert np.mean((prob > 0.5) == is_habitual) >= 0.95


def test_without_change_it_is_bayes_on_the_levels():
    found = _follow(_histories([[2, 1]], [[0, 1]]), STILL)
    edge = np.sin(np.pi / 2 * (np.arange(LEVELS) + 0.5) / LEVELS) ** 2
    mass = edge**3 * (1 - edge)
    mass /= mass.sum()
    assert found["late_propensity"][0] == pytest.approx((mass * edge).sum())
    assert found["structural_prob"][0] == pytest.approx(mass[edge > 0.5].sum())


def test_who_turned_is_told_from_who_was_always_so():
    turned, always, never = [0] * 9 + [3, 3, 3], [3] * 12, [0] * 12
    late = np.array([turned, always, never, [0] * 12])
    prompt = np.array([[3] * 9 + [0] * 3, [0] * 12, [3] * 12, [0] * 12])
    found = _follow(_histories(late, prompt), EVEN)
    prob = found["turning_prob"].to_list()
    assert prob[0] > 0.9
    assert prob[1] < 0.01
    assert prob[2] < 0.1
    assert prob[3] is None
    assert found["late_propensity"][3] is None


def test_what_is_long_past_weighs_less_where_customers_change():
    late, prompt = [[3] * 6 + [0] * 24], [[0] * 6 + [2] * 24]
    changing, still = (_follow(_histories(late, prompt), model) for model in (EVEN, STILL))
    assert changing["late_propensity"][0] < still["late_propensity"][0] / 2


def test_a_later_late_instalment_raises_the_probability_and_intervals_contain_it(planted):
    histories, _ = planted
    model = fit_habits(histories)
    late = histories.late.copy()
    late[:, -1] += 1
    before, after = _follow(histories, model), _follow(Histories(late, histories.prompt), model)
    known = before["structural_prob"].is_not_null()
    assert (after["structural_prob"] >= before["structural_prob"] - 1e-12).filter(known).all()
    for name in ("structural_prob", "late_propensity"):
        assert (after[f"{name}_p05"] <= after[name]).all()
        assert (after[name] <= after[f"{name}_p95"]).all()
        assert after[f"{name}_p95"].max() <= 1


def test_the_order_of_customers_does_not_matter(planted):
    histories, _ = planted
    order = np.random.default_rng(2).permutation(len(histories.late))
    shuffled = Histories(histories.late[order], histories.prompt[order])
    assert fit_habits(histories) == fit_habits(shuffled)


def test_an_empty_book_is_fitted_by_what_is_usual():
    model = fit_habits(_histories(np.zeros((2, 1)), np.zeros((2, 1))))
    assert model.becoming_rate == pytest.approx(0.1)
    assert min(model.spread) > 0
