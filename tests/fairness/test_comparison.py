import numpy as np
import polars as pl
import pytest
from scipy.stats import beta

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.comparison import (
    bound_gaps,
    compare_groups,
    draw_rates,
    exact_p_values,
)

SETTINGS = FairnessSettings()
ALPHA = SETTINGS.alpha
RUNS = 400


def _cells(*rows: tuple[str, int, int], family: str = "primary") -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "family": family,
                "metric": "m",
                "attribute": "a",
                "group": g,
                "harmed": x,
                "count": n,
                "is_hidden": False,
            }
            for g, x, n in rows
        ]
    )


def _compare(*rows: tuple[str, int, int]) -> dict[str, dict[str, object]]:
    return {
        row["group"]: row for row in compare_groups(_cells(*rows), SETTINGS, 1, ALPHA).iter_rows(named=True)
    }


def test_exact_p_worked_by_hand():
    """Three of four harmed in the group, one of four elsewhere: 17 of 70 tables are as bad or worse."""
    one = np.array([1]), np.array([4])
    assert exact_p_values(np.array([3]), np.array([4]), *one)[0] == pytest.approx(17 / 70)


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
    alone = compare_groups(_cells(("x", 40, 400), ("y", 20, 400)), SETTINGS, 1, ALPHA)
    other = _cells(*((f"g{i}", 5, 100) for i in range(20)), family="secondary")
    both = compare_groups(pl.concat([_cells(("x", 40, 400), ("y", 20, 400)), other]), SETTINGS, 1, ALPHA)
    assert both.filter(family="primary")["p_value"].to_list() == alone["p_value"].to_list()


def test_the_order_of_cells_does_not_matter_and_the_seed_decides():
    cells = _cells(("x", 40, 400), ("y", 20, 400), ("z", 9, 310))
    assert compare_groups(cells, SETTINGS, 4, ALPHA).equals(
        compare_groups(cells.reverse(), SETTINGS, 4, ALPHA)
    )
    assert not compare_groups(cells, SETTINGS, 4, ALPHA).equals(compare_groups(cells, SETTINGS, 5, ALPHA))


@pytest.mark.parametrize(("base", "count"), [(0.0, 300), (0.002, 400), (0.05, 1500), (0.3, 5000)])
def test_a_gap_of_five_points_hardly_ever_passes(base, count):
    rng = np.random.default_rng(22)
    counts = np.full((RUNS * 5, 12), count)
    harmed = rng.binomial(counts, np.where(np.arange(12) == 0, base + 0.05, base))
    rest = harmed.sum(axis=1, keepdims=True) - harmed
    bounds = bound_gaps(harmed, counts, rest, counts * 11, np.full(12, ALPHA / 12))
    assert (bounds[:, 0] < SETTINGS.pass_gap).mean() <= 0.05


def test_upper_bounds_hold_for_all_groups_at_once():
    rng = np.random.default_rng(23)
    counts = np.broadcast_to(np.array([40, 80, 150, 300, 600, 1200, 2400, 4800]), (RUNS * 5, 8))
    rates = rng.uniform(0.0, 0.15, 8)
    harmed = rng.binomial(counts, rates)
    rest, others = harmed.sum(axis=1, keepdims=True) - harmed, counts.sum(axis=1, keepdims=True) - counts
    truth = rates - ((counts * rates).sum(axis=1, keepdims=True) - counts * rates) / others
    is_missed = (bound_gaps(harmed, counts, rest, others, np.full(8, ALPHA / 8)) < truth).any(axis=1)
    assert is_missed.mean() <= 0.06


def test_two_thousand_evenly_treated_members_pass():
    rng = np.random.default_rng(24)
    counts = np.full((RUNS, 30), 2000)
    harmed = rng.binomial(counts, 0.08)
    rest = harmed.sum(axis=1, keepdims=True) - harmed
    bounds = bound_gaps(harmed, counts, rest, counts * 29, np.full(30, ALPHA / 30))
    assert (bounds < SETTINGS.pass_gap).mean() >= 0.95


def test_an_upper_bound_worked_by_hand():
    """Nobody of 100 and nobody of 200 harmed, one comparison: the bound is the group's own limit."""
    nil, counts, others = np.array([0]), np.array([100]), np.array([200])
    assert bound_gaps(nil, counts, nil, others, np.array([0.05]))[0] == pytest.approx(
        beta(0.5, 100.5).ppf(0.95)
    )


def test_five_thousand_replicates_surround_the_rates_they_are_drawn_about():
    rng = np.random.default_rng(0)
    count = rng.integers(300, 3000, 36)
    harmed = rng.binomial(count, 0.1)
    low, high = np.quantile(draw_rates(harmed, count, 5000, rng), (0.05, 0.95), axis=0)
    assert (low < harmed / count).all()
    assert (harmed / count < high).all()
