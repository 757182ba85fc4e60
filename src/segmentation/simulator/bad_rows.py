"""Source rows that cannot be right, as they occur in real exports, to see quarantine at work."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class BadRow:
    """One wrong row.

    Parameters
    ----------
    stem : file that it goes into.
    fields : what is in its columns; columns that are not named stay empty.
    fault : what is wrong with it, for a reader.
    """

    stem: str
    fields: dict[str, str]
    fault: str


def list_bad_rows(end_day: date) -> tuple[BadRow, ...]:
    """Return a dozen wrong rows, observed in the last days of the world.

    Each stands on its own: no right row refers to it, so that what is set aside changes no balance.
    """
    issued = end_day - timedelta(days=11)
    due = issued + timedelta(days=30)
    seen = f"{issued.isoformat()}T07:00:00Z"
    invoice = {
        "customer_id": "C0001",
        "document_type": "invoice",
        "issue_date": issued.isoformat(),
        "due_date": due.isoformat(),
        "amount": "250.00",
        "currency": "EUR",
        "is_recurring": "false",
        "observed_at": seen,
    }
    payment = {
        "customer_id": "C0001",
        "booking_date": issued.isoformat(),
        "value_date": issued.isoformat(),
        "amount": "250.00",
        "currency": "EUR",
        "method": "transfer",
        "observed_at": seen,
    }
    allocation = {
        "invoice_id": "I00001",
        "amount": "10.00",
        "allocated_at": issued.isoformat(),
        "observed_at": seen,
    }
    return (
        BadRow("invoice", invoice | {"invoice_id": "X0001", "amount": "1.2.50"}, "the amount cannot be read"),
        BadRow("invoice", invoice | {"invoice_id": "X0002", "amount": ""}, "the amount is missing"),
        BadRow(
            "invoice",
            invoice | {"invoice_id": "X0003", "issue_date": f"{issued.year}-02-30"},
            "30 February does not exist",
        ),
        BadRow("invoice", invoice | {"invoice_id": "X0004", "customer_id": "C9999"}, "no such customer"),
        BadRow(
            "invoice",
            invoice | {"invoice_id": "X0005", "due_date": (issued - timedelta(days=3)).isoformat()},
            "due before it was issued",
        ),
        BadRow(
            "invoice",
            invoice | {"invoice_id": "X0006", "amount": "310.00"},
            "the same number twice, with another amount (first)",
        ),
        BadRow(
            "invoice",
            invoice | {"invoice_id": "X0006", "amount": "130.00"},
            "the same number twice, with another amount (second)",
        ),
        BadRow(
            "invoice", invoice | {"invoice_id": "X0007", "document_type": "bill"}, "no such kind of document"
        ),
        BadRow(
            "payment",
            payment | {"payment_id": "X0011", "amount": "25O.00"},
            "the amount has a letter O for a nought",
        ),
        BadRow(
            "payment",
            payment | {"payment_id": "X0012", "value_date": "31/12/2025"},
            "the date is in another format",
        ),
        BadRow("payment", payment | {"payment_id": "X0013", "customer_id": "C9998"}, "no such customer"),
        BadRow(
            "allocation", allocation | {"allocation_id": "X0021", "invoice_id": "I99999"}, "no such invoice"
        ),
    )
