"""The figures of early warning; the battery of segments measures them on worlds."""

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
            "never": pl.Series([None] * 5, dtype=pl.Int64),
        }
    )
    first, *others = battery.WARNING_PROBS
    after = {first: "warned_after"} | dict.fromkeys(others, "never")
    looked = rows.select(
        "is_turning",
        "is_steady",
        (day + pl.duration(days="label_after")).alias("label_day"),
        *((day + pl.duration(days=column)).alias(f"warned_{prob}") for prob, column in after.items()),
    )
    report = battery._report(looked)
    assert report["labelled_share"] == pytest.approx(2 / 3)
    found = report[f"warned_from_{first}"]
    assert found["found_share"] == 1.0
    assert found["found_before_label_share"] == pytest.approx(2 / 3)
    assert found["lead_days_mean"] == 30.0
    assert found["precision"] == 0.75
    assert found["false_alarm_share"] == 0.5
    never = report[f"warned_from_{others[0]}"]
    assert (never["found_share"], never["lead_days_mean"], never["false_alarm_share"]) == (0, None, 0)
