import numpy as np
import polars as pl
import pytest

from segmentation.domain.settings import FairnessSettings
from segmentation.fairness.mitigation import (
    build_mitigation,
    choose_mitigation,
    choose_option,
    code_groups,
    measure_worst_gap,
)
from segmentation.fairness.mitigation_battery import evaluate_mitigation
from segmentation.risk.mitigation import penalise_gaps, reweigh_rows

SETTINGS = FairnessSettings()
GROUPS = pl.DataFrame(
    {
        "customer_id": ["A", "B", "C", "A", "B"],
        "attribute": ["language", "language", "language", "sex", "sex"],
        "group": ["nl", "fr", "nl", "F", "M"],
    }
)


def test_the_penalised_model_cuts_the_gap_of_a_planted_proxy_within_the_accuracy_budget():
    found = {(row["method"], row["strength"]): row for row in evaluate_mitigation(worlds=2, rows=12_000)}
    penalised = found["penalty", 1.0]
    assert penalised["gap_cut_share"] >= 0.25
    assert penalised["auc_loss"] <= 0.005
    assert penalised["auc_gain_against_truth"] > 0, "recorded lateness is biased: less of it is learned"
    assert found["reweighing", 1.0]["gap_cut_share"] > 0


def test_the_gradient_of_the_penalty_is_that_of_its_definition():
    rng = np.random.default_rng(2)
    late, score = (rng.random(60) < 0.3).astype(float), rng.normal(size=60)
    codes = np.column_stack([rng.integers(0, 3, 60), rng.integers(-1, 2, 60)])

    def loss(at):
        prob = 1 / (1 + np.exp(-at))
        total = -(late * np.log(prob) + (1 - late) * np.log(1 - prob)).sum()
        for column in range(2):
            concerned = (late == 0) & (codes[:, column] >= 0)
            for code in np.unique(codes[concerned, column]):
                inside = codes[:, column] == code
                gap = prob[concerned & inside].mean() - prob[concerned & ~inside].mean()
                total += 0.7 * 60 * gap**2
        return total

    slope, curvature = penalise_gaps(late, codes, 0.7)(score, None)
    step = 1e-5 * np.eye(60)
    numeric = [(loss(score + one) - loss(score - one)) / 2e-5 for one in step]
    assert slope == pytest.approx(np.array(numeric), abs=1e-5)
    assert (curvature > 0).all()


def test_reweighed_rows_make_the_outcome_independent_of_the_group():
    rng = np.random.default_rng(3)
    code = rng.integers(0, 2, 4000)
    late = (rng.random(4000) < np.where(code == 1, 0.5, 0.2)).astype(float)
    weights = reweigh_rows(late, code[:, None], 1.0)
    rates = [np.average(late[code == k], weights=weights[code == k]) for k in (0, 1)]
    assert rates[0] == pytest.approx(rates[1], abs=1e-6)
    assert reweigh_rows(late, code[:, None], 0.0) == pytest.approx(np.ones(4000))


def test_codes_follow_customers_and_mark_who_is_not_concerned():
    codes = code_groups(GROUPS, ["language", "sex"])(pl.Series(["B", "A", "C", "X", "A"]))
    assert codes.tolist() == [[0, 1], [1, 0], [1, -1], [-1, -1], [1, 0]]


def test_the_worst_gap_worked_by_hand():
    """Of those in time, 3 of 4 in group 0 are flagged and 1 of 4 in group 1."""
    flagged = np.array([1, 1, 1, 0, 1, 0, 0, 0, 1, 1], dtype=bool)
    late = np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1], dtype=float)
    codes = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1])[:, None]
    assert measure_worst_gap(flagged, late, codes, 2) == (0.5, 0, 0)
    assert measure_worst_gap(flagged, late, codes, 5) == (0.0, -1, -1)


def test_the_narrowest_gap_within_the_budget_is_chosen():
    options = pl.DataFrame(
        {
            "method": ["none", "penalty", "penalty"],
            "strength": [0.0, 1.0, 3.0],
            "auc": [0.84, 0.836, 0.82],
            "worst_gap": [0.1, 0.06, 0.01],
        }
    )
    chosen = choose_option(options, 0.005)
    assert chosen["is_within_budget"].to_list() == [True, True, False]
    assert chosen["is_chosen"].to_list() == [False, True, False]
    mitigation = choose_mitigation(chosen, GROUPS, SETTINGS)
    assert (mitigation.method, mitigation.strength) == ("penalty", 1.0)
    assert choose_mitigation(choose_option(options.head(1), 0.005), GROUPS, SETTINGS) is None
    assert (
        choose_mitigation(options.clear().with_columns(is_chosen=pl.lit(value=True)), GROUPS, SETTINGS)
        is None
    )
    assert build_mitigation(GROUPS, "none", 0.0, SETTINGS) is None
