"""Random ledgers as files, with faults, and what is left of them when the future is taken away."""

import csv
import io
import random
from datetime import UTC, date, datetime, timedelta

from segmentation.domain.core_tables import CANONICAL_TABLES, PROGRAM_COLUMNS
from segmentation.domain.schema import DataType

FIRST_DAY = date(2026, 1, 1)
DAYS = 60
GARBAGE = ["", "n/a", "31-02-2026", "1850-01-01", "2199-01-01", "-", "12,5", "0x1F", "9" * 30]
ISO = "%Y-%m-%dT%H:%M:%SZ"

WORDS = {
    "currency": ["EUR", "USD"],
    "language": ["nl", "en"],
    "schedule": ["[]"],
}


def some_day(rng):
    return FIRST_DAY + timedelta(days=rng.randrange(DAYS))


def some_moment(rng):
    return datetime.combine(some_day(rng), datetime.min.time()) + timedelta(hours=rng.choice([0, 0, 8]))


def some_identifier(rng, table, name):
    if name == "reversal_of":
        return f"payment-{rng.randrange(6)}" if rng.random() < 0.2 else ""
    if name == "credit_note_id" or (name == "payment_id" and table.name == "core_allocation"):
        return rng.choice(["", f"payment-{rng.randrange(6)}", f"invoice-{rng.randrange(6)}"])
    if name == "scope_id":
        return f"{rng.choice(['customer', 'invoice'])}-{rng.randrange(5)}"
    return f"{name.removesuffix('_id').removeprefix('parent_')}-{rng.randrange(5)}"


VALUES = {
    DataType.DATE: lambda rng: some_day(rng).isoformat(),
    DataType.TIMESTAMP: lambda rng: some_moment(rng).strftime(ISO),
    DataType.AMOUNT: lambda rng: (
        rng.choice(["", "", "", "-"]) + f"{rng.randrange(20)}{rng.choice(['', '.5', '.05'])}"
    ),
    DataType.INTEGER: lambda rng: str(rng.choice([1, 2, 3])),
    DataType.REAL: lambda rng: f"{rng.random():.3f}",
    DataType.BOOLEAN: lambda rng: rng.choice(["true", "false"]),
}


def some_value(rng, table, column):
    if column.name.endswith("_id") or column.name == "reversal_of":
        return some_identifier(rng, table, column.name)
    if column.allowed is not None:
        value = rng.choice(column.allowed)
    elif column.name == "birth_year":
        value = "1990"
    elif column.data_type in VALUES:
        value = VALUES[column.data_type](rng)
    else:
        value = rng.choice(WORDS.get(column.name, ["a", "b", 'with "quotes", comma', "two\nlines"]))
    return "" if column.is_nullable and rng.random() < 0.3 else value


def random_canonical(seed, fault_share=0.03):
    """Return rows of text by table stem; the first customer and invoice are good and early."""
    rng = random.Random(seed)
    tables = {}
    for name, table in CANONICAL_TABLES.items():
        if name == "core_control_total":  # random ones would refuse every delivery
            continue
        columns = [c for c in table.columns if c.name not in PROGRAM_COLUMNS]
        rows = []
        for _ in range(rng.randrange(25) if name != "core_customer" else 12):
            row = {c.name: some_value(rng, table, c) for c in columns}
            if rows and rng.random() < 0.3:  # a later, partly changed version of an earlier row
                row = dict(rng.choice(rows)) | {"observed_at": row["observed_at"]}
                changed = rng.choice(columns)
                if rng.random() < 0.7 and changed.name not in table.key:
                    row[changed.name] = some_value(rng, table, changed)
            for column in columns:
                if rng.random() < fault_share:
                    row[column.name] = rng.choice(GARBAGE)
            rows.append(row)
        tables[name.removeprefix("core_")] = rows
    early = "2025-12-01T00:00:00Z"
    tables["customer"].append(blank("customer") | {"customer_id": "customer-0", "observed_at": early})
    tables["invoice"].append(
        blank("invoice")
        | {
            "invoice_id": "invoice-first",
            "customer_id": "customer-0",
            "document_type": "invoice",
            "issue_date": "2025-12-01",
            "due_date": "2025-12-31",
            "amount": "10",
            "currency": "EUR",
            "observed_at": early,
        }
    )
    return tables


def blank(stem):
    columns = CANONICAL_TABLES[f"core_{stem}"].column_names
    return {name: "" for name in columns if name not in PROGRAM_COLUMNS}


def random_flat(seed, fault_share=0.03):
    """Return rows of text of a flat ledger as the b2b_ledger mapping reads it."""
    rng = random.Random(seed)
    rows = []
    for number in range(rng.randrange(1, 40)):
        posted = some_day(rng)
        row = {
            "doc_id": f"D{rng.choice([number, rng.randrange(10)]):04d}",
            "cust_number": f"{rng.randrange(4):06d}",
            "posting_date": posted.isoformat(),
            "due_date": (posted + timedelta(days=rng.choice([-1, 0, 14, 30]))).isoformat(),
            "clear_date": rng.choice(["", some_day(rng).isoformat()]),
            "amount": f"{rng.randrange(1000)}.{rng.randrange(100):02d}",
            "currency": rng.choice(["EUR", "USD"]),
        }
        if rows and rng.random() < 0.15:
            row = dict(rng.choice(rows))
            if rng.random() < 0.5:
                row["clear_date"] = some_day(rng).isoformat()
        for column in row:
            if rng.random() < fault_share:
                row[column] = rng.choice(GARBAGE)
        rows.append(row)
    rows.append(
        dict(
            zip(
                rows[0],
                ["D-first", "000009", "2025-12-01", "2025-12-31", "", "10.00", "EUR"],
                strict=True,
            )
        )
    )
    return rows


def read_moment(text):
    """Return the moment that the text names, or None; the same years as the default settings."""
    for pattern in (ISO, "%Y-%m-%d"):
        try:
            moment = datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
        return moment if 1990 <= moment.year <= 2100 else None
    return None


def without_future(tables, as_of):
    """Return the canonical rows without what was observed, or became known, on or after the as-of day."""
    start = datetime.combine(as_of, datetime.min.time(), tzinfo=UTC)

    def is_later(text):
        moment = read_moment(text)
        return moment is not None and moment >= start

    def blanked(name, row):
        later = {
            c.name
            for c in CANONICAL_TABLES[f"core_{name}"].columns
            if c.known_from is not None and is_later(row[c.known_from])
        }
        return {column: "" if column in later else value for column, value in row.items()}

    return {
        name: [blanked(name, row) for row in rows if not is_later(row["observed_at"])]
        for name, rows in tables.items()
    }


def without_future_flat(rows, as_of):
    start = datetime.combine(as_of, datetime.min.time(), tzinfo=UTC)

    def is_later(text):
        moment = read_moment(text)
        return moment is not None and moment >= start

    return [
        row | ({"clear_date": ""} if is_later(row["clear_date"]) else {})
        for row in rows
        if not is_later(row["posting_date"])
    ]


def write_csv(rows, columns):
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def write_canonical(tables, folder):
    folder.mkdir(parents=True)
    for name, rows in tables.items():
        (folder / f"{name}.csv").write_text(write_csv(rows, list(blank(name))), encoding="utf-8")
    return folder


def write_flat(rows, folder):
    folder.mkdir(parents=True)
    (folder / "ledger.csv").write_text(write_csv(rows, list(rows[0])), encoding="utf-8")
    return folder
