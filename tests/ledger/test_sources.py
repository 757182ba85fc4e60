"""Files are read as they are declared, or refused with the place and a remedy."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segmentation.domain.errors import ExitCode, InputRefusedError
from segmentation.ledger.delimited import BLOCK_BYTES, split_file
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.sources import list_delivery_files, read_raw

HEADER = "doc_id,cust_number,posting_date,due_date,clear_date,amount,currency\n"
ROWS = (
    "A1,0007,2026-01-01,2026-01-31,2026-02-03,10.00,EUR\n"
    "A2,0007,2026-01-02,2026-02-01,,20.50,EUR\n"
    "A3,0008,2026-01-03,2026-02-02,,1.00,USD\n"
)
B2B = load_mapping("b2b_ledger")


def deliver(tmp_path, content, name="ledger.csv"):
    folder = tmp_path / "delivery"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def split(data, dialect=None, block_bytes=BLOCK_BYTES):
    """Return header, rows and rejects of a whole file."""
    blocks = list(split_file(data, dialect or Dialect(), "any.csv", block_bytes))
    rows, rejects = (pl.concat([getattr(b, part) for b in blocks]) for part in ("rows", "rejects"))
    return replace(blocks[0], rows=rows, rejects=rejects)


def with_dialect(**changes):
    return B2B.model_copy(update={"dialect": B2B.dialect.model_copy(update=changes)})


def test_rows_keep_their_text_and_their_line(tmp_path):
    raw = read_raw(deliver(tmp_path, HEADER + ROWS), B2B)
    invoices = raw["raw_invoice"]
    assert invoices["source_line"].to_list() == [2, 3, 4]
    assert invoices["customer_id"].to_list() == ["0007", "0007", "0008"]
    assert invoices["amount"].to_list() == ["10.00", "20.50", "1.00"]
    assert raw["raw_payment"]["payment_id"].to_list() == ["settlement-A1"]
    assert raw["raw_file"].row(0, named=True)["row_count"] == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ["empty"]),
        (b"\xef\xbb\xbf\r\n\n", ["empty"]),
        (HEADER, ["no invoices", "ledger.csv"]),
        ("PK\x03\x04 a workbook that was renamed\n", ["Excel", "as CSV"]),
        ("<!DOCTYPE html><html><body>502</body></html>\n", ["web page", "line 1"]),
        ("\n <?xml version='1.0'?>\n<rows/>\n", ["web page or XML"]),
        ((HEADER + ROWS).replace(",", ";"), ["separated by semicolons, not by commas"]),
        ((HEADER + ROWS).replace(",", "\t"), ["separated by tabs"]),
        ((HEADER + ROWS).rstrip("\n"), ["no end", "line 4", "final_newline"]),
        ((HEADER + ROWS)[:-9] + "\n", ["line 4", "fewer fields", "cut off"]),
        (HEADER + ROWS + '"A4,0007,2026-01-01\n', ["never closed", "line 5"]),
        (HEADER.replace("clear_date", "due_date") + ROWS, ["'due_date'", "more than once"]),
        (HEADER.replace("due_date", "duedate") + ROWS, ["no column 'due_date'", "may be 'duedate'"]),
        ((HEADER + ROWS).replace("A2", "A\x002"), ["NUL", "line 3"]),
        ((HEADER + ROWS).replace("A2", "Zoé").encode("latin-1"), ["not written in utf-8", "line 3"]),
        ((HEADER + ROWS).encode("utf-16"), ["not written in utf-8", "utf-16 is likely"]),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused_with_place_and_remedy(tmp_path, content, said):
    with pytest.raises(InputRefusedError) as error:
        read_raw(deliver(tmp_path, content), B2B)
    assert error.value.exit_code == ExitCode.INPUT_REFUSED
    assert error.value.remedy
    message = str(error.value)
    assert "ledger.csv" in message
    for words in said:
        assert words in message


def test_utf8_declared_as_something_else_is_refused(tmp_path):
    folder = deliver(tmp_path, (HEADER + ROWS).replace("A2", "Zoé"))
    with pytest.raises(InputRefusedError, match="utf-8 is likely"):
        read_raw(folder, with_dialect(encoding="windows-1252"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "windows-1252"])
def test_declared_encodings_give_the_same_text(tmp_path, encoding):
    content = (HEADER + ROWS).replace("A2", "Zoé").encode(encoding)
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    raw = read_raw(deliver(tmp_path, content), with_dialect(encoding=declared))
    assert raw["raw_invoice"]["invoice_id"].to_list() == ["A1", "Zoé", "A3"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(tmp_path, end):
    raw = read_raw(deliver(tmp_path, (HEADER + ROWS).replace("\n", end)), B2B)
    assert raw["raw_invoice"]["currency"].to_list() == ["EUR", "EUR", "USD"]
    assert raw["raw_invoice"]["source_line"].to_list() == [2, 3, 4]


def test_a_missing_last_newline_is_fine_where_it_is_declared(tmp_path):
    raw = read_raw(deliver(tmp_path, (HEADER + ROWS).rstrip()), with_dialect(final_newline="optional"))
    assert raw["raw_invoice"].height == 3


def test_lines_that_cannot_be_split_are_in_quarantine_with_their_line(tmp_path):
    rows = ROWS.splitlines(keepends=True)
    broken = [rows[0], "A9,0007,too,few\n", 'A8,00"07,2026-01-01,2026-01-31,,1,EUR\n', rows[1][:-1] + ",x\n"]
    raw = read_raw(deliver(tmp_path, HEADER + "".join([*broken, "\n", rows[2]])), B2B)
    assert raw["raw_invoice"]["source_line"].to_list() == [2, 7]
    quarantine = raw["raw_quarantine"].select("source_line", "rule", "table_name")
    assert quarantine.rows() == [
        (3, "too_few_fields", "core_invoice"),
        (4, "stray_quote", "core_invoice"),
        (5, "too_many_fields", "core_invoice"),
    ]
    assert raw["raw_quarantine"]["remedy"].null_count() == 0
    assert raw["raw_file"].item(0, "row_count") == 5


def test_quoted_newlines_keep_physical_line_numbers(tmp_path):
    text = HEADER + '"A\n1",7,2026-01-01,2026-01-31,,1,EUR\n' + ROWS
    raw = read_raw(deliver(tmp_path, text), B2B)
    assert raw["raw_invoice"].select("source_line", "invoice_id").rows() == [
        (2, "A\n1"),
        (4, "A1"),
        (5, "A2"),
        (6, "A3"),
    ]


def test_a_torn_quote_over_lines_takes_no_row_along_unseen(tmp_path):
    text = (
        HEADER
        + 'A0,"x,2026-01-01,2026-01-31,,1,EUR\n'
        + ROWS
        + 'A9,y",z,2026-01-01,2026-01-31,,1,EUR\n'
        + ROWS
    )
    raw = read_raw(deliver(tmp_path, text), B2B)
    assert (
        raw["raw_invoice"].height + raw["raw_quarantine"].height == raw["raw_file"].item(0, "row_count") == 8
    )
    assert set(raw["raw_quarantine"]["source_line"]) == {2, 3, 4, 5, 6}


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(InputRefusedError, match="no such ledger"):
        read_raw(tmp_path / "nowhere", B2B)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefusedError, match=r"no file \*\.csv"):
        read_raw(tmp_path / "empty", B2B)
    folder = deliver(tmp_path, "customer_id,observed_at\nC,2026-01-01T00:00:00Z\n", "customer.csv")
    deliver(tmp_path, HEADER + ROWS, "invoices.csv")
    with pytest.raises(InputRefusedError, match=r"no file invoice\.csv; is it 'invoices\.csv'"):
        read_raw(folder, load_mapping("canonical"))


def test_truth_and_hidden_files_are_not_read_and_strays_are_reported(tmp_path):
    folder = deliver(tmp_path, "customer_id,observed_at\nC,2026-01-01T00:00:00Z\n", "customer.csv")
    header = "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n"
    deliver(
        tmp_path, header + "I,C,invoice,2026-01-01,2026-01-31,1,EUR,2026-01-01T00:00:00Z\n", "invoice.csv"
    )
    deliver(tmp_path, "a,b\n", "disputes.csv")
    deliver(tmp_path, "a,b\n", ".hidden.csv")
    (folder / "truth").mkdir()
    (folder / "truth" / "customer.csv").write_text("broken")
    files = read_raw(folder, load_mapping("canonical"))["raw_file"]
    assert dict(files.select("source_file", "is_mapped").rows()) == {
        "customer.csv": True,
        "disputes.csv": False,
        "invoice.csv": True,
    }


def test_a_file_named_directly_needs_no_fitting_name(tmp_path):
    folder = deliver(tmp_path, HEADER + ROWS, "export.dat")
    assert read_raw(folder / "export.dat", B2B)["raw_invoice"].height == 3


def test_columns_that_nobody_mapped_are_listed(tmp_path):
    lines = (HEADER + ROWS).splitlines()
    text = "".join(f"{line},{'memo' if line == lines[0] else 'x'}\n" for line in lines)
    assert read_raw(deliver(tmp_path, text), B2B)["raw_file"].item(0, "unmapped_columns").to_list() == [
        "memo"
    ]


def test_observed_at_is_the_latest_of_its_columns():
    mapping = load_mapping("ibm_accounts_receivable")
    assert mapping.files[0].tables["contact_point"][0].columns["observed_at"].latest_of == (
        "PaperlessDate",
        "InvoiceDate",
    )


TEXT = st.text(st.sampled_from('ab",;\n\r é'), max_size=6)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=8))
def test_what_a_csv_writer_wrote_is_read_back(rows):
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["x", "y", "z"])
    writer.writerows(rows)
    content = split(out.getvalue().encode())

    expected = [tuple(value.strip() or None for value in row) for row in rows]
    assert content.rejects.height == 0
    assert content.rows.select("x", "y", "z").rows() == expected


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from('ab,"\n'), max_size=40))
def test_any_text_is_split_quarantined_or_refused(text):
    try:
        content = split(b"x,y\n" + text.encode() + b"\n")
    except InputRefusedError:
        return
    lines = pl.concat([content.rows["source_line"], content.rejects["source_line"]])
    assert lines.is_unique().all()
    assert content.rows["source_line"].is_sorted()
    physical = text.split("\n")
    for line in content.rows.iter_rows(named=True):
        first = physical[line["source_line"] - 2]
        if '"' not in first:
            assert [line["x"] or "", line["y"] or ""] == [part.strip() for part in first.split(",")]


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from('ab,"\n\r \t\u00a0é'), max_size=60), st.integers(1, 30))
def test_the_size_of_a_block_does_not_matter(text, block_bytes):
    data = b"x,y\n" + text.encode() + b"\n"
    found = []
    for size in (BLOCK_BYTES, block_bytes):
        try:
            content = split(data, block_bytes=size)
            found.append((content.rows.rows(), content.rejects.rows()))
        except InputRefusedError as error:
            found.append(str(error))
    assert found[0] == found[1]


def test_reading_is_independent_of_where_the_folder_lies(tmp_path):
    first = read_raw(deliver(tmp_path, HEADER + ROWS), B2B)
    (tmp_path / "other").mkdir()
    second = read_raw(deliver(Path(tmp_path / "other"), HEADER + ROWS), B2B)
    assert all(first[name].equals(second[name]) for name in first)


@pytest.mark.parametrize(
    "name", ["more.csv.gz", "more.zip", "more.CSV.1", "more.xlsb", "STMT0001", "statement.mta", "old.pst"]
)
def test_a_file_that_nobody_reads_is_told_of(tmp_path, name):
    folder = deliver(tmp_path, HEADER + ROWS)
    (folder / name).write_text(HEADER)
    quality = load_ledger(folder, B2B).ledger["core_quality"]
    told = quality.filter(pl.col("check_name") == "source_files_are_mapped").select("subject", "verdict")
    assert told.rows() == [(name, "warn")]


@pytest.mark.parametrize(
    "name", ["notes.md", "upload.csv.part", "ledger.csv~", "decisions.sqlite-wal", "m.yaml"]
)
def test_notes_and_files_that_are_still_arriving_are_no_delivery(tmp_path, name):
    folder = deliver(tmp_path, HEADER + ROWS)
    (folder / name).write_text(HEADER)
    assert list(list_delivery_files(folder)) == ["ledger.csv"]


def test_what_the_program_makes_is_no_delivery(tmp_path):
    folder = deliver(tmp_path, HEADER + ROWS)
    (folder / "more").mkdir()
    for name in ("more/a.csv", "Z.CSV", "notes.md", ".hidden.csv"):
        (folder / name).write_text(HEADER)
    data_root = folder / "out"
    (data_root / "published").mkdir(parents=True)
    (data_root / "published" / "x.csv").write_text("a\n")
    assert "out/published/x.csv" in list_delivery_files(folder)
    (data_root / "run.lock").touch()
    assert list(list_delivery_files(folder)) == ["Z.CSV", "ledger.csv", "more/a.csv"]
    assert list_delivery_files(folder)["more/a.csv"] == folder / "more" / "a.csv"
    (folder / "warehouse.duckdb").touch()
    (folder / "published").mkdir()
    (folder / "published" / "x.csv").write_text("a\n")
    assert list(list_delivery_files(folder)) == ["Z.CSV", "ledger.csv", "more/a.csv"]


def test_a_broken_link_is_refused_rather_than_left_out(tmp_path):
    folder = deliver(tmp_path, HEADER + ROWS)
    (folder / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    with pytest.raises(InputRefusedError, match=r"gone\.csv"):
        list_delivery_files(folder)


def test_a_file_without_permission_is_refused(tmp_path, monkeypatch):
    folder = deliver(tmp_path, HEADER + ROWS)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputRefusedError, match=r"cannot be read: no permission \(ledger\.csv\)"):
        list_delivery_files(folder)
