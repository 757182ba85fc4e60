"""When a fact was known.

Belongs here: the one rule for it. Does not belong here: the facts.

A fact was known on the date of its ``observed_at``; a column that is filled in later than its row
(``known_from`` in its definition) from the later of the two days. At moment t a fact counts when that
day is strictly before t: what is known at the *start of the day* t.
"""

import polars as pl

OBSERVED = pl.col("observed_at").dt.date()
"""Day on which a canonical fact was learned."""


def known_from(day: str) -> pl.Expr:
    """Return the day from which what happened on ``day`` was known; null when it did not happen."""
    return pl.when(pl.col(day).is_not_null()).then(pl.max_horizontal(pl.col(day), OBSERVED))
