"""Small ledgers written in a drawn dialect and then damaged, and what must hold of every one of them.

``draw_delivery`` takes any random source: Hypothesis' own in the tests, a seeded one in the benchmark.

What a value may be: exactly what stands in the damaged file at its place, read by the slow reader. So
damage that puts another well-written value there changes what is loaded, and nothing else does.
"""

import copy
import csv
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import yaml

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.conversion import convert_blocks
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.sources import join_blocks, read_blocks
from tests.ledger.slow_reader import FileText, read_amount, read_day, read_moment

FLAT = yaml.safe_load("""
name: flat
source_system: flat
files:
  - filename: ledger.csv
    tables:
      invoice:
        invoice_id: doc
        customer_id: customer
        document_type: {constant: invoice}
        issue_date: issued
        due_date: due
        amount: amount
        currency: currency
        observed_at: {constant: "2026-03-01T00:00:00Z"}
""")
CANONICAL = load_mapping("canonical").model_dump(mode="json")
FLAT_COLUMNS = {
    "invoice_id": "doc",
    "customer_id": "customer",
    "issue_date": "issued",
    "due_date": "due",
    "amount": "amount",
    "currency": "currency",
}
TEXT, AMOUNT, DAY, MOMENT = "text", "amount", "day", "moment"
KINDS = {"amount": AMOUNT, "issue_date": DAY, "due_date": DAY, "value_date": DAY, "observed_at": MOMENT}
TABLES = {
    "customer": ("customer_id", "party_type", "observed_at"),
    "invoice": (
        "invoice_id",
        "customer_id",
        "document_type",
        "issue_date",
        "due_date",
        "amount",
        "currency",
        "observed_at",
    ),
    "payment": ("payment_id", "customer_id", "value_date", "amount", "currency", "observed_at"),
}
DAY_FORMATS = [
    ["%Y-%m-%d"],
    ["%Y-%m-%d"],
    ["%d.%m.%Y"],
    ["%m/%d/%Y"],
    ["%d/%m/%Y", "%m/%d/%Y"],
    ["%Y-%m-%d", "%Y%m%d"],
    ["%Y%m%d"],
    ["%d/%m/%y"],
    ["%y%m%d"],
    ["%d-%b-%Y"],
    ["excel_serial"],
    ["excel_serial_1904"],
]
ENCODINGS = ["utf-8", "utf-8", "utf-8", "utf-16", "utf-16-le", "windows-1252", "iso-8859-15", "cp850"]
NAMES = [
    "C1",
    "007",
    "7",
    "Example, Ltd",
    'Example "A"',
    "Café é",
    "Example\nBakery",
    "x;y|z",
    "O'Hara Example",
    "=1+1",
]
NOISE = [
    '"',
    ",",
    ";",
    "\t",
    "|",
    "\n",
    "\r\n",
    "\r",
    "\0",
    "\u00a0",
    "\ufeff",
    "\u200b",
    "'",
    "-",
    "+",
    "(",
    ".",
    " ",
    "0",
    "1",
    "é",
    "€",
]
LENIENT = LedgerSettings(max_quarantined_share=1)


@dataclass(frozen=True)
class Delivery:
    """Files as they are delivered, the mapping that reads them, and the rows before any damage."""

    mapping: SourceMapping
    files: dict[str, bytes]
    rows: dict[str, list[dict]]
    columns: dict[str, dict[str, str]]
    is_damaged: bool


def draw_delivery(rng, is_damaged=None):
    """Return a delivery; ``is_damaged`` None lets one in twenty be whole."""
    content = copy.deepcopy(rng.choice([FLAT, FLAT, FLAT, CANONICAL]))
    content["dialect"] = draw_dialect(rng)
    if content["name"] == "flat" and "Z" not in content["dialect"]["timestamp_format"][0]:
        content["files"][0]["tables"]["invoice"]["observed_at"]["constant"] = "2026-03-01 00:00:00"
    mapping = SourceMapping.model_validate(content)
    is_flat = content["name"] == "flat"
    rows = draw_rows(rng, mapping.dialect, is_flat=is_flat)
    columns = {
        name: FLAT_COLUMNS if is_flat else {column: column for column in TABLES[name]} for name in rows
    }
    lines = {name: write_lines(rng, rows[name], columns[name], mapping.dialect) for name in rows}
    if is_damaged is None:
        is_damaged = rng.random() < 0.95
    hurt = rng.choice(sorted(lines)) if is_damaged else None
    files = {}
    for name, parts in lines.items():
        end = rng.choice(["\n", "\n", "\r\n"])
        damage = draw_damage(rng) if name == hurt else []
        data = encode(rng, damage_lines(rng, parts, mapping.dialect, damage), end, mapping.dialect, damage)
        files["ledger.csv" if is_flat else f"{name}.csv"] = damage_bytes(rng, data, damage)
    return Delivery(mapping, files, rows, columns, is_damaged)


def draw_dialect(rng):
    decimal_mark = rng.choice([".", ","])
    marks = rng.random() < 0.15
    return {
        "delimiter": rng.choice([",", ";", "\t", "|"]),
        "quote": rng.choice(['"', '"', '"', "'"]),
        "encoding": rng.choice(ENCODINGS),
        "header_line": rng.choice([1, 1, 1, 2, 4]),
        "final_newline": rng.choice(["required", "optional"]),
        "decimal_mark": decimal_mark,
        "thousands_mark": rng.choice([None, None, "." if decimal_mark == "," else ",", " ", "\u00a0", "'"]),
        "negative": rng.choice([["leading_minus"], ["trailing_minus"], ["parentheses"], ["leading_minus", "trailing_minus"]]),
        "negative_marks": ["CR"] if marks else [],
        "positive_marks": ["DR"] if marks else [],
        "date_format": rng.choice(DAY_FORMATS),
        "two_digit_years_from": rng.choice([1990, 2000]),
        "timestamp_format": rng.choice([["%Y-%m-%dT%H:%M:%S%.fZ"], ["%Y-%m-%d %H:%M:%S"]]),
    }  # fmt: skip


def draw_rows(rng, dialect, *, is_flat):
    issued = draw_day(rng, dialect)
    moment = datetime(2026, 3, 1, rng.randrange(24), tzinfo=UTC)
    customers = [rng.choice(NAMES) for _ in range(rng.choice([1, 2, 3]))]
    invoices = [
        {
            "invoice_id": f"{rng.choice(['A', '00', 'RE/2026-'])}{number}",
            "customer_id": rng.choice(customers),
            "document_type": "invoice",
            "issue_date": issued,
            "due_date": draw_day(rng, dialect, issued),
            "amount": draw_amount(rng),
            "currency": rng.choice(["EUR", "USD", "KWD"]),
            "observed_at": moment,
        }
        for number in range(rng.choice([1, 2, 3, 6]))
    ]
    if is_flat:
        return {"invoice": invoices}
    payments = [
        {
            "payment_id": f"P{number}",
            "customer_id": rng.choice(customers),
            "value_date": draw_day(rng, dialect, latest=date(2026, 3, 1)),
            "amount": draw_amount(rng) * rng.choice([1, 1, -1]),
            "currency": "EUR",
            "observed_at": moment,
        }
        for number in range(rng.choice([1, 3]))
    ]
    customers = [
        {"customer_id": name, "party_type": "legal_person", "observed_at": moment}
        for name in sorted({*customers})
    ]
    return {"customer": customers, "invoice": invoices, "payment": payments}


def draw_day(rng, dialect, earliest=date(2000, 1, 1), latest=date(2089, 12, 31)):
    day = earliest + timedelta(days=rng.randrange((latest - earliest).days + 1))
    if len(dialect.date_format) > 1 and dialect.date_format[1] == "%m/%d/%Y" and day.day <= 12:
        day = day.replace(day=28)  # a day that can only be read in one way
        return max(day, earliest) if max(day, earliest).day > 12 else day.replace(day=28)
    return day


def draw_amount(rng):
    digits = rng.choice([1, 2, 3, 4, 7, 12, 15])
    return Decimal(rng.randrange(10**digits)) + Decimal(rng.choice(["0", "0.5", "0.05", "0.99", "0.125"]))


def write_value(rng, value, dialect):
    if isinstance(value, Decimal):
        return write_amount(rng, value, dialect)
    if isinstance(value, datetime):
        return value.strftime(
            "%Y-%m-%dT%H:%M:%SZ" if "Z" in dialect.timestamp_format[0] else "%Y-%m-%d %H:%M:%S"
        )
    if isinstance(value, date):
        name = dialect.date_format[0]
        if name == "excel_serial":
            return str((value - date(1899, 12, 30)).days)
        return str((value - date(1904, 1, 1)).days) if name == "excel_serial_1904" else value.strftime(name)
    return value


def write_amount(rng, value, dialect):
    whole, _, cents = f"{abs(value):.3f}".partition(".")
    cents = cents.rstrip("0").ljust(rng.choice([0, 2, 4]), "0")
    if dialect.thousands_mark and rng.random() < 0.7:
        whole = f"{int(whole):,}".replace(",", dialect.thousands_mark)
    text = whole + (dialect.decimal_mark + cents if cents else "")
    if dialect.positive_marks:
        return (
            text
            + rng.choice(["", " "])
            + (dialect.negative_marks[0] if value < 0 else dialect.positive_marks[0])
        )
    if value >= 0:
        return text
    return {"leading_minus": f"-{text}", "trailing_minus": f"{text}-", "parentheses": f"({text})"}[
        dialect.negative[0]
    ]


def write_lines(rng, rows, columns, dialect):
    """Return the fields of each line, as they are written; the header first."""
    lines = [list(columns.values())]
    lines += [[write_value(rng, row[column], dialect) for column in columns] for row in rows]
    if rng.random() < 0.3:  # a column that nobody maps
        for number, line in enumerate(lines):
            line.append("memo" if not number else rng.choice(["", "hello", "1,5", 'say "x"']))
    return [[quote_field(rng, field, dialect) for field in line] for line in lines]


def quote_field(rng, field, dialect):
    quote = dialect.quote
    if any(mark in field for mark in (quote, dialect.delimiter, "\n")) or rng.random() < 0.1:
        return quote + field.replace(quote, quote + quote) + quote
    return rng.choice([field] * 9 + [f" {field} "])


def draw_damage(rng):
    return [rng.choice([*LINE_DAMAGE, "encoding", *BYTE_DAMAGE]) for _ in range(rng.choice([1, 1, 2, 3]))]


def damage_lines(rng, lines, dialect, damage):
    for name in damage:
        if name in LINE_DAMAGE:
            lines = LINE_DAMAGE[name](rng, [list(line) for line in lines], dialect)
    return lines


def drop_line(rng, lines, _):
    del lines[rng.randrange(len(lines))]
    return lines


def repeat_line(rng, lines, _):
    lines.insert(rng.randrange(len(lines) + 1), list(rng.choice(lines))) if lines else None
    return lines


def exchange_fields(rng, lines, _):
    line = rng.choice(lines) if lines else [""]
    first, second = rng.randrange(len(line)), rng.randrange(len(line))
    line[first], line[second] = line[second], line[first]
    return lines


def exchange_columns(rng, lines, _):
    """Exchange two columns, the header's names too or not."""
    width = min(map(len, lines), default=0)
    first, second = (rng.randrange(width), rng.randrange(width)) if width else (0, 0)
    for line in lines[rng.choice([0, 1]) :] if width else []:
        line[first], line[second] = line[second], line[first]
    return lines


def drop_field(rng, lines, _):
    line = rng.choice(lines) if lines else [""]
    place = rng.randrange(len(line) + 1)
    del line[place : place + 1]
    return lines


def change_field(rng, lines, dialect):
    """Write a value in another way, as other sources do."""
    line = rng.choice(lines) if lines else [""]
    if not line:
        return lines
    place = rng.randrange(len(line))
    text = line[place]
    cut = rng.randrange(len(text) + 1)
    other = rng.choice(
        [
            text[:cut] + (dialect.thousands_mark or rng.choice(".,' ")) + text[cut:],
            text.replace(dialect.decimal_mark, "," if dialect.decimal_mark == "." else "."),
            text.replace("-", "/"),
            text.replace("0", "O"),
            f"-{text}",
            f"{text}-",
            f"({text})",
            f"{text} CR",
            f"€ {text}",
            text.lower(),
            text[:-1],
            text[1:],
            text + text,
            f"{text}.000",
            text.replace(".", ""),
            text[: len(text) // 2] + rng.choice(NOISE) + text[len(text) // 2 :],
            "",
            "NULL",
            "1.23E+11",
            "2026-02-30",
            "0000-00-00",
            "60",
            "9" * 20,
        ]
    )
    line[place] = other
    return lines


def swap_delimiter(rng, lines, _):
    """Write one line with another delimiter."""
    line = rng.choice(lines) if lines else [""]
    line[:] = [rng.choice([",", ";", "\t", "|"]).join(line)]
    return lines


LINE_DAMAGE = {
    "drop line": drop_line,
    "repeat line": repeat_line,
    "exchange fields": exchange_fields,
    "exchange columns": exchange_columns,
    "drop field": drop_field,
    "change field": change_field,
    "change another field": change_field,
    "swap delimiter": swap_delimiter,
}


def encode(rng, lines, end, dialect, damage):
    title = "".join(
        rng.choice(["", "Open items", "As of 2026"]) + end for _ in range(dialect.header_line - 1)
    )
    text = title + "".join(dialect.delimiter.join(line) + end for line in lines)
    if dialect.final_newline == "optional" and rng.random() < 0.5:
        text = text.removesuffix(end)
    encoding = rng.choice(ENCODINGS) if "encoding" in damage else dialect.encoding
    has_mark = encoding == "utf-8" and rng.random() < 0.2
    return ("\ufeff" * has_mark + text).encode(encoding, errors="replace")


def flip_byte(rng, data, place):
    data[place] = rng.randrange(256)


def insert_noise(rng, data, place):
    data[place:place] = rng.choice(NOISE).encode()


def replace_byte(rng, data, place):
    data[place : place + 1] = rng.choice(NOISE).encode()


def delete_bytes(rng, data, place):
    del data[place : place + rng.choice([1, 1, 1, 5, 60])]


def repeat_bytes(rng, data, place):
    data[place:place] = data[max(place - rng.randrange(80), 0) : place]


def cut_off(rng, data, place):  # noqa: ARG001  all damage is called alike
    del data[place:]


BYTE_DAMAGE = {
    "flip byte": flip_byte,
    "insert noise": insert_noise,
    "replace byte": replace_byte,
    "delete bytes": delete_bytes,
    "repeat bytes": repeat_bytes,
    "cut off": cut_off,
}


def damage_bytes(rng, data, damage):
    data = bytearray(data)
    for name in damage:
        if name in BYTE_DAMAGE and data:
            BYTE_DAMAGE[name](rng, data, rng.randrange(len(data)))
    return bytes(data)


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery: how many rows were loaded and refused, or that it was refused."""

    loaded: int
    quarantined: int
    is_refused: bool


def load_delivery(delivery, folder, *, whole=False):
    """Return raw_file and facts, or None and the refusal; ``whole`` takes it up to balances and checks."""
    for name, data in delivery.files.items():
        (folder / name).write_bytes(data)
    try:
        if whole:
            load_ledger(folder, delivery.mapping, date(2026, 6, 1), LENIENT)
        blocks = list(read_blocks(folder, delivery.mapping))
        files = join_blocks("raw_file", (block["raw_file"] for block in blocks if "raw_file" in block))
        return files, convert_blocks(blocks, delivery.mapping, LedgerSettings())
    except InputRefusedError as error:
        return None, error


def check_delivery(delivery, *, whole=False):
    """Return the outcome of a delivery; AssertionError where it is not as it must be."""
    with tempfile.TemporaryDirectory() as folder:
        files, found = load_delivery(delivery, Path(folder), whole=whole)
    if files is None:
        assert delivery.is_damaged, str(found)
        assert found.remedy
        assert found.where
        assert str(found).isprintable()
        return Outcome(0, 0, is_refused=True)
    loaded = quarantined = 0
    for name in delivery.rows:
        facts = found[f"core_{name}"]
        source_file = next(iter(delivery.files)) if len(delivery.files) == 1 else f"{name}.csv"
        refused = found["core_quarantine"].filter(found["core_quarantine"]["source_file"] == source_file)
        lines = {
            int(place.rpartition(":")[2]): row
            for place, *row in facts.select("source_id", *delivery.columns[name]).iter_rows()
        }
        lines = dict(sorted(lines.items()))
        bad = set(refused.get_column("source_line"))
        text = FileText(delivery.files[source_file], delivery.mapping.dialect)
        check_values(text, lines, delivery.columns[name], delivery.mapping.dialect)
        check_lines(text, lines, bad)
        count = files.filter(files["source_file"] == source_file).item(0, "row_count")
        assert count == len(facts) + len(bad - set(lines)), (count, len(facts), bad)
        if not delivery.is_damaged:
            assert [dict(zip(delivery.columns[name], row, strict=True)) for row in lines.values()] == [
                {column: row[column] for column in delivery.columns[name]} for row in delivery.rows[name]
            ]
        loaded, quarantined = loaded + len(facts), quarantined + len(bad)
    return Outcome(loaded, quarantined, is_refused=False)


def check_values(text, lines, columns, dialect):
    """Every loaded value is what stands in the file."""
    for line, row in lines.items():
        written = text.read_row(line)
        for (column, source), value in zip(columns.items(), row, strict=True):
            expected = read_value(written.get(source, ""), KINDS.get(column, TEXT), dialect)
            assert value == expected, (
                f"line {line}, {column}: {value!r} loaded, {written.get(source)!r} written"
            )


def read_value(text, kind, dialect):
    if not text:
        return None
    match kind:
        case "amount":
            return read_amount(text, dialect)
        case "day":
            return read_day(text, dialect)
        case "moment":
            return read_moment(text, dialect)
        case _:
            return text


def check_lines(text, lines, bad):
    """Every line with something in it belongs to a loaded row or to one in quarantine."""
    covered = {*range(1, text.find_header())}
    for line in (text.find_header(), *lines, *bad):
        try:
            _, count = text.read_record(line)
        except csv.Error:
            count = 1
        covered |= {*range(line, line + count)}
    lost = [line for line in range(1, len(text.lines) + 1) if line not in covered and not text.is_blank(line)]
    assert not lost, f"lines {lost} are neither loaded nor in quarantine"
