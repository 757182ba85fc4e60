"""The gate in simulation: few runs here, all of them with ``segmentation evaluate fairness``."""

from datetime import date, timedelta

import numpy as np
import pytest

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness import battery
from segmentation.fairness.battery import (
    bound_share,
    build_book,
    count_alarms,
    count_found,
    count_series_with_alarm,
    evaluate_gate,
    judge_runs,
    weekly_alphas,
)
from segmentation.fairness.comparison import exact_p_values
from segmentation.fairness.multiplicity import adjust_p_values, weigh_cells
from segmentation.fairness.spending import spend_alpha

SETTINGS = FairnessSettings()
FIRST, WEEKLY = weekly_alphas(SETTINGS)[0], weekly_alphas(SETTINGS)[-1]


def test_all_runs_of_half_a_year_spend_no_more_than_alpha():
    assert len(weekly_alphas(SETTINGS)) == 26
    assert sum(weekly_alphas(SETTINGS)) <= SETTINGS.alpha
    days = [date(2026, 1, 5) + timedelta(days=day) for day in range(182)]
    daily = [spend_alpha(before, day, SETTINGS) for before, day in zip([None, *days], days, strict=False)]
    assert sum(daily) <= SETTINGS.alpha


def test_a_long_pause_spends_no_more_than_there_is():
    assert spend_alpha(date(2020, 1, 1), date(2026, 1, 1), SETTINGS) == pytest.approx(0.0125)
    with pytest.raises(ValueError, match="not before"):
        spend_alpha(date(2026, 1, 1), date(2026, 1, 1), SETTINGS)


@pytest.mark.parametrize("base", [0.05, 0.1])
def test_without_bias_false_alarms_stay_below_five_in_a_hundred(base):
    arguments = {"settings": SETTINGS, "size": 3000, "base": base}
    alarms = count_alarms(np.random.default_rng(20), 600, alpha=SETTINGS.alpha, **arguments)
    assert 0 < alarms <= 30
    series = count_series_with_alarm(np.random.default_rng(21), 60, changed_share=0.1, **arguments)
    assert bound_share(series, 60)[0] <= 0.05


@pytest.mark.parametrize(("gap", "victims", "size"), battery.PLANTED_GAPS)
def test_planted_gaps_are_found(gap, victims, size):
    arguments = {"settings": SETTINGS, "size": size, "base": 0.05, "gap": gap, "victims": victims}
    assert count_found(np.random.default_rng(22), 300, alphas=[FIRST], **arguments) >= 285
    assert count_found(np.random.default_rng(23), 100, alphas=[WEEKLY] * 4, **arguments) >= 93


def test_ten_points_among_three_hundred_are_found_where_one_in_ten_is_harmed_anyway():
    arguments = {"settings": SETTINGS, "size": 3000, "base": 0.1, "gap": 0.1, "victims": 300}
    assert count_found(np.random.default_rng(26), 1000, alphas=[FIRST], **arguments) >= 935


def test_without_a_gap_the_watched_group_is_hardly_ever_blocked():
    arguments = {"settings": SETTINGS, "size": 3000, "base": 0.05, "gap": 0.0, "victims": 300}
    assert count_found(np.random.default_rng(24), 300, alphas=[FIRST], **arguments) <= 3


def test_the_battery_judges_as_the_gate_does():
    rng = np.random.default_rng(25)
    book = build_book(3000, rng, SETTINGS)
    rates = np.full((3, len(book.counts)), 0.05)
    rates[0] += 0.08 * book.members[:, 1]
    harmed = rng.binomial(book.counts, rates, (40, *rates.shape))
    found = judge_runs(book, harmed, SETTINGS, FIRST)
    inside = harmed @ book.members
    count = np.broadcast_to(book.counts @ book.members, inside.shape)
    outside, rest = harmed.sum(axis=-1, keepdims=True) - inside, book.counts.sum() - count
    gap = inside / count - outside / rest
    sizes = np.minimum(count, rest)[0].ravel()
    weights = weigh_cells(np.tile(book.is_pair, 3), sizes, SETTINGS)
    for run in range(40):
        cells = [values[run].ravel() for values in (inside, count, outside, rest)]
        adjusted = adjust_p_values(exact_p_values(*cells), *cells, weights, SETTINGS.block_gap)
        assert (found[run].ravel() == ((adjusted < FIRST) & (gap[run].ravel() > SETTINGS.block_gap))).all()
    assert found.any()


def test_the_report_states_seeds_and_intervals_and_comes_out_the_same_again():
    report = evaluate_gate(runs=10, seed=3)
    for part in ("false_alarms_one_run", "false_alarms_26_weeks", "power"):
        for row in report[part]:
            assert row["share_low"] <= row["share"] <= row["share_high"]
            assert row["seed"][0] == 3
    assert evaluate_gate(runs=10, seed=3) == report
