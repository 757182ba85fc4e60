"""Prints what one world comes to, room by room, as hashes; run in a process with a given number of threads."""

import datetime as dt
import json
import sys
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import CAUSE_FINDING, DECISION
from segmentation.domain.hashing import hash_frame
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.settings import Settings
from segmentation.domain.vocabulary import ScoreStatus
from segmentation.fairness.ledger_audit import audit_bias
from segmentation.features.computation import (
    compute_customer_features,
    compute_issue_features,
    compute_open_features,
)
from segmentation.ledger.loading import load_ledger
from segmentation.segments.segment_model import describe_model
from segmentation.segments.segmentation import segment_book
from segmentation.treatment.gates import close_gates
from segmentation.treatment.recommendation import recommend_steps


def derive_frames(directory: Path) -> Frames:
    """Return what the rooms derive from a ledger; in place of trained scores, ones with long fractions."""
    loaded = load_ledger(directory, "canonical")
    ledger, as_of, settings = loaded.ledger, loaded.as_of, Settings()
    first = segment_book(ledger, as_of, settings.segments)
    findings = name_causes(first.customers, as_of)
    book = segment_book(
        ledger, as_of, settings.segments, first.customers, findings=findings, previous_model=first.model
    )
    segment = book.customers
    gate = close_gates(ledger, DECISION.empty(), as_of, settings.treatment)
    number = pl.int_range(pl.len())
    share = (number * 7919 % 1009 + 1) / 1013
    is_open = ledger["core_instalment_balance"].filter("is_open").sort("invoice_id", "instalment_number")
    risk = ROOM_TABLES["pred_instalment_risk"].conform(
        is_open.with_columns(
            as_of_date=pl.lit(as_of),
            late_prob=share,
            paid_14_prob=1 - share,
            expected_payment_date=pl.lit(as_of) + pl.duration(days=number % 83 + 1),
            score_status=pl.lit(ScoreStatus.SCORED.value),
        )
    )
    steps = recommend_steps(ledger, risk, segment, gate, as_of, settings.treatment)
    return {
        "feat_instalment_at_issue": compute_issue_features(ledger),
        "feat_open_instalment": compute_open_features(ledger, as_of),
        "feat_customer": compute_customer_features(ledger, as_of),
        "pred_segment": segment,
        "pred_segment_model": describe_model(book.model),
        "pred_segment_comparison": book.comparison,
        "act_gate": gate,
        "act_recommendation": steps,
        "audit_fairness": audit_bias(
            ledger,
            {
                "pred_instalment_risk": risk,
                "pred_segment": segment,
                "act_gate": gate,
                "act_recommendation": steps,
            },
            settings.fairness,
            as_of,
            7,
        ),
    }


def name_causes(segment: pl.DataFrame, as_of: dt.date) -> pl.DataFrame:
    """Return what a person might have found out about every third late customer the day before."""
    late = segment.filter(pl.col("late_count") > 0).sort("customer_id").gather_every(3)
    number = pl.int_range(pl.len())
    return CAUSE_FINDING.conform(
        late.select(
            pl.col("customer_id").alias("finding_id"),
            "customer_id",
            pl.lit("snapshot").alias("snapshot_id"),
            pl.lit(as_of - dt.timedelta(days=1)).alias("as_of_date"),
            pl.col("cause").alias("told_cause"),
            pl.lit(pl.Series(["forgetful", "disputing", "cannot_pay"])).gather(number % 3).alias("cause"),
            pl.lit("tester").alias("found_by"),
            pl.lit(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)).alias("found_at"),
            number.alias("sequence") + 1,
        )
    )


if __name__ == "__main__":
    frames = derive_frames(Path(sys.argv[1]))
    print(
        json.dumps(
            {
                "threads": pl.thread_pool_size(),
                "rows": {name: frame.height for name, frame in frames.items()},
                "hashes": {name: hash_frame(frame) for name, frame in frames.items()},
            }
        )
    )
