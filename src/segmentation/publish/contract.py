"""The contract of a snapshot, generated from the table definitions: what consumers may rely on.

Belongs here: the Open Data Contract Standard document and a JSON Schema per table. Does not belong
here: checking frames against definitions (domain.validation).

References: Open Data Contract Standard 3.0 (Bitol, Linux Foundation AI & Data, 2024); JSON Schema
draft 2020-12.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import yaml

from segmentation.domain.published_tables import CONTRACT_VERSION, PUBLISHED_TABLES
from segmentation.domain.schema import AMOUNT_SCALE, DUCKDB_TYPES, Column, DataType, Role, Table
from segmentation.publish.layout import DATABASE_FILE, table_file

STANDARD_VERSION = "v3.0.2"
SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
AMOUNT_PATTERN = rf"^-?\d+\.\d{{{AMOUNT_SCALE}}}$"

_LOGICAL_TYPES: Mapping[DataType, str] = {
    DataType.TEXT: "string",
    DataType.INTEGER: "integer",
    DataType.REAL: "number",
    DataType.BOOLEAN: "boolean",
    DataType.DATE: "date",
    DataType.TIMESTAMP: "date",
    DataType.AMOUNT: "number",
    DataType.TEXT_LIST: "array",
}

_JSON_TYPES: Mapping[DataType, Mapping[str, Any]] = {
    DataType.TEXT: {"type": "string"},
    DataType.INTEGER: {"type": "integer"},
    DataType.REAL: {"type": "number"},
    DataType.BOOLEAN: {"type": "boolean"},
    DataType.DATE: {"type": "string", "format": "date"},
    DataType.TIMESTAMP: {"type": "string", "format": "date-time"},
    # A JSON number would be read as a binary fraction; money stays exact as text.
    DataType.AMOUNT: {"type": "string", "pattern": AMOUNT_PATTERN},
    DataType.TEXT_LIST: {"type": "array", "items": {"type": "string"}},
}

_CLASSIFICATIONS: Mapping[Role, str] = {
    Role.PERSONAL: "personal",
    Role.SENSITIVE: "sensitive",
    Role.FREE_TEXT: "confidential",
}

_USAGE = (
    "Fail closed: past valid_until of the manifest, or where score_status is not scored, use your own default. "
    "Check every file against the SHA-256 in manifest.json before reading it. Carry out a recommendation only "
    "after a named person accepted or adjusted it, and never after its valid_until. Resolve published/current "
    "once, then read every table from that directory."
)

_LIMITATIONS = (
    "Causes of lateness are hypotheses about behaviour, never facts about a person. The snapshot must not be the "
    "sole basis of a decision that significantly affects a natural person. out_changes covers the tables on "
    "which downstream systems act; as_of_date is that of the snapshot and by itself makes no change. Apply out_changes "
    "only to the snapshot that previous_id of manifest.json names, the last one of an earlier day: where a day is published "
    "twice, both change that one. If you hold another, take the tables as a whole."
)


def build_contract() -> dict[str, Any]:
    """Return the contract of all published tables in Open Data Contract Standard form."""
    return {
        "apiVersion": STANDARD_VERSION,
        "kind": "DataContract",
        "id": "payment-segmentation-published-snapshot",
        "name": "Payment segmentation: published snapshot",
        "version": CONTRACT_VERSION,
        "status": "active",
        "domain": "accounts receivable",
        "dataProduct": "payment-segmentation",
        "description": {
            "purpose": "The right next step per customer with open invoices, with scores, segments and reasons.",
            "usage": _USAGE,
            "limitations": _LIMITATIONS,
        },
        "servers": [
            {"server": "files", "type": "local", "path": "published/current/*.parquet", "format": "parquet"},
            {"server": "database", "type": "duckdb", "database": f"published/current/{DATABASE_FILE}"},
        ],
        "schema": [_schema_object(table) for table in PUBLISHED_TABLES.values()],
    }


@cache
def write_contract() -> bytes:
    """Return the bytes of ``contract.yaml``."""
    return yaml.safe_dump(build_contract(), sort_keys=False, allow_unicode=True, width=110).encode()


def build_json_schema(table: Table) -> dict[str, Any]:
    """Return the JSON Schema of one row of a table.

    Notes
    -----
    Dates and moments are ISO 8601 text, amounts are decimal text with three digits after the point
    (``"1234.500"``), a missing value is null; every column is always there.
    """
    return {
        "$schema": SCHEMA_DIALECT,
        "$id": f"urn:payment-segmentation:{CONTRACT_VERSION}:{table.name}",
        "title": table.name,
        "description": f"One row per {table.grain}.",
        "type": "object",
        "properties": {column.name: _json_property(column) for column in table.columns},
        "required": table.column_names,
        "additionalProperties": False,
    }


def _json_property(column: Column) -> dict[str, Any]:
    definition: dict[str, Any] = {"description": column.description, **_JSON_TYPES[column.data_type]}
    if column.minimum is not None:
        definition["minimum"] = _whole(column.minimum)
    if column.maximum is not None:
        definition["maximum"] = _whole(column.maximum)
    if column.allowed is not None:
        definition["enum"] = [*column.allowed, *([None] if column.is_nullable else [])]
    if column.is_nullable:
        definition["type"] = [definition["type"], "null"]
    return definition


def _schema_object(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "physicalName": table_file(table.name),
        "physicalType": "table",
        "logicalType": "object",
        "description": f"One row per {table.grain}.",
        "dataGranularityDescription": table.grain,
        "properties": [_schema_property(table, column) for column in table.columns],
    }


def _schema_property(table: Table, column: Column) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "name": column.name,
        "logicalType": _LOGICAL_TYPES[column.data_type],
        "physicalType": DUCKDB_TYPES[column.data_type],
        "description": column.description,
        "required": not column.is_nullable,
    }
    if table.key == (column.name,):
        definition["unique"] = True
    if column.name in table.key:
        definition["primaryKey"] = True
        definition["primaryKeyPosition"] = table.key.index(column.name) + 1
    if column.data_type is DataType.TEXT_LIST:
        definition["items"] = {"logicalType": "string"}
    bounds = {"minimum": column.minimum, "maximum": column.maximum}
    options = {name: _whole(value) for name, value in bounds.items() if value is not None}
    if options:
        definition["logicalTypeOptions"] = options
    if column.allowed is not None:
        words = ", ".join(f"'{word}'" for word in column.allowed)
        definition["quality"] = [
            {
                "type": "sql",
                "description": f"one of {', '.join(column.allowed)}",
                "query": f"SELECT count(*) FROM {table.name} WHERE {column.name} NOT IN ({words})",
                "mustBe": 0,
            }
        ]
    definition["classification"] = _CLASSIFICATIONS.get(column.role, "internal")
    return definition


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value
