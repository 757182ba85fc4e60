"""One mistyped day neither moves the as-of day nor refuses an earlier one; money counts from its value date."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.loading import load_ledger

INVOICES = "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n"
LENIENT = LedgerSettings(max_quarantined_share=1)


def invoice_line(number, observed=None, due=None):
    issued = date(2026, 1, 1) + timedelta(days=number % 50)
    observed = observed or issued
    return (
        f"I{number},C,invoice,{issued},{due or issued + timedelta(days=14)},10.00,EUR,{observed}T08:00:00Z\n"
    )


def deliver(folder, invoices, **others):
    texts = {"customer": "customer_id,observed_at\nC,2026-01-01T00:00:00Z\n", "invoice": INVOICES + invoices}
    for name, text in (texts | others).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def many(count=300):
    return "".join(invoice_line(number) for number in range(count))


def find(loaded, check):
    return loaded.ledger["core_quality"].filter(pl.col("check_name") == check).row(0, named=True)


def test_a_mistyped_year_does_not_move_the_as_of_day(tmp_path):
    typed_wrong = invoice_line(900, date(2062, 2, 1)) + invoice_line(901, date(2099, 2, 1))
    loaded = load_ledger(deliver(tmp_path, many() + typed_wrong), "canonical")
    assert loaded.as_of == date(2026, 2, 20)
    refused = loaded.ledger["core_quarantine"]
    assert set(refused["rule"]) == {"day_after_a_gap"}
    assert set(refused["invoice_id"]) == {"I900", "I901"}
    assert "--as-of" in refused["remedy"][0]
    finding = find(loaded, "facts_were_learned_on_plausible_days")
    assert finding["verdict"] == "warn"
    assert "invoice.csv:302, invoice.csv:303" in finding["statement"]
    assert "fail" not in set(loaded.ledger["core_quality"]["verdict"])


def test_a_given_as_of_day_makes_such_rows_merely_later(tmp_path):
    path = deliver(tmp_path, many() + invoice_line(900, date(2062, 2, 1)))
    loaded = load_ledger(path, "canonical", date(2026, 2, 20))
    assert loaded.ledger["core_quarantine"].height == 0
    assert find(loaded, "facts_were_learned_on_plausible_days")["verdict"] == "pass"


def test_a_ledger_that_rested_for_a_year_is_no_typing_error(tmp_path):
    resumed = "".join(invoice_line(number, date(2027, 3, 1)) for number in range(900, 920))
    loaded = load_ledger(deliver(tmp_path, many() + resumed), "canonical")
    assert loaded.as_of == date(2027, 3, 2)
    assert loaded.ledger["core_quarantine"].height == 0


def test_a_mistyped_closing_day_of_a_dispute_leaves_it_open(tmp_path):
    dispute = "dispute_id,invoice_id,opened_at,closed_at,outcome,observed_at\n"
    dispute += "D,I1,2026-02-01,2062-02-10,rejected,2026-02-01T00:00:00Z\n"
    loaded = load_ledger(deliver(tmp_path, many(), dispute=dispute), "canonical")
    assert loaded.as_of == date(2026, 2, 20)
    assert loaded.ledger["core_dispute"].select("closed_at", "outcome").row(0) == (None, None)


def test_the_as_of_day_is_never_later_than_tomorrow(tmp_path):
    path = deliver(tmp_path, many(20) + invoice_line(900, date(2026, 5, 1)))
    assert load_ledger(path, "canonical").as_of == date(2026, 5, 2)
    loaded = load_ledger(path, "canonical", settings=LENIENT, today=date(2026, 1, 21))
    assert loaded.as_of == date(2026, 1, 21)  # the newest fact that is left is of the day before
    assert loaded.ledger["core_quarantine"].select("rule", "invoice_id").rows() == [
        ("day_in_the_future", "I900")
    ]
    assert load_ledger(path, "canonical", date(2026, 6, 1), today=date(2026, 1, 21)).as_of == date(2026, 6, 1)


def test_later_bad_rows_do_not_refuse_an_earlier_day(tmp_path):
    bad = "".join(invoice_line(number, date(2026, 4, 1), due="never") for number in range(900, 960))
    path = deliver(tmp_path, many() + bad)
    assert load_ledger(path, "canonical", date(2026, 4, 1)).ledger["core_invoice"].height == 300
    with pytest.raises(InputRefusedError, match="60 of 360 rows"):
        load_ledger(path, "canonical", date(2026, 4, 2))
    with pytest.raises(InputRefusedError, match="60 of 360 rows"):
        load_ledger(path, "canonical")


def test_later_good_rows_do_not_excuse_earlier_bad_ones(tmp_path):
    bad = "".join(invoice_line(number, due="never") for number in range(20))
    later = "".join(invoice_line(number, date(2026, 4, 1)) for number in range(1000, 2000))
    path = deliver(tmp_path, many(100) + bad + later)
    load_ledger(path, "canonical")
    with pytest.raises(InputRefusedError, match="20 of 120 rows"):
        load_ledger(path, "canonical", date(2026, 4, 1))


def test_a_delivery_of_only_bad_rows_names_their_rule(tmp_path):
    path = deliver(tmp_path, invoice_line(1, due="never"), customer="customer_id,observed_at\nC,never\n")
    with pytest.raises(InputRefusedError, match="not_a_timestamp"):
        load_ledger(path, "canonical")


def test_an_undated_outcome_is_not_believed_and_reported(tmp_path):
    others = {
        "dispute": "dispute_id,invoice_id,opened_at,outcome,observed_at\n"
        "D,I1,2026-01-10,upheld,2026-01-10T00:00:00Z\n",
        "promise_to_pay": "promise_id,invoice_id,made_at,promised_date,status,observed_at\n"
        "P,I1,2026-01-10,2026-01-20,broken,2026-01-10T00:00:00Z\n"
        "Q,I2,2026-01-10,2026-01-20,open,2026-01-10T00:00:00Z\n",
        "payment_plan": "plan_id,customer_id,started_at,status,observed_at\n"
        "R,C,2026-01-10,completed,2026-01-10T00:00:00Z\n",
    }
    loaded = load_ledger(deliver(tmp_path, many(), **others), "canonical")
    assert loaded.ledger["core_dispute"]["outcome"].to_list() == [None]
    assert loaded.ledger["core_promise_to_pay"].sort("promise_id")["status"].to_list() == [None, "open"]
    assert loaded.ledger["core_payment_plan"]["status"].to_list() == [None]
    assert not loaded.ledger["core_instalment_balance"]["is_supplier_caused"].any()
    warned = loaded.ledger["core_quality"].filter(
        (pl.col("check_name") == "outcomes_have_their_day") & (pl.col("verdict") == "warn")
    )
    assert warned.height == 3
    assert any(statement.endswith(": D") for statement in warned["statement"])


PAYMENTS = "payment_id,customer_id,value_date,amount,currency,observed_at\n"
ALLOCATIONS = (
    "allocation_id,payment_id,invoice_id,amount,allocated_at,observed_at\n"
    "A,P,I1,10,2026-02-10,2026-02-10T00:00:00Z\n"
)


def test_money_on_its_way_covers_nothing_until_its_value_date_has_passed(tmp_path):
    payment = PAYMENTS + "P,C,2026-02-15,10,EUR,2026-02-10T00:00:00Z\n"
    path = deliver(tmp_path, many(), payment=payment, allocation=ALLOCATIONS)

    def balance(as_of):
        loaded = load_ledger(path, "canonical", as_of)
        assert "fail" not in set(loaded.ledger["core_quality"]["verdict"])
        rows = loaded.ledger["core_instalment_balance"].filter(pl.col("invoice_id") == "I1")
        assert loaded.ledger["core_unallocated_cash"].height == 0
        return rows.select("open_amount", "covered_date", "covered_known_date", "payment_count").row(0)

    assert balance(date(2026, 2, 15)) == (Decimal(10), None, None, 0)
    day = date(2026, 2, 15)
    assert balance(date(2026, 2, 16)) == (Decimal(0), day, day, 1)


def test_a_value_date_long_after_the_payment_was_learned_is_a_typing_error(tmp_path):
    payment = PAYMENTS + "P,C,2062-02-15,10,EUR,2026-02-10T00:00:00Z\n"
    loaded = load_ledger(deliver(tmp_path, many(), payment=payment), "canonical", settings=LENIENT)
    assert loaded.ledger["core_payment"].height == 0
    assert loaded.ledger["core_quarantine"].select("rule", "column_name", "value", "customer_id").rows() == [
        ("day_long_after_learning", "value_date", "2062-02-15", "C")
    ]


def test_a_table_is_judged_by_itself_however_good_the_others_are(tmp_path):
    bad = "".join(invoice_line(number, due="never") for number in range(1000, 1020))
    (tmp_path / "delivery").mkdir()
    path = deliver(tmp_path / "delivery", many(5000))
    load_ledger(path, "canonical")
    customers = "customer_id,observed_at\nC,2026-01-01T00:00:00Z\n" + "D,never\n" * 20
    with pytest.raises(InputRefusedError, match="20 of 21 rows"):
        load_ledger(deliver(path, many(5000), customer=customers), "canonical")
    with pytest.raises(InputRefusedError, match="20 of 120 rows"):
        load_ledger(deliver(path, many(100) + bad), "canonical")


def test_a_delivery_without_one_readable_day_says_what_was_wrong_with_it(tmp_path):
    american = "".join(invoice_line(number, observed="02/03/2026 ") for number in range(1))
    path = deliver(tmp_path, american, customer="customer_id,observed_at\nC,01/31/2026\n")
    with pytest.raises(
        InputRefusedError, match=r"not_a_timestamp in observed_at \('01/31/2026'\)"
    ) as refused:
        load_ledger(path, "canonical", settings=LENIENT)
    assert refused.value.where == "customer.csv, line 2"
