"""Small ledgers, built row by row; every table that is not mentioned is present and empty."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import DECISION, LEDGER_TABLES
from segmentation.domain.room_tables import INSTALMENT_RISK, SEGMENT
from segmentation.domain.settings import TreatmentSettings
from segmentation.treatment.gates import close_gates
from segmentation.treatment.recommendation import recommend_steps

AS_OF = date(2026, 3, 2)  # a Monday
SETTINGS = TreatmentSettings()


def at(day: date, hour: int = 10) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


class Book:
    """A ledger under construction, with what the other rooms say about it."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict]] = {name: [] for name in LEDGER_TABLES}
        self.decisions: list[dict] = []
        self.risks: list[dict] = []
        self.segments: list[dict] = []

    def add(self, name: str, **values) -> "Book":
        provenance = {
            "observed_at": at(AS_OF - timedelta(days=1)),
            "source_system": "test",
            "source_id": "t:1",
        }
        self.rows[f"core_{name}"].append(provenance | values)
        return self

    def customer(self, customer_id: str = "C", party_type="legal_person", country="BE", **values) -> "Book":
        return self.add("customer", customer_id=customer_id, party_type=party_type, country=country, **values)

    def invoice(
        self,
        invoice_id: str = "I",
        customer_id: str = "C",
        *,
        days_late: int = 12,
        amount="1000.00",
        currency="EUR",
        paid_on: date | None = None,
        due: date | None = None,
    ) -> "Book":
        due = due or AS_OF - timedelta(days=days_late)
        money = Decimal(amount)
        paid = money if paid_on else Decimal(0)
        self.add(
            "invoice",
            invoice_id=invoice_id,
            customer_id=customer_id,
            document_type="invoice",
            issue_date=due - timedelta(days=30),
            due_date=due,
            amount=money,
            currency=currency,
        )
        return self.add(
            "instalment_balance",
            invoice_id=invoice_id,
            instalment_number=1,
            customer_id=customer_id,
            document_type="invoice",
            currency=currency,
            issue_date=due - timedelta(days=30),
            due_date=due,
            amount=money,
            paid_amount=paid,
            credited_amount=Decimal(0),
            written_off_amount=Decimal(0),
            open_amount=money - paid,
            is_open=paid_on is None,
            covered_date=paid_on,
            covered_known_date=paid_on,
            covered_by="payment" if paid_on else None,
            days_late=((paid_on or AS_OF) - due).days,
            payment_count=int(paid_on is not None),
            issued_known_date=due - timedelta(days=30),
            is_supplier_caused=False,
        )

    def contact(
        self, days_ago: int, contact_id: str | None = None, customer_id: str = "C", **values
    ) -> "Book":
        event = {
            "contact_id": contact_id or f"{customer_id}-{days_ago}",
            "customer_id": customer_id,
            "direction": "outbound",
            "channel": "email",
            "sent_at": at(AS_OF - timedelta(days=days_ago)),
            "dunning_level": 1,
        }
        return self.add("contact_event", **(event | values))

    def point(self, channel: str, customer_id: str = "C", **values) -> "Book":
        return self.add("contact_point", customer_id=customer_id, channel=channel, **values)

    def decision(self, as_of: date, customer_id: str = "C", recommendation_id: str = "R", **values) -> "Book":
        self.decisions.append(
            {
                "decision_id": f"D{len(self.decisions)}",
                "recommendation_id": recommendation_id,
                "snapshot_id": "S",
                "as_of_date": as_of,
                "customer_id": customer_id,
                "decision": "accept",
                "decided_by": "A. Person",
                "decided_at": at(as_of),
            }
            | values
        )
        return self

    def risk(
        self, invoice_id: str = "I", customer_id: str = "C", *, paid_14=0.2, days=30, late=0.9
    ) -> "Book":
        balance = next(r for r in self.rows["core_instalment_balance"] if r["invoice_id"] == invoice_id)
        self.risks.append(
            {
                "invoice_id": invoice_id,
                "instalment_number": 1,
                "customer_id": customer_id,
                "as_of_date": AS_OF,
                "due_date": balance["due_date"],
                "open_amount": balance["open_amount"],
                "currency": balance["currency"],
                "days_late": balance["days_late"],
                "late_prob": late,
                "paid_14_prob": paid_14,
                "expected_payment_date": AS_OF + timedelta(days=days),
                "reason_codes": [],
                "score_status": "scored",
                "model_version": "test",
            }
        )
        return self

    def segment(self, segment="incidental", cause="unclear", customer_id: str = "C") -> "Book":
        self.segments.append(
            {
                "customer_id": customer_id,
                "as_of_date": AS_OF,
                "segment": segment,
                "cause": cause,
                "settled_count": 9,
                "late_count": 3,
                "excluded_count": 0,
                "evidence": [],
            }
        )
        return self

    @staticmethod
    def _frame(table, rows) -> pl.DataFrame:
        if not rows:
            return table.empty()
        columns = {key for row in rows for key in row}
        schema = {n: t for n, t in table.polars_schema.items() if n in columns}
        return table.conform(pl.DataFrame([{k: r.get(k) for k in schema} for r in rows], schema=schema))

    @property
    def ledger(self) -> dict[str, pl.DataFrame]:
        return {name: self._frame(table, self.rows[name]) for name, table in LEDGER_TABLES.items()}

    @property
    def decision_frame(self) -> pl.DataFrame:
        return self._frame(DECISION, self.decisions)

    def gates(self, as_of: date = AS_OF, settings: TreatmentSettings = SETTINGS) -> pl.DataFrame:
        return close_gates(self.ledger, self.decision_frame, as_of, settings)

    def recommend(self, as_of: date = AS_OF, settings: TreatmentSettings = SETTINGS) -> pl.DataFrame:
        return recommend_steps(
            self.ledger,
            self._frame(INSTALMENT_RISK, self.risks),
            self._frame(SEGMENT, self.segments),
            self.gates(as_of, settings),
            as_of,
            settings,
        )

    def advice(self, customer_id: str = "C", **arguments) -> dict:
        found = self.recommend(**arguments).filter(pl.col("customer_id") == customer_id)
        assert found.height == 1, "one row per customer"
        return found.row(0, named=True)


@pytest.fixture
def book() -> Book:
    """A Belgian company with one invoice of EUR 1,000.00, twelve days past due."""
    return Book().customer().invoice()


@pytest.fixture
def empty_book() -> Book:
    return Book()
