"""The contract says what is published, in the two languages that others read."""

import json

import duckdb
import jsonschema
import pytest
import yaml

from segmentation.domain.published_tables import CONTRACT_VERSION, PUBLISHED_TABLES
from segmentation.domain.schema import DUCKDB_TYPES, Role
from segmentation.publish.contract import build_contract, build_json_schema, write_contract


def _rows(snapshot, name, **changes):
    rows = [json.loads(line) for line in snapshot.read_table(name).write_ndjson().splitlines()]
    return [row | changes for row in rows]


def _validator(table):
    schema = build_json_schema(table)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


@pytest.mark.parametrize("table", PUBLISHED_TABLES.values(), ids=lambda table: table.name)
def test_published_rows_keep_the_json_schema_of_their_table(snapshot, table):
    validator = _validator(table)
    rows = _rows(snapshot, table.name)
    assert rows or table.name == "out_segment_migrations", "only that one needs an earlier snapshot"
    for row in rows[:20]:
        validator.validate(row)


@pytest.mark.parametrize(
    "wrong",
    [
        {"late_prob": 1.2},
        {"late_prob": "0.5"},
        {"open_amount": 12.5},
        {"open_amount": "12.5"},
        {"due_date": "31-01-2026"},
        {"score_status": "fine"},
        {"customer_id": None},
        {"reason_codes": None},
        {"another_column": 1},
    ],
    ids=str,
)
def test_a_row_that_breaks_the_contract_is_refused(snapshot, wrong):
    row = _rows(snapshot, "out_invoice_scores", **wrong)[0]
    with pytest.raises(jsonschema.ValidationError):
        _validator(PUBLISHED_TABLES["out_invoice_scores"]).validate(row)


def test_a_missing_column_is_refused(snapshot):
    row = _rows(snapshot, "out_invoice_scores")[0]
    del row["currency"]
    with pytest.raises(jsonschema.ValidationError, match="currency"):
        _validator(PUBLISHED_TABLES["out_invoice_scores"]).validate(row)


def test_the_contract_is_an_open_data_contract_of_every_table():
    contract = yaml.safe_load(write_contract())
    assert contract == build_contract()
    # what the standard makes mandatory
    assert {"version", "apiVersion", "kind", "id", "status"} <= contract.keys()
    assert (contract["kind"], contract["version"]) == ("DataContract", CONTRACT_VERSION)
    assert [entry["name"] for entry in contract["schema"]] == list(PUBLISHED_TABLES)
    for entry, table in zip(contract["schema"], PUBLISHED_TABLES.values(), strict=True):
        assert [column["name"] for column in entry["properties"]] == table.column_names
        positions = {p["name"]: p["primaryKeyPosition"] for p in entry["properties"] if "primaryKey" in p}
        assert sorted(positions, key=positions.get) == list(table.key)
        for described, column in zip(entry["properties"], table.columns, strict=True):
            assert described["required"] is not column.is_nullable
            assert described["physicalType"] == DUCKDB_TYPES[column.data_type]
            assert (described["classification"] == "personal") is (column.role is Role.PERSONAL)


def test_the_quality_rules_of_the_contract_run_on_the_published_database(snapshot):
    rules = [
        rule
        for entry in build_contract()["schema"]
        for column in entry["properties"]
        for rule in column.get("quality", [])
    ]
    assert rules
    with duckdb.connect(snapshot.path / "scored.duckdb", read_only=True) as connection:
        for rule in rules:
            assert connection.execute(rule["query"]).fetchone()[0] == rule["mustBe"]


def test_the_snapshot_carries_contract_and_schemas(snapshot):
    assert (snapshot.path / "contract.yaml").read_bytes() == write_contract()
    for table in PUBLISHED_TABLES.values():
        stored = json.loads((snapshot.path / "schemas" / f"{table.name}.json").read_text())
        assert stored == build_json_schema(table)
