"""Numbers as people read them, as whole-column expressions.

Belongs here: marks between thousands. Does not belong here: words around a number (treatment.wording,
publish.sentences).
"""

import polars as pl

_GROUP = 3
_GROUPS = 4
"""Amounts have at most fifteen digits before the decimals."""


def mark_thousands(whole: pl.Expr) -> pl.Expr:
    """Return digits without sign and decimals with a comma between thousands.

    Examples
    --------
    >>> pl.DataFrame({"n": ["7", "1234", "1234567"]}).select(mark_thousands(pl.col("n")))["n"].to_list()
    ['7', '1,234', '1,234,567']
    """
    rest, groups = whole, list[pl.Expr]()
    for _ in range(_GROUPS):
        rest, groups = rest.str.head(-_GROUP), [rest.str.tail(_GROUP), *groups]
    return pl.concat_str(rest, *groups, separator=",").str.strip_chars_start(",")
