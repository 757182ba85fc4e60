"""Facts turned into rows of the quarantine.

Belongs here: the form of a refused fact. Does not belong here: why it is refused (conversion, as_known,
references).
"""

import polars as pl

from segmentation.domain.core_tables import QUARANTINE
from segmentation.ledger.mapping import OBSERVED_AT
from segmentation.ledger.rules import REMEDIES
from segmentation.ledger.source_rows import split_source_id


def to_quarantine(rows: pl.DataFrame, name: str, column: str | None, rule: str) -> pl.DataFrame:
    """Return rows of ``core_quarantine`` for facts of table ``name`` that break ``rule`` in ``column``."""
    names = set(rows.columns)
    shown = pl.col(column).cast(pl.String) if column else pl.lit(None, dtype=pl.String)
    missing = pl.lit(None, dtype=pl.String)
    return QUARANTINE.conform(
        rows.select(
            *split_source_id(),
            pl.lit(name).alias("table_name"),
            pl.lit(column, dtype=pl.String).alias("column_name"),
            pl.lit(rule).alias("rule"),
            shown.alias("value"),
            pl.lit(REMEDIES[rule]).alias("remedy"),
            (pl.col("customer_id") if "customer_id" in names else missing).alias("customer_id"),
            (pl.col("invoice_id") if "invoice_id" in names else missing).alias("invoice_id"),
            OBSERVED_AT,
        )
    )
