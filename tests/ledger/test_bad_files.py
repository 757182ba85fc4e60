"""Files as they really arrive, each with its exact outcome (tests/golden/bad_files).

A case is a file and what must become of it: the rows that are loaded, the rows in quarantine (line,
column, rule, value), or the refusal. What a case does not say is as in ``PLAIN``.
"""

import io
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
import yaml

from segmentation.domain.errors import ExitCode, InputRefusedError, SegmentationError
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.conversion import convert
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.rules import REMEDIES, REST_OF_ROW_REFUSED
from segmentation.ledger.source_rows import write_source_id
from segmentation.ledger.sources import read_raw

FOLDER = Path(__file__).parents[1] / "golden" / "bad_files"
CASES = [
    case
    for path in sorted(FOLDER.glob("*.yaml"))
    for case in yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
]
PLAIN = {
    "invoice_id": "A1",
    "customer_id": "C1",
    "issue_date": "2026-01-05",
    "due_date": "2026-02-04",
    "amount": "100.00",
    "currency": "EUR",
}
FIELDS = dict(zip(("doc", "customer", "issued", "due", "amount", "currency"), PLAIN.values(), strict=True))
PLAIN_MAPPING = load_mapping(FOLDER / "mapping" / "ledger.yaml")


def write_piece(piece):
    """Return bytes of a part of a file: text, or a mapping with hex, repeat or text in an encoding of its own."""
    if isinstance(piece, str):
        return piece.encode()
    if "hex" in piece:
        return bytes.fromhex(piece["hex"])
    text = piece.get("text", "") + piece.get("repeat", "") * int(piece.get("times", 0))
    return text.encode(piece.get("encoding", "utf-8"))


def write_content(case, content):
    if isinstance(content, dict):  # a workbook or another archive: name of the part, and its text
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            for name, text in content["zip"].items():
                archive.writestr(name, text)
        return target.getvalue()
    pieces = content if isinstance(content, list) else [content]
    data = b"".join(write_piece(piece) for piece in pieces)
    if "encoding" in case:
        text = ("\ufeff" if case.get("bom") == "true" else "") + data.decode()
        return text.encode(case["encoding"])
    return data


def write_files(case, folder):
    if "put" in case:  # a plain row with some of its fields written so
        delimiter = case.get("dialect", {}).get("delimiter", ",")
        rows = (FIELDS.keys(), (FIELDS | case["put"]).values())
        content = "".join(delimiter.join(row) + "\n" for row in rows)
        files = {"ledger.csv": content}
    else:
        files = case.get("files") or {"ledger.csv": case["content"]}
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(write_content(case, content))


def load_case_mapping(case, folder):
    """Return the mapping of a case, through a YAML file as users write one."""
    if "mapping" in case:
        return load_mapping(case["mapping"])
    content = yaml.load((FOLDER / "mapping" / "ledger.yaml").read_text(encoding="utf-8"), yaml.BaseLoader)
    content["dialect"] |= case.get("dialect", {})
    route = content["files"][0]["tables"]["invoice"]
    route |= case.get("columns", {}) | case.get("route", {})
    if "format" in case:
        content["files"][0]["format"] = case["format"]
    if not any(key in case for key in ("dialect", "columns", "route", "format")):
        return PLAIN_MAPPING
    path = folder.parent / "mapping.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_mapping(path)


def run_case(case, folder):
    """Return raw_file, the invoices and the quarantine."""
    mapping = load_case_mapping(case, folder)
    if "as_of" in case:
        settings = case.get("settings", {"max_quarantined_share": 1})
        loaded = load_ledger(folder, mapping, date.fromisoformat(case["as_of"]), LedgerSettings(**settings))
        quarantine = loaded.ledger["core_quarantine"].filter(pl.col("rule") != REST_OF_ROW_REFUSED)
        quality = loaded.ledger["core_quality"].filter(pl.col("verdict") == "fail")
        assert "rows_in_equal_loaded_plus_quarantined" not in quality.get_column("check_name")
        return loaded.files, loaded.ledger["core_invoice"], quarantine
    raw = read_raw(folder, mapping)
    tables = convert(raw, mapping, LedgerSettings())
    accounted = pl.concat(
        [table.select("source_id") for name, table in tables.items() if name != "core_quarantine"]
        + [tables["core_quarantine"].select(write_source_id())]
    )
    files = raw["raw_file"]
    assert (
        files.get_column("row_count").sum() == accounted.n_unique() + files.get_column("left_out_count").sum()
    )
    return files, tables["core_invoice"], tables["core_quarantine"]


def expected_invoices(case):
    rows = [{"line": "2", "file": "ledger.csv"} | PLAIN | row for row in case.get("loaded", [])]
    return sorted(
        (
            row["file"],
            int(row["line"]),
            row["invoice_id"],
            row["customer_id"],
            date.fromisoformat(row["issue_date"]),
            date.fromisoformat(row["due_date"]) if row["due_date"] else None,
            Decimal(row["amount"]),
            row["currency"],
        )
        for row in rows
    )


def found_invoices(invoices):
    """Return the rows; of text too long to read, its first letter and its length."""
    invoices = invoices.with_columns(
        pl.when(pl.col("customer_id").str.len_chars() > 300)
        .then(
            pl.format("{} {} times", pl.col("customer_id").str.head(1), pl.col("customer_id").str.len_chars())
        )
        .otherwise("customer_id")
        .alias("customer_id")
    )
    columns = ["source_id", *PLAIN]
    return sorted(
        (name.rpartition(":")[0], int(name.rpartition(":")[2]), *values)
        for name, *values in invoices.select(columns).iter_rows()
    )


def expected_quarantine(case):
    only = next(iter(case["put"].values())) if len(case.get("put", {})) == 1 else ""
    rows = [
        {"line": "2", "file": "ledger.csv", "table": "invoice", "column": "", "value": only} | row
        for row in case.get("quarantined", [])
    ]
    return sorted(
        (
            row["file"],
            int(row["line"]),
            f"core_{row['table']}",
            row["column"] or "",
            row["rule"],
            row["value"],
        )
        for row in rows
    )


def found_quarantine(quarantine):
    columns = ["source_file", "source_line", "table_name", "column_name", "rule", "value"]
    return sorted(
        tuple("" if value is None else value for value in row)
        for row in quarantine.select(columns).iter_rows()
    )


def check_refusal(error, case):
    """A refusal says which file, which line where there is one, what is wrong and what to do."""
    message = str(error)
    expected = case["refused"]
    words = expected if isinstance(expected, list) else [expected]
    for word in words:
        assert word in message
    if "exit" in case:
        assert error.exit_code == int(case["exit"])
    else:
        assert type(error) is InputRefusedError
        assert error.exit_code == ExitCode.INPUT_REFUSED
        assert case.get("file", "ledger.csv") in error.where
    if "line" in case:
        assert f"line {case['line']}" in error.where.split(", ")
    assert len(error.remedy) > 20
    assert len(message) < 1000
    assert message.isprintable()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_a_file_has_exactly_the_outcome_of_its_case(case, tmp_path):
    folder = tmp_path / "delivery"
    folder.mkdir()
    write_files(case, folder)
    if "refused" in case:
        with pytest.raises(SegmentationError) as caught:
            run_case(case, folder)
        check_refusal(caught.value, case)
        return
    files, invoices, quarantine = run_case(case, folder)
    assert found_invoices(invoices) == expected_invoices(case)
    assert found_quarantine(quarantine) == expected_quarantine(case)
    for rule, remedy in quarantine.select("rule", "remedy").iter_rows():
        assert remedy == REMEDIES[rule]
    assert files.get_column("left_out_count").sum() == int(case.get("left_out", 0))


def test_the_cases_are_many_and_each_says_why():
    assert len(CASES) >= 160
    assert len({case["case"] for case in CASES}) == len(CASES)
    for case in CASES:
        assert case["why"]
        assert any(key in case for key in ("loaded", "quarantined", "refused"))
