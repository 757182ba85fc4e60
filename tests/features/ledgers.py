"""Random ledgers with everything that makes history hard to tell.

Ties and events on the same day, facts learned late, parts, reversals, covers corrected by a later
fact, credit notes, write-offs, several currencies, instalments agreed at once or later, disputes, promises, plans, contacts.
"""

import datetime as dt

import numpy as np
import polars as pl

from segmentation.domain.core_tables import CORRECTABLE_TABLES, LEDGER_TABLES, QUARANTINE
from segmentation.ledger.as_known import as_known
from segmentation.ledger.balances import build_instalment_balances

START = dt.date(2020, 1, 1)
FAR = dt.date(2099, 1, 1)


def _shift(row: dict, column: str, rng) -> dict:
    return (
        {} if row.get(column) is None else {column: row[column] - dt.timedelta(days=int(rng.integers(1, 30)))}
    )


def _other(rows: dict, name: str, column: str, rng, row: dict) -> dict:
    """Refer to another row, one that was known by then: what refers to something unknown is refused."""
    known = [other for other in rows[name] if other["observed_at"] <= row["observed_at"]]
    return {column: known[rng.integers(len(known))][column]} if known else {}


def _times(row: dict, rng) -> dict:
    thousandths = int(row["amount"].replace(".", ""))
    return {"amount": _amount(int(thousandths * rng.choice([0.5, 0.99, 1.5, 2])))}


def _list_changes(row: dict, rng, rows: dict) -> dict[str, list]:
    """What a later version of a row may say, by table: each a change of what features may notice."""

    def shifted(column: str):
        return lambda: _shift(row, column, rng)

    def other(name: str, column: str):
        return lambda: _other(rows, name, column, rng, row)

    def moved():
        return {"due_date": row["due_date"] + dt.timedelta(days=int(rng.choice([-20, 7, 30])))}

    def resized():
        return _times(row, rng)

    def said(**values: object):
        return lambda: values

    customer, invoice = other("core_customer", "customer_id"), other("core_invoice", "invoice_id")
    return {
        "core_customer": [said(party_type="legal_person")],
        "core_invoice": [
            resized,
            moved,
            shifted("issue_date"),
            customer,
            said(currency="USD" if row.get("currency") == "EUR" else "EUR"),
            said(remittance_reference=f"R{rng.integers(1000)}"),
        ],
        "core_instalment": [resized, moved],
        "core_payment": [shifted("value_date"), resized, customer],
        "core_allocation": [shifted("allocated_at"), resized, said(instalment_number=None), invoice],
        "core_contact_event": [
            shifted("sent_at"),
            said(dunning_level=int(rng.integers(0, 3))),
            said(direction="inbound"),
            said(replied_at=None),
            invoice,
            customer,
        ],
        "core_contact_outcome": [shifted("recorded_at")],
        "core_promise_to_pay": [
            shifted("made_at"),
            said(status="open", resolved_at=None),
            said(status="kept", resolved_at=row.get("resolved_at") or row.get("promised_date")),
        ],
        "core_payment_plan": [
            shifted("started_at"),
            said(status="broken", ended_at=row.get("ended_at") or row.get("started_at")),
            customer,
        ],
        "core_dispute": [
            shifted("opened_at"),
            said(
                outcome="rejected" if row.get("outcome") == "upheld" else "upheld",
                closed_at=row.get("closed_at") or row.get("opened_at"),
            ),
            said(outcome=None, closed_at=None),
            invoice,
        ],
    }


def day(offset: int) -> dt.date:
    return START + dt.timedelta(days=int(offset))


def moment(offset: int, hour: int = 9) -> dt.datetime:
    return dt.datetime.combine(day(offset), dt.time(hour), dt.UTC)


def empty_ledger() -> dict[str, pl.DataFrame]:
    return {name: table.empty() for name, table in LEDGER_TABLES.items()}


def build_facts(rows: dict[str, list[dict]]) -> dict[str, pl.DataFrame]:
    """All core tables from rows by table name, every version of each row; without balances."""
    ledger = empty_ledger()
    for name, records in rows.items():
        table = LEDGER_TABLES[name]
        if not records:
            continue
        filled = [{"source_system": "test", "source_id": f"{name}:{i}"} | r for i, r in enumerate(records)]
        columns = {c: [r.get(c) for r in filled] for c in table.column_names}
        ledger[name] = table.conform(pl.DataFrame(columns, strict=False))
    return ledger


def build_ledger(rows: dict[str, list[dict]]) -> dict[str, pl.DataFrame]:
    """All core tables from rows by table name, one version of each, with balances by the ledger room."""
    ledger = build_facts(rows)
    return ledger | {"core_instalment_balance": build_instalment_balances(ledger, FAR)}


def known_on(facts: dict[str, pl.DataFrame], as_of: dt.date) -> dict[str, pl.DataFrame]:
    """The ledger as it was known on a day, by the ledger room."""
    ledger = empty_ledger() | as_known(facts | {"core_quarantine": QUARANTINE.empty()}, as_of)
    return ledger | {"core_instalment_balance": build_instalment_balances(ledger, as_of)}


def random_corrected_facts(seed: int, invoices: int, customers: int, span: int) -> dict[str, pl.DataFrame]:
    """Facts with later versions of some rows; customers are known from the start, so that nothing is refused."""
    rows = random_rows(seed, invoices, customers, span)
    for row in rows["core_customer"]:
        row["observed_at"] = moment(-100)
    return build_facts(correct_rows(rows, seed))


def random_rows(seed: int, invoices: int, customers: int, span: int = 900) -> dict[str, list[dict]]:
    """Rows of a random ledger by table."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[dict]] = {name: [] for name in LEDGER_TABLES}

    def late() -> int:
        return int(rng.choice([0, 0, 0, 1, 3, 40]))

    def pick(*values: object) -> object:
        return values[rng.integers(len(values))]

    weights = rng.dirichlet(np.full(customers, 0.7))
    for c in range(customers + 2):
        since = int(rng.integers(0, span))
        rows["core_customer"].append(
            {"customer_id": f"C{c}", "party_type": "consumer", "observed_at": moment(since)}
        )
    for i in range(invoices):
        customer = f"C{rng.choice(customers, p=weights)}"
        # every third day, so that many events share a day
        issue = int(rng.integers(0, span // 3)) * 3
        known = issue + int(rng.choice([-4, 0, 0, 0, 0, 2, 60], p=[0.05, 0.3, 0.2, 0.2, 0.1, 0.1, 0.05]))
        due = issue + int(pick(-2, 0, 14, 30, 30, 60))
        thousandths = int(pick(100_000, 250_500, int(rng.integers(1, 9_000_000)), 0 if i % 50 == 0 else 5))
        currency = "EUR" if rng.random() < 0.8 else "USD"
        document = "debit_note" if rng.random() < 0.03 else "invoice"
        number = f"I{i:06d}"
        rows["core_invoice"].append(
            {
                "invoice_id": number,
                "customer_id": customer,
                "document_type": document,
                "issue_date": day(issue),
                "due_date": day(due),
                "amount": _amount(thousandths),
                "currency": currency,
                "observed_at": moment(known),
            }
        )
        parts = [(1, due, thousandths)]
        if rng.random() < 0.1 and thousandths > 10:
            parts = [(1, due, thousandths // 3), (2, due + 30, thousandths - thousandths // 3)]
            agreed = known + int(pick(0, 0, 15, 40, 90))
            for part, part_due, part_amount in parts:
                rows["core_instalment"].append(
                    {
                        "invoice_id": number,
                        "instalment_number": part,
                        "due_date": day(part_due),
                        "amount": _amount(part_amount),
                        "observed_at": moment(agreed),
                    }
                )
        for part, part_due, part_amount in parts:
            if part_amount > 0:
                _settle(rng, rows, (number, part, customer, currency), part_due, part_amount, late)
        _add_events(rng, rows, number, customer, issue, due, late)
    for i in range(invoices // 30):
        issue = int(rng.integers(0, span))
        rows["core_invoice"].append(
            {
                "invoice_id": f"N{i}",
                "customer_id": f"C{rng.integers(customers)}",
                "document_type": "credit_note",
                "issue_date": day(issue),
                "due_date": day(issue),
                "amount": _amount(1000),
                "currency": "EUR",
                "observed_at": moment(issue + late()),
            }
        )
    return rows


def correct_rows(rows: dict[str, list[dict]], seed: int, share: float = 0.15) -> dict[str, list[dict]]:
    """The rows, and later versions of some of them; a correction tells of nothing that has not happened yet."""
    rng = np.random.default_rng(seed)
    corrected = dict(rows)
    for table in CORRECTABLE_TABLES:
        again = []
        for row in rows[table.name]:
            version = row
            while rng.random() < share:
                values = version.values()
                days = [
                    v.date() if isinstance(v, dt.datetime) else v for v in values if isinstance(v, dt.date)
                ]
                delay = int(rng.choice([0, 1, 5, 40, 200])) + (version is not row)
                known = (max(days) - START).days + delay
                changes = _list_changes(version, rng, rows)[table.name]
                change = changes[rng.integers(len(changes))]()
                version = version | change | {"observed_at": moment(known, 15)}
                again.append(version)
        corrected[table.name] = rows[table.name] + again
    return corrected


def random_ledger(seed: int, invoices: int, customers: int, span: int = 900) -> dict[str, pl.DataFrame]:
    return build_ledger(random_rows(seed, invoices, customers, span))


def _amount(thousandths: int) -> str:
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{abs(thousandths) // 1000}.{abs(thousandths) % 1000:03d}"


def _pay(rows, target, value, known, thousandths, *, reversal_of=None, kind="payment") -> str:
    number, part, customer, currency = target
    payment_id = f"P{len(rows['core_payment'])}"
    if kind == "payment":
        rows["core_payment"].append(
            {
                "payment_id": payment_id,
                "customer_id": None
                if len(rows["core_payment"]) % 3 == 1
                else customer,  # a statement names nobody
                "booking_date": day(value),
                "value_date": day(value),
                "amount": _amount(thousandths),
                "currency": currency,
                "reversal_of": reversal_of,
                "reason_code": "failed_direct_debit" if reversal_of else None,
                "observed_at": moment(known),
            }
        )
    rows["core_allocation"].append(
        {
            "allocation_id": f"A{len(rows['core_allocation'])}",
            "payment_id": payment_id if kind == "payment" else None,
            "credit_note_id": "N0" if kind == "credit_note" else None,
            "invoice_id": number,
            "instalment_number": part,
            "amount": _amount(thousandths),
            "allocated_at": day(value),
            "observed_at": moment(known),
        }
    )
    return payment_id


def _settle(rng, rows, target, due, amount, late) -> None:  # noqa: C901  one branch per story
    when = due + int(rng.choice([-6, -1, 0, 1, 5, 20, 45, 90]))
    known = when + late()
    story = rng.random()
    if story < 0.12:
        return
    if story < 0.60:
        _pay(rows, target, when, known, amount)
    elif story < 0.72:  # in parts, the second perhaps never
        first = max(amount // 2, 1)
        _pay(rows, target, when, known, first)
        if rng.random() < 0.7 and amount - first > 0:
            _pay(rows, target, when + 20, when + 20 + late(), amount - first)
    elif story < 0.82:  # taken back, and perhaps paid again
        payment = _pay(rows, target, when, known, amount)
        back = known + int(rng.integers(0, 30))
        _pay(rows, target, back, back, -amount, reversal_of=payment)
        if rng.random() < 0.7:
            again = back + int(rng.integers(0, 30))
            _pay(rows, target, again, again, amount)
    elif story < 0.87:  # paid twice; the earlier payment turns up later
        _pay(rows, target, when, known, amount)
        _pay(rows, target, when - 10, known + 25, amount)
    elif story < 0.92:
        _pay(rows, target, when, known, amount, kind="credit_note")
    elif story < 0.96:
        _pay(rows, target, due + 120, due + 120 + late(), amount, kind="write_off")
    else:  # partly credited, the rest paid
        part = max(amount // 4, 1)
        _pay(rows, target, when, known, part, kind="credit_note")
        if amount - part > 0:
            _pay(rows, target, when + 3, when + 3, amount - part)


def _add_events(rng, rows, number, customer, issue, due, late) -> None:
    if rng.random() < 0.25:
        sent = due + int(rng.choice([-3, 2, 9, 30]))
        contact = f"K{len(rows['core_contact_event'])}"
        rows["core_contact_event"].append(
            {
                "contact_id": contact,
                "customer_id": customer,
                "invoice_id": number if rng.random() < 0.9 else None,
                "direction": "outbound" if rng.random() < 0.9 else "inbound",
                "channel": "email",
                "sent_at": moment(sent),
                "replied_at": moment(sent + 4) if rng.random() < 0.3 else None,
                "dunning_level": [None, 0, 1, 2][rng.integers(4)],
                "observed_at": moment(sent + late()),
            }
        )
        if rng.random() < 0.4:
            rows["core_contact_outcome"].append(
                {
                    "contact_id": contact,
                    "code": ["not_received", "awaiting_approval", "promise"][rng.integers(3)],
                    "recorded_at": moment(sent + 1),
                    "observed_at": moment(sent + 1 + late()),
                }
            )
    if rng.random() < 0.08:
        opened = issue + int(rng.integers(0, 60))
        closed = opened + int(rng.integers(0, 60)) if rng.random() < 0.7 else None
        rows["core_dispute"].append(
            {
                "dispute_id": f"D{number}",
                "invoice_id": number,
                "opened_at": day(opened),
                "closed_at": None if closed is None else day(closed),
                "outcome": None if closed is None else ["upheld", "rejected"][rng.integers(2)],
                "observed_at": moment(opened + late()),
            }
        )
    if rng.random() < 0.08:
        made = due + int(rng.integers(0, 30))
        status = ["open", "kept", "broken", "partial"][rng.integers(4)]
        rows["core_promise_to_pay"].append(
            {
                "promise_id": f"M{number}",
                "invoice_id": number,
                "made_at": day(made),
                "promised_date": day(made + 10),
                "status": status,
                "resolved_at": None if status == "open" else day(made + int(rng.integers(0, 20))),
                "observed_at": moment(made + late()),
            }
        )
    if rng.random() < 0.03:
        ended = rng.random() < 0.6
        rows["core_payment_plan"].append(
            {
                "plan_id": f"L{number}",
                "customer_id": customer,
                "started_at": day(due + 10),
                "schedule": "[]",
                "status": ["broken", "completed"][rng.integers(2)] if ended else "running",
                "ended_at": day(due + 60) if ended else None,
                "observed_at": moment(due + 10 + late()),
            }
        )
