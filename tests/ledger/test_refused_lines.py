"""A line that could not be read hides what it is about, until a later row says the same again, readably."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import segmentation.ledger
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.as_known import as_known
from segmentation.ledger.conversion import convert
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping_files import load_mapping
from segmentation.ledger.sources import read_raw
from segmentation.publish.quality import summarise_quarantine
from segmentation.treatment.account_gates import close_on_quarantine

HEADER = "doc_id,cust_number,posting_date,due_date,clear_date,amount,currency,learned\n"
OTHER = "A2,0007,2026-01-01,2026-01-31,,20.00,EUR,2026-01-01\n"
MAPPINGS = Path(segmentation.ledger.__file__).parent / "mappings"
LENIENT = LedgerSettings(max_quarantined_share=1)
AS_OF = date(2026, 3, 1)


def load(folder, *texts, as_of=AS_OF):
    """Load deliveries, each a file of its own beside the others."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(HEADER + text, encoding="utf-8")
    text = (MAPPINGS / "b2b_ledger.yaml").read_text(encoding="utf-8")
    mapping = folder.parent / "learned.yaml"
    mapping.write_text(
        text.replace("observed_at: posting_date", "observed_at: learned").replace(
            "observed_at: clear_date", "observed_at: learned"
        ),
        encoding="utf-8",
    )
    return load_ledger(folder, mapping, as_of, LENIENT).ledger


def list_closed(ledger):
    return close_on_quarantine(ledger, AS_OF)["customer_id"].to_list()


BAD_AMOUNT = "A1,0007,2026-01-01,2026-01-31,2026-02-03,1o.00,EUR,2026-02-04\n"
BAD_DAY = "A1,0007,2026-01-01,2026-01-31,2026-02-99,10.00,EUR,2026-02-04\n"
RIGHT = "A1,0007,2026-01-01,2026-01-31,2026-02-03,10.00,EUR,2026-02-10\n"


@pytest.mark.parametrize("bad", [BAD_AMOUNT, BAD_DAY])
def test_a_row_put_right_in_a_new_file_is_loaded_and_closes_nobody(tmp_path, bad):
    before = load(tmp_path / "before", bad + OTHER)
    assert before["core_invoice"]["invoice_id"].to_list() == ["A2"]
    assert list_closed(before) == ["0007"]
    after = load(tmp_path / "after", bad + OTHER, RIGHT)
    balances = after["core_instalment_balance"].select("invoice_id", "open_amount").rows()
    assert [(name, float(amount)) for name, amount in balances] == [("A1", 0.0), ("A2", 20.0)]
    assert list_closed(after) == []
    quarantine = after["core_quarantine"]
    assert set(quarantine["source_line"]) == {2}
    assert quarantine["is_corrected"].all()
    assert summarise_quarantine(quarantine).is_empty()
    counts = after["core_quality"].filter(pl.col("check_name") == "rows_in_equal_loaded_plus_quarantined")
    assert set(counts["verdict"]) == {"pass"}
    assert any("later rows put 1 of them right" in text for text in counts["statement"])
    assert counts.select(
        (pl.col("rows_in") == pl.col("rows_loaded") + pl.col("rows_quarantined")).all()
    ).item()


def test_a_row_that_says_a_part_of_it_only_puts_nothing_right(tmp_path):
    still_open = RIGHT.replace("2026-02-03", "", 1)
    ledger = load(tmp_path / "ledger", BAD_DAY + OTHER, still_open)
    assert ledger["core_invoice"]["invoice_id"].to_list() == ["A2"]
    assert list_closed(ledger) == ["0007"]


def test_another_unreadable_row_of_the_invoice_still_hides_it(tmp_path):
    other_bad = RIGHT.replace("10.00", "ten").replace("2026-02-10", "2026-02-12")
    ledger = load(tmp_path / "ledger", BAD_AMOUNT + OTHER, RIGHT, other_bad)
    assert list_closed(ledger) == ["0007"]
    quarantine = ledger["core_quarantine"]
    assert not quarantine.filter(pl.col("source_file") == "2.csv")["is_corrected"].any()


@pytest.mark.parametrize("learned", ["2026-02-03", "2026-02-04", "soon"])
def test_what_may_have_been_said_before_puts_nothing_right(tmp_path, learned):
    bad = BAD_AMOUNT.replace("2026-02-04", "soon") if learned == "soon" else BAD_AMOUNT
    readable = RIGHT if learned == "soon" else RIGHT.replace("2026-02-10", learned)
    assert list_closed(load(tmp_path / "ledger", bad + OTHER, readable)) == ["0007"]


def test_the_order_of_the_deliveries_changes_nothing(tmp_path):
    first = load(tmp_path / "a", BAD_AMOUNT + OTHER, RIGHT)
    second = load(tmp_path / "b", RIGHT, BAD_AMOUNT + OTHER)
    for name in ("core_invoice", "core_payment", "core_instalment_balance"):
        assert (
            first[name].drop("source_id", strict=False).equals(second[name].drop("source_id", strict=False))
        )


PAYMENTS = "payment_id,customer_id,value_date,amount,currency,observed_at\n"
INVOICES = "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n"
INVOICES += "I,C,invoice,2026-01-01,2026-01-31,50.00,EUR,2026-01-01T00:00:00Z\n"
CUSTOMERS = "customer_id,observed_at\nC,2026-01-01T00:00:00Z\n"


def load_payments(folder, *texts, as_of=AS_OF):
    folder.mkdir(exist_ok=True)
    (folder / "customer.csv").write_text(CUSTOMERS, encoding="utf-8")
    (folder / "invoice.csv").write_text(INVOICES, encoding="utf-8")
    (folder / "payment.csv").write_text(PAYMENTS + "".join(texts), encoding="utf-8")
    mapping = load_mapping("canonical")
    return as_known(convert(read_raw(folder, mapping), mapping, LENIENT), as_of)


def test_an_unreadable_change_is_not_put_right_by_what_was_said_before(tmp_path):
    readable = "P,C,2026-01-10,10.00,EUR,2026-01-10T00:00:00Z\n"
    changed = "P,C,2026-01-10,1O.00,EUR,2026-02-10T00:00:00Z\n"
    ledger = load_payments(tmp_path / "ledger", readable + changed)
    assert list_closed(ledger) == ["C"]
    later = readable.replace("2026-01-10T", "2026-02-11T")
    assert list_closed(load_payments(tmp_path / "later", readable + changed + later)) == []


def test_a_correction_learned_later_does_not_change_what_was_known_before_it(tmp_path):
    bad = "P,C,2026-01-10,1O.00,EUR,2026-01-10T00:00:00Z\n"
    right = "P,C,2026-01-10,10.00,EUR,2026-02-10T00:00:00Z\n"
    on_the_day = load_payments(tmp_path / "ledger", bad + right, as_of=date(2026, 2, 10))
    without = load_payments(tmp_path / "without", bad, as_of=date(2026, 2, 10))
    assert list_closed(on_the_day) == ["C"]
    for name in ("core_payment", "core_quarantine"):
        assert on_the_day[name].equals(without[name])
    assert list_closed(load_payments(tmp_path / "ledger", bad + right, as_of=date(2026, 2, 11))) == []


def test_looking_further_back_from_a_later_day_finds_the_row_missing_again(tmp_path):
    bad = "P,C,2026-01-10,1O.00,EUR,2026-01-10T00:00:00Z\n"
    right = "P,C,2026-01-10,10.00,EUR,2026-02-10T00:00:00Z\n"
    today = load_payments(tmp_path / "ledger", bad + right)
    assert today["core_quarantine"]["is_corrected"].to_list() == [True]
    earlier = as_known(today, date(2026, 2, 1))
    assert earlier["core_quarantine"]["is_corrected"].to_list() == [False]


def test_rows_that_contradict_each_other_are_put_right_by_a_later_one(tmp_path):
    one = "P,C,2026-01-10,10.00,EUR,2026-01-10T00:00:00Z\n"
    other = one.replace("10.00", "11.00")
    assert list_closed(load_payments(tmp_path / "ledger", one + other)) == ["C"]
    later = other.replace("2026-01-10T", "2026-01-12T")
    ledger = load_payments(tmp_path / "later", one + other, later)
    assert list_closed(ledger) == []
    assert [float(amount) for amount in ledger["core_payment"]["amount"]] == [11.0]


def test_a_row_of_which_the_key_cannot_be_read_is_put_right_in_its_own_file_only(tmp_path):
    bad = ",C,2026-01-10,10.00,EUR,2026-01-10T00:00:00Z\n"
    right = "P,C,2026-01-10,10.00,EUR,2026-01-10T00:00:00Z\n"
    assert list_closed(load_payments(tmp_path / "ledger", bad, right.replace("10T", "12T"))) == ["C"]
    assert list_closed(load_payments(tmp_path / "repaired", right)) == []


def test_a_correction_that_is_refused_itself_puts_nothing_right(tmp_path):
    bad = "P,C,2026-01-10,1O.00,EUR,2026-01-10T00:00:00Z\n"
    of_nobody = "P,C9,2026-01-10,10.00,EUR,2026-02-10T00:00:00Z\n"
    assert set(list_closed(load_payments(tmp_path / "ledger", bad, of_nobody))) == {"C", "C9"}


def test_a_day_filled_in_before_does_not_make_an_old_row_a_later_one(tmp_path):
    folder = tmp_path / "ledger"
    first = "J,C,invoice,2026-01-01,2026-01-31,50.00,EUR,2026-02-20,2026-01-01T00:00:00Z\n"
    second = first.replace("50.00", "5O.00").replace("2026-01-01T", "2026-02-05T")
    header = INVOICES.splitlines()[0].replace("observed_at", "received_date,observed_at") + "\n"
    load_payments(folder)
    (folder / "invoice.csv").write_text(header + first + second, encoding="utf-8")
    mapping = load_mapping("canonical")
    assert list_closed(as_known(convert(read_raw(folder, mapping), mapping, LENIENT), AS_OF)) == ["C"]
