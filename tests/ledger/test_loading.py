"""The two real ledgers, a large one for speed, the quality statements and the warehouse."""

import multiprocessing
from datetime import date, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES, RAW_TABLES
from segmentation.domain.errors import IntegrityError, UsageError
from segmentation.domain.hashing import hash_frame
from segmentation.domain.validation import find_violations
from segmentation.ledger.delivery import check_delivery
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.sources import read_raw
from segmentation.ledger.warehouse import Warehouse, _explain


@pytest.mark.real_ledger
def test_b2b_ledger_has_1752_invoices_open_on_the_first_of_july(real_ledgers):
    loaded = load_ledger(real_ledgers / "b2b_ledger_2019", "b2b_ledger")
    assert loaded.as_of == date(2019, 7, 1)
    ledger = loaded.ledger
    assert ledger["core_invoice"].height == 17283
    assert ledger["core_customer"].height == 793
    assert ledger["core_payment"].height == 15531
    assert ledger["core_quarantine"].height == 0
    assert ledger["core_instalment_balance"]["is_open"].sum() == 1752
    raw = read_raw(real_ledgers / "b2b_ledger_2019", load_mapping("b2b_ledger"))
    raw_total = raw["raw_invoice"]["amount"].str.to_decimal(scale=3).sum()
    assert ledger["core_instalment_balance"]["amount"].sum() == raw_total
    assert set(ledger["core_quality"]["verdict"]) == {"pass"}


@pytest.mark.real_ledger
def test_ibm_sample_is_settled_and_a_third_of_it_late(real_ledgers):
    loaded = load_ledger(real_ledgers / "ibm_accounts_receivable", "ibm_accounts_receivable")
    balances = loaded.ledger["core_instalment_balance"]
    assert balances.height == 2466
    assert not balances["is_open"].any()
    assert round(balances.select((pl.col("days_late") > 0).mean()).item(), 3) == 0.356
    assert loaded.ledger["core_dispute"].height == 561
    assert loaded.ledger["core_dispute"]["outcome"].null_count() == 561
    assert set(loaded.ledger["core_invoice"]["currency"]) == {"XXX"}
    assert loaded.ledger["core_customer"].height == 100
    first = loaded.ledger["core_invoice"].filter(pl.col("invoice_id") == "0000611365").row(0, named=True)
    assert (first["issue_date"], first["due_date"]) == (date(2013, 1, 2), date(2013, 2, 1))
    assert first["amount"] == Decimal("55.94")


@pytest.mark.real_ledger
def test_ibm_sample_does_not_know_the_future(real_ledgers, tmp_path):
    as_of = date(2013, 10, 25)
    source = next((real_ledgers / "ibm_accounts_receivable").glob("*.csv"))
    rows = pl.read_csv(source, infer_schema=False)

    def is_later(column):
        return pl.col(column).str.to_date("%m/%d/%Y") >= as_of

    past = rows.filter(~is_later("InvoiceDate")).with_columns(
        pl.when(~is_later("SettledDate")).then("SettledDate").alias("SettledDate")
    )
    (tmp_path / "past").mkdir()
    past.write_csv(tmp_path / "past" / source.name)
    before = load_ledger(source, "ibm_accounts_receivable", as_of).ledger
    after = load_ledger(tmp_path / "past", "ibm_accounts_receivable", as_of).ledger
    assert before["core_instalment_balance"]["is_open"].sum() > 0
    for name in LEDGER_TABLES:
        ignored = ["source_id"]
        assert hash_frame(before[name], ignore=ignored) == hash_frame(after[name], ignore=ignored), name


@pytest.mark.real_ledger
def test_every_table_of_a_real_ledger_keeps_its_definition(real_ledgers):
    loaded = load_ledger(real_ledgers / "ibm_accounts_receivable", "ibm_accounts_receivable")
    for name, table in LEDGER_TABLES.items():
        assert not find_violations(loaded.ledger[name], table), name
    raw = read_raw(real_ledgers / "ibm_accounts_receivable", load_mapping("ibm_accounts_receivable"))
    for name, table in RAW_TABLES.items():
        assert not find_violations(raw[name], table), name


def write_large(folder, invoice_count=20_000):
    number = pl.DataFrame({"n": range(invoice_count)})
    issued = pl.date(2025, 1, 1) + pl.duration(days=pl.col("n") % 300)
    observed = issued.cast(pl.String) + pl.lit("T08:00:00Z")
    invoices = number.select(
        pl.format("I{}", "n").alias("invoice_id"),
        pl.format("C{}", pl.col("n") % 600).alias("customer_id"),
        pl.lit("invoice").alias("document_type"),
        issued.alias("issue_date"),
        (issued + timedelta(days=30)).alias("due_date"),
        pl.format("{}.25", pl.col("n") % 997 + 1).alias("amount"),
        pl.lit("EUR").alias("currency"),
        observed.alias("observed_at"),
    )
    paid = (issued + timedelta(days=35)).alias("value_date")
    paid_at = (issued + timedelta(days=36)).cast(pl.String) + pl.lit("T08:00:00Z")
    customers = number.head(600).select(
        pl.format("C{}", "n").alias("customer_id"), pl.lit("2025-01-01T00:00:00Z").alias("observed_at")
    )
    payments = number.select(
        pl.format("P{}", "n").alias("payment_id"),
        pl.format("C{}", pl.col("n") % 600).alias("customer_id"),
        paid,
        pl.format("{}.25", pl.col("n") % 997 + 1).alias("amount"),
        pl.lit("EUR").alias("currency"),
        paid_at.alias("observed_at"),
    )
    allocations = number.select(
        pl.format("A{}", "n").alias("allocation_id"),
        pl.format("P{}", "n").alias("payment_id"),
        pl.format("I{}", "n").alias("invoice_id"),
        pl.format("{}.25", pl.col("n") % 997 + 1).alias("amount"),
        (issued + timedelta(days=36)).alias("allocated_at"),
        paid_at.alias("observed_at"),
    )
    contacts = number.select(
        pl.format("K{}", "n").alias("contact_id"),
        pl.format("C{}", pl.col("n") % 600).alias("customer_id"),
        pl.format("I{}", "n").alias("invoice_id"),
        pl.lit("outbound").alias("direction"),
        pl.lit("email").alias("channel"),
        paid_at.alias("sent_at"),
        paid_at.alias("observed_at"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in (
        ("customer", customers),
        ("invoice", invoices),
        ("payment", payments),
        ("allocation", allocations),
        ("contact_event", contacts),
    ):
        frame.write_csv(folder / f"{name}.csv")
    return folder


def test_twenty_thousand_invoices_are_all_loaded_and_settled(tmp_path):
    folder = write_large(tmp_path / "large")
    loaded = load_ledger(folder, "canonical")
    assert loaded.ledger["core_instalment_balance"].height == 20_000
    assert not loaded.ledger["core_instalment_balance"]["is_open"].any()
    assert set(loaded.ledger["core_quality"]["verdict"]) == {"pass"}


def write_small(folder, **changed):
    texts = {
        "customer": "customer_id,observed_at\nC,2026-01-01T00:00:00Z\n",
        "invoice": "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n"
        "I,C,invoice,2026-01-05,2026-02-04,100,EUR,2026-01-05T09:00:00Z\n",
        "payment": "payment_id,customer_id,value_date,amount,currency,observed_at\n"
        "P,C,2026-02-01,100,EUR,2026-02-01T09:00:00Z\n",
        "allocation": "allocation_id,payment_id,invoice_id,amount,allocated_at,observed_at\n"
        "A,P,I,100,2026-02-01,2026-02-01T09:00:00Z\n",
    } | changed
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def verdicts(loaded):
    quality = loaded.ledger["core_quality"]
    return {
        row["check_name"]: (row["verdict"], row["statement"])
        for row in quality.filter(pl.col("verdict") != "pass").iter_rows(named=True)
    }


def test_a_sound_ledger_passes_every_statement(tmp_path):
    assert verdicts(load_ledger(write_small(tmp_path), "canonical")) == {}


@pytest.mark.parametrize(
    ("table", "old", "new", "check", "verdict", "said"),
    [
        ("allocation", "I,100", "I,101", "core_allocations_do_not_exceed_payments", "fail", "P"),
        ("allocation", "I,100", "I,101", "core_instalments_are_not_over_covered", "warn", "I"),
        ("allocation", "A,P,", "A,LOST,", "core_allocations_refer_to_known_payments", "warn", "A"),
        ("payment", "100,EUR", "100,USD", "core_allocations_are_in_the_currency_of_the_payment", "warn", "P"),
        ("customer", "customer_id,", "customer_id,nickname,", None, None, None),
    ],
)
def test_a_statement_that_does_not_hold_says_where(tmp_path, table, old, new, check, verdict, said):
    path = write_small(tmp_path) / f"{table}.csv"
    text = path.read_text()
    if check is None:
        path.write_text("customer_id,nickname,observed_at\nC,x,2026-01-01T00:00:00Z\n")
        check, verdict, said = "source_columns_are_mapped_or_ignored", "warn", "nickname"
    else:
        assert old in text
        path.write_text(text.replace(old, new))
    found = verdicts(load_ledger(tmp_path, "canonical"))
    assert found[check][0] == verdict
    assert said in found[check][1]


def test_money_of_nobody_is_reported(tmp_path):
    payment = "payment_id,customer_id,value_date,amount,currency,observed_at\nQ,,2026-02-01,7.5,EUR,2026-02-01T09:00:00Z\n"
    folder = write_small(tmp_path, payment=payment)
    (folder / "allocation.csv").unlink()
    loaded = load_ledger(folder, "canonical")
    assert "7.50 EUR" in verdicts(loaded)["core_payments_have_a_customer"][1]
    assert loaded.ledger["core_unallocated_cash"].height == 0


def test_a_reversal_has_the_opposite_sign_of_what_it_takes_back(tmp_path):
    header = "payment_id,customer_id,value_date,amount,currency,reversal_of,observed_at\n"
    rows = (
        "P,C,2026-01-20,100,EUR,,2026-01-20\n"
        "R,C,2026-01-22,-100,EUR,P,2026-01-22\n"  # taken back
        "S,C,2026-01-23,100,EUR,R,2026-01-23\n"  # and that taken back again
        "X,C,2026-01-24,100,EUR,P,2026-01-24\n"
        "Y,C,2026-01-25,-100,EUR,R,2026-01-25\n"
    )
    ledger = load_ledger(write_small(tmp_path, payment=header + rows), "canonical").ledger
    assert ledger["core_payment"]["payment_id"].to_list() == ["P", "R", "S"]
    assert ledger["core_quarantine"].select("source_line", "rule", "value").rows() == [
        (5, "reversal_not_opposite", "100.000"),
        (6, "reversal_not_opposite", "-100.000"),
    ]
    assert ledger["core_instalment_balance"]["open_amount"].sum() == 0


def test_instalments_that_do_not_add_up_fail(tmp_path):
    instalment = (
        "invoice_id,instalment_number,due_date,amount,observed_at\nI,1,2026-02-04,60,2026-01-05T09:00:00Z\n"
    )
    loaded = load_ledger(write_small(tmp_path, instalment=instalment), "canonical")
    assert verdicts(loaded)["core_instalments_sum_to_invoice_amount"][0] == "fail"


def test_a_row_that_was_lost_on_the_way_is_noticed(tmp_path):
    loaded = load_ledger(write_small(tmp_path), "canonical")
    ledger = loaded.ledger | {"core_payment": loaded.ledger["core_payment"].clear()}
    quality = check_delivery(loaded.files, loaded.ledger, ledger, loaded.as_of)
    lost = quality.filter(pl.col("subject") == "payment.csv → core_payment").row(0, named=True)
    assert (lost["verdict"], lost["rows_in"], lost["rows_loaded"]) == ("fail", 1, 0)


def test_tables_come_out_of_the_warehouse_as_they_went_in(tmp_path):
    loaded = load_ledger(write_small(tmp_path / "ledger"), "canonical")
    tables = loaded.ledger | read_raw(tmp_path / "ledger", load_mapping("canonical"))
    path = tmp_path / "root" / "warehouse.duckdb"
    with Warehouse(path) as warehouse:
        for _ in range(2):  # a second writing replaces the first
            for name, table in (LEDGER_TABLES | RAW_TABLES).items():
                warehouse.write_table(table, tables[name])
    with Warehouse(path) as warehouse:
        for name, table in (LEDGER_TABLES | RAW_TABLES).items():
            assert warehouse.read_table(table).equals(table.conform(tables[name])), name


def test_a_failed_writing_leaves_the_old_rows(tmp_path):
    table = LEDGER_TABLES["core_invoice"]
    loaded = load_ledger(write_small(tmp_path / "ledger"), "canonical")
    with Warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        warehouse.write_table(table, loaded.ledger["core_invoice"])
        broken = loaded.ledger["core_invoice"].with_columns(pl.lit(None, pl.String).alias("customer_id"))
        with pytest.raises(UsageError):
            warehouse.write_table(table, broken)
        assert warehouse.read_table(table).equals(loaded.ledger["core_invoice"])


def test_a_table_that_was_never_written_is_explained(tmp_path):
    with (
        Warehouse(tmp_path / "warehouse.duckdb") as warehouse,
        pytest.raises(UsageError, match="core_invoice"),
    ):
        warehouse.read_table(LEDGER_TABLES["core_invoice"])


def test_the_warehouse_reads_no_other_file(tmp_path):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with Warehouse(tmp_path / "warehouse.duckdb") as warehouse, pytest.raises(duckdb.PermissionException):
        warehouse._connection.sql(f"SELECT * FROM read_csv('{tmp_path}/secret.csv')").pl()


def hold(path, is_open, may_end):
    connection = duckdb.connect(path)
    is_open.set()
    may_end.wait(30)
    connection.close()


def test_a_warehouse_that_another_run_holds_is_explained(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    context = multiprocessing.get_context("spawn")
    is_open, may_end = context.Event(), context.Event()
    process = context.Process(target=hold, args=(str(path), is_open, may_end))
    process.start()
    try:
        assert is_open.wait(30)
        with pytest.raises(UsageError, match="Another process holds"):
            Warehouse(path)
    finally:
        may_end.set()
        process.join(30)


def test_a_damaged_or_impossible_warehouse_is_explained(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be used"):
        Warehouse(tmp_path / "file" / "warehouse.duckdb")
    (tmp_path / "damaged.duckdb").write_bytes(b"not a database" * 1000)
    with pytest.raises(UsageError, match="cannot be used"):
        Warehouse(tmp_path / "damaged.duckdb")


def test_a_message_that_merely_holds_the_word_lock_is_not_taken_for_another_run(tmp_path):
    error = duckdb.IOException("Could not read block 7")
    assert "cannot be used" in str(_explain(error, tmp_path))


def test_a_warehouse_damaged_inside_says_that_it_may_be_deleted(tmp_path):
    table = LEDGER_TABLES["core_invoice"]
    path = tmp_path / "warehouse.duckdb"
    rows = load_ledger(write_large(tmp_path / "ledger", 5000), "canonical").ledger["core_invoice"]
    with Warehouse(path) as warehouse:
        warehouse.write_table(table, rows)
    content = bytearray(path.read_bytes())
    content[12288 : len(content)] = bytes(len(content) - 12288)
    path.write_bytes(content)
    with pytest.raises((IntegrityError, UsageError), match=r"[Dd]elete"), Warehouse(path) as warehouse:
        warehouse.read_table(table)


def test_a_read_that_finds_damage_is_an_integrity_error(tmp_path):
    class Damaged:
        def sql(self, _):
            raise duckdb.IOException("Corrupt database file: computed checksum does not match")

    with Warehouse(tmp_path / "warehouse.duckdb") as warehouse:
        connection, warehouse._connection = warehouse._connection, Damaged()
        with pytest.raises(IntegrityError, match=r"Delete warehouse\.duckdb"):
            warehouse.read_table(LEDGER_TABLES["core_invoice"])
        warehouse._connection = connection


def test_only_the_owner_may_read_the_file(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with Warehouse(path):
        assert path.stat().st_mode & 0o077 == 0
