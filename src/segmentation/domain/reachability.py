"""Whether messages to an address arrive: one judgement for gates and the bias audit.

Belongs here: reading a contact point. Does not belong here: permission to contact (treatment).
"""

import polars as pl


def is_bounced() -> pl.Expr:
    """Return whether messages to a row of ``core_contact_point`` come back.

    Notes
    -----
    A bounce counts until the address is confirmed on a later day.
    """
    is_confirmed_since = (pl.col("verified_at") > pl.col("bounced_at")).fill_null(value=False)
    return pl.col("bounced_at").is_not_null() & ~is_confirmed_since
