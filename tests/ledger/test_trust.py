"""A delivery that is too small, shrank, or contradicts its own totals or balance list is not trusted."""

from datetime import date

import polars as pl
import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.balance_list import BALANCE_LIST_CHECK
from segmentation.ledger.control_totals import require_enough_rows
from segmentation.ledger.loading import load_ledger
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.shrinkage import account_for, read_account, require_not_shrunk, write_account

CUSTOMERS = "customer_id,observed_at\n" + "".join(f"C{n},2026-01-01T00:00:00Z\n" for n in range(1, 16))
INVOICES = "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n" + "".join(
    f"I{n},C{n},invoice,2026-01-05,2026-02-04,100.10,EUR,2026-01-05T09:00:00Z\n" for n in range(1, 16)
)
PAYMENTS = (
    "payment_id,customer_id,value_date,amount,currency,observed_at\n"
    "P1,C1,2026-02-01,100.10,EUR,2026-02-01T09:00:00Z\n"
    "P2,C2,2026-02-01,40.00,EUR,2026-02-01T09:00:00Z\n"
)
ALLOCATIONS = (
    "allocation_id,payment_id,invoice_id,amount,allocated_at,observed_at\n"
    "A1,P1,I1,100.10,2026-02-01,2026-02-01T09:00:00Z\n"
)
TOTALS = "subject,stated_date,currency,row_count,amount_total,observed_at\n"
LIST = "customer_id,currency,stated_date,bucket,open_amount,observed_at\n"
SETTINGS = LedgerSettings()


def deliver(folder, **changed):
    texts = {"customer": CUSTOMERS, "invoice": INVOICES, "payment": PAYMENTS, "allocation": ALLOCATIONS}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (texts | changed).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def total(subject, rows="", amount="", *, currency="", day="2026-02-10"):
    return TOTALS + f"{subject},{day},{currency},{rows},{amount},{day}T20:00:00Z\n"


@pytest.mark.parametrize(
    "said",
    [
        total("invoice.csv", 15, "1501.50"),
        total("invoice", 15, "1501.50", currency="EUR"),
        total("payment", amount="140.10"),
        total("customer.csv", 15),
        total("allocation.csv", 1, "100.10"),
    ],
)
def test_a_delivery_that_is_as_stated_is_taken(tmp_path, said):
    load_ledger(deliver(tmp_path, control_total=said), "canonical")


@pytest.mark.parametrize(
    ("said", "where", "found"),
    [
        (total("invoice.csv", 16), "invoice.csv", "16 rows are stated and 15 were delivered"),
        (
            total("invoice", amount="1501.51", currency="EUR"),
            "invoice, EUR",
            r"1,501.51 in all is stated and 1,501.50",
        ),
        (total("payment", 3), "payment", "3 rows are stated and 2"),
        (total("march.csv", 3), "march.csv", "nothing of that name"),
        (total("invoice", 15, currency="USD"), "invoice, USD", "15 rows are stated and 0"),
    ],
)
def test_a_delivery_that_is_not_as_stated_is_refused(tmp_path, said, where, found):
    with pytest.raises(InputRefusedError, match=found) as refusal:
        load_ledger(deliver(tmp_path, control_total=said), "canonical")
    assert where in str(refusal.value.where)
    assert "control_total.csv:2" in str(refusal.value.where)


def test_a_control_total_counts_what_was_learned_by_its_day_and_the_last_one_counts(tmp_path):
    early, late = total("payment", 0, day="2026-01-31"), total("payment", 2, day="2026-02-01")
    load_ledger(deliver(tmp_path / "a", control_total=early), "canonical")
    load_ledger(deliver(tmp_path / "b", control_total=early + late.removeprefix(TOTALS)), "canonical")


def test_a_later_control_total_says_nothing_about_an_earlier_day(tmp_path):
    path = deliver(tmp_path, control_total=total("invoice.csv", 99))
    assert load_ledger(path, "canonical", date(2026, 2, 10)).ledger["core_invoice"].height == 15
    with pytest.raises(InputRefusedError, match="99 rows"):
        load_ledger(path, "canonical", date(2026, 2, 11))


def test_rows_in_quarantine_were_delivered(tmp_path):
    bad = INVOICES.replace("I3,C3,invoice,2026-01-05", "I3,C3,invoice,soon")
    path = deliver(tmp_path, invoice=bad, control_total=total("invoice.csv", 15, "1501.50"))
    loaded = load_ledger(path, "canonical")
    assert loaded.ledger["core_quarantine"]["rule"].to_list() == ["not_a_date"]


def test_a_file_with_fewer_rows_than_the_mapping_expects_is_refused():
    kinds = [
        {"filename": "in*.csv", "minimum_rows": 100, "tables": {"invoice": "as_is"}},
        {"filename": "pay*.csv", "minimum_rows": 10, "optional": True, "tables": {"payment": "as_is"}},
    ]
    mapping = SourceMapping.model_validate({"name": "m", "source_system": "s", "files": kinds})

    def files(**rows):
        return pl.DataFrame(
            {"source_file": [f"{name}.csv" for name in rows], "row_count": list(rows.values())}
        ).with_columns(is_mapped=True)

    require_enough_rows(files(invoice1=60, invoice2=40), mapping)
    with pytest.raises(InputRefusedError, match=r"99 rows where at least 100 .*in1\.csv, in2\.csv"):
        require_enough_rows(files(in1=60, in2=39), mapping)
    with pytest.raises(InputRefusedError, match=r"9 rows .*pay\.csv"):
        require_enough_rows(files(in1=100, pay=9), mapping)


def facts_of(path):
    return load_ledger(path, "canonical").ledger


def test_a_delivery_may_grow_and_correct_but_not_lose_history(tmp_path):
    before = account_for(facts_of(deliver(tmp_path / "a")), "canonical", date(2026, 2, 2))
    corrected = INVOICES + "I1,C1,invoice,2026-01-05,2026-02-04,90.10,EUR,2026-01-06T09:00:00Z\n"
    more = corrected + "I99,C1,invoice,2026-03-05,2026-04-04,5,EUR,2026-03-05T09:00:00Z\n"
    require_not_shrunk(before, facts_of(deliver(tmp_path / "b", invoice=more)), SETTINGS)
    few = "".join(more.splitlines(keepends=True)[:4] + more.splitlines(keepends=True)[-1:])
    smaller = facts_of(deliver(tmp_path / "c", invoice=few))
    with pytest.raises(InputRefusedError, match=r"had 15 rows learned before 2026-02-02, this one has 3"):
        require_not_shrunk(before, smaller, SETTINGS)
    require_not_shrunk(before, smaller, LedgerSettings(max_shrunk_share=1))


def test_a_delivery_whose_amounts_shrank_is_refused(tmp_path):
    before = account_for(facts_of(deliver(tmp_path / "a")), "canonical", date(2026, 2, 2))
    divided = INVOICES.replace("100.10", "10.01")
    with pytest.raises(InputRefusedError, match=r"had 1,501.50 EUR .* this one has 150.15 EUR") as refusal:
        require_not_shrunk(
            before, facts_of(deliver(tmp_path / "b", invoice=divided, allocation=ALLOCATIONS)), SETTINGS
        )
    assert "--accept-smaller-delivery" in refusal.value.remedy


def test_a_row_that_is_gone_excuses_no_amounts_read_as_a_tenth(tmp_path):
    before = account_for(facts_of(deliver(tmp_path / "a")), "canonical", date(2026, 2, 2))
    one_less = "".join(INVOICES.splitlines(keepends=True)[:-1])
    require_not_shrunk(before, facts_of(deliver(tmp_path / "b", invoice=one_less)), SETTINGS)
    tenth = facts_of(deliver(tmp_path / "c", invoice=one_less.replace("100.10", "10.01")))
    with pytest.raises(
        InputRefusedError, match=r"1,501\.50 EUR learned before 2026-02-02, this one has 140\.14"
    ):
        require_not_shrunk(before, tenth, SETTINGS)


def test_the_account_of_a_delivery_is_kept_exactly(tmp_path):
    account = account_for(facts_of(deliver(tmp_path / "a")), "canonical", date(2026, 2, 2))
    assert read_account(tmp_path) is None
    write_account(tmp_path, account)
    assert read_account(tmp_path) == account
    (tmp_path / "last_delivery.json").write_text("[]")
    assert read_account(tmp_path) is None


def agreed(*lines, day="2026-02-10", learned="2026-02-11", net=True):
    """Return a list on which the customers that are not named owe their invoice."""
    opened = {f"C{n}": "100.10" for n in range(2, 16)} | {"C2": "60.10" if net else "100.10"} | dict(lines)
    return LIST + "".join(f"{c},EUR,{day},,{o},{learned}T08:00:00Z\n" for c, o in opened.items())


def find_list(loaded):
    rows = loaded.ledger["core_quality"].filter(pl.col("check_name") == BALANCE_LIST_CHECK)
    return rows.row(0, named=True) if rows.height else None


@pytest.mark.parametrize("basis", ["net", "gross"])
def test_a_list_that_agrees_to_the_cent_passes(tmp_path, basis):
    path = deliver(tmp_path, stated_balance=agreed(net=basis == "net"))
    found = find_list(load_ledger(path, "canonical", settings=LedgerSettings(balance_list=basis)))
    assert (found["verdict"], "all 14 accounts" in found["statement"]) == ("pass", True)


def test_a_cent_of_difference_fails_and_names_the_customer(tmp_path):
    path = deliver(tmp_path, stated_balance=agreed(("C7", "100.11"), ("C1", "5.00")))
    found = find_list(load_ledger(path, "canonical"))
    assert found["verdict"] == "fail"
    assert "C1 5.00 EUR on the list, 0.00 in the ledger" in found["statement"]
    assert "C7 100.11 EUR on the list, 100.10 in the ledger" in found["statement"]
    assert "for 2 customers" in found["statement"]


def test_who_is_not_on_the_list_owes_nothing_and_ten_are_named(tmp_path):
    path = deliver(tmp_path, stated_balance=LIST + "C99,EUR,2026-02-10,,1,2026-02-11T00:00:00Z\n")
    found = find_list(load_ledger(path, "canonical"))
    assert "C3 0.00 EUR on the list, 100.10 in the ledger" in found["statement"]
    assert "for 15 customers" in found["statement"]
    assert found["statement"].endswith("; and 5 more")


def test_a_list_is_compared_with_the_ledger_of_its_own_day(tmp_path):
    before_payments = agreed(("C1", "100.10"), ("C2", "100.10"), day="2026-01-31", learned="2026-02-03")
    path = deliver(tmp_path, stated_balance=before_payments)
    assert find_list(load_ledger(path, "canonical"))["verdict"] == "pass"
    assert find_list(load_ledger(path, "canonical", date(2026, 2, 3))) is None  # not yet learned


def test_buckets_of_an_ageing_list_are_summed_and_the_last_list_counts(tmp_path):
    wrong = agreed(("C5", "0.01"), day="2026-02-09")
    right = agreed(("C5", "60.00")) + "C5,EUR,2026-02-10,1-30,40.10,2026-02-11T08:00:00Z\n"
    path = deliver(tmp_path, stated_balance=wrong + right.removeprefix(LIST))
    assert find_list(load_ledger(path, "canonical"))["verdict"] == "pass"


def test_what_was_set_against_the_wrong_invoice_of_a_customer_fails_though_the_sum_agrees(tmp_path):
    swapped = agreed(("C5", "60.00")).replace("2026-02-10,,60.00", "2026-02-10,I5,60.00")
    path = deliver(tmp_path, stated_balance=swapped + "C5,EUR,2026-02-10,others,40.10,2026-02-11T08:00:00Z\n")
    found = find_list(load_ledger(path, "canonical"))
    assert found["verdict"] == "fail"
    assert "for 1 customer: C5 invoice I5 60.00 EUR on the list, 100.10 in the ledger" in found["statement"]


def test_a_row_in_quarantine_makes_the_list_disagree(tmp_path):
    bad = INVOICES.replace("I3,C3,invoice,2026-01-05", "I3,C3,invoice,soon")
    found = find_list(load_ledger(deliver(tmp_path, invoice=bad, stated_balance=agreed()), "canonical"))
    assert "C3 100.10 EUR on the list, 0.00 in the ledger" in found["statement"]
