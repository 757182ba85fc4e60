"""Table definitions are complete, consistent, and drive frames and checks."""

from decimal import Decimal

import polars as pl
import pytest

from segmentation.domain.core_tables import CANONICAL_TABLES, LEDGER_TABLES, RAW_TABLES
from segmentation.domain.errors import IntegrityError
from segmentation.domain.published_tables import CUSTOMER_SEGMENTS, PUBLISHED_TABLES
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.schema import DUCKDB_TYPES, POLARS_TYPES, Column, DataType, Role, Table, by_name
from segmentation.domain.validation import find_violations, require_valid

TABLES = {**LEDGER_TABLES, **ROOM_TABLES, **PUBLISHED_TABLES, **RAW_TABLES}
UNITS = {
    DataType.DATE: ("_date", "_p10", "_p50", "_p90", "_at", "_from", "_until", "_since"),
    DataType.TIMESTAMP: ("_at", "_until"),
    DataType.AMOUNT: ("amount", "_limit"),
    DataType.BOOLEAN: ("is_", "has_", "needs_"),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
class TestEveryTable:
    def test_key_columns_exist_and_names_are_unique(self, table):
        assert set(table.key) <= set(table.column_names)
        assert len(set(table.column_names)) == len(table.columns)

    def test_every_column_is_described(self, table):
        assert all(len(column.description) >= 4 for column in table.columns)

    def test_known_from_names_a_day_or_moment_of_the_table(self, table):
        for column in table.columns:
            if column.known_from:
                assert table.column(column.known_from).data_type in {DataType.DATE, DataType.TIMESTAMP}

    def test_empty_table_keeps_its_definition(self, table):
        assert find_violations(table.empty(), table) == []

    def test_names_carry_units(self, table):
        if table.name.startswith("raw_"):
            return
        for column in table.columns:
            words = UNITS.get(column.data_type)
            if words:
                assert column.name.startswith(words) or column.name.endswith(words), column.name


def test_every_type_has_a_polars_and_a_duckdb_form():
    assert set(POLARS_TYPES) == set(DUCKDB_TYPES) == set(DataType)


def test_sensitive_columns_stand_in_the_audit_table_only():
    holders = {name for name, table in TABLES.items() if table.columns_with(Role.SENSITIVE)}
    assert holders == {"core_customer_audit", "raw_customer_audit"}


def test_published_tables_hold_no_sensitive_or_group_data_but_the_customer_card():
    holders = {
        name for name, table in PUBLISHED_TABLES.items() if table.columns_with(Role.SENSITIVE, Role.GROUP)
    }
    assert holders == {"out_customers"}


def test_raw_tables_are_text_with_file_and_line():
    raw = RAW_TABLES["raw_invoice"]
    assert {"source_file", "source_line", "observed_at"} <= set(raw.column_names)
    assert raw.column("amount").data_type == DataType.TEXT
    assert len(RAW_TABLES) == len(CANONICAL_TABLES) + 2


def test_two_tables_of_one_name_are_refused():
    with pytest.raises(ValueError, match="out_customer_segments"):
        by_name((CUSTOMER_SEGMENTS, CUSTOMER_SEGMENTS))


TABLE = Table(
    "core_small",
    "thing",
    (
        Column("thing_id", DataType.TEXT, "identifier", Role.IDENTIFIER, is_nullable=False),
        Column("paid_amount", DataType.AMOUNT, "money"),
        Column("kind", DataType.TEXT, "kind of thing", allowed=("a", "b")),
        Column("late_prob", DataType.REAL, "probability", minimum=0.0, maximum=1.0),
    ),
    ("thing_id",),
)


def test_conform_orders_columns_sorts_rows_and_fills_what_is_missing():
    frame = pl.DataFrame({"kind": ["b", "a"], "thing_id": ["2", "1"], "extra": [1, 2]})
    conformed = TABLE.conform(frame)
    assert conformed.schema == pl.Schema(TABLE.polars_schema)
    assert conformed.rows() == [("1", None, "a", None), ("2", None, "b", None)]


def test_conform_refuses_a_value_that_does_not_fit():
    with pytest.raises(pl.exceptions.InvalidOperationError):
        TABLE.conform(pl.DataFrame({"thing_id": ["1"], "paid_amount": ["12 euro"]}))


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"thing_id": None}, "thing_id"),
        ({"thing_id": "1", "kind": "c"}, "kind"),
        ({"thing_id": "1", "late_prob": 1.2}, "late_prob"),
        ({"thing_id": "1", "late_prob": -0.1}, "late_prob"),
    ],
)
def test_each_breach_is_named(row, named):
    violations = find_violations(
        TABLE.conform(pl.DataFrame([row], schema_overrides={"thing_id": pl.String})), TABLE
    )
    assert len(violations) == 1
    assert violations[0].startswith(named)


def test_a_double_key_and_a_wrong_type_are_breaches():
    twice = TABLE.conform(pl.DataFrame({"thing_id": ["1", "1"]}))
    assert find_violations(twice, TABLE)
    assert find_violations(TABLE.empty().with_columns(pl.col("late_prob").cast(pl.Int64)), TABLE)
    with pytest.raises(IntegrityError, match="core_small"):
        require_valid(twice, TABLE)


def test_a_valid_frame_passes_unchanged():
    frame = TABLE.conform(
        pl.DataFrame({"thing_id": ["1"], "paid_amount": [Decimal("9.95")], "kind": ["a"], "late_prob": [1.0]})
    )
    assert require_valid(frame, TABLE) is frame
    assert isinstance(frame.item(0, "paid_amount"), Decimal)
