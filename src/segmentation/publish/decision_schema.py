"""Where decisions and findings are kept: append-only tables, in SQLite or PostgreSQL.

Belongs here: the tables as SQLAlchemy sees them, made from their one definition, and the triggers that
refuse to change or delete a row. Does not belong here: connections (decision_database), reading and
writing (decisions, cause_findings).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from segmentation.domain.core_tables import CAUSE_FINDING, DECISION
from segmentation.domain.schema import DataType, Table


class UtcTimestamp(TypeDecorator[datetime]):
    """Moment in UTC; SQLite forgets time zones, so it is given none and they are put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to UTC; drop the zone where the database has none."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Give the zone back."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_SQL_TYPES: dict[DataType, Callable[[], sa.types.TypeEngine[Any]]] = {
    DataType.TEXT: sa.Text,
    DataType.DATE: sa.Date,
    DataType.TIMESTAMP: UtcTimestamp,
}

METADATA = sa.MetaData()

_INDEXED = frozenset({"recommendation_id", "customer_id"})


def _keep(name: str, definition: Table) -> sa.Table:
    """Table of the database for a defined table that has a ``sequence``."""
    return sa.Table(
        name,
        METADATA,
        # SQLite numbers rows by itself only in a column of its plain integer type.
        sa.Column(
            "sequence",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
            comment=definition.column("sequence").description,
        ),
        *(
            sa.Column(
                column.name,
                _SQL_TYPES[column.data_type](),
                nullable=column.is_nullable,
                unique=definition.key == (column.name,),
                index=column.name in _INDEXED,
                comment=column.description,
            )
            for column in definition.columns
            if column.name != "sequence"
        ),
        comment=definition.grain,
        info={"key": definition.key[0]},
        sqlite_autoincrement=True,
    )


DECISIONS = _keep("decision", DECISION)
CAUSE_FINDINGS = _keep("cause_finding", CAUSE_FINDING)

_REFUSAL = "{name}s are append-only: record a new one instead"


def _sqlite_triggers(table: sa.Table) -> list[str]:
    name, key = table.name, table.info["key"]
    # REPLACE deletes in SQLite without firing the delete trigger, hence the trigger on inserting a known id.
    known = f"SELECT 1 FROM {name} WHERE {key} = NEW.{key} OR sequence = NEW.sequence"
    events = (
        ("update", "UPDATE", ""),
        ("delete", "DELETE", ""),
        ("replace", "INSERT", f"WHEN EXISTS ({known}) "),
    )
    return [
        f"CREATE TRIGGER IF NOT EXISTS {name}_refuses_{event} BEFORE {verb} ON {name} {condition}"
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL.format(name=name)}'); END"
        for event, verb, condition in events
    ]


def _postgresql_triggers(table: sa.Table) -> list[str]:
    name, refuse = table.name, f"refuse_{table.name}_change()"
    return [
        (
            f"CREATE OR REPLACE FUNCTION {refuse} RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL.format(name=name)}' "
            "USING ERRCODE = 'restrict_violation'; END $$"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {name}_refuses_change BEFORE UPDATE OR DELETE ON {name} "
            f"FOR EACH ROW EXECUTE FUNCTION {refuse}"
        ),
        (
            f"CREATE OR REPLACE TRIGGER {name}_refuses_truncate BEFORE TRUNCATE ON {name} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {refuse}"
        ),
    ]


# Any number, the same for everybody who prepares the table: only one at a time may.
_PREPARATION_LOCK = 7_021_955


def prepare_database(engine: sa.Engine) -> None:
    """Create tables and triggers where they are missing; safe to repeat and to run at once."""
    with engine.begin() as connection:
        missing = METADATA.sorted_tables
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PREPARATION_LOCK})
            present = sa.inspect(connection).get_table_names()
            missing = [table for table in missing if table.name not in present]
        METADATA.create_all(connection, tables=missing)
        make_triggers = _sqlite_triggers if engine.dialect.name == "sqlite" else _postgresql_triggers
        for table in missing:
            for statement in make_triggers(table):
                connection.exec_driver_sql(statement)
