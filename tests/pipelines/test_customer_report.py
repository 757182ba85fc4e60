"""What ``segmentation explain`` says of one customer."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace

import polars as pl
import pytest
from rich.console import Console

from pipelines.command_line.customer_report import show_claims
from segmentation.domain.published_tables import TIMELINE
from segmentation.domain.settings import TreatmentSettings


@pytest.mark.parametrize(
    ("channel", "is_told"),
    [("email", "interest of EUR"), ("sms", "first reminder and its waiting period")],
)
def test_a_text_message_starts_no_costs_where_a_first_reminder_must_say_more(channel, is_told):
    contact = {
        "customer_id": "A",
        "kind": "contact",
        "invoice_id": "I1",
        "channel": channel,
        "dunning_level": 1,
        "event_at": datetime(2026, 1, 10, tzinfo=UTC),
    }
    tables = {
        "out_customers": pl.DataFrame({"customer_id": "A", "country": "BE", "party_type": "natural_person"}),
        "out_timeline": TIMELINE.align(pl.DataFrame([contact])),
    }
    snapshot = SimpleNamespace(read_table=tables.get, as_of=date(2026, 4, 1))
    overdue = pl.DataFrame(
        {
            "invoice_id": "I1",
            "currency": "EUR",
            "overdue_amount": Decimal("300.00"),
            "due_date": date(2026, 1, 1),
        }
    )
    written = Console(file=StringIO(), width=300)
    show_claims(written, snapshot, "A", overdue, TreatmentSettings())
    assert is_told in written.file.getvalue()
