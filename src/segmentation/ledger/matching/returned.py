"""Money taken back on a bank statement, linked to the payment that it takes back.

Belongs here: which payment a returned direct debit or chargeback undoes, from what was known on its day.
Does not belong here: what that reopens (domain.reversals), whose it may be when it is not clear (unclear).

A statement says of a return what the bank passes on of the order that it undoes: most often its end-to-end
id. The rules, the first that finds any payment received by then being the one followed:

1. The same end-to-end id.
2. The same structured reference.
3. The same account and amount, received at most ``RETURN_DAYS`` before.

A rule links when exactly one of its payments fits: the same amount and currency, not taken back before, and
of no other end-to-end id, reference or account. Payments of earlier days go before those of the same day. Nothing is
linked when none or several fit.
"""

from datetime import timedelta

import polars as pl

from segmentation.domain.row_lookup import is_known
from segmentation.ledger.matching.references import compact
from segmentation.ledger.matching.rules import RETURN_DAYS

_PAIR = ("return_id", "payment_id")
_NOTHING = "NOTPROVIDED"
"""What an order carries that has no end-to-end id (ISO 20022 usage of SEPA)."""
_SAYS = ("end_to_end_id", "structured_reference", "payer_account")


def list_returns(payments: pl.DataFrame, allocations: pl.DataFrame) -> pl.DataFrame:
    """Return the money taken back of which the source does not say from which payment.

    Parameters
    ----------
    payments, allocations : rows of ``core_payment`` and ``core_allocation``.

    Returns
    -------
    Rows of ``core_payment``: negative, without ``reversal_of``, not allocated by the source when they were
    learned, and either with a reason or of nobody. Other negative payments are refunds.
    """
    day = pl.col("observed_at").dt.date()
    returns = payments.filter(
        pl.col("amount") < 0,
        pl.col("reversal_of").is_null(),
        pl.col("reason_code").is_not_null() | pl.col("customer_id").is_null(),
    )
    is_own = is_known(allocations.get_column("payment_id"), returns.get_column("payment_id"))
    own = allocations.filter(is_own).group_by("payment_id").agg(day.min().alias("allocated_on"))
    return (
        returns.join(own, on="payment_id", how="left")
        .filter(pl.col("allocated_on").is_null() | (pl.col("allocated_on") > day))
        .drop("allocated_on")
    )


def link_returns(payments: pl.DataFrame, returns: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the payments with ``reversal_of`` of returns filled in, and what the others may take back.

    Parameters
    ----------
    payments : ``core_payment``, as known on the as-of day.
    returns : as ``list_returns`` returns them.

    Returns
    -------
    ``core_payment``, and pairs (``return_id``, ``payment_id``) for returns that were not linked: the payments
    of the rule that was followed; none for a return that resembles no payment.
    """
    pairs = _pair(payments, returns)
    links = _link_in_order(pairs)
    linked = payments.join(
        links.select(pl.col("return_id").alias("payment_id"), pl.col("payment_id").alias("taken_id")),
        on="payment_id",
        how="left",
        maintain_order="left",
    )
    return (
        linked.with_columns(pl.coalesce("reversal_of", "taken_id").alias("reversal_of")).drop("taken_id"),
        pairs.join(links, on="return_id", how="anti").select(_PAIR).unique(),
    )


def _pair(payments: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """Return per return the payments of the first rule that finds any: whether each ``fits``, is ``earlier``."""
    says = [pl.when(compact(name) != _NOTHING).then(compact(name)).alias(name) for name in _SAYS]
    day = pl.col("observed_at").dt.date().alias("day")
    back = returns.select(
        pl.col("payment_id").alias("return_id"), "currency", "amount", "value_date", day, *says
    )
    reversed_on = (
        payments.filter(pl.col("reversal_of").is_not_null())
        .group_by(pl.col("reversal_of").alias("payment_id"))
        .agg(day.min().alias("reversed_on"))
    )
    received = (
        payments.filter(pl.col("amount") > 0, pl.col("reversal_of").is_null())
        .select("payment_id", "currency", "amount", "value_date", day, *says)
        .join(reversed_on, on="payment_id", how="left")
    )
    is_same_amount = (pl.col("amount_of_payment") == -pl.col("amount")) & (
        pl.col("currency_of_payment") == pl.col("currency")
    )
    fits = is_same_amount & (pl.col("reversed_on").is_null() | (pl.col("reversed_on") > pl.col("day")))
    for name in _SAYS:
        fits = fits & (pl.col(name) == pl.col(f"{name}_of_payment")).fill_null(value=True)
    found = []
    for rule, name in enumerate(_SAYS):
        keyed = received.with_columns(pl.col(name).alias("sign"))
        pairs = (
            back.with_columns(pl.col(name).alias("sign"))
            .join(keyed, on="sign", suffix="_of_payment")
            .filter(pl.col("day_of_payment") <= pl.col("day"))
        )
        if name == "payer_account":
            pairs = pairs.filter(
                fits, pl.col("day_of_payment") >= pl.col("day") - timedelta(days=RETURN_DAYS)
            )
        found.append(
            pairs.select(
                *_PAIR,
                "day",
                "value_date",
                pl.lit(rule).alias("rule"),
                fits.alias("fits"),
                (pl.col("day_of_payment") < pl.col("day")).alias("is_earlier"),
            )
        )
    return pl.concat(found).filter(pl.col("rule") == pl.col("rule").min().over("return_id"))


def _link_in_order(pairs: pl.DataFrame) -> pl.DataFrame:
    """Return the pairs that are linked; of returns that compete for a payment the earliest is first."""
    waiting = (
        pairs.filter("fits")
        .sort("day", "value_date", "return_id", "payment_id")
        .with_columns(pl.col("return_id").rle_id().alias("turn"))
    )
    links = pairs.select(_PAIR).clear()
    while waiting.height:
        waiting = waiting.with_columns(
            (pl.col("turn") == pl.col("turn").min().over("payment_id")).alias("is_next")
        )
        now = waiting.filter(pl.col("is_next").all().over("return_id"))
        earlier = now.filter("is_earlier")
        same_day = now.join(earlier, on="return_id", how="anti")
        chosen = pl.concat([earlier, same_day]).filter(pl.len().over("return_id") == 1)
        links = pl.concat([links, chosen.select(_PAIR)])
        waiting = waiting.join(now, on="return_id", how="anti").join(chosen, on="payment_id", how="anti")
    return links
