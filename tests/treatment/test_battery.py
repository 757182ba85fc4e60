"""The battery, reduced: the policy against the best possible, and estimates against planted truth."""

from dataclasses import replace

import numpy as np
import pytest

from segmentation.treatment import off_policy
from segmentation.treatment.battery import REDUCED, run_battery
from segmentation.treatment.battery_world import ARMS, draw_log, draw_world, find_bayes_probs, logging_policy
from segmentation.treatment.off_policy import Basis, Log, compare_policies, evaluate_policy
from segmentation.treatment.response_model import fit_response


@pytest.fixture(scope="module")
def report():
    return run_battery(1, REDUCED)


def value(report, name):
    return next(target for target in report["targets"] if target["target"] == name)["value"]


def test_the_policy_comes_close_to_the_best_possible(report):
    # A single seed scatters by some two points around the means that the full battery holds to .96 and .975.
    assert value(report, "value_share_of_bayes_at_8000") >= 0.935
    assert value(report, "value_share_of_bayes_at_25000") >= 0.965
    assert value(report, "least_gain_over_the_logging_policy_share") >= 0
    assert value(report, "lost_to_best_fixed_arm_share") <= 0.01
    for world in report["worlds"]["logged_25000"]:
        assert world["best_fixed_arm"] < world["policy"] <= world["bayes"] < world["omniscient"]


def test_estimates_of_policies_never_tried_keep_their_promises(report):
    assert value(report, "interval_coverage_share") >= 0.93
    assert value(report, "refused_without_overlap_share") == 1
    assert value(report, "null_policies_published_share") <= 0.1
    assert value(report, "gain_of_11_percent_published_share") >= 0.85


def test_the_report_says_seeds_goals_and_intervals(report):
    assert report["seeds"] == [1]
    assert all({"goal", "holds", "interval_95", "value"} <= set(target) for target in report["targets"])


def test_nobody_beats_the_bayes_policy_by_more_than_luck():
    world = draw_world(5, 500)
    log, arm, _ = draw_log(world, logging_policy(world), 4000, 5)
    posterior = find_bayes_probs(world, log, arm)
    assert posterior.shape == (500, ARMS)
    assert np.corrcoef(posterior.ravel(), world.prob.ravel())[0, 1] > 0.6
    truth = np.abs(posterior - world.prob).mean()
    assert truth < np.abs(posterior[::-1] - world.prob).mean(), "it is about this customer, not just any"


def test_the_model_is_the_same_whatever_the_order_of_contacts():
    world = draw_world(6, 200)
    log, _, _ = draw_log(world, logging_policy(world), 1000, 6)
    order = np.random.default_rng(0).permutation(1000)
    mixed = type(log)(*(getattr(log, name)[order] for name in log.__slots__))

    def predict(contacts):
        model = fit_response(contacts, world.segment, world.sizes, 1)
        return model.predict(model.weigh_states(contacts, world.segment), np.zeros(200, dtype=np.int64))

    first, second = predict(log), predict(mixed)
    np.testing.assert_allclose(first, second, atol=1e-9)


def test_shares_of_evidence_add_up_and_grow_with_own_contacts():
    world = draw_world(7, 300)
    log, _, _ = draw_log(world, logging_policy(world), 3000, 7)
    part = log.take(log.customer < 150)
    model = fit_response(part, world.segment, world.sizes, 1)
    own_count = np.bincount(part.customer, minlength=300).astype(float)
    own, segment, everybody = model.share_evidence(own_count, world.segment)
    np.testing.assert_allclose(own + segment + everybody, 1)
    assert (own[:150] > 0).all()
    assert (own[150:] == 0).all()


def make_log(count=4000, *, propensity=True, seed=0):
    draw = np.random.default_rng(seed)
    arm = draw.integers(0, 3, count)
    reward = np.array([1.0, 2.0, 0.0])[arm] + draw.normal(0, 1, count)
    reward[arm == 2] = 0.0
    known = np.full(count, 1 / 3) if propensity else None
    return Log(np.arange(count) // 4, np.zeros(count, dtype=np.int64), arm, reward, known)


def always(arm: int, count=4000):
    return np.eye(3)[np.full(count, arm)]


def test_a_policy_is_valued_at_what_its_arm_brings():
    told = evaluate_policy(make_log(), always(0))
    assert told.value == pytest.approx(1, abs=0.15)
    assert told.snips == pytest.approx(1, abs=0.15)
    assert told.effective_count == pytest.approx(4000 / 3, rel=0.1)
    assert evaluate_policy(make_log(), np.full((4000, 3), 1 / 3)).value == pytest.approx(1, abs=0.1)


def test_estimated_propensities_are_labelled_and_never_publish():
    log = make_log(propensity=False)
    gain, may_publish = compare_policies(log, always(1), always(0))
    assert gain.basis is Basis.OBSERVATIONAL
    assert gain.low > 0
    assert not may_publish
    assert compare_policies(make_log(), always(1), always(0))[1]
    assert not compare_policies(make_log(), always(0), always(1))[1]


def test_intervals_count_customers_not_contacts():
    log = make_log()
    doubled = Log(*(np.repeat(getattr(log, name), 4) for name in log.__slots__))
    once, often = evaluate_policy(log, always(1)), evaluate_policy(doubled, always(1, 16000))
    assert often.high - often.low == pytest.approx(once.high - once.low, rel=0.05), "copies are no evidence"


def test_few_customers_carry_nothing_however_often_they_were_contacted():
    log = make_log()
    found = evaluate_policy(replace(log, customer=log.customer % 20), always(1))
    assert found.value is None
    assert found.refused_because == "Too few customers: 20 were contacted, fewer than 30."


def test_too_few_contacts_carry_nothing():
    log = make_log(60)
    found = evaluate_policy(log, always(1, 60))
    assert found.value is None
    assert "fewer than" in found.refused_because
    assert off_policy.FOLDS == 5
