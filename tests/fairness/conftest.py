"""A book of customers with attributes, labels and steps, made to measure."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.room_tables import ROOM_TABLES

AS_OF = date(2026, 1, 1)


@pytest.fixture(scope="session")
def make_book() -> Callable[..., tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]]:
    """Make a ledger and what was decided on it from one row of facts per customer.

    Facts: customer_id, attributes, ``days_late`` (list, one per instalment, the last one open when
    ``is_overdue``), ``segment``, ``cause``, ``action``, ``tone``, ``late_30_prob`` of something not due yet.
    """

    def make(facts: pl.DataFrame) -> tuple[dict[str, pl.DataFrame], dict[str, pl.DataFrame]]:
        full = facts.with_columns(
            pl.lit(default).alias(name)
            for name, default in {
                "segment": "incidental",
                "cause": "unclear",
                "action": "reminder",
                "tone": "friendly",
                "is_overdue": True,
                "late_30_prob": 0.1,
            }.items()
            if name not in facts.columns
        )
        if "days_late" not in full.columns:
            full = full.with_columns(days_late=pl.lit([0, 3, 5], pl.List(pl.Int64)))
        ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
        for name in ("core_customer", "core_customer_audit"):
            ledger[name] = LEDGER_TABLES[name].conform(full)
        parts = (
            full.select("customer_id", "is_overdue", "days_late")
            .explode("days_late")
            .with_columns(instalment_number=pl.int_range(1, pl.len() + 1).over("customer_id"))
            .with_columns(
                is_open=pl.col("is_overdue")
                & (pl.col("instalment_number") == pl.col("instalment_number").max().over("customer_id"))
            )
        )
        ledger["core_instalment_balance"] = LEDGER_TABLES["core_instalment_balance"].conform(
            parts.with_columns(
                invoice_id=pl.col("customer_id"),
                due_date=pl.lit(AS_OF - timedelta(days=90)),
                covered_by=pl.when(~pl.col("is_open")).then(pl.lit("payment")),
                is_supplier_caused=pl.lit(False),
                amount=pl.lit(100),
            )
        )
        recommendation = full.with_columns(recommendation_id=pl.col("customer_id")).drop_nulls("action")
        scores = full.with_columns(
            invoice_id=pl.col("customer_id"),
            days_late=pl.lit(-5),
            score_status=pl.lit("scored"),
        )
        return ledger, {
            "pred_instalment_risk": ROOM_TABLES["pred_instalment_risk"].conform(scores),
            "pred_segment": ROOM_TABLES["pred_segment"].conform(full),
            "act_gate": ROOM_TABLES["act_gate"].empty(),
            "act_recommendation": ROOM_TABLES["act_recommendation"].conform(recommendation),
        }

    return make


@pytest.fixture(scope="session")
def even_book() -> pl.DataFrame:
    """2,400 customers of two languages and three regions, labelled and treated without regard to either."""
    number = np.arange(2400)
    rng = np.random.default_rng(1)
    return pl.DataFrame(
        {
            "customer_id": [f"C{i:04d}" for i in number],
            "party_type": ["consumer"] * 2400,
            "language": np.where(number % 2 == 0, "nl", "fr"),
            "region": np.array(["north", "south", "west"])[number % 3],
            "segment": np.where(rng.random(2400) < 0.06, "structural", "incidental"),
            "action": np.where(rng.random(2400) < 0.04, "formal_notice", "reminder"),
        }
    )
