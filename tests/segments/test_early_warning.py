"""The measurement of early warning, on one small world; `segmentation evaluate segments` measures large ones."""

import polars as pl
import pytest

from segmentation.segments import early_warning_battery as battery


def test_lead_and_false_alarms_worked_by_hand():
    day = pl.date(2026, 1, 1)
    rows = pl.DataFrame(
        {
            "is_turning": [True, True, True, False, False],
            "is_steady": [False, False, False, True, True],
            "label_after": [90, None, 30, None, None],
            "warned_after": [30, 60, 30, 0, None],
        }
    )
    looked = rows.select(
        "is_turning",
        "is_steady",
        (day + pl.duration(days="label_after")).alias("label_day"),
        *((day + pl.duration(days="warned_after")).alias(f"warned_{prob}") for prob in battery.WARNING_PROBS),
    )
    report = battery._report(looked)
    assert report["labelled_share"] == pytest.approx(2 / 3)
    found = report[f"warned_from_{battery.WARNING_PROBS[0]}"]
    assert found["found_share"] == 1.0
    assert found["found_before_label_share"] == pytest.approx(2 / 3)
    assert found["lead_days_mean"] == 30.0
    assert found["precision"] == 0.75
    assert found["false_alarm_share"] == 0.5


def test_the_surer_the_warning_the_fewer_are_warned():
    report = battery.measure_early_warning(seed=3, worlds=1, customers=250)
    shares = [report[f"warned_from_{prob}"]["false_alarm_share"] for prob in battery.WARNING_PROBS]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] <= 0.08
    assert report["steady_count"] > 100
