"""Exact money for sums within matching.

Belongs here: the type and nil. Does not belong here: anything that adds up.
"""

import polars as pl

from segmentation.domain.schema import AMOUNT_SCALE

EXACT = pl.Decimal(38, AMOUNT_SCALE)
"""Decimals wide enough that no sum of amounts overflows."""

ZERO = pl.lit(0, dtype=EXACT)
