"""What the room reads: tables, and of large ones the columns, so that a caller need not hold the rest in memory.

Belongs here: the list. Does not belong here: reading (publish, pipelines), what is done with it (gates, recommendation).
"""

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.room_tables import INSTALMENT_RISK, SEGMENT
from segmentation.domain.schema import Table, by_name

_COLUMNS = {
    "core_customer": (
        *(
            "parent_customer_id",
            "name",
            "party_type",
            "country",
            "region",
            "timezone",
            "language",
            "payment_method",
        ),
        "observed_at",
    ),
    "core_invoice": ("customer_id", "currency", "remittance_reference", "invoice_number", "observed_at"),
    "core_instalment_balance": (
        *("customer_id", "currency", "due_date", "amount", "open_amount", "is_open"),
        *("covered_date", "covered_by"),
    ),
    "core_contact_event": (
        *("customer_id", "invoice_id", "direction", "channel", "sent_at", "delivered_at"),
        *("dunning_level", "propensity", "observed_at"),
    ),
    "core_contact_point": ("verified_at", "bounced_at", "observed_at"),
}

LEDGER: dict[str, Table] = by_name(
    table.narrow(*_COLUMNS[name]) if name in _COLUMNS else table for name, table in LEDGER_TABLES.items()
)
"""Tables of the ledger, as gates and recommendations read them."""

RISK = INSTALMENT_RISK.narrow(
    *("customer_id", "due_date", "late_prob", "paid_14_prob", "expected_payment_date", "score_status")
)
SEGMENTS = SEGMENT.narrow("segment", "cause")
