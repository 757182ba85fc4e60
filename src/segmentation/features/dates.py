"""When a fact was known.

Belongs here: the one rule for it. Does not belong here: the facts.

A fact was known on the date of its ``observed_at``; a column that is filled in later than its row
(``known_from`` in its definition) from the later of the two days. At moment t a fact counts when that
day is strictly before t: what is known at the *start of the day* t. A fact that is found through another
(a dispute through its invoice) is not known before that one.
"""

import polars as pl

OBSERVED = pl.col("observed_at").dt.date()
"""Day on which a canonical fact was learned."""


def known_from(day: str) -> pl.Expr:
    """Return the day from which what happened on ``day`` was known; null when it did not happen."""
    return pl.when(pl.col(day).is_not_null()).then(pl.max_horizontal(pl.col(day), OBSERVED))


def join_known(facts: pl.DataFrame, through: pl.DataFrame, key: str, *columns: str) -> pl.DataFrame:
    """Return ``facts`` with columns of the rows that they refer to, observed when both were."""
    found = through.select(key, *columns, pl.col("observed_at").alias("through_observed_at"))
    return (
        facts.join(found, on=key)
        .with_columns(pl.max_horizontal("observed_at", "through_observed_at").alias("observed_at"))
        .drop("through_observed_at")
    )
