"""The battery of segments, reduced: what it reports, and that it can tell good from bad."""

from dataclasses import replace

import polars as pl
import pytest

from segmentation.segments import battery
from segmentation.segments.battery import (
    REDUCED,
    BatterySize,
    calibration_error,
    measure_causes,
    measure_segments,
    run_battery,
)
from segmentation.segments.battery_world import JudgedWorld, judge_world, macro_f1
from segmentation.segments.early_warning_battery import WARNING_PROBS


@pytest.fixture(scope="module")
def world() -> JudgedWorld:
    return judge_world(3, 500)


def test_the_report_says_seeds_goals_and_intervals():
    told = []
    report = run_battery(5, REDUCED, report_world=lambda done, count: told.append((done, count)))
    assert report["seeds"] == [5, 6]
    assert told == [(1, 2), (2, 2)]
    assert all({"goal", "holds", "interval_95", "value"} <= set(target) for target in report["targets"])
    held = {target["target"]: target["holds"] for target in report["targets"]}
    assert held["cause_macro_f1"]
    assert not held["structural_prob_ece_pooled"], "ten bins of so few customers err by more than the target"
    assert not report["holds"]
    assert [row["seed"] for row in report["worlds"]] == [5, 6]
    warning = report["early_warning"]
    shares = [warning[f"warned_from_{prob}"]["false_alarm_share"] for prob in WARNING_PROBS]
    assert shares == sorted(shares, reverse=True), "the surer the warning, the fewer are warned of"
    assert shares[0] <= 0.08
    assert warning["steady_count"] > 200


def test_a_target_holds_on_average_or_in_every_world():
    above, below = battery._target("a", [0.8, 1.0], 0.9), battery._target("a", [0.01, 0.03], -0.01)
    assert (above["holds"], above["value"], above["goal"]) == (True, 0.9, ">= 0.9")
    # Mean 0.9, standard error 0.1; Student's t with one degree of freedom reaches 12.706 of it.
    assert above["interval_95"] == pytest.approx([-0.3706, 2.1706], abs=1e-4)
    assert (below["holds"], below["value"], below["goal"]) == (False, 0.02, "<= 0.01")
    assert not battery._target("a", [0.8, 1.0], 0.9, every=True)["holds"]


def test_a_world_is_not_its_own_teacher():
    with pytest.raises(ValueError, match="two or more"):
        BatterySize(seeds=1)


def test_causes_told_at_random_are_measured_as_such(world):
    mixed = world.customers.with_columns(pl.col("cause").shuffle(seed=1))
    guessing = measure_causes(replace(world, customers=mixed), world)
    telling = measure_causes(world, world)
    assert telling["cause_macro_f1"] > 0.7
    assert guessing["cause_macro_f1"] < 0.35
    assert telling["cause_gain_over_one_rule"] > 0


def test_undecided_is_wrong_left_out_or_what_it_leans_to(world):
    found = measure_segments(world)
    assert found["segment_macro_f1_undecided_is_wrong"] < found["segment_macro_f1_by_leaning"]
    assert found["segment_macro_f1_by_leaning"] < found["segment_macro_f1_where_decided"]
    silent = world.customers.with_columns(pl.lit("undecided").alias("segment"), structural_prob=0.5)
    assert measure_segments(replace(world, customers=silent.vstack(world.customers)))["undecided_share"] > 0.5


def test_calibration_is_the_distance_of_what_is_said_and_what_is():
    known = pl.DataFrame(
        {"structural_prob": [0.8] * 100, "segment_at_end": ["structural"] * 50 + ["incidental"] * 50}
    ).sample(fraction=1.0, shuffle=True, seed=1)
    assert calibration_error(known) >= 0.3
    assert macro_f1(pl.Series(["a", "b"]), pl.Series(["b", "a"])) == 0
