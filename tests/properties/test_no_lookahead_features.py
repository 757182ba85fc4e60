"""Nothing that is learned at or after a moment moves a feature of that moment."""

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from segmentation.domain.core_tables import CANONICAL_TABLES, SUPERSEDED_TABLES
from segmentation.features import computation
from segmentation.features.computation import (
    compute_customer_features,
    compute_issue_features,
    compute_open_features,
)
from tests.features.ledgers import (
    FAR,
    build_ledger,
    day,
    known_on,
    moment,
    random_corrected_facts,
    random_rows,
)

SPAN = 300
KEY = ["invoice_id", "instalment_number"]
EXAMPLES = settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def perturb(rows: dict[str, list[dict]], offset: int, seed: int) -> dict[str, list[dict]]:
    """Delete, change and add facts that were learned on or after the day."""
    rng = np.random.default_rng(seed)
    start = day(offset)
    changed: dict[str, list[dict]] = {}
    for name, records in rows.items():
        later_values = {
            column.name: column.known_from
            for column in (CANONICAL_TABLES[name].columns if name in CANONICAL_TABLES else ())
            if column.known_from
        }
        kept = []
        for record in records:
            row = dict(record)
            if row["observed_at"].date() >= start:
                fate = rng.random()
                if fate < 0.4:
                    continue
                if fate < 0.7:
                    row = _change(row, rng, offset)
            else:
                row = _change_later_values(row, later_values, rng, start)
            kept.append(row)
        changed[name] = kept
    deleted = {r["invoice_id"] for r in rows["core_invoice"]} - {
        r["invoice_id"] for r in changed["core_invoice"]
    }
    for name, records in changed.items():
        if name not in {"core_invoice", "core_contact_event"}:
            changed[name] = [r for r in records if r.get("invoice_id") not in deleted]
    contacts = {r["contact_id"] for r in changed["core_contact_event"]}
    changed["core_contact_outcome"] = [
        r for r in changed["core_contact_outcome"] if r["contact_id"] in contacts
    ]
    return _add(changed, rng, offset)


def _change(row: dict, rng: np.random.Generator, offset: int) -> dict:
    changed = dict(row)
    if "value_date" in row:
        changed["value_date"] = row["value_date"] + dt.timedelta(days=int(rng.integers(-60, 60)))
    if "allocated_at" in row:
        changed["allocated_at"] = row["allocated_at"] + dt.timedelta(days=int(rng.integers(-60, 60)))
    changed["observed_at"] = moment(offset + int(rng.integers(0, 90)))
    return changed


def _change_later_values(row: dict, later: dict[str, str], rng, start: dt.date) -> dict:
    changed = dict(row)
    for source in set(later.values()):
        value = row.get(source)
        date = value.date() if isinstance(value, dt.datetime) else value
        if value is None or date < start:
            continue
        if rng.random() < 0.5:  # it did not happen
            changed |= {name: None for name, known_from in later.items() if known_from == source}
            if row.get("status") is not None:
                changed["status"] = None
        else:
            changed[source] = value + dt.timedelta(days=int(rng.integers(0, 40)))
    return changed


def _add(rows: dict[str, list[dict]], rng, offset: int) -> dict[str, list[dict]]:
    invoices = [r for r in rows["core_invoice"] if r["document_type"] != "credit_note"]
    for i in range(20):
        invoice = invoices[rng.integers(len(invoices))]
        known = offset + int(rng.choice([0, 0, 1, 30]))
        value = known - int(rng.integers(0, 50))  # it may concern the past
        rows["core_payment"].append(
            {
                "payment_id": f"X{i}",
                "customer_id": invoice["customer_id"],
                "value_date": day(value),
                "amount": "1000.000",
                "currency": invoice["currency"],
                "observed_at": moment(known),
            }
        )
        rows["core_allocation"].append(
            {
                "allocation_id": f"X{i}",
                "payment_id": f"X{i}",
                "invoice_id": invoice["invoice_id"],
                "instalment_number": 1,
                "amount": invoice["amount"] if i % 2 else "0.001",
                "allocated_at": day(value),
                "observed_at": moment(known),
            }
        )
        rows["core_invoice"].append(
            invoice | {"invoice_id": f"X{i}", "issue_date": day(value), "observed_at": moment(known)}
        )
        rows["core_dispute"].append(
            {
                "dispute_id": f"X{i}",
                "invoice_id": invoice["invoice_id"],
                "opened_at": day(value),
                "closed_at": day(value),
                "outcome": "upheld",
                "observed_at": moment(known),
            }
        )
        rows["core_contact_event"].append(
            {
                "contact_id": f"X{i}",
                "customer_id": invoice["customer_id"],
                "invoice_id": invoice["invoice_id"],
                "direction": "outbound",
                "channel": "email",
                "sent_at": moment(value),
                "observed_at": moment(known),
            }
        )
    return rows


def assert_blind_to_the_future(before: dict, after: dict, offset: int) -> None:
    """Features of moments up to the day are the same in both ledgers; rows stand as the ledger has them."""
    as_of = day(offset)

    def ordered(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.sort([name for name in (*KEY, "customer_id") if name in frame.columns])

    issue = [
        compute_issue_features(ledger)
        .filter(pl.col("as_of_date") <= as_of)
        .join(
            ledger["core_invoice"].filter(pl.col("observed_at").dt.date() < as_of),
            on="invoice_id",
            how="semi",
        )
        for ledger in (before, after)
    ]  # what was not known yet, or not yet split into instalments, has no features that could be the same
    first, second = (
        frame.join(other, on=[*KEY, "as_of_date"], how="semi")
        for frame, other in zip(issue, issue[::-1], strict=True)
    )
    assert first.height
    assert_frame_equal(ordered(first), ordered(second), check_exact=True)
    for compute in (compute_open_features, compute_customer_features):
        found, expected = compute(after, as_of), compute(before, as_of)
        assert_frame_equal(ordered(found), ordered(expected), check_exact=True)


@EXAMPLES
@given(seed=st.integers(0, 10_000), change=st.integers(0, 10_000), offset=st.integers(SPAN // 3, SPAN + 60))
def test_facts_learned_later_do_not_matter(seed, change, offset):
    rows = random_rows(seed, invoices=120, customers=5, span=SPAN)
    assert_blind_to_the_future(build_ledger(rows), build_ledger(perturb(rows, offset, change)), offset)


@EXAMPLES
@given(seed=st.integers(0, 10_000), order=st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed, order):
    ledger = build_ledger(random_rows(seed, invoices=120, customers=5, span=SPAN))
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=order) for name, frame in ledger.items()}
    assert_blind_to_the_future(ledger, shuffled, 2 * SPAN)


@EXAMPLES
@given(seed=st.integers(0, 10_000), offset=st.integers(SPAN // 3, SPAN + 60))
def test_a_past_day_looks_the_same_from_that_day_and_from_now(seed, offset):
    rows = random_rows(seed, invoices=120, customers=5, span=SPAN)
    for row in rows["core_customer"]:
        row["observed_at"] = moment(-100)
    tables = build_ledger(rows)
    assert_blind_to_the_future(known_on(tables, FAR), known_on(tables, day(offset)), offset)


@EXAMPLES
@given(seed=st.integers(0, 10_000), offset=st.integers(SPAN // 3, SPAN + 60))
def test_a_past_day_looks_the_same_after_rows_were_corrected(seed, offset):
    facts, as_of = random_corrected_facts(seed, 120, 5, SPAN), day(offset)
    now, then = known_on(facts, FAR), known_on(facts, as_of)
    # of the open book and customers of its own day, a ledger needs no superseded versions
    latest = then | {name: table.empty() for name, table in SUPERSEDED_TABLES.items()}
    for compute, key in ((compute_open_features, KEY), (compute_customer_features, ["customer_id"])):
        seen = [compute(ledger, as_of).sort(key) for ledger in (now, latest)]
        assert_frame_equal(*seen, check_exact=True)
    # instalments that nobody knew of on that day are other rows than the whole was
    agreed_later = now["core_instalment"].filter(pl.col("observed_at").dt.date() >= as_of)
    found, expected = (compute_issue_features(ledger) for ledger in (now, then))
    expected = expected.filter(pl.col("as_of_date") <= as_of).join(agreed_later, on="invoice_id", how="anti")
    found = found.join(expected, on=KEY, how="semi")
    assert found.height
    assert_frame_equal(found.sort(KEY), expected.sort(KEY), check_exact=True)


@EXAMPLES
@given(seed=st.integers(0, 10_000), delay=st.integers(1, 400))
def test_a_fact_that_is_delivered_again_later_keeps_its_day(seed, delay):
    tables = build_ledger(random_rows(seed, invoices=100, customers=4, span=SPAN))
    again = {
        name: pl.concat([frame, frame.with_columns(pl.col("observed_at").dt.offset_by(f"{delay}d"))])
        for name, frame in tables.items()
        if name in CANONICAL_TABLES
    }
    assert_blind_to_the_future(known_on(tables, FAR), known_on(again, FAR), SPAN)


@EXAMPLES
@given(seed=st.integers(0, 10_000), offset=st.integers(SPAN // 3, SPAN + 60))
def test_instalments_agreed_later_do_not_matter_before(seed, offset):
    rows = random_rows(seed, invoices=120, customers=5, span=SPAN)
    known = [row for row in rows["core_instalment"] if row["observed_at"].date() < day(offset)]
    assume(len(known) < len(rows["core_instalment"]))
    assert_blind_to_the_future(build_ledger(rows), build_ledger(rows | {"core_instalment": known}), offset)


def _a_day_early(column: str):
    """A plausible mistake: on or before the moment, where it must be before."""
    real = computation.build_book_facts

    def build(ledger):
        book = real(ledger)
        part = "items" if column.startswith("items") else "outcomes"
        frame = getattr(book, part)
        name = column.split(".")[1]
        return replace(book, **{part: frame.with_columns(pl.col(name).dt.offset_by("-1d"))})

    return build


@pytest.mark.parametrize("column", ["items.from_date", "items.until_date", "outcomes.known_date"])
def test_a_planted_leak_is_caught(monkeypatch, column):
    monkeypatch.setattr(computation, "build_book_facts", _a_day_early(column))
    with pytest.raises(AssertionError):
        look_for_leaks()


def look_for_leaks() -> None:
    for seed in range(20):
        rows = random_rows(seed, invoices=120, customers=5, span=SPAN)
        offset = SPAN // 2 + 3 * seed
        assert_blind_to_the_future(build_ledger(rows), build_ledger(perturb(rows, offset, seed)), offset)
