"""The backtest of segments: its figures on cases worked by hand, and its protocol on a small world."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.settings import SegmentSettings
from segmentation.segments.backtest import backtest_segments
from segmentation.segments.judgement import judge_grouping

FIRST = date(2024, 1, 1)
START, UNTIL, END = date(2024, 9, 1), date(2024, 11, 15), date(2025, 3, 1)


def _judge(side, later_share, prob=None, halves=None, score=None):
    rows = len(side)
    judged = pl.DataFrame(
        {
            "side": side,
            "score": score or [float(k) for k in range(rows)],
            "prob": prob or [0.5] * rows,
            "later_share": later_share,
            "later_count": [4] * rows,
        },
        schema_overrides={"side": pl.String},
    )
    words = dict.fromkeys(("side", "side_later"), pl.String)
    return judge_grouping(
        judged, pl.DataFrame(dict(zip(words, halves or (side, side), strict=True)), schema=words), 1
    )


def test_figures_worked_by_hand():
    found = _judge(["low", "low", "middle", "high"], [0.0, 0.25, 0.5, 1.0], prob=[0.1, 0.2, 0.9, 0.8])
    value = {name: figure["value"] for name, figure in found.items()}
    assert value["gap"] == pytest.approx(1.0 - 0.125)
    assert value["spearman"] == pytest.approx(1.0)
    assert value["decided_share"] == 0.75
    assert value["brier"] == pytest.approx((0.1**2 + 0.2**2 + 0.2**2) / 3), "half late is neither"
    assert value["ari"] == 1.0


def test_agreement_is_the_adjusted_rand_index_of_those_decided_twice():
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(3)
    sides = np.array(["low", "middle", "high"])
    first, second = (sides[rng.integers(0, 3, 60)].tolist() for _ in range(2))
    found = _judge(["low"], [0.0], halves=(first, second))
    both = [(a, b) for a, b in zip(first, second, strict=True) if "middle" not in (a, b)]
    assert found["ari"]["value"] == pytest.approx(adjusted_rand_score(*zip(*both, strict=True)))
    assert found["ari_all"]["value"] == pytest.approx(adjusted_rand_score(first, second))


def test_nobody_to_judge_gives_nulls_and_no_error():
    found = _judge([], [], halves=([], []))
    assert {figure["value"] for figure in found.values()} == {None}


def test_intervals_of_the_true_propensity_cover_nine_counts_in_ten():
    rng = np.random.default_rng(7)
    a, b = rng.uniform(2, 20, 1500), rng.uniform(2, 20, 1500)
    theta, count = rng.beta(a, b), rng.integers(3, 15, 1500)
    late = rng.binomial(count, theta)
    from scipy.special import betaincinv

    frame = pl.DataFrame(
        {
            "side": ["low"] * 1500,
            "segment": ["prompt"] * 1500,
            "score": a,
            "prob": a / (a + b),
            "later_share": late / count,
            "later_late_count": late,
            "later_count": count,
            "late_propensity": a / (a + b),
            "late_propensity_p05": betaincinv(a, b, 0.05),
            "late_propensity_p95": betaincinv(a, b, 0.95),
        }
    )
    halves = frame.select("side", pl.col("side").alias("side_later"))
    assert judge_grouping(frame, halves, 1)["coverage_90"]["value"] == pytest.approx(0.9, abs=0.02)
    sure = frame.with_columns(
        pl.col("late_propensity").alias(f"late_propensity_p{p}") for p in ("05", "95")
    ).with_columns(pl.col("late_propensity_p95") + 1e-6)
    assert judge_grouping(sure, halves, 1)["coverage_90"]["value"] < 0.85, "too sure covers too little"


def _facts(delays: dict[str, list[int]]) -> dict[str, pl.DataFrame]:
    """A ledger of one invoice a week per customer, paid in full; days late by customer, repeated over time."""
    rows = [
        (f"{name}-{week:02d}", name, FIRST + timedelta(days=7 * week), pattern[week % len(pattern)])
        for name, pattern in delays.items()
        for week in range((END - FIRST).days // 7 - 8)
    ]
    invoices = pl.DataFrame(rows, schema=["invoice_id", "customer_id", "issue_date", "days"], orient="row")
    due, paid = pl.col("issue_date") + pl.duration(days=14), pl.col("issue_date") + pl.duration(days=14)
    invoices = invoices.with_columns(due.alias("due_date"), (paid + pl.duration(days="days")).alias("paid"))
    observed = pl.col("issue_date").cast(pl.Datetime("us", "UTC")).alias("observed_at")
    arrived = pl.col("paid").cast(pl.Datetime("us", "UTC"))
    payment_id = pl.concat_str(pl.lit("P"), "invoice_id").alias("payment_id")
    money = pl.lit(100).alias("amount")
    euros = pl.lit("EUR").alias("currency")
    made = {
        "core_customer": invoices.group_by("customer_id").agg(observed.min()),
        "core_invoice": invoices.select(
            "invoice_id",
            "customer_id",
            pl.lit("invoice").alias("document_type"),
            "issue_date",
            "due_date",
            money,
            euros,
            observed,
        ),
        "core_payment": invoices.select(
            payment_id,
            "customer_id",
            pl.col("paid").alias("value_date"),
            money,
            euros,
            arrived.alias("observed_at"),
        ),
        "core_allocation": invoices.select(
            payment_id.alias("allocation_id"),
            payment_id,
            "invoice_id",
            money,
            arrived.alias("allocated_at"),
            arrived.alias("observed_at"),
        ),
    }
    ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    return ledger | {name: LEDGER_TABLES[name].conform(frame) for name, frame in made.items()}


BOOK = (
    {f"P{k}": [-3] * 9 + [0] for k in range(6)}
    | {f"I{k}": [9, -1, -2, 0] for k in range(6)}
    | {f"U{k}": [4, -4] for k in range(4)}
    | {f"S{k}": [12] * 9 + [-1] for k in range(6)}
)


@pytest.fixture(scope="module")
def report():
    return backtest_segments(_facts(BOOK), START, UNTIL, SegmentSettings(), 1)


def test_segments_of_steady_customers_come_true(report):
    later = {row["segment"]: row["later_late_share"] for row in report["segments"]}
    assert later["prompt"] == 0.0
    assert later["structural"] > 0.8
    assert report["customer_count"] == len(BOOK)
    published = report["figures"]["published"]
    assert published["incidental_gap"]["value"] == pytest.approx(
        later["structural"] - later["incidental"], abs=1e-9
    )
    assert published["ari"]["value"] == 1.0
    assert set(report["figures"]) == {"published", "past_rate_terciles", "average_days_bins"}


def test_the_report_is_json_with_intervals_around_values(report):
    for figures in json.loads(json.dumps(report))["figures"].values():
        for figure in figures.values():
            if figure["value"] is not None:
                assert figure["low"] - 1e-9 <= figure["value"] <= figure["high"] + 1e-9


def test_what_happens_later_changes_the_judgement_and_no_segment(report):
    """Everybody changes their mind on the day of segmentation: segments stay, and are found to be wrong."""
    turned = {name: [-2] * 9 + [0] if name[0] == "S" else pattern for name, pattern in BOOK.items()}
    before, after = _facts(BOOK), _facts(turned)
    mixed = dict(before)
    for name in ("core_payment", "core_allocation"):
        is_past = pl.col("observed_at").dt.date() < START
        late_ones = ~pl.col("payment_id").is_in(before[name].filter(is_past)["payment_id"].implode())
        mixed[name] = pl.concat([before[name].filter(is_past), after[name].filter(late_ones)])
    moved = backtest_segments(mixed, START, UNTIL, SegmentSettings(), 1)
    counts = {row["segment"]: row["customer_count"] for row in moved["segments"]}
    assert counts == {row["segment"]: row["customer_count"] for row in report["segments"]}
    assert moved["figures"]["published"]["gap"]["value"] < 0.3
    assert report["figures"]["published"]["gap"]["value"] > 0.6
