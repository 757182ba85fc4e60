"""Small ledgers with bank payments, from plain rows; and what came out, as plain rows."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES

FIRST = "2026-01-01"


def day(text):
    return date.fromisoformat(str(text))


def moment(text):
    return datetime.combine(day(text), datetime.min.time(), tzinfo=UTC)


def table(name, rows):
    definition = CANONICAL_TABLES[f"core_{name}"]
    plain = [{"source_system": "golden", "source_id": "golden:1"} | row for row in rows]
    frame = pl.DataFrame(plain, schema=definition.polars_schema) if plain else definition.empty()
    return definition.conform(frame)


def make_ledger(scenario):
    """Return the canonical tables of a scenario: customers, invoices, payments, allocations."""
    invoices = scenario.get("invoices", [])
    named = {row["customer"] for row in invoices} | {
        row["customer"] for row in scenario.get("payments", []) if row.get("customer")
    }
    customers = {name: {"id": name} for name in sorted(named)}
    customers |= {row["id"]: row for row in scenario.get("customers", [])}
    filled = {
        "customer": [
            {
                "customer_id": row["id"],
                "name": row.get("name"),
                "parent_customer_id": row.get("parent"),
                "observed_at": moment(row.get("known", "2025-01-01")),
            }
            for row in customers.values()
        ],
        "invoice": [
            {
                "invoice_id": row["id"],
                "customer_id": row["customer"],
                "document_type": row.get("type", "invoice"),
                "issue_date": day(row.get("issued", FIRST)),
                "due_date": day(row.get("due", "2026-01-31")),
                "amount": Decimal(str(row["amount"])),
                "currency": row.get("currency", "EUR"),
                "remittance_reference": row.get("reference"),
                "invoice_number": row.get("number"),
                "observed_at": moment(row.get("known", row.get("issued", FIRST))),
            }
            for row in invoices
        ],
        "payment": [
            {
                "payment_id": row["id"],
                "customer_id": row.get("customer"),
                "value_date": day(row.get("value", row["known"])),
                "amount": Decimal(str(row["amount"])),
                "currency": row.get("currency", "EUR"),
                "reversal_of": row.get("reverses"),
                "structured_reference": row.get("reference"),
                "end_to_end_id": row.get("end_to_end"),
                "remittance_text": row.get("text"),
                "payer_name": row.get("name"),
                "payer_account": row.get("account"),
                "observed_at": moment(row["known"]),
            }
            for row in scenario.get("payments", [])
        ],
        "allocation": [
            {
                "allocation_id": f"A-{number}",
                "payment_id": row.get("payment"),
                "credit_note_id": row.get("credit_note"),
                "invoice_id": row["invoice"],
                "amount": Decimal(str(row["amount"])),
                "allocated_at": day(row["on"]),
                "observed_at": moment(row["on"]),
            }
            for number, row in enumerate(scenario.get("allocations", []))
        ],
    }
    return {name: table(name[5:], filled.get(name[5:], [])) for name in CANONICAL_TABLES}


def matches_of(ledger):
    """Return (payment, invoice, amount, day) of every allocation that was made by a rule."""
    made = ledger["core_allocation"].filter(pl.col("match_rule").is_not_null())
    return sorted(made.select("payment_id", "invoice_id", "amount", pl.col("observed_at").dt.date()).rows())
