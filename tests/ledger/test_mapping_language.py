"""What a mapping can say beyond one file, one table, one column: lookups, several ways, other mappings."""

from datetime import date
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from segmentation.domain.errors import InputRefusedError, UsageError
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.query_macros import define_macros

MAPPING = """\
name: books
source_system: books
dialect: {delimiter: ";", decimal_mark: ",", date_format: "%d.%m.%Y"}
files:
  - filename: partners.csv
    name: partners
    tables:
      customer: {customer_id: no, name: name, observed_at: since}
  - filename: documents.csv
    minimum_rows: 1
    sql: >-
      SELECT r.*, p.no AS partner FROM rows r LEFT JOIN partners p ON p.id = r.partner_id
    tables:
      invoice:
        - {where: {kind: [INV, DN]}, invoice_id: number, customer_id: partner,
           document_type: {column: kind, values: {INV: invoice, DN: debit_note}}, issue_date: day, due_date: due,
           amount: total, currency: {constant: EUR}, observed_at: day}
        - {where: {kind: CN}, invoice_id: number, customer_id: partner, document_type: {constant: credit_note},
           issue_date: day, due_date: {column: day}, amount: {column: total, sign: reversed},
           currency: {constant: EUR}, observed_at: day}
      allocation:
        where: {kind: CN}
        when: against
        allocation_id: number
        credit_note_id: number
        invoice_id: against
        amount: {column: total, sign: absolute}
        allocated_at: day
        observed_at: day
  - filename: receipts.csv
    dialect: {delimiter: ",", decimal_mark: ".", date_format: "%m/%d/%y", two_digit_years_from: 2000,
              negative: trailing_minus}
    optional: true
    sql: >-
      SELECT source_line, id, day, total, part FROM rows, unnest(string_split(coalesce("for", ''), '+')) AS parts(part)
    tables:
      payment: {distinct: true, payment_id: id, value_date: day, amount: total, currency: {constant: EUR}, observed_at: day}
      allocation: {where_not: {part: ""}, allocation_id: {column: part, prefix: "receipt-"}, payment_id: id, invoice_id: part,
                   amount: total, allocated_at: day, observed_at: day}
"""
PARTNERS = "id;no;name;since\n1;0007;Example Bakery;01.01.2026\n2;0008;Example Garage;01.01.2026\n"
DOCUMENTS = (
    "number;partner_id;kind;day;due;total;against\n"
    "I1;1;INV;05.01.2026;04.02.2026;100,00;\n"
    "I2;2;INV;06.01.2026;05.02.2026;1200,50;\n"
    "C1;1;CN;07.01.2026;;-20,00;I1\n"
    "D1;1;DRAFT;08.01.2026;;5,00;\n"
)
RECEIPTS = "id,day,total,for\nP1,02/03/26,80.00,I1\nP2,02/04/26,7.00-,\n"


def deliver(tmp_path, mapping=MAPPING, **files):
    content = {"partners": PARTNERS, "documents": DOCUMENTS, "receipts": RECEIPTS} | files
    for name, text in content.items():
        (tmp_path / f"{name}.csv").write_text(text)
    path = tmp_path / "books.yaml"
    path.write_text(mapping)
    return load_ledger(tmp_path, path, date(2026, 3, 1))


def test_one_file_is_read_by_number_of_another_and_fills_tables_in_several_ways(tmp_path):
    ledger = deliver(tmp_path).ledger
    assert ledger["core_quarantine"].height == 0
    balances = ledger["core_instalment_balance"].select(
        "invoice_id", "customer_id", "paid_amount", "credited_amount", "open_amount", "days_late"
    )
    assert balances.rows() == [
        ("I1", "0007", Decimal("80.000"), Decimal("20.000"), Decimal("0.000"), -1),
        ("I2", "0008", Decimal("0.000"), Decimal("0.000"), Decimal("1200.500"), 24),
    ]
    refund = ledger["core_payment"].filter(pl.col("payment_id") == "P2")
    assert refund["amount"].item() == Decimal("-7.000")
    assert refund["value_date"].item() == date(2026, 2, 4)


def test_rows_left_out_on_purpose_are_counted(tmp_path):
    files = deliver(tmp_path).files
    counts = dict(files.select("source_file", "left_out_count").rows())
    assert counts == {"documents.csv": 1, "partners.csv": 0, "receipts.csv": 0}


def test_a_row_whose_partner_is_unknown_is_in_quarantine_with_its_line(tmp_path):
    documents = DOCUMENTS + "I9;99;INV;05.01.2026;04.02.2026;1,00;\n"
    ledger = deliver(tmp_path, documents=documents).ledger
    assert ledger["core_quarantine"].select("source_file", "source_line", "column_name", "rule").rows() == [
        ("documents.csv", 6, "customer_id", "missing_value")
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("LEFT JOIN partners p", "JOIN partners p", "loses 1 of 5 rows"),
        ("SELECT r.*,", "SELECT r.* EXCLUDE (source_line),", "does not select source_line"),
        ("LEFT JOIN partners p", "LEFT JOIN persons p", "persons"),
        ("r.*, p.no AS partner FROM rows r", "* FROM read_csv('partners.csv') r", "cannot be run"),
        ("SELECT r.*, p.no", "SELECT r.*, [1] AS several, p.no", "cannot be run"),
        ("SELECT r.*, p.no", "SELECT r.*, INTERVAL 1 DAY AS days, p.no", "cannot be run"),
        ("SELECT r.*,", "SELECT r.* REPLACE ('x' AS source_line),", "cannot be run|Ambiguous"),
        ("SELECT r.*,", "; --", "does not select source_line"),
        ("SELECT r.*, p.no", "SELECT r.*, r.region, p.no", r"no column 'region'.*\(documents.csv\)"),
        ("SELECT r.*, p.no", "SELECT r.*, region, p.no", r"no column 'region'.*\(documents.csv\)"),
    ],
)
def test_a_query_that_loses_rows_or_cannot_be_run_is_refused(tmp_path, old, new, said):
    documents = DOCUMENTS + "I9;99;INV;05.01.2026;04.02.2026;1,00;\n"
    with pytest.raises(UsageError, match=said):
        deliver(tmp_path, MAPPING.replace(old, new, 1), documents=documents)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: partners\n", "name: rows\n", "stands for more than one file"),
        ("two_digit_years_from: 2000,", "", "two_digit_years_from"),
        ("negative: trailing_minus", "negatif: trailing_minus", "did you mean 'negative'"),
        ("sign: reversed", "sign: flipped", "sign"),
        ("SELECT r.*,", "SELECT r.*, now() AS read_at,", "every time"),
        ("FROM rows r LEFT", "FROM (SELECT * FROM rows USING SAMPLE 50%) r LEFT", "every time"),
        ("name: partners\n", "name: Rows\n", "stands for more than one file"),
        ('date_format: "%d.%m.%Y"', "date_format: []", "date_format"),
        ('delimiter: ";"', 'delimiter: "\\n"', "a line end can be neither"),
        ('delimiter: ";"', "negative_marks: CR, positive_marks: cr", "a mark stands in both"),
    ],
)
def test_a_mistake_in_the_mapping_names_its_line(tmp_path, old, new, said):
    with pytest.raises(UsageError, match=said) as error:
        deliver(tmp_path, MAPPING.replace(old, new, 1))
    assert "books.yaml, line" in str(error.value)


def test_a_source_without_negative_amounts_and_marks_says_so(tmp_path):
    mapping = MAPPING.replace('delimiter: ";"', 'delimiter: ";", negative: [], negative_marks: ""', 1)
    ledger = deliver(tmp_path, mapping, documents=DOCUMENTS.replace("-20,00;I1", ";")).ledger
    assert ledger["core_invoice"].sort("invoice_id")["amount"].to_list() == [Decimal(100), Decimal("1200.5")]
    assert ledger["core_quarantine"].select("source_line", "rule").rows() == [(4, "missing_value")]


def test_rows_are_parts_only_of_a_named_file_with_one_key_and_a_version(tmp_path):
    whole = "  - filename: whole.csv\n    name: whole\n    key: id\n"
    part = "  - filename: part.csv\n    name: part\n    part_of: {whole: of}\n"
    path = tmp_path / "ours.yaml"
    path.write_text(f"name: ours\nsource_system: ours\nfiles:\n{whole}{part}")
    with pytest.raises(UsageError, match="part_of takes a named file with a key of one column and a version"):
        load_mapping(path)
    path.write_text(f"name: ours\nsource_system: ours\nfiles:\n{whole}    version: changed\n{part}")
    kind = load_mapping(path).file_mapping("part.csv")
    assert (kind.name_delivery("part.csv"), kind.name_delivery("other.csv")) == ("", None)
    kind = kind.model_copy(update={"filename": "*bs[!x]d?.csv"})
    assert kind.name_delivery("May_bsid1.csv") == "may_*1"


def test_a_query_that_reads_amounts_takes_a_plain_minus_only(tmp_path):
    path = tmp_path / "ours.yaml"
    query = "SELECT *, read_amount(paid) AS money FROM rows"
    file = f"  - filename: part.csv\n    name: part\n    sql: {query}\n"
    path.write_text(f"name: ours\nsource_system: ours\ndialect: {{negative: parentheses}}\nfiles:\n{file}")
    with pytest.raises(UsageError, match="no brackets or marks"):
        load_mapping(path)


@pytest.mark.parametrize("columns", ["key: [id, number]", "key: id, version: changed"])
def test_rows_are_told_apart_only_by_columns_that_the_file_has(tmp_path, columns):
    lines = "".join(f"    {line}\n" for line in columns.split(", v")).replace("    ersion", "    version")
    with pytest.raises(InputRefusedError, match=r"partners\.csv.*told apart|told apart.*partners\.csv"):
        deliver(tmp_path, MAPPING.replace("name: partners\n", "name: partners\n" + lines, 1))


def test_a_mapping_that_includes_itself_is_refused(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text(MAPPING.replace("files:\n", f"include: {two}\nfiles:\n", 1))
    two.write_text(MAPPING.replace("files:\n", f"include: {one}\nfiles:\n", 1))
    with pytest.raises(UsageError, match="would include itself"):
        load_mapping(one)


def test_two_mappings_with_files_of_one_name_do_not_go_together(tmp_path):
    other, mine = tmp_path / "other.yaml", tmp_path / "mine.yaml"
    other.write_text(MAPPING)
    mine.write_text(MAPPING.replace("files:\n", f"include: {other}\nfiles:\n", 1))
    with pytest.raises(UsageError, match=r"'partners' stands for another file.*mine\.yaml, line 4"):
        load_mapping(mine)


def test_fewer_rows_than_the_mapping_expects_refuse_the_delivery(tmp_path):
    with pytest.raises(InputRefusedError, match=r"documents\.csv"):
        deliver(tmp_path, MAPPING.replace("minimum_rows: 1", "minimum_rows: 100"))


def test_the_files_of_another_mapping_can_be_part_of_the_delivery():
    alone = load_mapping("camt053")
    assert {kind.format.value for kind in alone.files} == {"camt053"}


def test_included_files_keep_their_own_dialect(tmp_path):
    (tmp_path / "mine.yaml").write_text(MAPPING.replace("files:\n", "include: coda\nfiles:\n", 1))
    mapping = load_mapping(tmp_path / "mine.yaml")
    coda = next(kind for kind in mapping.files if kind.format == "coda")
    assert mapping.dialect_of(coda).decimal_mark == "."
    assert mapping.dialect_of(mapping.files[0]).decimal_mark == ","
    assert coda.optional


@pytest.mark.parametrize(
    ("dialect", "text", "amount"),
    [
        ({}, "1234.56", "1234.560"),
        ({}, "-1234.5", "-1234.500"),
        ({}, "1,234.56", None),
        ({"decimal_mark": ",", "thousands_mark": "."}, "1.234,56", "1234.560"),
        ({"decimal_mark": ",", "thousands_mark": "."}, "1.23,56", None),
        ({"decimal_mark": ",", "thousands_mark": "."}, "1.234,56-", None),
        ({"decimal_mark": ",", "negative": ["trailing_minus"]}, "1234,56-", "-1234.560"),
        ({"decimal_mark": ",", "negative": ["trailing_minus"]}, "-1234,56-", None),
        ({}, "12.3456", None),
        ({}, "12.340000000", "12.340"),
        ({}, "0.0004", None),
        ({}, "1e3", None),
        ({}, "+600.00", "600.000"),
    ],
)
def test_a_query_reads_amounts_as_the_dialect_writes_them(dialect, text, amount):
    with duckdb.connect(":memory:") as connection:
        define_macros(connection, Dialect(**dialect))
        read = connection.sql("SELECT CAST(read_amount($1) AS VARCHAR)", params=[text]).fetchall()
    assert read == [(amount,)]


def test_a_query_reads_moments_in_milliseconds_and_leaves_others():
    with duckdb.connect(":memory:") as connection:
        define_macros(connection, Dialect())
        query = "SELECT read_epoch('/Date(1743638400000+0200)/'), read_epoch('/Date(-1)/'), read_epoch('soon'), read_epoch(NULL)"
        assert connection.sql(query).fetchall() == [
            ("2025-04-03T00:00:00", "1969-12-31T23:59:59", "soon", None)
        ]


@pytest.mark.parametrize(
    ("text", "is_nil"),
    [
        (None, True),
        ("0", True),
        ("-0,000000000", True),
        ("0,0004", False),
        ("", True),
        ("-", False),
        ("O", False),
    ],
)
def test_a_query_knows_an_amount_of_nothing_but_zeros(text, is_nil):
    with duckdb.connect(":memory:") as connection:
        define_macros(connection, Dialect(decimal_mark=","))
        assert connection.sql("SELECT is_nil($1)", params=[text]).fetchall() == [(is_nil,)]


def test_a_query_writes_amounts_and_days_as_the_dialect_reads_them():
    dialect = Dialect(decimal_mark=",", date_format=["%d.%m.%Y", "%Y%m%d"])
    with duckdb.connect(":memory:") as connection:
        define_macros(connection, dialect)
        query = (
            "SELECT write_amount(read_amount('12,5')), write_day(read_day('20250131')), read_day('1/2/25')"
        )
        assert connection.sql(query).fetchall() == [("12,500", "31.01.2025", None)]
