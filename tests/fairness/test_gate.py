"""The gate fails closed: nothing that is missing, broken or tampered with reads as a pass."""

from datetime import date

import polars as pl
import pytest

from segmentation.domain.room_tables import AUDIT_VERDICT
from segmentation.domain.settings import FairnessSettings
from segmentation.domain.validation import find_violations
from segmentation.fairness.audit import AUDIT_FAIRNESS, audit_bias
from segmentation.fairness.gate import judge_audit

SETTINGS = FairnessSettings()


@pytest.fixture(scope="module")
def passing(make_book, even_book):
    return audit_bias(*make_book(even_book), SETTINGS, date(2026, 1, 1), 7)


def _judge(found: pl.DataFrame) -> dict[str, str]:
    verdict = judge_audit(found, SETTINGS)
    assert find_violations(verdict, AUDIT_VERDICT) == []
    return verdict.row(0, named=True)


def test_the_untouched_audit_passes(passing):
    row = _judge(passing)
    assert row["verdict"] == "pass"
    assert "harsh_step_rate, structural_label_rate by language, region" in row["statement"]


def test_an_empty_audit_blocks():
    assert _judge(AUDIT_FAIRNESS.empty())["verdict"] == "block"
    assert _judge(pl.DataFrame())["verdict"] == "block"


FAULTS = {
    "a column is gone": lambda f: f.drop("verdict"),
    "a metric is gone": lambda f: f.filter(pl.col("metric") != "harsh_step_rate"),
    "the primary family is gone": lambda f: f.filter(pl.col("family") != "primary"),
    "a verdict is unknown": lambda f: f.with_columns(verdict=pl.lit("fine")),
    "rows come twice": lambda f: pl.concat([f, f]),
    "figures are gone": lambda f: f.with_columns(gap_high=pl.lit(None, pl.Float64)),
    "figures are not numbers": lambda f: f.with_columns(gap_high=pl.lit(float("nan"))),
    "passes contradict their bounds": lambda f: f.with_columns(gap_high=pl.lit(0.2)),
    "passes contradict their counts": lambda f: f.with_columns(count=pl.lit(40, pl.Int64)),
    "a gap was called a pass": lambda f: f.with_columns(gap=pl.lit(0.04), p_value=pl.lit(0.0001)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_audit_that_cannot_be_relied_on_blocks(passing, fault):
    row = _judge(FAULTS[fault](passing))
    assert row["verdict"] == "block"
    assert "cannot be relied on" in row["statement"]


def test_other_settings_have_another_hash(passing):
    one = judge_audit(passing, SETTINGS)["settings_hash"][0]
    other = judge_audit(passing, SETTINGS.model_copy(update={"block_gap": 0.5}))["settings_hash"][0]
    assert one != other
