"""The same features on Spark: every partition of customers goes through the code of one machine.

Belongs here: which rows a customer's features need, and their way to its partition and back. Does not
belong here: any feature. Needs the ``spark`` extra and Java 17 or newer.

Notes
-----
Customers do not depend on each other once each has the rows that tell its story, so no other code is
needed than the one that is proved on one machine. Money is what ties customers together: a payment, what
takes it back and all of its allocations go to every customer that it names, or has an invoice of that it pays. The ledger's
first record of each kind goes to all partitions, because what was not recorded yet is null everywhere.
Superseded versions go where their rows go, and an invoice to everybody who it was once believed to be of; a
partition tells of its own customers only.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa

from segmentation.domain.core_tables import CORRECTABLE_TABLES, LEDGER_TABLES, superseded_name
from segmentation.domain.errors import UsageError
from segmentation.domain.schema import Frames
from segmentation.features.computation import (
    compute_customer_features,
    compute_issue_features,
    compute_open_features,
)
from segmentation.features.definitions import FEATURE_TABLES, FEATURES
from segmentation.features.feature import Feature
from segmentation.features.permission import REFUSED_ROLES
from segmentation.features.tallies import TALLIES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame as SparkFrame

CHAIN_ROUNDS = 5
"""Rounds in which chains of reversals are followed; each doubles how far back it sees, so 32 steps."""

CUSTOMER = "owner_id"
"""Column with the customer whose features need the row."""

_BY_CUSTOMER = ("core_customer", "core_invoice", "core_payment_plan", "core_instalment_balance")
_BY_INVOICE = ("core_instalment", "core_dispute", "core_promise_to_pay")
TABLES_READ = (
    *_BY_CUSTOMER,
    *_BY_INVOICE,
    "core_payment",
    "core_allocation",
    "core_contact_event",
    "core_contact_outcome",
    *(superseded_name(table.name) for table in CORRECTABLE_TABLES),
)
"""Tables of the ledger that features are made from; where nothing was corrected, leave out the superseded ones."""

_TYPES: Mapping[pl.DataType, tuple[str, pa.DataType]] = {
    pl.String(): ("string", pa.string()),
    pl.Int64(): ("bigint", pa.int64()),
    pl.Float64(): ("double", pa.float64()),
    pl.Date(): ("date", pa.date32()),
}
"""Types of feature tables, as Spark and Arrow name them."""


def compute_features_on_spark(
    tables: "Mapping[str, SparkFrame]",
    name: str,
    as_of: dt.date | None = None,
    features: Sequence[Feature] = FEATURES,
) -> "SparkFrame":
    """Return a feature table as a Spark frame, equal row for row to what one machine computes.

    Parameters
    ----------
    tables : Spark frames of ``TABLES_READ`` by name, with the columns of the ledger's tables; as known on
        the as-of day. A table that is left out counts as empty.
    name : feat_instalment_at_issue, feat_open_instalment or feat_customer.
    as_of : the as-of day; feat_instalment_at_issue needs none.
    features : what to compute.

    Returns
    -------
    The table, in no order. Rows are computed when Spark asks for them; the first record of each kind and
    chains of reversals are looked up at once.

    Raises
    ------
    UsageError
        When the table is unknown, or needs an as-of day.
    """
    if name not in FEATURE_TABLES:
        raise UsageError(f"{name} is no feature table", remedy=f"Name one of {', '.join(FEATURE_TABLES)}.")
    if as_of is None and name != "feat_instalment_at_issue":
        raise UsageError(f"{name} looks from a day", where="as_of", remedy="Give the as-of day.")
    given = {
        table: tables[table].drop(*LEDGER_TABLES[table].columns_with(*REFUSED_ROLES))
        for table in TABLES_READ
        if table in tables
    }
    firsts = _take_first_records(given)

    def compute(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from _compute_partition(list(batches), firsts, name, as_of, features)

    routed = _union([_pack(table, frame, given) for table, frame in _route(given).items()])
    nothing = {table: definition.empty() for table, definition in LEDGER_TABLES.items()}
    columns = _compute(nothing, name, as_of, features).schema
    schema = ", ".join(f"`{column}` {_TYPES[kind][0]}" for column, kind in columns.items())
    return routed.repartition(CUSTOMER).mapInArrow(compute, schema)


def _compute(ledger: Frames, name: str, as_of: dt.date | None, features: Sequence[Feature]) -> pl.DataFrame:
    if as_of is None or name == "feat_instalment_at_issue":
        return compute_issue_features(ledger, features)
    if name == "feat_open_instalment":
        return compute_open_features(ledger, as_of, features)
    return compute_customer_features(ledger, as_of, features)


def _with_versions(tables: "Mapping[str, SparkFrame]", *names: str) -> "dict[str, SparkFrame]":
    """Return these of the tables, and those of their superseded versions."""
    both = [version for name in names for version in (name, superseded_name(name))]
    return {name: tables[name] for name in both if name in tables}


def _take_first_records(tables: "Mapping[str, SparkFrame]") -> dict[str, pl.DataFrame]:
    sources = _with_versions(tables, *{tally.source for tally in TALLIES})
    return {
        source: pl.DataFrame(frame.orderBy("observed_at").limit(1).toArrow())
        for source, frame in sources.items()
    }


def _route(tables: "Mapping[str, SparkFrame]") -> "dict[str, SparkFrame]":
    """Return each table with ``CUSTOMER``: a row once or more for each customer whose features need it."""
    from pyspark.sql.functions import col

    by_customer = (*_BY_CUSTOMER, "core_contact_event", "core_payment")
    routed = {
        name: [frame.withColumn(CUSTOMER, col("customer_id"))]
        for name, frame in _with_versions(tables, *by_customer).items()
    }
    invoiced = [*_with_versions(tables, "core_invoice"), "core_instalment_balance"]
    owned = [
        tables[name].select("invoice_id", col("customer_id").alias(CUSTOMER))
        for name in invoiced
        if name in tables
    ]
    if owned:
        owners = _union(owned).distinct()
        by_invoice = _with_versions(tables, *_BY_INVOICE, "core_contact_event", "core_allocation")
        if superseded_name("core_invoice") in tables:  # invoices may have moved from one customer to another
            by_invoice |= {name: tables[name] for name in invoiced if name in tables}
        for name, frame in by_invoice.items():
            routed.setdefault(name, []).append(frame.join(owners, "invoice_id"))
        for name, frame in _route_money(tables, owners).items():
            routed[name].append(frame)
    told = {name: _union(frames) for name, frames in routed.items()}
    contacts = [
        told[name].select("contact_id", CUSTOMER) for name in _with_versions(told, "core_contact_event")
    ]
    if contacts:
        about = _union(contacts).distinct()
        outcomes = _with_versions(tables, "core_contact_outcome")
        told |= {name: frame.join(about, "contact_id") for name, frame in outcomes.items()}
    return told


def _route_money(tables: "Mapping[str, SparkFrame]", owners: "SparkFrame") -> "dict[str, SparkFrame]":
    """Return the payments and allocations that tell of money with which a customer's invoice was paid."""
    from pyspark.sql.functions import col

    payments, allocations = (_with_versions(tables, name) for name in ("core_payment", "core_allocation"))
    if not payments or not allocations:
        return {}
    families = _find_families(
        _union([rows.select("payment_id", "reversal_of") for rows in payments.values()])
    )
    told = {name: rows.join(families, "payment_id") for name, rows in (payments | allocations).items()}
    paid = _union([told[name].select("invoice_id", "family_id") for name in allocations])
    named = [told[name].select("family_id", col("customer_id").alias(CUSTOMER)) for name in payments]
    payers = _union([paid.join(owners, "invoice_id").select("family_id", CUSTOMER), *named])
    payers = payers.filter(col(CUSTOMER).isNotNull()).distinct()
    return {name: rows.join(payers, "family_id").drop("family_id") for name, rows in told.items()}


def _find_families(payments: "SparkFrame") -> "SparkFrame":
    """Return for each payment the one that it takes back in the end, or itself: payment_id, family_id.

    A payment of which different versions take back different ones is of the family of each.
    """
    from pyspark.sql.functions import coalesce, col

    families = payments.select(
        "payment_id", coalesce("reversal_of", "payment_id").alias("family_id")
    ).distinct()
    for _ in range(CHAIN_ROUNDS):
        further = families.select(col("payment_id").alias("family_id"), col("family_id").alias("further_id"))
        looked = families.join(further, "family_id", "left")
        changed = looked.filter(col("further_id") != col("family_id")).limit(1).count()
        if not changed:
            break
        families = looked.select(
            "payment_id", coalesce("further_id", "family_id").alias("family_id")
        ).distinct()
    return families


def _pack(name: str, frame: "SparkFrame", tables: "Mapping[str, SparkFrame]") -> "SparkFrame":
    """Return the rows as one column of structs among those of all tables, so that all travel together."""
    from pyspark.sql.functions import col, lit, struct

    columns = [
        struct(*tables[name].columns).alias(name)
        if table == name
        else lit(None).cast(tables[table].schema).alias(table)
        for table in tables
    ]
    return frame.filter(col(CUSTOMER).isNotNull()).select(CUSTOMER, *columns)


def _union(frames: "Sequence[SparkFrame]") -> "SparkFrame":
    return reduce(lambda first, second: first.unionByName(second), frames)


def _compute_partition(
    batches: Sequence[pa.RecordBatch],
    firsts: Mapping[str, pl.DataFrame],
    name: str,
    as_of: dt.date | None,
    features: Sequence[Feature],
) -> Iterator[pa.RecordBatch]:
    if not batches:
        return
    ledger = {table: definition.empty() for table, definition in LEDGER_TABLES.items()}
    packed = pl.DataFrame(pa.Table.from_batches(batches))
    for table in (name for name in packed.columns if name != CUSTOMER):
        rows = packed.select(table).filter(pl.col(table).is_not_null()).unnest(table)
        definition = LEDGER_TABLES[table]
        frames = [definition.align(frame) for frame in (rows, firsts.get(table)) if frame is not None]
        ledger[table] = pl.concat(frames).unique(definition.key, keep="first").sort(definition.key)
    frame = _compute(ledger, name, as_of, features)
    frame = frame.filter(pl.col("customer_id").is_in(packed[CUSTOMER].unique().implode()))
    schema = pa.schema([pa.field(column, _TYPES[kind][1]) for column, kind in frame.schema.items()])
    yield from frame.to_arrow().cast(schema).to_batches()
