"""Ledgers made of punctuality alone: days late per instalment, one a fortnight."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import INSTALMENT_BALANCE, LEDGER_TABLES

AS_OF = date(2026, 1, 1)


def _instalment(customer: str, number: int, days_late: int, due: date) -> dict[str, object]:
    return {
        "invoice_id": f"{customer}-{number}",
        "instalment_number": 1,
        "customer_id": customer,
        "document_type": "invoice",
        "currency": "EUR",
        "issue_date": due - timedelta(days=30),
        "due_date": due,
        "amount": Decimal(100),
        "paid_amount": Decimal(100),
        "credited_amount": Decimal(0),
        "written_off_amount": Decimal(0),
        "open_amount": Decimal(0),
        "is_open": False,
        "covered_date": due + timedelta(days=days_late),
        "covered_known_date": due + timedelta(days=days_late),
        "covered_by": "payment",
        "days_late": days_late,
        "payment_count": 1,
        "first_payment_date": due + timedelta(days=days_late),
        "issued_known_date": due - timedelta(days=30),
        "is_supplier_caused": False,
        "supplier_cause": None,
    }


@pytest.fixture(scope="session")
def make_ledger() -> Callable[..., dict[str, pl.DataFrame]]:
    """Make a ledger from days late per customer, newest first, due 60 days before the as-of day and earlier."""

    def make(punctuality: dict[str, list[int]], **tables: pl.DataFrame) -> dict[str, pl.DataFrame]:
        rows = [
            _instalment(customer, number, days_late, AS_OF - timedelta(days=60 + 14 * number))
            for customer, lateness in punctuality.items()
            for number, days_late in enumerate(lateness)
        ]
        frame = pl.DataFrame(rows, schema_overrides={"supplier_cause": pl.String}) if rows else pl.DataFrame()
        ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
        ledger["core_instalment_balance"] = INSTALMENT_BALANCE.conform(frame)
        invoices = ledger["core_instalment_balance"].select("invoice_id", "customer_id")
        ledger["core_invoice"] = LEDGER_TABLES["core_invoice"].conform(invoices)
        for name, rows_ in tables.items():
            ledger[name] = LEDGER_TABLES[name].conform(rows_)
        return ledger

    return make


@pytest.fixture(scope="session")
def mixed_book() -> dict[str, list[int]]:
    """Sixty customers whose share of late instalments goes from none to all."""
    return {
        f"C{i:02d}": [10 if (7 * k + 3 * i) % 60 < i else -2 for k in range(4 + i % 17)] for i in range(60)
    }
