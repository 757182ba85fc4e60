"""What rows say of other rows: references that lead nowhere, reversals that take nothing back.

Belongs here: rules between rows of different tables, on what is known. Does not belong here: rules about
one row (conversion), sums (statements).
"""

from collections.abc import Sequence

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.domain.row_lookup import is_among, is_known
from segmentation.domain.schema import Frames
from segmentation.ledger.quarantine import to_quarantine
from segmentation.ledger.rules import REVERSAL_NOT_OPPOSITE

_REFERENCES: Sequence[tuple[str, str, str, str]] = (
    ("core_customer_audit", "customer_id", "core_customer", "unknown_customer"),
    ("core_contact_point", "customer_id", "core_customer", "unknown_customer"),
    ("core_contact_permission", "customer_id", "core_customer", "unknown_customer"),
    ("core_invoice", "customer_id", "core_customer", "unknown_customer"),
    ("core_payment", "customer_id", "core_customer", "unknown_customer"),
    ("core_contact_event", "customer_id", "core_customer", "unknown_customer"),
    ("core_payment_plan", "customer_id", "core_customer", "unknown_customer"),
    ("core_message", "customer_id", "core_customer", "unknown_customer"),
    ("core_instalment", "invoice_id", "core_invoice", "unknown_invoice"),
    ("core_allocation", "invoice_id", "core_invoice", "unknown_invoice"),
    ("core_promise_to_pay", "invoice_id", "core_invoice", "unknown_invoice"),
    ("core_dispute", "invoice_id", "core_invoice", "unknown_invoice"),
    ("core_contact_outcome", "contact_id", "core_contact_event", "unknown_contact"),
)
"""Table, column, table it refers to, rule; in an order in which a refused row takes along what hangs on it.

A payment or credit note that an allocation names need not be known: the allocation says that the
invoice is covered, and dunning somebody who has paid is worse than a gap (reported in core_quality).
"""


def refuse_orphans(
    latest: dict[str, pl.DataFrame], known: dict[str, pl.DataFrame], quarantine: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """Return the latest rows without those that refer to something unknown, and the quarantine with these.

    Parameters
    ----------
    latest : every canonical table, one row per key.
    known : the same with every version of each row; all versions of a refused row are refused.
    quarantine : ``core_quarantine`` so far.
    """
    added = [quarantine]
    kept = dict(latest)
    for name, column, referred, rule in _REFERENCES:
        rows = kept[name]
        is_loose = ~is_known(rows.get_column(column), kept[referred].get_column(column))
        orphans = rows.filter(is_loose & rows.get_column(column).is_not_null())
        kept[name], more = _refuse_versions(
            kept[name], orphans, known[name], name=name, column=column, rule=rule
        )
        added.append(more)
    wrong = _list_wrong_reversals(kept["core_payment"])
    kept["core_payment"], more = _refuse_versions(
        kept["core_payment"],
        wrong,
        known["core_payment"],
        name="core_payment",
        column="amount",
        rule=REVERSAL_NOT_OPPOSITE,
    )
    added.append(more)
    blocks = kept["core_dunning_block"]
    for scope, referred, column in (
        ("customer", "core_customer", "customer_id"),
        ("invoice", "core_invoice", "invoice_id"),
    ):
        orphans = blocks.filter(pl.col("scope") == scope).join(
            kept[referred], left_on="scope_id", right_on=column, how="anti"
        )
        blocks, more = _refuse_versions(
            blocks,
            orphans,
            known["core_dunning_block"],
            name="core_dunning_block",
            column="scope_id",
            rule=f"unknown_{scope}",
        )
        added.append(more)
    return kept | {"core_dunning_block": blocks}, pl.concat(added)


def drop_loose_versions(versions: pl.DataFrame, name: str, kept: Frames) -> pl.DataFrame:
    """Return the superseded versions of a table's rows that are not refused, in whole or for what they refer to.

    Parameters
    ----------
    versions : rows of the canonical table ``name``.
    kept : every canonical table, as ``refuse_orphans`` returns them.
    """
    if not versions.height:
        return versions
    bound = versions.filter(is_among(versions, kept[name], CANONICAL_TABLES[name].key))
    for table, column, referred, _ in _REFERENCES:
        if table == name:
            values = bound.get_column(column)
            bound = bound.filter(values.is_null() | is_known(values, kept[referred].get_column(column)))
    return bound


def _refuse_versions(
    frame: pl.DataFrame, orphans: pl.DataFrame, versions: pl.DataFrame, *, name: str, column: str, rule: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    if not orphans.height:
        return frame, QUARANTINE.empty()
    key = CANONICAL_TABLES[name].key
    return (
        frame.filter(~is_among(frame, orphans, key)),
        to_quarantine(versions.filter(is_among(versions, orphans, key)), name, column, rule),
    )


def _list_wrong_reversals(payments: pl.DataFrame) -> pl.DataFrame:
    """Return the reversals that do not take back: negative ones are for money received, positive for money returned."""
    reversals = payments.filter(pl.col("reversal_of").is_not_null())
    if not reversals.height:
        return reversals.select("payment_id")
    origins = payments.select(pl.col("payment_id").alias("reversal_of"), pl.col("amount").alias("reversed"))
    is_opposite = (
        pl.when(pl.col("reversed").is_null() | (pl.col("reversed") > 0))
        .then(pl.col("amount") < 0)
        .otherwise(pl.col("amount") > 0)
    )
    return reversals.join(origins, on="reversal_of", how="left").filter(~is_opposite).select("payment_id")
