import time

import numpy as np
import polars as pl
import pytest
from scipy.stats import beta

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.comparison import (
    adjust_holm,
    bound_gaps,
    compare_groups,
    draw_rates,
    mid_p_values,
)

SETTINGS = FairnessSettings()
GROUPS_BY_ATTRIBUTE = (2, 3, 4, 6)
RUNS = 400
CUSTOMERS = 3000


def _cells(*rows: tuple[str, int, int], family: str = "primary") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"family": family, "metric": "m", "attribute": "a", "group": g, "harmed": x, "count": n}
            for g, x, n in rows
        ]
    )


def _compare(*rows: tuple[str, int, int]) -> dict[str, dict[str, object]]:
    return {row["group"]: row for row in compare_groups(_cells(*rows), SETTINGS, 1).iter_rows(named=True)}


def _simulate(rates: np.ndarray, rng: np.random.Generator, membership: list[np.ndarray]) -> np.ndarray:
    """Adjusted p-values and gaps of RUNS audits of the same customers: runs × cells, two metrics."""
    p_values, gaps = [], []
    for _ in range(2):
        harmed = rng.random((RUNS, CUSTOMERS), dtype=np.float32) < rates
        total = harmed.sum(axis=1, keepdims=True)
        for member in membership:
            inside = harmed.astype(np.float32) @ member.astype(np.float32)
            count = member.sum(axis=0)
            inside = inside.astype(np.int64)
            p_values.append(mid_p_values(inside, count, total - inside, CUSTOMERS - count))
            gaps.append(inside / count - (total - inside) / (CUSTOMERS - count))
    return np.stack([adjust_holm(np.concatenate(p_values, axis=1)), np.concatenate(gaps, axis=1)])


def _membership(rng: np.random.Generator) -> list[np.ndarray]:
    return [np.eye(k, dtype=np.int64)[rng.integers(0, k, CUSTOMERS)] for k in GROUPS_BY_ATTRIBUTE]


def test_mid_p_worked_by_hand():
    one = np.array([1]), np.array([4])
    assert mid_p_values(np.array([3]), np.array([4]), *one)[0] == pytest.approx(1 / 70 + 0.5 * 16 / 70)


def test_holm_worked_by_hand():
    assert adjust_holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])
    both = adjust_holm(np.array([[0.01, 0.04, 0.03], [0.5, 0.6, 0.001]]))
    assert both[1] == pytest.approx([1.0, 1.0, 0.003])


def test_a_group_treated_worse_blocks_and_the_others_do_not():
    found = _compare(("x", 90, 400), ("y", 20, 400), ("z", 20, 400))
    assert found["x"]["verdict"] == "block"
    assert found["x"]["gap"] == pytest.approx(90 / 400 - 40 / 800)
    assert found["x"]["ratio"] == pytest.approx(90 / 400 / (40 / 800))
    assert found["x"]["gap_high"] > found["x"]["gap"]
    assert found["y"]["verdict"] == "pass"


def test_the_largest_group_is_assessed_too():
    assert _compare(("most", 400, 2000), ("few", 20, 400))["most"]["verdict"] == "block"


def test_a_significant_gap_of_two_points_does_not_block():
    found = _compare(("x", 1800, 30000), ("y", 1200, 30000))["x"]
    assert found["p_value"] < 0.001
    assert found["verdict"] == "pass"


def test_small_groups_get_no_figure_and_medium_ones_no_pass():
    found = _compare(("tiny", 3, 29), ("medium", 0, 299), ("large", 20, 5000))
    assert found["tiny"]["verdict"] == "not_assessable"
    assert found["tiny"]["gap"] is None
    assert found["medium"]["gap_high"] < 0.05
    assert found["medium"]["verdict"] == "inconclusive"
    assert found["large"]["verdict"] == "pass"


def test_nobody_harmed_is_no_alarm_and_not_certainty():
    found = _compare(("x", 0, 400), ("y", 0, 400))["x"]
    assert found["verdict"] == "pass"
    assert found["ratio"] is None
    assert 0 < found["estimate_high"] < 0.02
    assert found["gap_high"] > 0


def test_families_are_corrected_apart():
    alone = compare_groups(_cells(("x", 40, 400), ("y", 20, 400)), SETTINGS, 1)
    other = _cells(*((f"g{i}", 5, 100) for i in range(20)), family="secondary")
    both = compare_groups(pl.concat([_cells(("x", 40, 400), ("y", 20, 400)), other]), SETTINGS, 1)
    assert both.filter(family="primary")["p_value"].to_list() == alone["p_value"].to_list()


def test_the_order_of_cells_does_not_matter_and_the_seed_decides():
    cells = _cells(("x", 40, 400), ("y", 20, 400), ("z", 9, 310))
    assert compare_groups(cells, SETTINGS, 4).equals(compare_groups(cells.reverse(), SETTINGS, 4))
    assert not compare_groups(cells, SETTINGS, 4).equals(compare_groups(cells, SETTINGS, 5))


@pytest.mark.parametrize("base", [0.03, 0.2])
def test_without_bias_false_alarms_stay_below_five_in_a_hundred(base):
    rng = np.random.default_rng(20)
    rates = np.full(CUSTOMERS, base, dtype=np.float32)
    p_values, gaps = _simulate(rates, rng, _membership(rng))
    is_alarm = ((p_values < SETTINGS.alpha) & (gaps > SETTINGS.block_gap)).any(axis=1)
    assert is_alarm.mean() <= 0.05


def test_ten_points_more_in_a_group_of_three_hundred_are_found():
    rng = np.random.default_rng(21)
    membership = _membership(rng)
    victim = np.zeros((CUSTOMERS, 2), dtype=np.int64)
    victim[np.arange(CUSTOMERS), (np.arange(CUSTOMERS) < 300).astype(int)] = 1
    rates = np.where(np.arange(CUSTOMERS) < 300, 0.15, 0.05).astype(np.float32)
    p_values, gaps = _simulate(rates, rng, [victim, *membership])
    is_found = (p_values[:, 1] < SETTINGS.alpha) & (gaps[:, 1] > SETTINGS.block_gap)
    assert is_found.mean() >= 0.95


@pytest.mark.parametrize(("base", "count"), [(0.0, 300), (0.002, 400), (0.05, 1500), (0.3, 5000)])
def test_a_gap_of_five_points_hardly_ever_passes(base, count):
    rng = np.random.default_rng(22)
    counts = np.full((RUNS * 5, 12), count)
    harmed = rng.binomial(counts, np.where(np.arange(12) == 0, base + 0.05, base))
    rest = harmed.sum(axis=1, keepdims=True) - harmed
    bounds = bound_gaps(harmed, counts, rest, counts * 11, SETTINGS.alpha)
    assert (bounds[:, 0] < SETTINGS.pass_gap).mean() <= 0.05


def test_upper_bounds_hold_for_all_groups_at_once():
    rng = np.random.default_rng(23)
    counts = np.broadcast_to(np.array([40, 80, 150, 300, 600, 1200, 2400, 4800]), (RUNS * 5, 8))
    rates = rng.uniform(0.0, 0.15, 8)
    harmed = rng.binomial(counts, rates)
    rest, others = harmed.sum(axis=1, keepdims=True) - harmed, counts.sum(axis=1, keepdims=True) - counts
    truth = rates - ((counts * rates).sum(axis=1, keepdims=True) - counts * rates) / others
    is_missed = (bound_gaps(harmed, counts, rest, others, SETTINGS.alpha) < truth).any(axis=1)
    assert is_missed.mean() <= 0.06


def test_two_thousand_evenly_treated_members_pass():
    rng = np.random.default_rng(24)
    counts = np.full((RUNS, 30), 2000)
    harmed = rng.binomial(counts, 0.08)
    rest = harmed.sum(axis=1, keepdims=True) - harmed
    bounds = bound_gaps(harmed, counts, rest, counts * 29, SETTINGS.alpha)
    assert (bounds < SETTINGS.pass_gap).mean() >= 0.95


def test_an_upper_bound_worked_by_hand():
    """Nobody of 100 and nobody of 200 harmed, one comparison: the bound is the group's own limit."""
    nil, counts, others = np.array([0]), np.array([100]), np.array([200])
    assert bound_gaps(nil, counts, nil, others, 0.05)[0] == pytest.approx(beta(0.5, 100.5).ppf(0.95))


def test_thirty_six_cells_and_five_thousand_replicates_take_no_time():
    rng = np.random.default_rng(0)
    count = rng.integers(300, 3000, 36)
    harmed = rng.binomial(count, 0.1)
    start = time.perf_counter()
    low, high = np.quantile(draw_rates(harmed, count, 5000, rng), (0.05, 0.95), axis=0)
    assert time.perf_counter() - start < 1.0
    assert (low < harmed / count).all()
    assert (harmed / count < high).all()
