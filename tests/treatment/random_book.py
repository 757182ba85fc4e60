"""Random states of a ledger, a whole book at once: every table, every status, dates around the as-of day."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import polars as pl

from segmentation.domain.core_tables import DECISION, LEDGER_TABLES
from segmentation.domain.room_tables import INSTALMENT_RISK, SEGMENT
from segmentation.domain.vocabulary import (
    BlockReason,
    Cause,
    Channel,
    Direction,
    OutcomeCode,
    PartyType,
    PermissionStatus,
    PlanStatus,
    PromiseStatus,
    Segment,
)

ZONES = ["Europe/Brussels", "America/New_York", "Pacific/Auckland", "Asia/Kolkata", "Mars/Olympus", None]
COUNTRIES = ["BE", "NL", "DE", "US", "NZ", "391", None]


class RandomBook:
    """Draws every table of a ledger with ``customers`` customers and about ``per_customer`` invoices each."""

    def __init__(self, seed: int, customers: int, as_of: date, per_customer: float = 3.0) -> None:
        self.random = np.random.default_rng(seed)
        self.as_of = as_of
        self.ids = [f"C{number:05d}" for number in range(customers)]
        self.invoice_count = int(customers * per_customer)
        self.owners = self.pick(self.ids, self.invoice_count)
        self.invoices = [f"I{number:06d}" for number in range(self.invoice_count)]

    def pick(self, values, count: int) -> list:
        values = [getattr(value, "value", value) for value in values]
        return [values[index] for index in self.random.integers(0, len(values), count)]

    def days(self, count: int, low: int, high: int, null_share: float = 0.0) -> list[date | None]:
        offsets = self.random.integers(low, high, count)
        empty = self.random.random(count) < null_share
        return [
            None if gone else self.as_of + timedelta(days=int(offset))
            for offset, gone in zip(offsets, empty, strict=True)
        ]

    def moments(self, days: list[date | None]) -> list[datetime | None]:
        hours = self.random.integers(0, 24, len(days))
        return [
            None if day is None else datetime(day.year, day.month, day.day, int(hour), 30, tzinfo=UTC)
            for day, hour in zip(days, hours, strict=True)
        ]

    def table(self, name: str, **columns) -> pl.DataFrame:
        definition = LEDGER_TABLES[name]
        schema = {column: definition.polars_schema[column] for column in columns}
        frame = pl.DataFrame(columns, schema=schema, strict=False)
        if "observed_at" in definition.polars_schema:
            yesterday = datetime.combine(self.as_of - timedelta(days=1), datetime.min.time(), UTC)
            frame = frame.with_columns(
                pl.lit(yesterday).alias("observed_at"),
                pl.lit("random").alias("source_system"),
                pl.lit("r:1").alias("source_id"),
            )
        return definition.conform(frame.unique(list(definition.key), keep="first", maintain_order=True))

    def amounts(self, count: int, low: float = 2.0, high: float = 9.0) -> list[Decimal]:
        return [Decimal(f"{value:.2f}") for value in np.exp(self.random.uniform(low, high, count))]

    def draw(self, *, has_addresses: bool = True) -> dict[str, pl.DataFrame]:
        size, many = len(self.ids), self.invoice_count
        few = max(1, size // 8)
        due = self.days(many, -200, 40)
        span = self.random.integers(-10, 60, many)
        covered = [
            day + timedelta(days=int(late)) if self.random.random() < 0.6 else None
            for day, late in zip(due, span, strict=True)
        ]
        covered = [day if day is not None and day < self.as_of else None for day in covered]
        amounts = self.amounts(many)
        currency = self.pick(["EUR", "EUR", "EUR", "USD"], many)
        is_open = [day is None for day in covered]
        ledger = {name: table.empty() for name, table in LEDGER_TABLES.items()}
        ledger["core_customer"] = self.table(
            "core_customer",
            customer_id=self.ids[: int(size * 0.97)],
            parent_customer_id=self.pick([*self.ids[:20], *[None] * 300], int(size * 0.97)),
            party_type=self.pick([*PartyType, None], int(size * 0.97)),
            country=self.pick(COUNTRIES, int(size * 0.97)),
            timezone=self.pick(ZONES, int(size * 0.97)),
        )
        ledger["core_invoice"] = self.table(
            "core_invoice",
            invoice_id=self.invoices,
            customer_id=self.owners,
            document_type=["invoice"] * many,
            issue_date=[day - timedelta(days=30) for day in due],
            due_date=due,
            amount=amounts,
            currency=currency,
        )
        ledger["core_instalment_balance"] = self.table(
            "core_instalment_balance",
            invoice_id=self.invoices,
            instalment_number=[1] * many,
            customer_id=self.owners,
            document_type=["invoice"] * many,
            currency=currency,
            issue_date=[day - timedelta(days=30) for day in due],
            due_date=due,
            amount=amounts,
            paid_amount=[Decimal(0) if o else a for o, a in zip(is_open, amounts, strict=True)],
            credited_amount=[Decimal(0)] * many,
            written_off_amount=[Decimal(0)] * many,
            open_amount=[a if o else Decimal(0) for o, a in zip(is_open, amounts, strict=True)],
            is_open=is_open,
            covered_date=covered,
            covered_known_date=covered,
            covered_by=[None if o else "payment" for o in is_open],
            days_late=[((c or self.as_of) - d).days for c, d in zip(covered, due, strict=True)],
            payment_count=[int(not o) for o in is_open],
            issued_known_date=[day - timedelta(days=30) for day in due],
            is_supplier_caused=[False] * many,
        )
        if has_addresses:
            points = size * 4
            ledger["core_contact_point"] = self.table(
                "core_contact_point",
                customer_id=self.pick(self.ids, points),
                channel=self.pick(Channel, points),
                verified_at=self.days(points, -400, -1, 0.5),
                bounced_at=self.days(points, -400, -1, 0.8),
            )
        ledger["core_contact_permission"] = self.table(
            "core_contact_permission",
            customer_id=self.pick(self.ids, size),
            channel=self.pick(Channel, size),
            status=self.pick(PermissionStatus, size),
            valid_from=self.days(size, -300, 20),
            valid_until=self.days(size, -100, 100, 0.5),
            is_preferred=self.pick([True, False, None], size),
        )
        contacts = size * 3
        sent = self.days(contacts, -150, 0)
        ledger["core_contact_event"] = self.table(
            "core_contact_event",
            contact_id=[f"K{number:06d}" for number in range(contacts)],
            customer_id=self.pick(self.ids, contacts),
            invoice_id=self.pick([*self.invoices[:200], *[None] * 200], contacts),
            direction=self.pick([Direction.OUTBOUND] * 3 + [Direction.INBOUND], contacts),
            channel=self.pick(Channel, contacts),
            sent_at=self.moments(sent),
            dunning_level=self.pick([0, 1, 1, 2, 3, None], contacts),
        )
        ledger["core_contact_outcome"] = self.table(
            "core_contact_outcome",
            contact_id=[f"K{number:06d}" for number in range(0, contacts, 7)],
            code=self.pick(OutcomeCode, len(range(0, contacts, 7))),
            recorded_at=self.moments(self.days(len(range(0, contacts, 7)), -100, -1)),
        )
        ledger["core_promise_to_pay"] = self.table(
            "core_promise_to_pay",
            promise_id=[f"P{number}" for number in range(few * 3)],
            invoice_id=self.pick(self.invoices, few * 3),
            made_at=self.days(few * 3, -60, 0),
            promised_date=self.days(few * 3, -20, 30),
            status=self.pick([*PromiseStatus, None], few * 3),
        )
        ledger["core_payment_plan"] = self.table(
            "core_payment_plan",
            plan_id=[f"L{number}" for number in range(few)],
            customer_id=self.pick(self.ids, few),
            started_at=self.days(few, -60, 5),
            schedule=self.pick(['[["2026-05-01", "10.00"]]', "nonsense", None], few),
            status=self.pick([*PlanStatus, None], few),
        )
        ledger["core_dispute"] = self.table(
            "core_dispute",
            dispute_id=[f"D{number}" for number in range(few * 3)],
            invoice_id=self.pick(self.invoices, few * 3),
            opened_at=self.days(few * 3, -60, 0),
            closed_at=self.days(few * 3, -30, 0, 0.6),
        )
        scope = self.pick(["customer", "invoice"], few)
        ledger["core_dunning_block"] = self.table(
            "core_dunning_block",
            block_id=[f"B{number}" for number in range(few)],
            scope=scope,
            scope_id=[
                owner if kind == "customer" else invoice
                for kind, owner, invoice in zip(
                    scope, self.pick(self.ids, few), self.pick(self.invoices, few), strict=True
                )
            ],
            reason=self.pick(BlockReason, few),
            valid_from=self.days(few, -60, 10),
            valid_until=self.days(few, -20, 60, 0.3),
        )
        ledger["core_unallocated_cash"] = self.table(
            "core_unallocated_cash",
            customer_id=self.pick(self.ids, few),
            currency=self.pick(["EUR", "USD"], few),
            unmatched_cash_amount=self.pick([Decimal(0), Decimal("0.01"), Decimal("55.10")], few),
            credit_amount=self.pick([Decimal(0), Decimal(0), Decimal("12.00")], few),
        )
        ledger["core_quarantine"] = self.table(
            "core_quarantine",
            source_file=["payment.csv"] * (few // 4 + 1),
            source_line=list(range(2, few // 4 + 3)),
            table_name=["core_payment"] * (few // 4 + 1),
            column_name=["amount"] * (few // 4 + 1),
            rule=["not_a_number"] * (few // 4 + 1),
            remedy=["repair"] * (few // 4 + 1),
            customer_id=self.pick([*self.ids, None], few // 4 + 1),
        )
        reversals = few
        ledger["core_payment"] = self.table(
            "core_payment",
            payment_id=[f"M{number}" for number in range(reversals)],
            customer_id=self.pick([*self.ids, None], reversals),
            value_date=self.days(reversals, -60, 0),
            amount=[Decimal(-10)] * reversals,
            currency=["EUR"] * reversals,
            reason_code=self.pick(["failed_direct_debit", "chargeback", None], reversals),
        )
        return ledger

    def decisions(self) -> pl.DataFrame:
        count = max(1, len(self.ids) // 10)
        days = self.days(count, -20, 3)
        frame = pl.DataFrame(
            {
                "decision_id": [f"E{number}" for number in range(count)],
                "recommendation_id": [f"R{number}" for number in range(count)],
                "snapshot_id": ["S"] * count,
                "as_of_date": days,
                "customer_id": self.pick(self.ids, count),
                "decision": self.pick(["accept", "adjust", "ignore"], count),
                "decided_by": ["A. Person"] * count,
                "decided_at": self.moments(days),
            }
        )
        return DECISION.conform(frame)

    def risks(self, ledger: dict[str, pl.DataFrame]) -> pl.DataFrame:
        balance = ledger["core_instalment_balance"].filter("is_open")
        count = balance.height
        paid = self.random.random(count)
        frame = balance.select(
            "invoice_id",
            "instalment_number",
            "customer_id",
            "due_date",
            "open_amount",
            "currency",
            "days_late",
        ).with_columns(
            pl.lit(self.as_of).alias("as_of_date"),
            pl.Series("late_prob", self.random.random(count)),
            pl.Series("paid_14_prob", paid),
            pl.Series("expected_payment_date", self.days(count, 1, 120, 0.1)),
            pl.lit([], dtype=pl.List(pl.String)).alias("reason_codes"),
            pl.Series("score_status", self.pick(["scored", "scored", "insufficient_history"], count)),
            pl.lit("random").alias("model_version"),
        )
        return INSTALMENT_RISK.conform(frame)

    def segments(self) -> pl.DataFrame:
        count = int(len(self.ids) * 0.9)
        frame = pl.DataFrame(
            {
                "customer_id": self.ids[:count],
                "as_of_date": [self.as_of] * count,
                "segment": self.pick(Segment, count),
                "cause": self.pick(Cause, count),
                "settled_count": [5] * count,
                "late_count": [2] * count,
                "excluded_count": [0] * count,
                "evidence": [[]] * count,
            },
            schema_overrides={"evidence": pl.List(pl.String)},
        )
        return SEGMENT.conform(frame)
