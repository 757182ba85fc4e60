"""A small ledger whose payers differ, built with the real ledger and features rooms."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.features.computation import compute_issue_features, compute_open_features
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances
from segmentation.ledger.unallocated_cash import build_unallocated_cash
from segmentation.risk.scoring import score_book

FIRST_DAY = date(2024, 1, 1)
AS_OF = date(2025, 1, 1)
QUICK = RiskSettings(
    trees=25,
    learning_rate=0.1,
    hazard_trees=20,
    leaves=7,
    threads=1,
    bootstrap_replicates=100,
    forecast_draws=200,
    forecast_days=20,
    min_training_instalments=100,
    min_late_instalments=15,
)


def frame_invoices(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """All core_ facts of invoices with invoice_id, customer_id, issue_date, due_date, paid_date, amount."""
    tables = {name: table.empty() for name, table in LEDGER_TABLES.items()}
    source = {"source_system": pl.lit("test"), "source_id": pl.lit("test:1"), "currency": pl.lit("EUR")}
    at = {
        name: pl.col(name).cast(pl.Datetime("us", "UTC")).alias("observed_at")
        for name in ("issue_date", "paid_date")
    }
    issued = rows.with_columns(at["issue_date"], document_type=pl.lit("invoice"), **source)
    paid = rows.drop_nulls("paid_date").with_columns(
        at["paid_date"],
        payment_id=pl.lit("pay-") + pl.col("invoice_id"),
        allocation_id=pl.lit("all-") + pl.col("invoice_id"),
        instalment_number=pl.lit(1),
        booking_date=pl.col("paid_date"),
        value_date=pl.col("paid_date"),
        allocated_at=pl.col("paid_date"),
        **source,
    )
    customers = (
        rows.select("customer_id")
        .unique()
        .with_columns(observed_at=pl.lit(datetime(2020, 1, 1, tzinfo=UTC)), **source)
    )
    tables["core_customer"] = LEDGER_TABLES["core_customer"].conform(customers)
    tables["core_invoice"] = LEDGER_TABLES["core_invoice"].conform(issued)
    tables["core_instalment"] = LEDGER_TABLES["core_instalment"].conform(
        issued.with_columns(instalment_number=pl.lit(1))
    )
    tables["core_payment"] = LEDGER_TABLES["core_payment"].conform(paid)
    tables["core_allocation"] = LEDGER_TABLES["core_allocation"].conform(paid)
    return tables


def know(facts: dict[str, pl.DataFrame], as_of: date) -> dict[str, pl.DataFrame]:
    """The ledger as known on a day, balances included."""
    ledger = as_known(facts, as_of)
    ledger["core_instalment_balance"] = build_instalment_balances(ledger, as_of)
    ledger["core_unallocated_cash"] = build_unallocated_cash(ledger)
    ledger["core_quality"] = LEDGER_TABLES["core_quality"].empty()
    return ledger


def simulate_invoices(seed: int, customers: int = 50, invoices: int = 700) -> pl.DataFrame:
    """Invoices of customers who each pay around a day of their own."""
    rng = np.random.default_rng(seed)
    usual = rng.normal(0.0, 9.0, customers)
    who = rng.integers(0, customers, invoices)
    issue = np.sort(rng.integers(0, 365, invoices))
    terms = rng.choice([14, 30], invoices)
    delay = np.round(usual[who] + rng.normal(0.0, 4.0, invoices)).astype(int)
    paid = np.maximum(issue + terms + delay, issue + 1)
    return pl.DataFrame(
        {
            "invoice_id": [f"I{number:05d}" for number in range(invoices)],
            "customer_id": [f"C{number:03d}" for number in who],
            "issue_date": [FIRST_DAY + timedelta(days=int(day)) for day in issue],
            "due_date": [FIRST_DAY + timedelta(days=int(day)) for day in issue + terms],
            "paid_date": [FIRST_DAY + timedelta(days=int(day)) for day in paid],
            "amount": np.round(rng.lognormal(6.0, 1.0, invoices), 2),
        }
    )


def score(ledger: dict[str, pl.DataFrame], as_of: date, settings: RiskSettings = QUICK, seed: int = 1):
    """Score a ledger that is known as of a day."""
    return score_book(
        compute_issue_features(ledger), compute_open_features(ledger, as_of), ledger, as_of, settings, seed
    )


@pytest.fixture(scope="session")
def invoices() -> pl.DataFrame:
    return simulate_invoices(3)


@pytest.fixture(scope="session")
def facts(invoices: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return frame_invoices(invoices)


@pytest.fixture(scope="session")
def ledger(facts: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return know(facts, AS_OF)


@pytest.fixture(scope="session")
def scored(ledger: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    return score(ledger, AS_OF)


@pytest.fixture(scope="session")
def know_facts() -> Callable[[dict[str, pl.DataFrame], date], dict[str, pl.DataFrame]]:
    return know


@pytest.fixture(scope="session")
def build_ledger() -> Callable[[pl.DataFrame, date], dict[str, pl.DataFrame]]:
    return lambda rows, as_of: know(frame_invoices(rows), as_of)


@pytest.fixture(scope="session")
def score_ledger() -> Callable[..., dict[str, pl.DataFrame]]:
    return score


@pytest.fixture(scope="session")
def as_of() -> date:
    return AS_OF


@pytest.fixture(scope="session")
def quick() -> RiskSettings:
    return QUICK


@pytest.fixture(scope="session")
def make_invoices() -> Callable[..., pl.DataFrame]:
    return simulate_invoices


@pytest.fixture(scope="session")
def make_facts() -> Callable[[pl.DataFrame], dict[str, pl.DataFrame]]:
    return frame_invoices
