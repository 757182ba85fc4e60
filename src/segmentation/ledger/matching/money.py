"""Exact money for sums within matching.

Belongs here: the type and nil. Does not belong here: anything that adds up.
"""

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS

EXACT = SUM_OF_AMOUNTS
"""Decimals wide enough that no sum of amounts overflows."""

ZERO = pl.lit(0, dtype=EXACT)
