"""Where decisions are kept: one append-only table, in SQLite or PostgreSQL.

Belongs here: the table as SQLAlchemy sees it, made from its one definition, and the triggers that
refuse to change or delete a row. Does not belong here: connections (decision_database), reading and
writing decisions (decisions).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from segmentation.domain.core_tables import DECISION
from segmentation.domain.schema import DataType


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

DECISIONS = sa.Table(
    "decision",
    METADATA,
    # SQLite numbers rows by itself only in a column of its plain integer type.
    sa.Column(
        "sequence",
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
        primary_key=True,
        autoincrement=True,
        comment=DECISION.column("sequence").description,
    ),
    *(
        sa.Column(
            column.name,
            _SQL_TYPES[column.data_type](),
            nullable=column.is_nullable,
            unique=column.name == "decision_id",
            index=column.name in {"recommendation_id", "customer_id"},
            comment=column.description,
        )
        for column in DECISION.columns
        if column.name != "sequence"
    ),
    comment=DECISION.grain,
    sqlite_autoincrement=True,
)

_REFUSAL = "decisions are append-only: record a new one instead"

# REPLACE deletes in SQLite without firing the delete trigger, hence the trigger on inserting a known id.
_SQLITE_TRIGGERS = tuple(
    f"CREATE TRIGGER IF NOT EXISTS decision_refuses_{name} BEFORE {event} ON decision {condition}"
    f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    for name, event, condition in (
        ("update", "UPDATE", ""),
        ("delete", "DELETE", ""),
        (
            "replace",
            "INSERT",
            "WHEN EXISTS (SELECT 1 FROM decision WHERE decision_id = NEW.decision_id OR sequence = NEW.sequence) ",
        ),
    )
)

_POSTGRESQL_TRIGGERS = (
    (
        "CREATE OR REPLACE FUNCTION refuse_decision_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$"
    ),
    (
        "CREATE OR REPLACE TRIGGER decision_refuses_change BEFORE UPDATE OR DELETE ON decision "
        "FOR EACH ROW EXECUTE FUNCTION refuse_decision_change()"
    ),
    (
        "CREATE OR REPLACE TRIGGER decision_refuses_truncate BEFORE TRUNCATE ON decision "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_decision_change()"
    ),
)

# Any number, the same for everybody who prepares the table: only one at a time may.
_PREPARATION_LOCK = 7_021_955


def prepare_database(engine: sa.Engine) -> None:
    """Create the table and its triggers where they are missing; safe to repeat and to run at once."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _PREPARATION_LOCK})
            if sa.inspect(connection).has_table(DECISIONS.name):
                return
        METADATA.create_all(connection)
        triggers = _SQLITE_TRIGGERS if engine.dialect.name == "sqlite" else _POSTGRESQL_TRIGGERS
        for statement in triggers:
            connection.exec_driver_sql(statement)
