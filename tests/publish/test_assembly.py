"""What consumers read follows from what the rooms hand over."""

from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.hashing import hash_frame
from segmentation.domain.published_tables import CUSTOMERS, PUBLISHED_TABLES
from segmentation.domain.room_tables import INSTALMENT_RISK, ROOM_TABLES
from segmentation.domain.validation import find_violations
from segmentation.publish.assembly import assemble_tables, score_invoices
from segmentation.publish.changes import FOLLOWED_TABLES, list_changes
from segmentation.publish.control_totals import sum_controls
from segmentation.publish.migration import compare_segments, count_migrations
from tests.snapshot_factory import AS_OF, make_frames, publish_example


def test_every_published_table_keeps_its_definition():
    tables = assemble_tables(make_frames(), AS_OF, None)
    assert list(tables) == list(PUBLISHED_TABLES)
    assert not [text for n, f in tables.items() for text in find_violations(f, PUBLISHED_TABLES[n])]


def test_empty_rooms_give_empty_tables():
    empty = {name: table.empty() for name, table in (LEDGER_TABLES | ROOM_TABLES).items()}
    tables = assemble_tables(empty, AS_OF, None)
    assert all(frame.is_empty() for frame in tables.values())
    assert all(frame.schema == PUBLISHED_TABLES[name].polars_schema for name, frame in tables.items())


def test_order_of_rows_does_not_matter():
    frames = make_frames()
    shuffled = {
        name: frame.sample(fraction=1.0, shuffle=True, seed=7) if frame.height else frame
        for name, frame in frames.items()
    }
    first, second = assemble_tables(frames, AS_OF, None), assemble_tables(shuffled, AS_OF, None)
    assert all(first[name].equals(second[name]) for name in first)


def _instalment(number, due, open_amount, days_late, late_prob, status="scored"):
    row = dict.fromkeys(INSTALMENT_RISK.column_names)
    return row | {
        "invoice_id": "I1",
        "instalment_number": number,
        "customer_id": "A",
        "as_of_date": AS_OF,
        "due_date": due,
        "open_amount": Decimal(open_amount),
        "currency": "EUR",
        "days_late": days_late,
        "late_prob": late_prob,
        "payment_date_p50": due + timedelta(days=9),
        "reason_codes": [f"reason_{number}"],
        "score_status": status,
        "model_version": "m",
    }


def test_an_invoice_is_as_late_as_its_oldest_part_and_paid_with_its_last():
    # numbered against the order in which they fall due
    rows = [
        _instalment(1, AS_OF + timedelta(days=30), 50, -30, 0.4),
        _instalment(3, AS_OF - timedelta(days=30), 20, 30, 1.0, "stale"),
        _instalment(2, AS_OF, 30, 0, 0.7),
    ]
    risk = INSTALMENT_RISK.conform(pl.DataFrame(rows, schema=INSTALMENT_RISK.polars_schema, orient="row"))
    row = score_invoices(risk).row(0, named=True)
    assert (row["due_date"], row["days_late"]) == (AS_OF - timedelta(days=30), 30)
    assert row["open_amount"] == 100
    assert (row["late_prob"], row["score_status"], row["reason_codes"]) == (0.4, "scored", ["reason_1"])
    assert row["payment_date_p50"] == AS_OF + timedelta(days=39)


def test_what_is_overdue_is_the_same_everywhere():
    """One invoice in two instalments of which one is late is late by that instalment alone, in every sum."""
    frames = make_frames()
    is_split = (pl.col("invoice_id") == "C002-009") & (pl.col("instalment_number") == 1)
    for name, due in (("core_instalment_balance", "due_date"), ("pred_instalment_risk", "due_date")):
        coming = (
            frames[name]
            .filter(is_split)
            .with_columns(
                pl.lit(2, dtype=pl.Int64).alias("instalment_number"),
                pl.lit(AS_OF + timedelta(days=9)).alias(due),
                pl.lit(-9, dtype=pl.Int64).alias("days_late"),
            )
        )
        frames[name] = pl.concat([frames[name], coming])
    late = frames["core_instalment_balance"].filter("is_open", pl.col("days_late") > 0)
    expected = dict(late.group_by("currency").agg(pl.col("open_amount").sum()).iter_rows())
    tables = assemble_tables(frames, AS_OF, None)
    scores, steps = tables["out_invoice_scores"], tables["out_recommendations"]
    split = scores.filter(invoice_id="C002-009").row(0, named=True)
    assert split["overdue_amount"] * 2 == split["open_amount"]
    assert split["days_late"] > 0
    measure = pl.col("measure") == "overdue_amount"
    portfolio = tables["out_portfolio"].filter(measure, pl.col("slice") == "all")
    assert set(expected) == {"EUR", "CAD"}
    for currency, amount in expected.items():
        assert scores.filter(currency=currency)["overdue_amount"].sum() == amount
        assert steps.filter(currency=currency)["overdue_amount"].sum() == amount
        assert sum_controls(scores)[currency].overdue_amount == str(amount)
        assert portfolio.filter(currency=currency)["value"].item() == pytest.approx(float(amount))


def test_a_segment_changes_because_of_behaviour_or_else_of_the_model():
    segment = make_frames()["pred_segment"]
    before = compare_segments(segment, None)
    assert before["previous_segment"].null_count() == before.height
    assert set(before["changed_because"]) == {"none"}
    # two customers move: one of them has settled another invoice since
    after = segment.with_columns(
        pl.when(pl.col("customer_id").is_in(["C001", "C002"]))
        .then(pl.lit("undecided"))
        .otherwise("segment")
        .alias("segment"),
        pl.when(pl.col("customer_id").is_in(["C001", "C003"]))
        .then(pl.col("settled_count") + 1)
        .otherwise("settled_count")
        .alias("settled_count"),
    )
    compared = compare_segments(after, before.filter(pl.col("customer_id") != "C012"))
    why = dict(compared.select("customer_id", "changed_because").iter_rows())
    assert (why["C001"], why["C002"], why["C003"], why["C012"]) == ("behaviour", "model", "none", "none")
    previous = dict(compared.select("customer_id", "previous_segment").iter_rows())
    assert (previous["C001"], previous["C012"]) == ("structural", None)


def test_the_previous_model_on_what_is_known_now_tells_behaviour_from_model():
    segment = make_frames()["pred_segment"].head(4).with_columns(pl.lit("incidental").alias("segment"))
    before = compare_segments(segment, None)
    after = segment.with_columns(
        pl.Series("segment", ["structural", "structural", "structural", "incidental"]),
        # would have moved anyway, would have stayed, would have moved elsewhere, would have moved but did not
        pl.Series("segment_by_previous_model", ["structural", "incidental", "undecided", "structural"]),
        pl.col("settled_count") + pl.Series([0, 1, 0, 1]),
    )
    compared = compare_segments(after, before)
    assert compared["changed_because"].to_list() == ["behaviour", "model", "behaviour", "none"]
    assert count_migrations(compared).rows() == [
        ("incidental", "incidental", "none", 1),
        ("incidental", "structural", "behaviour", 2),
        ("incidental", "structural", "model", 1),
    ]
    assert find_violations(count_migrations(compared), PUBLISHED_TABLES["out_segment_migrations"]) == []
    assert count_migrations(before).is_empty()


def test_every_customer_that_is_spoken_of_is_listed_with_a_first_day():
    frames = make_frames()
    unnamed = frames | {"core_customer": frames["core_customer"].filter(pl.col("customer_id") != "C002")}
    tables = assemble_tables(unnamed, AS_OF, None)
    customers = tables["out_customers"]
    assert set(tables["out_recommendations"]["customer_id"]) <= set(customers["customer_id"])
    assert customers["customer_since"].null_count() == 0
    assert customers.filter(customer_id="C002")["name"].item() is None


def test_the_timeline_tells_events_in_plain_sentences():
    told = assemble_tables(make_frames(), AS_OF, None)["out_timeline"]
    about = dict(told.select("event_id", "description").iter_rows())
    assert about["contact:K1"] == "Email sent about C003-009, dunning level 1, opened."
    contact = told.row(by_predicate=pl.col("event_id") == "contact:K1", named=True)
    assert (contact["channel"], contact["dunning_level"]) == ("email", 1)
    assert told.filter(pl.col("kind") == "payment")["channel"].null_count() > 0
    assert about["outcome:K1:payment_sent"] == "Customer says that the payment is on its way."
    assert about["promise:T1"] == "Promise to pay 50.00 EUR of C003-008 by 23 February 2026."
    assert about["promise_end:T1"] == "Promise to pay kept for C003-008."
    assert about["dispute:D1"] == "Dispute opened on C007-009."
    assert about["block:B1"] == "Dunning stopped until further notice: debt mediation."
    assert about["payment:P-C001-001"].endswith(" EUR received by transfer for C001-001.")


def test_the_timeline_never_repeats_what_people_wrote():
    told = assemble_tables(make_frames(), AS_OF, None)["out_timeline"]["description"].str.join(" ").item()
    assert "damaged" not in told
    assert "Peeters" not in told


def test_the_first_snapshot_inserts_every_row_customers_first():
    tables = assemble_tables(make_frames(), AS_OF, None)
    changes = tables["out_changes"]
    assert changes["change_seq"].to_list() == list(range(1, changes.height + 1))
    assert set(changes["op"]) == {"insert"}
    assert changes["table_name"].unique(maintain_order=True).to_list() == list(FOLLOWED_TABLES)
    assert changes.height == sum(tables[name].height for name in FOLLOWED_TABLES)
    assert changes["idempotency_key"].is_unique().all()


@pytest.mark.usefixtures("unvalidated")
def test_changes_lead_from_the_previous_snapshot_to_this_one(tmp_path):
    first = publish_example(tmp_path, AS_OF)
    later = AS_OF + timedelta(days=1)
    tables = assemble_tables(make_frames(later, shift=2), later, first)
    changes = tables["out_changes"]
    of_segments = changes.filter(table_name="out_customer_segments")
    moved = tables["out_customer_segments"].filter(pl.col("segment") != pl.col("previous_segment"))
    assert moved["customer_id"].to_list() == ["C001", "C002"]
    assert {'{"customer_id":"C001"}', '{"customer_id":"C002"}'} <= set(of_segments["row_key"])
    paid = changes.filter(table_name="out_invoice_scores", op="delete")
    assert paid["row_key"].to_list() == ['{"invoice_id":"C001-009"}', '{"invoice_id":"C002-009"}']
    again = assemble_tables(make_frames(later, shift=2), later, first)["out_changes"]
    assert hash_frame(again) == hash_frame(changes)


def test_another_as_of_day_alone_changes_nothing():
    tables = assemble_tables(make_frames(), AS_OF, None)
    moved = {
        name: frame.with_columns(pl.lit(AS_OF + timedelta(days=1)).alias("as_of_date"))
        if "as_of_date" in frame.columns
        else frame
        for name, frame in tables.items()
    }
    assert list_changes(moved, tables, AS_OF + timedelta(days=1), "before").is_empty()


_CUSTOMERS = st.dictionaries(
    st.sampled_from(["a", "b", 'c"', "d\x1f", "é"]), st.sampled_from([None, "", "x", "y"]), max_size=5
)


def _customers(names):
    rows = [dict.fromkeys(CUSTOMERS.column_names) | {"customer_id": k, "name": v} for k, v in names.items()]
    return CUSTOMERS.conform(pl.DataFrame(rows, schema=CUSTOMERS.polars_schema, orient="row"))


@settings(max_examples=25, deadline=None)
@given(_CUSTOMERS, _CUSTOMERS)
def test_applying_the_changes_to_the_previous_rows_gives_the_present_ones(before, after):
    empty = {name: PUBLISHED_TABLES[name].empty() for name in FOLLOWED_TABLES}
    changes = list_changes(
        empty | {"out_customers": _customers(after)}, {"out_customers": _customers(before)}, date(2026, 1, 2)
    )
    state = dict(before)
    for row in changes.iter_rows(named=True):
        key = pl.Series([row["row_key"]]).str.json_path_match("$.customer_id").item()
        assert (key in state) == (row["op"] != "insert")
        if row["op"] == "delete":
            del state[key]
        else:
            assert row["op"] == "insert" or state[key] != after[key]
            state[key] = after[key]
    assert state == after


def test_a_return_to_an_earlier_value_has_another_idempotency_key():
    empty = {name: PUBLISHED_TABLES[name].empty() for name in FOLLOWED_TABLES}
    one, two = _customers({"a": "x"}), _customers({"a": "y"})
    days = [date(2026, 1, day) for day in (2, 3, 4)]
    steps = [(one, two), (two, one), (one, two)]
    keys = [
        list_changes(empty | {"out_customers": new}, {"out_customers": old}, day)["idempotency_key"].item()
        for day, (old, new) in zip(days, steps, strict=True)
    ]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("name", FOLLOWED_TABLES)
def test_followed_tables_are_published(name):
    assert name in PUBLISHED_TABLES
