"""Text becomes a value only when the declared rules say so; everything else is kept with its reason."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.schema import Column, DataType
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.as_known import as_known, default_as_of
from segmentation.ledger.conversion import convert
from segmentation.ledger.dialect import Dialect
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.moments import parse_moment, read_moments
from segmentation.ledger.sources import read_raw
from segmentation.ledger.values import ColumnWriting, type_column

HEADER = "doc_id,cust_number,posting_date,due_date,clear_date,amount,currency\n"
GOOD = "A1,0007,2026-01-01,2026-01-31,2026-02-03,10.00,EUR\n"
LENIENT = LedgerSettings(max_quarantined_share=1)
B2B = load_mapping("b2b_ledger")
PLAIN = Dialect()
EUROPEAN = Dialect(decimal_mark=",", thousands_mark=".", date_format="%d/%m/%Y")


def type_one(text, data_type, dialect=PLAIN):
    """Return value and rule; the same whether the whole column is plainly written or one value is not."""
    column = Column("amount", data_type, "")
    found = []
    for others in ([], ["an unreadable value"]):
        texts = pl.Series([text, *others], dtype=pl.String)
        typed = type_column(texts, "core_payment", column, ColumnWriting(dialect), LedgerSettings())
        assert len(typed.value) == len(texts)
        found.append((typed.value[0], typed.rule[0] if typed.rule is not None else None))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("10", Dialect(), "10"),
        ("10.5", Dialect(), "10.5"),
        ("-0.01", Dialect(), "-0.01"),
        ("+7.10", Dialect(), "7.1"),
        ("12.340000", Dialect(), "12.34"),
        ("0007.50", Dialect(), "7.5"),
        ("123456789012345.678", Dialect(), "123456789012345.678"),
        ("90071992547409.93", Dialect(), "90071992547409.93"),
        ("1.234,56", EUROPEAN, "1234.56"),
        ("1234,56", EUROPEAN, "1234.56"),
        ("1.234", EUROPEAN, "1234"),
        ("-1.234.567,8", EUROPEAN, "-1234567.8"),
        ("1'234.50", Dialect(thousands_mark="'"), "1234.5"),
        ("12.50-", Dialect(negative="trailing_minus"), "-12.5"),
        ("(1.234,50)", EUROPEAN.model_copy(update={"negative": ("parentheses",)}), "-1234.5"),
        ("12.50 CR", Dialect(negative_marks="CR", positive_marks="DR"), "-12.5"),
        ("12.50DR", Dialect(negative_marks="CR", positive_marks="DR"), "12.5"),
        ("h 12.50", Dialect(negative_marks="H"), "-12.5"),
        ("12.50", Dialect(negative_marks="CR"), "12.5"),
    ],
)
def test_amounts_are_exact(text, dialect, expected):
    assert type_one(text, DataType.AMOUNT, dialect) == (Decimal(expected), None)


@pytest.mark.parametrize(
    ("text", "dialect", "rule"),
    [
        ("1,234.50", Dialect(), "not_a_number"),
        ("1.234.5", EUROPEAN, "not_a_number"),
        ("12.34", EUROPEAN, "not_a_number"),
        ("1.2345", EUROPEAN, "not_a_number"),
        ("12,3,4", EUROPEAN, "not_a_number"),
        ("1e5", Dialect(), "not_a_number"),
        ("10-", Dialect(), "not_a_number"),
        ("EUR 10", Dialect(), "not_a_number"),
        ("--1", Dialect(), "not_a_number"),
        (".5", Dialect(), "not_a_number"),
        ("5.", Dialect(), "not_a_number"),
        ("٣", Dialect(), "not_a_number"),
        ("NaN", Dialect(), "not_a_number"),
        ("12.50", Dialect(negative_marks="CR", positive_marks="DR"), "not_a_number"),
        ("-12.50 CR", Dialect(negative_marks="CR"), "not_a_number"),
        ("12.50 XX", Dialect(negative_marks="CR"), "not_a_number"),
        ("-5", Dialect(negative="trailing_minus"), "not_a_number"),
        ("(5)-", Dialect(negative=("parentheses", "trailing_minus")), "not_a_number"),
        ("(5", Dialect(negative="parentheses"), "not_a_number"),
        ("0.0005", Dialect(), "too_many_decimals"),
        ("1234567890123456", Dialect(), "amount_out_of_range"),
        ("9" * 40, Dialect(), "amount_out_of_range"),
    ],
)
def test_an_amount_that_is_not_as_declared_is_never_guessed(text, dialect, rule):
    assert type_one(text, DataType.AMOUNT, dialect) == (None, rule)


@hypothesis_settings(max_examples=100, deadline=None)
@given(st.decimals(-(10**14), 10**14, places=3), st.booleans())
def test_amounts_written_by_the_rules_come_back_to_the_cent(value, is_european):
    text = f"{value:,.3f}"
    if is_european:
        text = text.replace(",", " ").replace(".", ",").replace(" ", ".")
        assert type_one(text, DataType.AMOUNT, EUROPEAN) == (value, None)
    else:
        assert type_one(text, DataType.AMOUNT, Dialect(thousands_mark=",")) == (value, None)


@pytest.mark.parametrize(
    ("text", "data_type", "expected"),
    [
        ("2026-02-28", DataType.DATE, (date(2026, 2, 28), None)),
        ("2026-02-30", DataType.DATE, (None, "not_a_date")),
        ("28/02/2026", DataType.DATE, (None, "not_a_date")),
        ("1989-12-31", DataType.DATE, (None, "date_out_of_range")),
        ("26-02-28", DataType.DATE, (None, "date_out_of_range")),
        ("2101-01-01", DataType.DATE, (None, "date_out_of_range")),
        ("2026-01-31T08:00:00Z", DataType.TIMESTAMP, (datetime(2026, 1, 31, 8, tzinfo=UTC), None)),
        ("2026-01-31", DataType.TIMESTAMP, (datetime(2026, 1, 31, tzinfo=UTC), None)),
        ("2026-01-31 08:00", DataType.TIMESTAMP, (None, "not_a_timestamp")),
        ("Yes", DataType.BOOLEAN, (True, None)),
        ("maybe", DataType.BOOLEAN, (None, "not_a_yes_or_no")),
        ("7", DataType.INTEGER, (7, None)),
        ("7.0", DataType.INTEGER, (None, "not_a_whole_number")),
        ("9" * 19, DataType.INTEGER, (None, "not_a_whole_number")),
        ("0.25", DataType.REAL, (0.25, None)),
        ("inf", DataType.REAL, (None, "not_a_number")),
        (None, DataType.DATE, (None, None)),
    ],
)
def test_values_are_typed_or_refused(text, data_type, expected):
    assert type_one(text, data_type) == expected


@pytest.mark.parametrize(
    ("text", "dialect", "expected"),
    [
        ("1", Dialect(date_format="excel_serial"), (None, "date_out_of_range")),
        ("45292", Dialect(date_format="excel_serial"), (date(2024, 1, 1), None)),
        ("45292.0", Dialect(date_format="excel_serial"), (date(2024, 1, 1), None)),
        ("45292.5", Dialect(date_format="excel_serial"), (None, "not_a_date")),
        ("60", Dialect(date_format="excel_serial"), (None, "not_a_date")),
        ("43830", Dialect(date_format="excel_serial_1904"), (date(2024, 1, 1), None)),
        ("31/12/68", Dialect(date_format="%d/%m/%y", two_digit_years_from=1990), (date(2068, 12, 31), None)),
        ("31/12/89", Dialect(date_format="%d/%m/%y", two_digit_years_from=1990), (date(2089, 12, 31), None)),
        ("31/12/90", Dialect(date_format="%d/%m/%y", two_digit_years_from=1990), (date(1990, 12, 31), None)),
        ("29/02/00", Dialect(date_format="%d/%m/%y", two_digit_years_from=2001), (None, "not_a_date")),
        ("29/02/24", Dialect(date_format="%d/%m/%y", two_digit_years_from=1990), (date(2024, 2, 29), None)),
    ],
)
def test_days_are_read_as_the_dialect_counts_them(text, dialect, expected):
    assert type_one(text, DataType.DATE, dialect) == expected


def test_two_digit_years_need_their_century():
    with pytest.raises(ValueError, match="two_digit_years_from"):
        Dialect(date_format="%d/%m/%y")


def test_two_date_formats_that_read_different_days_settle_nothing():
    dialect = Dialect(date_format=("%d/%m/%Y", "%m/%d/%Y"))
    assert type_one("03/04/2026", DataType.DATE, dialect) == (None, "not_a_date")
    assert type_one("04/04/2026", DataType.DATE, dialect) == (date(2026, 4, 4), None)


def load(tmp_path, lines, as_of=None, settings=LENIENT):
    path = tmp_path / "ledger.csv"
    path.write_text(HEADER + lines, encoding="utf-8")
    return load_ledger(path, B2B, as_of, settings)


@pytest.mark.parametrize(
    ("line", "column", "rule", "value"),
    [
        ("A2,0007,2026-01-01,2026-01-31,31.01.2026,10,EUR", "value_date", "not_a_date", "31.01.2026"),
        ("A2,0007,2026-01-01,2025-12-31,2026-01-15,10,EUR", "due_date", "due_before_issue", "2025-12-31"),
        ("A2,0007,2026-01-01,2026-01-31,,-10,EUR", "amount", "negative_amount", "-10"),
        ("A2,0007,2026-01-01,2026-01-31,,10,Euro", "currency", "not_a_currency", "Euro"),
        ("A2,0007,2026-01-01,,,10,EUR", "due_date", "missing_value", None),
        (",0007,2026-01-01,2026-01-31,,10,EUR", "invoice_id", "missing_value", None),
    ],
)
def test_a_bad_row_is_refused_as_a_whole_and_explained(tmp_path, line, column, rule, value):
    loaded = load(tmp_path, GOOD + line + "\n")
    ledger = loaded.ledger
    assert ledger["core_invoice"]["invoice_id"].to_list() == ["A1"]
    assert ledger["core_payment"]["payment_id"].to_list() == ["settlement-A1"]
    quarantine = ledger["core_quarantine"]
    assert set(quarantine["source_line"]) == {3}
    found = quarantine.filter((pl.col("column_name") == column) & (pl.col("rule") == rule))
    assert found.height == 1
    assert found.item(0, "value") == value
    assert found.item(0, "remedy")
    assert "0007" in quarantine["customer_id"].to_list()
    counts = ledger["core_quality"].filter(pl.col("check_name") == "rows_in_equal_loaded_plus_quarantined")
    assert counts.select(
        (pl.col("rows_in") == pl.col("rows_loaded") + pl.col("rows_quarantined")).all()
    ).item()
    invoices = counts.filter(pl.col("subject").str.ends_with("core_invoice")).row(0, named=True)
    assert (invoices["rows_in"], invoices["rows_quarantined"], invoices["verdict"]) == (2, 1, "warn")


def test_an_unreadable_settlement_in_a_second_delivery_still_hides_the_invoice(tmp_path):
    lines = (
        "A1,0007,2026-01-01,2026-01-31,,10.00,EUR\n"
        "A1,0007,2026-01-01,2026-01-31,2026-02-99,10.00,EUR\n"
        "A2,0007,2026-01-01,2026-01-31,,10.00,EUR\n"
    )
    ledger = load(tmp_path, lines, date(2026, 3, 1)).ledger
    assert ledger["core_instalment_balance"]["invoice_id"].to_list() == ["A2"]


def test_a_settlement_that_fails_later_does_not_hide_the_invoice_before(tmp_path):
    folder = tmp_path / "ledger"
    folder.mkdir()
    (folder / "ledger.csv").write_text(HEADER + GOOD, encoding="utf-8")
    raw = read_raw(folder, B2B)
    raw["raw_payment"] = raw["raw_payment"].with_columns(pl.lit("cheque").alias("method"))
    facts = convert(raw, B2B, LENIENT)
    assert as_known(facts, date(2026, 2, 3))["core_invoice"].height == 1
    later = as_known(facts, date(2026, 2, 4))
    assert later["core_invoice"].height == 0
    assert "rest_of_row_refused" in later["core_quarantine"]["rule"].to_list()


def test_a_delivery_with_too_many_bad_rows_is_refused_with_the_top_rules(tmp_path):
    bad = "A2,0007,2026-01-01,2026-01-31,,ten,EUR\n"
    with pytest.raises(InputRefusedError) as error:
        load(tmp_path, GOOD * 90 + bad * 10, settings=LedgerSettings())
    message = str(error.value)
    for words in ("10 of 100 rows", "5%", "not_a_number in amount", "line 92", "'ten'", "ledger.csv"):
        assert words in message


def test_a_single_bad_row_does_not_refuse_a_short_file(tmp_path):
    bad = "A2,0007,2026-01-01,2026-01-31,,ten,EUR\n"
    quarantine = load(tmp_path, GOOD * 9 + bad, settings=LedgerSettings()).ledger["core_quarantine"]
    assert quarantine["source_line"].unique().to_list() == [11]
    with pytest.raises(InputRefusedError, match="3 of 4 rows"):
        load(tmp_path, GOOD + bad * 3, settings=LedgerSettings())


def test_the_same_row_twice_is_one_row(tmp_path):
    loaded = load(tmp_path, GOOD + GOOD)
    assert loaded.ledger["core_invoice"].height == 1
    assert loaded.ledger["core_allocation"].height == 1
    assert loaded.ledger["core_quarantine"].height == 0


def test_rows_that_contradict_each_other_are_all_refused(tmp_path):
    other = GOOD.replace("10.00", "11.00")
    ledger = load(tmp_path, GOOD + other + GOOD.replace("A1", "A2")).ledger
    assert ledger["core_invoice"]["invoice_id"].to_list() == ["A2"]
    conflicts = ledger["core_quarantine"].filter(pl.col("rule") == "conflicting_rows")
    assert set(conflicts["source_line"]) == {2, 3}


CANONICAL = {
    "customer": "customer_id,name,observed_at\nC,Old name,2026-01-01T00:00:00Z\nC,New name,2026-02-01T00:00:00Z\n",
    "invoice": "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n"
    "I,C,invoice,2026-01-05,2026-02-04,100,EUR,2026-01-05T09:00:00Z\n"
    "I,C,invoice,2026-01-05,2026-02-04,90,EUR,2026-03-01T00:00:00Z\n"
    "J,GHOST,invoice,2026-01-05,2026-02-04,5,EUR,2026-01-05T09:00:00Z\n",
    "dispute": "dispute_id,invoice_id,opened_at,closed_at,outcome,observed_at\n"
    "D,I,2026-01-10,2026-02-20,upheld,2026-01-10T00:00:00Z\n",
    "allocation": "allocation_id,invoice_id,amount,allocated_at,observed_at\n"
    "A,NOWHERE,5,2026-01-20,2026-01-20T00:00:00Z\n"
    "B,J,5,2026-01-20,2026-01-20T00:00:00Z\n",
    "contact_outcome": "contact_id,code,recorded_at,observed_at\n"
    "K,promise,2026-01-20T10:00:00Z,2026-01-20T10:00:00Z\n",
}


@pytest.fixture
def canonical(tmp_path):
    for name, text in CANONICAL.items():
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_latest_version_known_on_the_day_counts(canonical):
    before = load_ledger(canonical, "canonical", date(2026, 2, 1), LENIENT).ledger
    after = load_ledger(canonical, "canonical", date(2026, 2, 2), LENIENT).ledger
    assert before["core_customer"]["name"].to_list() == ["Old name"]
    assert after["core_customer"]["name"].to_list() == ["New name"]
    assert after["core_invoice"]["amount"].to_list() == [Decimal(100)]
    assert load_ledger(canonical, "canonical", None, LENIENT).ledger["core_invoice"]["amount"].to_list() == [
        Decimal(90)
    ]


def test_what_is_observed_on_the_as_of_day_is_not_known_yet(canonical):
    assert load_ledger(canonical, "canonical", date(2026, 1, 5), LENIENT).ledger["core_invoice"].height == 0
    assert load_ledger(canonical, "canonical", date(2026, 1, 6), LENIENT).ledger["core_invoice"].height == 1


def test_an_outcome_is_hidden_until_its_day_has_passed(canonical):
    open_dispute = load_ledger(canonical, "canonical", date(2026, 2, 20), LENIENT).ledger["core_dispute"]
    closed = load_ledger(canonical, "canonical", date(2026, 2, 21), LENIENT).ledger["core_dispute"]
    assert open_dispute.select("closed_at", "outcome").row(0) == (None, None)
    assert closed.select("closed_at", "outcome").row(0) == (date(2026, 2, 20), "upheld")


def test_rows_that_refer_to_nothing_known_are_in_quarantine(canonical):
    ledger = load_ledger(canonical, "canonical", date(2026, 3, 5), LENIENT).ledger
    rules = ledger["core_quarantine"].select("table_name", "rule", "value").rows()
    assert rules == [
        ("core_allocation", "unknown_invoice", "NOWHERE"),
        ("core_allocation", "unknown_invoice", "J"),
        ("core_contact_outcome", "unknown_contact", "K"),
        ("core_invoice", "unknown_customer", "GHOST"),
    ]


def test_everything_is_known_on_the_day_after_the_newest_fact(canonical):
    mapping = load_mapping("canonical")
    facts = convert(read_raw(canonical, mapping), mapping, LENIENT)
    assert default_as_of(facts) == date(2026, 3, 2)
    with pytest.raises(InputRefusedError):
        default_as_of({name: table.empty() for name, table in CANONICAL_TABLES.items()})


def test_a_late_correction_leaves_yesterdays_view_alone(canonical):
    before = load_ledger(canonical, "canonical", date(2026, 2, 15), LENIENT).ledger
    path = canonical / "invoice.csv"
    path.write_text(
        path.read_text() + "I,C,invoice,2026-01-05,2026-02-04,1,EUR,2026-04-01T00:00:00Z\n", encoding="utf-8"
    )
    again = load_ledger(canonical, "canonical", date(2026, 2, 15), LENIENT).ledger
    assert all(before[name].equals(again[name]) for name in before)


def test_a_bad_outcome_counts_from_the_day_it_was_filled_in(canonical):
    path = canonical / "dispute.csv"
    path.write_text(path.read_text().replace("upheld", "customer was right"), encoding="utf-8")
    before = load_ledger(canonical, "canonical", date(2026, 2, 20), LENIENT).ledger
    after = load_ledger(canonical, "canonical", date(2026, 2, 21), LENIENT).ledger
    assert before["core_dispute"].select("closed_at", "outcome").row(0) == (None, None)
    assert "core_dispute" not in before["core_quarantine"]["table_name"].to_list()
    assert after["core_dispute"].height == 0
    assert ("core_dispute", "not_in_list") in after["core_quarantine"].select("table_name", "rule").rows()


def test_a_later_version_that_says_nothing_yet_is_no_new_fact(canonical):
    path = canonical / "dispute.csv"
    path.write_text(
        "dispute_id,invoice_id,opened_at,closed_at,outcome,observed_at\n"
        "D,I,2026-01-10,,,2026-01-10T00:00:00Z\n"
        "D,I,2026-01-10,2026-02-20,upheld,2026-02-01T00:00:00Z\n",
        encoding="utf-8",
    )
    dispute = load_ledger(canonical, "canonical", date(2026, 2, 20), LENIENT).ledger["core_dispute"]
    assert dispute["observed_at"].to_list() == [datetime(2026, 1, 10, tzinfo=UTC)]


def test_a_settlement_before_its_invoice_was_learned_with_the_invoice(tmp_path):
    line = "A1,0007,2026-01-10,2026-01-31,2026-01-05,10.00,EUR\n"
    early = load(tmp_path, line + GOOD.replace("A1", "A2"), date(2026, 1, 8)).ledger
    assert early["core_payment"].height == 0
    assert early["core_quarantine"].height == 0
    known = load(tmp_path, line, date(2026, 1, 11)).ledger
    assert known["core_instalment_balance"]["covered_date"].to_list() == [date(2026, 1, 5)]
    assert known["core_instalment_balance"]["covered_known_date"].to_list() == [date(2026, 1, 10)]


DIALECTS = [
    Dialect(),
    Dialect(
        decimal_mark=",", thousands_mark=".", negative=("leading_minus", "trailing_minus", "parentheses")
    ),
    Dialect(negative=(), negative_marks="CR", positive_marks="DR"),
    Dialect(negative="trailing_minus", thousands_mark=","),
    Dialect(date_format=("%d.%m.%Y", "%m.%d.%Y"), timestamp_format="%d.%m.%Y %H:%M"),
    Dialect(date_format="excel_serial"),
    Dialect(date_format="%d%m%y", two_digit_years_from=1990),
    Dialect(date_format="%m/%d/%Y", timestamp_format="%d/%m/%Y"),
    Dialect(date_format="%Y-%m-%d %T", timestamp_format=("%Y-%m-%d %H:%M", "%Y%m%d%H%M%S")),
]
PIECES = [
    "-",
    "+",
    "(",
    ")",
    ".",
    ",",
    "0",
    "1",
    "02",
    "31",
    "2025",
    "012",
    "123456789012345",
    "CR",
    "dr",
    " ",
    ":",
]
PIECES += ["e", "T", "Z", "/", "true", "No", "EUR", "eur", "invoice", "\u0663"]
TEXTS = st.one_of(
    st.none(),
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join),
    st.integers(-(10**17), 10**17).map(lambda cents: str(Decimal(cents) / 100)),
    st.dates(date(1980, 1, 1), date(2110, 1, 1)).flatmap(
        lambda day: st.sampled_from(
            [day.strftime(f) for d in DIALECTS for f in (*d.date_format, *d.timestamp_format) if "%" in f]
        )
    ),
)
TYPED = [
    ("core_invoice", "amount", "as_written"),
    ("core_payment", "amount", "as_written"),
    ("core_payment", "amount", "reversed"),
    ("core_payment", "amount", "absolute"),
    ("core_invoice", "due_date", "as_written"),
    ("core_invoice", "currency", "as_written"),
    ("core_invoice", "document_type", "as_written"),
    ("core_invoice", "is_recurring", "as_written"),
    ("core_instalment", "instalment_number", "as_written"),
    ("core_contact_event", "sent_at", "as_written"),
    ("core_contact_event", "propensity", "as_written"),
]


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12), st.sampled_from(DIALECTS), st.sampled_from(TYPED))
def test_a_value_is_typed_alike_alone_and_among_others(texts, dialect, typed):
    table, name, sign = typed
    column, writing = CANONICAL_TABLES[table].column(name), ColumnWriting(dialect, sign=sign)

    def read(values):
        found = type_column(pl.Series(values, dtype=pl.String), table, column, writing, LedgerSettings())
        rules = [None] * len(values) if found.rule is None else found.rule.to_list()
        return list(zip(found.value.to_list(), rules, strict=True))

    padding = ["1.25", "2025-01-31", "EUR"]  # so that both the short way and the rules are asked
    assert read(texts) == [read([text])[0] for text in texts]
    assert read(texts + padding * 8)[: len(texts)] == read(texts)


@hypothesis_settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6), st.sampled_from(DIALECTS))
def test_moments_read_the_short_way_are_those_of_the_rule(texts, dialect):
    column = pl.Series("text", texts, dtype=pl.String)
    by_rule = column.to_frame().select(parse_moment(pl.col("text"), dialect)).to_series()
    assert read_moments(column, dialect).to_list() == by_rule.to_list()


OFFSETS = "%Y-%m-%dT%H:%M:%S%z"


@pytest.mark.parametrize("formats", [OFFSETS, (OFFSETS, "%Y-%m-%dT%H:%M:%SZ"), "%+"])
def test_an_offset_is_reckoned_with_and_a_day_may_stand_beside_it(formats):
    dialect = Dialect(timestamp_format=formats)
    found = read_moments(pl.Series(["2026-01-02T03:04:05+01:00", "2026-01-02", None, "soon"]), dialect)
    assert found.to_list() == [
        datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),
        datetime(2026, 1, 2, tzinfo=UTC),
        None,
        None,
    ]


def test_a_moment_that_two_formats_read_differently_is_not_guessed():
    dialect = Dialect(timestamp_format=("%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S"))
    found = read_moments(pl.Series(["03/04/2026 10:00:00", "04/04/2026 10:00:00"]), dialect)
    assert found.to_list() == [None, datetime(2026, 4, 4, 10, tzinfo=UTC)]


def test_the_name_of_a_zone_is_no_offset():
    with pytest.raises(ValueError, match="%z"):
        Dialect(timestamp_format="%Y-%m-%d %H:%M:%S %Z")


def test_what_could_be_a_day_or_a_moment_is_read_alike_whatever_stands_beside_it():
    dialect = Dialect(date_format="%m/%d/%Y", timestamp_format="%d/%m/%Y")
    alone = read_moments(pl.Series(["03/04/2025"]), dialect)
    assert alone.to_list() == read_moments(pl.Series(["03/04/2025", "13/04/2025"]), dialect).to_list()[:1]
