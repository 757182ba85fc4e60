"""What `segmentation explain` prints of one customer: segment, step, message, claims and gates.

Belongs here: the sentences and the table about a customer. Does not belong here: reports of runs and backtests,
how words and numbers are written (reports).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from pipelines.command_line.reports import number, words
from segmentation.domain.errors import UsageError
from segmentation.publish.gates import list_gate_verdicts

if TYPE_CHECKING:
    from segmentation.domain.settings import TreatmentSettings
    from segmentation.publish.reader import Snapshot

INVOICES_SHOWN = 5


def show_customer(
    console: Console, snapshot: "Snapshot", customer_id: str, settings: "TreatmentSettings"
) -> None:
    """Print segment, cause, open invoices, next step and every gate of one customer."""
    mine = pl.col("customer_id") == customer_id
    segments = snapshot.read_table("out_customer_segments").filter(mine)
    if segments.is_empty():
        raise UsageError(
            f"There is no customer {customer_id} in {snapshot.id}",
            where=str(snapshot.path),
            remedy="Write the id as in the ledger, leading zeros included.",
        )
    segment = segments.row(0, named=True)
    console.print(Text(customer_id, "bold"), f", as of the start of {snapshot.as_of}", sep="")
    console.print(
        f"Segment: {words(segment['segment'])} (structural with probability "
        f"{number(segment['structural_prob'], 2)}, {segment['late_count']} of {segment['settled_count']} late)"
    )
    console.print(f"Likely cause, a hypothesis: {words(segment['cause'])}")
    for line in segment["evidence"]:
        console.print(f"  - {line}")
    steps = snapshot.read_table("out_recommendations").filter(mine)
    for row in steps.iter_rows(named=True):
        console.print("Next step: ", Text(words(row["action"]), "bold"), f". {row['reason_text']}", sep="")
        show_alternatives(console, row)
    if steps.is_empty():
        console.print("Next step: none, nothing of this customer is open.")
    invoices = snapshot.read_table("out_invoice_scores").filter(mine).sort("days_late", descending=True)
    for row in invoices.head(INVOICES_SHOWN).iter_rows(named=True):
        days = row["days_late"]
        age = f"{days} days past due" if days > 0 else f"due in {-days} days"
        console.print(
            f"Invoice {row['invoice_id']}: {row['open_amount']:,.2f} {row['currency']} open, {age}, "
            f"paid by {row['payment_date_p50']} as likely as not"
        )
    if invoices.height > INVOICES_SHOWN:
        console.print(f"... and {invoices.height - INVOICES_SHOWN} more open invoices.")
    overdue = invoices.filter(pl.col("days_late") > 0).head(INVOICES_SHOWN)
    show_claims(console, snapshot, customer_id, overdue, settings)
    show_gates(console, list_gate_verdicts(snapshot, customer_id))


def show_claims(
    console: Console,
    snapshot: "Snapshot",
    customer_id: str,
    overdue: pl.DataFrame,
    settings: "TreatmentSettings",
) -> None:
    """Print the most that the law lets be asked beside each overdue invoice, and which law pack says so."""
    from segmentation.domain.published_tables import TIMELINE
    from segmentation.treatment.claims import OverdueInvoice, tell_claims
    from segmentation.treatment.jurisdiction import assign_packs
    from segmentation.treatment.waiting_period import starts_stage

    mine = pl.col("customer_id") == customer_id
    customer = snapshot.read_table("out_customers").filter(mine)
    who = customer.row(0, named=True)
    law = assign_packs(customer, snapshot.as_of, settings.jurisdiction).select("customer_id", "jurisdiction")
    # Snapshots of contracts before 1.4.0 do not say which contact was a call: none of theirs is a reminder then.
    timeline = pl.concat([TIMELINE.empty(), snapshot.read_table("out_timeline").filter(mine)], how="diagonal")
    events = timeline.with_columns(pl.col("event_at").dt.date()).join(law, on="customer_id")
    issued = dict(events.filter(kind="invoice").select("invoice_id", "event_at").iter_rows())
    is_reminder = (pl.col("kind") == "contact") & starts_stage()
    reminders = list(events.filter(is_reminder).select("invoice_id", "event_at").iter_rows())
    invoices = [
        OverdueInvoice(
            row["invoice_id"],
            row["currency"],
            row["overdue_amount"],
            issued.get(row["invoice_id"]),
            row["due_date"],
            [day for about, day in reminders if about in {None, row["invoice_id"]} and day > row["due_date"]],
        )
        for row in overdue.iter_rows(named=True)
    ]
    pack, told = tell_claims(who["party_type"], who["country"], invoices, snapshot.as_of, settings)
    if told:
        console.print(
            "What the law allows beside the invoice, where your terms provide for it (no legal advice; "
            f"by the pack {pack.pack}, {pack.title}, version {pack.version}):"
        )
    for line in told:
        console.print(f"  - {line}")


def show_alternatives(console: Console, row: Mapping[str, Any]) -> None:
    """Print stage, what was left out, what would change the advice, and the message of a step."""
    if stage := row.get("stage"):
        console.print(f"Stage: {words(stage)}")
    for title, lines in (("What would change it", row.get("would_change")), ("Left out", row.get("vetoed"))):
        for line in lines or ():
            console.print(f"  - {title}: {line}")
    if row.get("message_text"):
        console.print(f"Message ({row['message_language']}): {row['message_subject']}")
        for line in row["message_text"].splitlines():
            console.print(f"  | {line}")
        if row["message_missing"]:
            console.print(f"  Not ready to send, lacking: {', '.join(map(words, row['message_missing']))}")


def show_gates(console: Console, verdicts: pl.DataFrame) -> None:
    """Print every gate with its verdict for one customer: what it closes, until when, and why."""
    table = Table(Column("Gate", no_wrap=True), Column("Verdict", no_wrap=True), "Closes", "Until", "Why")
    for row in verdicts.iter_rows(named=True):
        is_closed = row["verdict"] == "closed"
        scope = f"contact by {words(row['channel'])}" if row["channel"] else "all contact"
        if row["invoice_id"]:
            scope += f" about invoice {row['invoice_id']}"
        until = f"{row['lifts_at']:%Y-%m-%d %H:%M} UTC" if row["lifts_at"] else "no date known"
        table.add_row(
            words(row["gate"]),
            Text("closed", "red") if is_closed else Text("open", "green"),
            scope if is_closed else "",
            until if is_closed else "",
            row["detail"],
        )
    console.print(table)
