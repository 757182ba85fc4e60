import numpy as np
import pytest

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.comparison import exact_p_values
from segmentation.fairness.multiplicity import adjust_p_values, attainable_tails, sum_levels, weigh_cells

SETTINGS = FairnessSettings()


def test_groups_of_the_size_that_can_pass_get_most_and_all_shares_are_spent():
    sizes = np.array([300, 600, 150, 30_000])
    weights = weigh_cells(np.zeros(4, bool), sizes, SETTINGS)
    assert weights / weights[0] == pytest.approx([1.0, 0.5, 0.5, 0.01])
    assert weights.sum() == pytest.approx(1.0)


def test_pairs_share_a_tenth_of_alpha_and_all_of_it_where_there_is_nothing_else():
    same = np.full(5, 400)
    some = weigh_cells(np.array([False, False, True, True, True]), same, SETTINGS)
    assert some == pytest.approx([0.45, 0.45, 0.1 / 3, 0.1 / 3, 0.1 / 3])
    assert weigh_cells(np.array([True, True]), same[:2], SETTINGS) == pytest.approx([0.5, 0.5])
    assert weigh_cells(np.array([False]), same[:1], SETTINGS) == pytest.approx([1.0])


def test_tails_worked_by_hand():
    """Four of eight are harmed, four are members: 1 of 70 tables has all four inside, 17 at least three."""
    assert attainable_tails(4, 4, 4, 0.0) == pytest.approx([17 / 70, 1 / 70])
    assert attainable_tails(4, 4, 4, 0.5) == pytest.approx([1 / 70])
    assert len(attainable_tails(4, 4, 4, 1.0)) == 0


@pytest.mark.parametrize(
    ("count", "others", "harmed"), [(300, 2700, 330), (45, 90_000, 900), (2000, 18_000, 900)]
)
def test_tails_are_fishers(count, others, harmed):
    tails = attainable_tails(count, others, harmed, 0.03)
    hits = np.arange(count + 1)
    hits = hits[hits / count - (harmed - hits) / others > 0.03][: len(tails)]
    full = np.full(len(hits), count), harmed - hits, np.full(len(hits), others)
    assert tails == pytest.approx(exact_p_values(hits, *full), rel=1e-6, abs=1e-15)
    assert len(tails) > 0


def test_a_level_jumps_to_what_counts_attain():
    levels = sum_levels([np.array([0.04, 0.01]), np.array([0.02])], np.array([0.5, 0.5]))
    assert levels.up_to(np.array([0.01, 0.02, 0.04, 0.07, 0.08, 1.0])) == pytest.approx(
        [0.0, 0.01, 0.03, 0.03, 0.06, 0.06]
    )


def _adjust(harmed, count, other_harmed, other_count):
    cells = [np.array(values) for values in (harmed, count, other_harmed, other_count)]
    weights = np.full(len(harmed), 1 / len(harmed))
    p_values = exact_p_values(*cells)
    return p_values, adjust_p_values(p_values, *cells, weights, SETTINGS.block_gap)


def test_a_cell_alone_keeps_its_p_and_a_small_gap_pays_the_full_price():
    p_values, adjusted = _adjust([60], [300], [270], [2700])
    assert adjusted == pytest.approx(p_values)
    p_values, adjusted = _adjust([60, 3100], [300, 30_000], [270, 2900], [2700, 30_000])
    assert adjusted[1] == pytest.approx(min(1, 2 * p_values[1]))


def test_cells_that_no_chance_brings_beyond_the_gap_cost_nothing():
    """Three points among thirty thousand cannot be chance, so only the small group is looked at."""
    p_values, adjusted = _adjust([60, 1500], [300, 30_000], [270, 1500], [2700, 30_000])
    assert adjusted[0] == pytest.approx(p_values[0])


def test_what_is_rejected_first_makes_room_for_the_next():
    _, adjusted = _adjust([80, 58], [300, 300], [250, 272], [2700, 2700])
    p_values = exact_p_values(np.array([58]), np.array([300]), np.array([272]), np.array([2700]))
    assert adjusted[1] == pytest.approx(p_values[0])
    assert adjusted[0] < adjusted[1]


def test_no_more_false_alarms_than_alpha_and_no_fewer_than_most_of_it():
    rng = np.random.default_rng(5)
    counts = np.array([300, 300, 400, 600, 1400])
    alarms = 0
    for _ in range(1500):
        harmed = rng.binomial(counts, 0.1)
        cells = harmed, counts, harmed.sum() - harmed, counts.sum() - counts
        weights = weigh_cells(np.zeros(5, bool), counts, SETTINGS)
        adjusted = adjust_p_values(exact_p_values(*cells), *cells, weights, 0.03)
        alarms += bool(((adjusted < 0.05) & (cells[0] / cells[1] - cells[2] / cells[3] > 0.03)).any())
    assert 0.03 < alarms / 1500 < 0.061
