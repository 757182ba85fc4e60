"""What a definition promises: units, reasons, tables, and the refusal of columns by role."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.schema import Role
from segmentation.domain.validation import find_violations
from segmentation.features.computation import (
    compute_customer_features,
    compute_issue_features,
    compute_open_features,
)
from segmentation.features.definitions import FEATURE_TABLES, FEATURES, features_about
from segmentation.features.documentation import render_feature_table, render_page
from segmentation.features.feature import Feature, Scope, Unit, Window
from segmentation.features.permission import REFUSED_ROLES, without_refused
from segmentation.features.reasons import REASON_SENTENCES, ReasonGroup
from tests.features.ledgers import build_ledger, day, empty_ledger, moment, random_ledger


def define(name: str, unit: Unit, formula: pl.Expr) -> Feature:
    return Feature(name, unit, Window.ALL, "never null", formula, ReasonGroup.TERMS, "a test")


def refused() -> list[tuple[str, Role]]:
    return sorted(
        {
            (column.name, column.role)
            for table in CANONICAL_TABLES.values()
            for column in table.columns
            if column.role in REFUSED_ROLES
        }
    )


@pytest.mark.parametrize(("name", "role"), refused())
def test_a_feature_may_not_name_a_sensitive_group_personal_or_free_text_column(name, role):
    with pytest.raises(ValueError, match=f"uses {name}, a {role} column"):
        define("leak_count", Unit.COUNT, pl.col("open_count") + pl.col(name))


def test_the_refusal_covers_what_the_law_cares_about():
    names = {name for name, _ in refused()}
    assert {"birth_year", "sex", "party_type", "language", "region", "country", "size_band"} <= names


def test_the_room_never_sees_a_refused_column():
    for name, frame in without_refused(empty_ledger()).items():
        if name in CANONICAL_TABLES:
            assert not set(frame.columns) & set(CANONICAL_TABLES[name].columns_with(*REFUSED_ROLES))
            assert set(CANONICAL_TABLES[name].key) <= set(frame.columns)


def test_a_formula_names_only_what_the_sweep_knows():
    with pytest.raises(ValueError, match="not a state column"):
        define("wrong_count", Unit.COUNT, pl.col("days_late"))


COUNT = pl.col("open_count")


@pytest.mark.parametrize(
    "formula",
    [
        COUNT.shift(-1),
        COUNT - COUNT.mean(),
        pl.max_horizontal(COUNT, COUNT.shift(-1)),
        COUNT.fill_null(COUNT.shift(-1)),
        COUNT / pl.len(),
        COUNT + pl.int_range(pl.len()),
        COUNT + pl.lit(pl.Series([1, 2])),
        COUNT.is_in(pl.col("overdue_count").implode()),
        COUNT.filter(COUNT > 0),
        COUNT.map_batches(lambda rows: rows.shift(-1), return_dtype=pl.Int64, is_elementwise=True),
        pl.all(),
    ],
    ids=str,
)
def test_a_formula_that_looks_at_other_moments_is_refused(formula):
    with pytest.raises(ValueError, match="looks at other rows"):
        define("next_count", Unit.COUNT, formula)


@pytest.mark.parametrize(
    "formula", [pl.when(COUNT > 0).then(COUNT / 2), COUNT.is_in([1, 2]), COUNT * pl.lit(4).sqrt()], ids=str
)
def test_a_formula_of_its_own_row_and_constants_is_accepted(formula):
    define("own_ratio", Unit.RATIO, formula)


def test_amounts_that_cannot_be_added_up_are_refused():
    huge = [invoice(f"I{i}", 0, 30) | {"amount": "999999999999999.000"} for i in range(12)]
    with pytest.raises(InputRefusedError, match="more than can be added up"):
        compute_issue_features(build_ledger({"core_invoice": huge}))


def test_a_reminder_lapses_when_the_payment_after_it_was_taken_back():
    paid, allocation = payment("I1", 35, 35)
    rows = {
        "core_invoice": [invoice("I1", 0, 30)],
        "core_contact_event": [
            {
                "contact_id": "K1",
                "customer_id": "C1",
                "invoice_id": "I1",
                "direction": "outbound",
                "channel": "email",
                "sent_at": moment(32),
                "dunning_level": 1,
                "observed_at": moment(32),
            }
        ],
        "core_payment": [paid, payment("I2", 40, 40, "-100.000")[0] | {"reversal_of": "PI1"}],
        "core_allocation": [allocation],
    }
    ledger = build_ledger(rows)
    shares = [compute_customer_features(ledger, day(d))["answered_reminder_share"][0] for d in (36, 41, 48)]
    assert shares == [2 / 3, 1 / 2, 1 / 3]


def test_a_name_ends_in_its_unit():
    with pytest.raises(ValueError, match="must end in its unit"):
        define("open_items", Unit.COUNT, pl.col("open_count"))


def test_names_are_unique_and_every_group_has_a_sentence():
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert set(REASON_SENTENCES) == set(ReasonGroup)
    assert {feature.reason_group for feature in FEATURES} == set(ReasonGroup)
    with pytest.raises(ValueError, match="share a name"):
        features_about(*Scope, features=(FEATURES[0], FEATURES[0]))


def test_a_feature_is_added_in_one_place():
    added = define("large_book_share", Unit.SHARE, pl.col("open_count") / (pl.col("issued_count") + 1))
    ledger = random_ledger(5, invoices=60, customers=3)
    found = compute_customer_features(ledger, day(500), (*FEATURES, added))
    assert found.columns[-1] == "large_book_share"
    expected = found.select(pl.col("open_count") / (pl.col("issued_count") + 1)).to_series()
    assert found["large_book_share"].to_list() == pytest.approx(expected.to_list())
    assert found.drop("large_book_share").equals(compute_customer_features(ledger, day(500)))
    assert "`large_book_share`" in render_feature_table((added,))


def test_the_documentation_has_every_feature_once():
    text = render_feature_table()
    for feature in FEATURES:
        assert text.count(f"| `{feature.name}` |") == 1


def test_the_page_about_features_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "features.md"
    assert page.read_text(encoding="utf-8") == render_page(), "run make docs"


@pytest.mark.parametrize("ledger", [empty_ledger(), random_ledger(3, invoices=120, customers=6)])
def test_tables_keep_their_definitions(ledger):
    frames = {
        "feat_instalment_at_issue": compute_issue_features(ledger),
        "feat_open_instalment": compute_open_features(ledger, day(600)),
        "feat_customer": compute_customer_features(ledger, day(600)),
    }
    for name, frame in frames.items():
        assert find_violations(frame, FEATURE_TABLES[name]) == []


def invoice(number: str, issue: int, due: int, amount: str = "100.000") -> dict:
    return {
        "invoice_id": number,
        "customer_id": "C1",
        "document_type": "invoice",
        "issue_date": day(issue),
        "due_date": day(due),
        "amount": amount,
        "currency": "EUR",
        "observed_at": moment(issue),
    }


def payment(number: str, value: int, known: int, amount: str = "100.000") -> tuple[dict, dict]:
    paid = {
        "payment_id": f"P{number}",
        "customer_id": "C1",
        "value_date": day(value),
        "amount": amount,
        "currency": "EUR",
        "observed_at": moment(known),
    }
    allocated = {
        "allocation_id": f"A{number}",
        "payment_id": f"P{number}",
        "invoice_id": number,
        "amount": amount,
        "allocated_at": day(known),
        "observed_at": moment(known),
    }
    return paid, allocated


def test_a_payment_counts_from_the_start_of_the_next_day_and_lateness_by_value_date():
    paid, allocated = payment("I1", value=33, known=35)
    ledger = build_ledger(
        {"core_invoice": [invoice("I1", 0, 30)], "core_payment": [paid], "core_allocation": [allocated]}
    )
    on_the_day = compute_customer_features(ledger, day(35)).row(0, named=True)
    next_day = compute_customer_features(ledger, day(36)).row(0, named=True)
    # on the day itself it is overdue by five days and known to be late
    assert on_the_day["overdue_count"] == 1
    assert on_the_day["oldest_overdue_days"] == 5
    assert on_the_day["mean_delay_days"] is None
    assert on_the_day["late_share"] == pytest.approx(1.6 / 3)
    # then it is paid, three days late
    assert next_day["overdue_count"] == 0
    assert next_day["mean_delay_days"] == 3
    assert next_day["since_payment_days"] == 1
    assert next_day["late_share"] == pytest.approx(1.6 / 3)


def test_instalments_agreed_later_take_the_place_of_the_whole_from_then_on():
    parts = [
        {
            "invoice_id": "I1",
            "instalment_number": n,
            "due_date": day(30 + 30 * n),
            "amount": "50.000",
            "observed_at": moment(40),
        }
        for n in (1, 2)
    ]
    invoices = [invoice("I1", 0, 30), invoice("I2", 36, 66, "60.000")]
    ledger = build_ledger({"core_invoice": invoices, "core_instalment": parts})
    names = ("issued_count", "open_count", "overdue_count", "oldest_overdue_days")
    found = [compute_customer_features(ledger, day(d)).select(names).row(0) for d in (36, 40, 41)]
    assert found == [(1, 1, 1, 6), (2, 2, 1, 10), (2, 3, 0, 0)]

    rows = compute_issue_features(ledger).sort("invoice_id", "instalment_number")
    seen = rows.select("as_of_date", "terms_days", "overdue_count", "amount_ratio").rows()
    assert seen == [(day(40), 60, 1, 50 / 80), (day(40), 90, 1, 50 / 80), (day(36), 30, 1, 60 / 100)]

    before = compute_open_features(ledger, day(40)).filter(invoice_id="I1")
    after = compute_open_features(ledger, day(41)).filter(invoice_id="I1")
    assert before.select("instalment_number", "own_overdue_days").rows() == [(1, 10)]
    assert after.select("instalment_number", "own_overdue_days").rows() == [(1, -19), (2, -49)]


def test_an_instalment_is_overdue_from_the_day_after_its_due_date():
    ledger = build_ledger({"core_invoice": [invoice("I1", 0, 30)]})
    assert [compute_customer_features(ledger, day(d))["overdue_count"][0] for d in (1, 30, 31)] == [0, 0, 1]


def test_counts_are_null_before_the_first_record_of_the_kind():
    ledger = build_ledger(
        {
            "core_invoice": [invoice("I1", 0, 30)],
            "core_dispute": [
                {
                    "dispute_id": "D1",
                    "invoice_id": "I1",
                    "opened_at": day(50),
                    "observed_at": moment(50),
                }
            ],
        }
    )
    found = [compute_customer_features(ledger, day(d))["open_dispute_count"][0] for d in (49, 50, 51)]
    assert found == [None, None, 1]
    assert compute_customer_features(ledger, day(51))["open_promise_count"][0] is None


def test_dates_that_span_centuries_are_refused_in_words():
    from segmentation.domain.errors import InputRefusedError

    early = invoice("I2", 0, 30) | {"due_date": dt.date(1700, 1, 1)}
    with pytest.raises(InputRefusedError, match="span"):
        compute_issue_features(build_ledger({"core_invoice": [invoice("I1", 0, 30), early]}))
