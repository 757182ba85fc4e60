"""The files of a world are the canonical ledger, to the letter."""

import csv
import json
import re
from datetime import UTC, datetime

import polars as pl
import pytest

from segmentation.domain.core_tables import CANONICAL_TABLES, PROGRAM_COLUMNS, STATED_TABLES
from segmentation.domain.schema import DataType
from segmentation.simulator.columns import STATEMENT_COLUMNS
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world
from segmentation.simulator.writing import write_world

STEMS = [name.removeprefix("core_") for name in CANONICAL_TABLES if name not in STATED_TABLES]
TRUTH_WORDS = {
    "latent_type",
    "cause",
    "late_prob",
    "untold_prob",
    "is_late",
    "supplier_cause",
    "response_prob",
    "has_responded",
    "is_holdout",
    "is_disadvantaged",
    "is_proxied",
    "segment_at_end",
}
FORMS = {
    DataType.AMOUNT: r"-?\d+\.\d\d",
    DataType.DATE: r"\d{4}-\d\d-\d\d",
    DataType.TIMESTAMP: r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\dZ)?",
    DataType.INTEGER: r"-?\d+",
    DataType.BOOLEAN: r"true|false",
    DataType.REAL: r"0\.\d{1,4}",
}


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    write_world(world, folder)
    return folder


def columns_of(stem):
    table = CANONICAL_TABLES[f"core_{stem}"]
    return [column for column in table.columns if column.name not in PROGRAM_COLUMNS | STATEMENT_COLUMNS]


def test_there_is_one_file_per_canonical_table_and_the_truth_apart(folder):
    assert {path.name for path in folder.glob("*.csv")} == {f"{stem}.csv" for stem in STEMS}
    assert {path.stem for path in (folder / "truth").glob("*.csv")} == {
        "customer",
        "invoice",
        "contact",
        "response",
    }


@pytest.mark.parametrize("stem", STEMS)
def test_columns_and_values_have_the_declared_form(folder, stem):
    text = (folder / f"{stem}.csv").read_bytes().decode()
    assert "\r" not in text
    assert text.endswith("\n")
    rows = list(csv.DictReader(text.splitlines()))
    columns = columns_of(stem)
    assert list(rows[0]) == [column.name for column in columns]
    for column in columns:
        values = {row[column.name] for row in rows} - {""}
        if column.data_type in FORMS:
            wrong = [value for value in values if not re.fullmatch(FORMS[column.data_type], value)]
            assert wrong == [], column.name
        if column.allowed is not None:
            assert values <= set(column.allowed)
        if not column.is_nullable:
            assert all(row[column.name] for row in rows), column.name


@pytest.mark.parametrize("stem", STEMS)
def test_typed_frames_have_the_types_of_their_table(world, stem):
    expected = {column.name: column.polars_type for column in columns_of(stem)}
    assert dict(world.ledger[stem].schema) == expected


def test_nothing_planted_is_in_the_ledger(world):
    for stem in STEMS:
        assert TRUTH_WORDS.isdisjoint(world.ledger[stem].columns)


@pytest.mark.parametrize("stem", STEMS)
def test_versions_of_a_row_are_told_apart_by_when_they_were_learned(world, stem):
    frame = world.ledger[stem]
    key = [*CANONICAL_TABLES[f"core_{stem}"].key, "observed_at"]
    assert not frame.select(pl.struct(key).is_duplicated().any()).item()
    assert frame["observed_at"].is_not_null().all()
    assert frame["observed_at"].max() < datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("stem", STEMS)
def test_no_row_knows_the_future(world, stem):
    frame = world.ledger[stem]
    table = CANONICAL_TABLES[f"core_{stem}"]
    for column in {column.known_from for column in table.columns} - {None}:
        later = frame.filter(pl.col(column).cast(pl.Date) > pl.col("observed_at").dt.date())
        assert later.height == 0, column


@pytest.mark.parametrize(
    ("stem", "column", "referred", "key"),
    [
        ("invoice", "customer_id", "customer", "customer_id"),
        ("customer", "parent_customer_id", "customer", "customer_id"),
        ("customer_audit", "customer_id", "customer", "customer_id"),
        ("instalment", "invoice_id", "invoice", "invoice_id"),
        ("payment", "customer_id", "customer", "customer_id"),
        ("payment", "reversal_of", "payment", "payment_id"),
        ("allocation", "payment_id", "payment", "payment_id"),
        ("allocation", "credit_note_id", "invoice", "invoice_id"),
        ("allocation", "invoice_id", "invoice", "invoice_id"),
        ("contact_event", "invoice_id", "invoice", "invoice_id"),
        ("contact_outcome", "contact_id", "contact_event", "contact_id"),
        ("promise_to_pay", "invoice_id", "invoice", "invoice_id"),
        ("payment_plan", "customer_id", "customer", "customer_id"),
        ("dispute", "invoice_id", "invoice", "invoice_id"),
        ("message", "customer_id", "customer", "customer_id"),
    ],
)
def test_references_lead_somewhere(world, stem, column, referred, key):
    referring = world.ledger[stem].filter(pl.col(column).is_not_null())
    assert referring.height
    assert referring.join(world.ledger[referred], left_on=column, right_on=key, how="anti").height == 0


def test_only_natural_persons_have_sensitive_attributes(world):
    persons = world.ledger["customer"].filter(pl.col("party_type").is_in(["consumer", "sole_trader"]))
    assert set(world.ledger["customer_audit"]["customer_id"]) <= set(persons["customer_id"])


def test_a_schedule_is_a_list_of_days_and_amounts(world):
    for schedule in world.ledger["payment_plan"]["schedule"].to_list():
        pairs = json.loads(schedule)
        assert len(pairs) >= 3
        assert all(re.fullmatch(FORMS[DataType.DATE], day) and amount > 0 for day, amount in pairs)


def test_messages_name_their_invoice_in_their_language(world):
    messages = world.ledger["message"]
    assert set(messages["language"]) == {"nl", "fr", "en", "de"}
    assert messages["subject"].str.contains(r"I\d+").all()
    assert not messages["subject"].str.contains("{", literal=True).any()
    assert messages["body"].is_not_null().all()


def test_bad_rows_are_written_only_where_asked_for(tmp_path):
    settings = WorldSettings(customer_count=60, seed=3)
    plain, dirty = tmp_path / "plain", tmp_path / "dirty"
    write_world(simulate_world(settings), plain, with_truth=False)
    write_world(simulate_world(settings.model_copy(update={"with_bad_rows": True})), dirty, with_truth=False)
    added = 0
    for stem in STEMS:
        before, after = ((root / f"{stem}.csv").read_text() for root in (plain, dirty))
        assert after.startswith(before)
        added += after.removeprefix(before).count("\n")
    assert added == 12
    assert not (plain / "truth").exists()
