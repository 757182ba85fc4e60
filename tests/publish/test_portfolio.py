"""The measures of the book, against an example worked by hand."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.published_tables import PORTFOLIO
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.validation import find_violations
from segmentation.publish.portfolio import AGEING_BUCKETS, measure_portfolio
from tests.snapshot_factory import AS_OF as EXAMPLE_AS_OF
from tests.snapshot_factory import make_frames

AS_OF = date(2026, 4, 1)  # the period of 90 days begins on 2026-01-01

# invoice, customer, currency, issued, due, amount, paid, covered on
BOOK = [
    ("I1", "A", "EUR", date(2025, 11, 15), date(2025, 12, 15), 1000, 400, None),
    ("I2", "A", "EUR", date(2025, 12, 10), date(2026, 1, 9), 500, 500, date(2026, 1, 19)),
    ("I3", "B", "EUR", date(2026, 1, 10), date(2026, 2, 9), 1500, 0, None),
    ("I4", "B", "EUR", date(2026, 3, 15), date(2026, 4, 14), 2000, 0, None),
    ("I5", "B", "EUR", date(2026, 2, 1), date(2026, 3, 3), 800, 800, date(2026, 3, 1)),
    ("I6", "A", "EUR", date(2026, 3, 2), date(2026, 4, 1), 100, 0, None),
    ("I7", "C", "CAD", date(2025, 12, 1), date(2025, 12, 31), 300, 0, None),
    ("I8", "C", "CAD", date(2025, 11, 1), date(2025, 12, 1), 200, 0, None),
]
SEEN = {"observed_at": datetime(2026, 3, 31, tzinfo=UTC), "source_system": "test", "source_id": "test:1"}


def _table(name, rows):
    table = (LEDGER_TABLES | ROOM_TABLES)[name]
    complete = [{column: (SEEN | row).get(column) for column in table.column_names} for row in rows]
    return table.conform(pl.DataFrame(complete, schema=table.polars_schema, orient="row"))


def _balance(row):
    invoice, customer, currency, issued, due, amount, paid, covered = row
    return {
        "invoice_id": invoice,
        "instalment_number": 1,
        "customer_id": customer,
        "document_type": "invoice",
        "currency": currency,
        "issue_date": issued,
        "due_date": due,
        "amount": Decimal(amount),
        "paid_amount": Decimal(paid),
        "credited_amount": Decimal(0),
        "written_off_amount": Decimal(0),
        "open_amount": Decimal(amount - paid),
        "is_open": covered is None,
        "covered_date": covered,
        "covered_by": None if covered is None else "payment",
        "days_late": ((covered or AS_OF) - due).days,
        "payment_count": int(paid > 0),
        "issued_known_date": issued,
        "is_supplier_caused": False,
    }


def _payment(number, customer, invoice, day, amount, currency="EUR"):
    payment = {"payment_id": number, "customer_id": customer, "value_date": day, "amount": Decimal(amount)}
    allocation = {"allocation_id": f"a{number}", "payment_id": number, "invoice_id": invoice}
    return (
        payment | {"currency": currency},
        allocation | {"amount": Decimal(amount), "allocated_at": day},
    )


@pytest.fixture
def frames():
    paid = [
        _payment("P1", "A", "I1", date(2025, 12, 20), 400),
        _payment("P2", "A", "I2", date(2026, 1, 19), 500),
        _payment("P5", "B", "I5", date(2026, 3, 1), 800),
        _payment("P7", "C", "I7", date(2025, 12, 30), 300, "CAD"),
        _payment("P8", "C", "I8", date(2025, 12, 1), 200, "CAD"),
    ]
    reversals = [("P7", date(2026, 1, 15), -300), ("P8", date(2025, 12, 15), -200)]
    taken_back = [
        {"payment_id": f"{origin}R", "reversal_of": origin, "value_date": day, "amount": Decimal(amount)}
        for origin, day, amount in reversals
    ]
    promises = [
        ("T1", "I2", date(2026, 1, 10), date(2026, 1, 20), None, None),
        ("T2", "I3", date(2026, 2, 15), date(2026, 3, 1), Decimal(1500), None),
        ("T3", "I3", date(2026, 3, 20), date(2026, 4, 10), None, None),
        ("T4", "I1", date(2025, 12, 16), date(2026, 1, 5), None, "partial"),
    ]
    names = ("promise_id", "invoice_id", "made_at", "promised_date", "amount", "status")
    tables = {name: _table(name, []) for name in (*LEDGER_TABLES, *ROOM_TABLES)}
    tables["core_instalment_balance"] = _table("core_instalment_balance", [_balance(row) for row in BOOK])
    tables["core_payment"] = _table(
        "core_payment", [p for p, _ in paid] + [row | {"currency": "CAD"} for row in taken_back]
    )
    tables["core_allocation"] = _table("core_allocation", [a for _, a in paid])
    tables["core_promise_to_pay"] = _table(
        "core_promise_to_pay", [dict(zip(names, row, strict=True)) for row in promises]
    )
    segments = [("A", "incidental"), ("B", "structural")]
    fixed = {"as_of_date": AS_OF, "cause": "unclear", "settled_count": 3, "late_count": 1}
    tables["pred_segment"] = _table(
        "pred_segment",
        [fixed | {"customer_id": c, "segment": s, "excluded_count": 0, "evidence": []} for c, s in segments],
    )
    return tables


def _value(portfolio, measure, currency="EUR", slice_="all"):
    row = portfolio.filter(measure=measure, currency=currency, slice=slice_)
    assert row.height == 1
    return row["value"].item()


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("ageing_amount", 600 + 1500 + 2000 + 100),
        ("overdue_amount", 600 + 1500),
        ("overdue_share", 2100 / 4200),
        ("dso_days", 4200 / 4400 * 90),  # issued in the period: 1500 + 2000 + 800 + 100
        ("best_possible_dso_days", 2100 / 4400 * 90),
        ("average_days_delinquent", 2100 / 4400 * 90),
        # open on 1 January: 600 of I1 and 500 of I2; collected since: 500 and 800
        ("cei_share", 1300 / 3400),
        # fell due in the period: I2 10 days late, I3 51 so far, I5 early
        ("weighted_days_late", (500 * 10 + 1500 * 51) / (500 + 1500 + 800)),
        # T1 kept, T2 broken, T3 not due yet, T4 recorded as partial
        ("promise_kept_share", 1 / 3),
    ],
)
def test_measures_equal_the_example_worked_by_hand(frames, measure, expected):
    assert _value(measure_portfolio(frames, AS_OF), measure) == pytest.approx(expected)


def test_ageing_counts_days_beyond_terms_and_the_due_day_is_not_late(frames):
    portfolio = measure_portfolio(frames, AS_OF)
    found = {bucket: _value(portfolio, "ageing_amount", slice_=bucket) for bucket in AGEING_BUCKETS}
    assert found == {
        "not_due": 2100,
        "days_1_30": 0,
        "days_31_60": 1500,
        "days_61_90": 0,
        "days_over_90": 600,
    }


def test_average_days_delinquent_is_dso_less_best_possible_dso(frames):
    portfolio = measure_portfolio(frames, AS_OF)
    for slice_ in ("all", "incidental", "structural"):
        difference = _value(portfolio, "dso_days", slice_=slice_) - _value(
            portfolio, "best_possible_dso_days", slice_=slice_
        )
        assert _value(portfolio, "average_days_delinquent", slice_=slice_) == pytest.approx(difference)


def test_segments_have_their_own_measures(frames):
    portfolio = measure_portfolio(frames, AS_OF)
    assert _value(portfolio, "ageing_amount", slice_="incidental") == 700
    assert _value(portfolio, "dso_days", slice_="structural") == pytest.approx(3500 / 4300 * 90)


def test_a_payment_taken_back_counts_from_the_day_it_was_taken_back(frames):
    # on 1 January I7 was paid, and I8 was open again
    cad = measure_portfolio(frames, AS_OF).filter(currency="CAD", measure="cei_share", slice="all")
    assert json.loads(cad["inputs"].item())["opening_amount"] == "200.000"


def test_a_measure_without_its_inputs_is_null_and_says_how_it_is_computed(frames):
    cad = measure_portfolio(frames, AS_OF).filter(currency="CAD", measure="dso_days", slice="all")
    assert cad["value"].item() is None
    assert cad["formula"].item() == "open_amount ÷ issued_amount × period_days"
    inputs = json.loads(cad["inputs"].item())
    assert inputs["open_amount"] == "500.000"
    assert inputs["issued_amount"] == "0.000"
    assert inputs["period_days"] == 90


def test_a_young_ledger_is_measured_over_the_days_it_has(frames):
    balance = frames["core_instalment_balance"].filter(pl.col("issue_date") >= date(2026, 3, 2))
    portfolio = measure_portfolio(frames | {"core_instalment_balance": balance}, AS_OF)
    assert _value(portfolio, "dso_days") == pytest.approx(2100 / 2100 * 30)


def test_an_empty_ledger_has_no_measures():
    empty = {name: table.empty() for name, table in (LEDGER_TABLES | ROOM_TABLES).items()}
    assert measure_portfolio(empty, AS_OF).is_empty()


def test_buckets_and_segments_each_add_up_to_the_whole():
    portfolio = measure_portfolio(make_frames(), EXAMPLE_AS_OF)
    assert find_violations(portfolio, PORTFOLIO) == []
    ageing = portfolio.filter(measure="ageing_amount")
    for currency in ("EUR", "CAD"):
        whole = _value(portfolio, "ageing_amount", currency)
        rows = ageing.filter(currency=currency)
        in_buckets = rows.filter(pl.col("slice").is_in(AGEING_BUCKETS))["value"].sum()
        in_segments = rows.filter(~pl.col("slice").is_in(["all", *AGEING_BUCKETS]))["value"].sum()
        assert in_buckets == pytest.approx(whole)
        assert in_segments == pytest.approx(whole)
