"""The same facts give the same ledger, however often and in whatever files they are delivered."""

import random
from datetime import date

import pytest
import yaml

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.hashing import hash_frame, hash_text
from segmentation.ledger.loading import load_ledger
from tests.ledger.mappings import exports

RERUNS, PERMUTATIONS = 4, 10
"""In the test suite; ``python -m tests.benchmarks`` does fifty and two hundred."""

TABLES = {
    "customer": ["customer_id"],
    "invoice": ["invoice_id", "customer_id", "document_type", "issue_date", "due_date", "amount", "currency"],
    "instalment": ["invoice_id", "instalment_number", "due_date", "amount"],
    "payment": ["payment_id", "customer_id", "value_date", "amount", "currency", "reversal_of"],
    "allocation": [
        "allocation_id",
        "payment_id",
        "credit_note_id",
        "invoice_id",
        "instalment_number",
        "amount",
        "allocated_at",
    ],
}
AS_OF = date(2026, 4, 1)
PLACES = ("source_id", "source_file", "source_line", "subject")


def small_ledger(seed=7):
    """Rows of text by table: parts, reversals, credit, corrections that were learned later."""
    rng = random.Random(seed)

    def day(number):
        return f"2026-{1 + number // 28:02}-{1 + number % 28:02}"

    def learned(number):
        return f"{day(number)}T09:00:00Z"

    tables = {name: [] for name in TABLES}
    for customer in range(3):
        tables["customer"].append([f"C{customer}", learned(0)])
    for number in range(12):
        issued = rng.randrange(20)
        kind = "credit_note" if number % 6 == 5 else "invoice"
        facts = [f"I{number}", f"C{number % 3}", kind, day(issued), day(issued + 14)]
        tables["invoice"].append([*facts, "90.00", "EUR", learned(issued)])
        if number % 4 == 1:  # the due date was put right later
            tables["invoice"].append([*facts[:4], day(issued + 30), "90.00", "EUR", learned(issued + 20)])
        if number % 3 == 0:
            for part in (1, 2):
                owed = [f"I{number}", str(part), day(issued + 14 * part), "45.00"]
                tables["instalment"].append([*owed, learned(issued)])
        paid = issued + rng.randrange(30)
        money = [f"P{number}", f"C{number % 3}", day(paid), "80.00", "EUR", ""]
        tables["payment"].append([*money, learned(paid)])
        credit = "I5" if number == 2 else ""
        for share in range(2):
            key = [f"A{number}-{share}", "" if credit else f"P{number}", credit]
            owed = [f"I{number}", "", f"{rng.randrange(10, 40)}.50", day(paid)]
            tables["allocation"].append([*key, *owed, learned(paid + share)])
        if number % 4 == 3:
            back = [f"R{number}", f"C{number % 3}", day(paid + 5), "-50.00", "EUR", f"P{number}"]
            tables["payment"].append([*back, learned(paid + 6)])
    return tables


def write_mapping(folder):
    files = [{"filename": f"{name}*.csv", "tables": {name: "as_is"}} for name in TABLES]
    mapping = {
        "name": "cut",
        "description": "The canonical tables, each in any number of files.",
        "source_system": "test",
        "dialect": {
            "delimiter": ",",
            "encoding": "utf-8",
            "decimal_mark": ".",
            "date_format": "%Y-%m-%d",
            "timestamp_format": "%Y-%m-%dT%H:%M:%SZ",
        },
        "files": files,
    }
    path = folder / "cut.yaml"
    path.write_text(yaml.safe_dump(mapping, sort_keys=False), encoding="utf-8")
    return path


def write_file(path, name, rows):
    lines = [[*TABLES[name], "observed_at"], *rows]
    path.write_text("".join(",".join(line) + "\n" for line in lines), encoding="utf-8")


def deliver(tables, folder):
    folder.mkdir()
    for name, rows in tables.items():
        write_file(folder / f"{name}.csv", name, rows)
    return folder


def deliver_permuted(tables, folder, rng):
    """Shuffle the rows, cut them into files of any name, and deliver some of them again."""
    folder.mkdir()
    for name, rows in tables.items():
        shuffled = rng.sample(rows, len(rows))
        cuts = sorted(rng.sample(range(1, len(rows)), rng.randrange(3)))
        parts = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
        if rng.random() < 0.5:
            parts.append(rng.sample(rows, rng.randrange(1, len(rows))))
        for part in parts:
            write_file(folder / f"{name}-{rng.randrange(10**9)}.csv", name, part)
    return folder


def content_hash(folder, mapping):
    """Hash of everything that is loaded; places in files, and what is counted per file, are left out."""
    ledger = load_ledger(folder, mapping, AS_OF).ledger
    names = sorted(set(LEDGER_TABLES) - {"core_quality"})
    assert ledger["core_quarantine"].height == 0
    assert ledger["core_instalment_balance"].height > 0
    return hash_text(*(hash_frame(ledger[name], ignore=PLACES) for name in names))


def count_contents(folder, reruns, permutations):
    """Return how many different ledgers the deliveries of the same facts gave, and of other facts one more."""
    mapping = write_mapping(folder)
    tables = small_ledger()
    plain = deliver(tables, folder / "plain")
    rng = random.Random(1)
    hashes = {content_hash(plain, mapping) for _ in range(reruns)}
    for number in range(permutations):
        hashes.add(content_hash(deliver_permuted(tables, folder / f"{number}", rng), mapping))
    return len(hashes)


@pytest.mark.parametrize(("reruns", "permutations"), [(RERUNS, 0), (1, PERMUTATIONS)])
def test_the_same_facts_give_the_same_ledger(tmp_path, reruns, permutations):
    assert count_contents(tmp_path, reruns, permutations) == 1


def test_another_fact_gives_another_ledger(tmp_path):
    mapping, tables = write_mapping(tmp_path), small_ledger()
    before = content_hash(deliver(tables, tmp_path / "before"), mapping)
    last = tables["allocation"][-1]
    tables["allocation"][-1] = [*last[:5], "10.01", *last[6:]]
    assert content_hash(deliver(tables, tmp_path / "after"), mapping) != before


def cut_export(folder, target, reorder, rng):
    """Write the files of an export with their rows reordered, those of two rows or more as two files of any name."""
    target.mkdir()
    for file in sorted(folder.iterdir()):
        head, *rows = file.read_text(encoding="utf-8").splitlines()
        reorder(rows)
        cut = rng.randrange(1, len(rows)) if len(rows) > 1 else len(rows)
        for part in filter(None, (rows[:cut], rows[cut:])):
            path = target / f"{rng.randrange(10**9)}-{file.name}"
            path.write_text("".join(f"{line}\n" for line in [head, *part]), encoding="utf-8")
    return target


@pytest.mark.parametrize("system", ["odoo", "sap"])
def test_an_export_gives_the_same_ledger_whatever_the_order_of_its_files_and_rows(tmp_path, system):
    mapping, export, rng = exports.mapping_of(system), exports.folder_of(system), random.Random(2)
    reversed_export = cut_export(export, tmp_path / "reversed", list.reverse, rng)
    shuffled_export = cut_export(export, tmp_path / "shuffled", rng.shuffle, rng)
    found = {content_hash(folder, mapping) for folder in (export, reversed_export, shuffled_export)}
    assert len(found) == 1
