"""What a reversal takes back that says nothing about invoices itself, as known at each moment.

Belongs here: reversals, of reversals too, and the order in which they undo allocations. Does not belong
here: allocations (movements), balances (ledger).
"""

from decimal import Decimal

import polars as pl

from segmentation.domain.schema import AMOUNT_SCALE, THOUSANDTHS

_SLOT = ("invoice_id", "instalment_number")
_MAX_CHAIN = 32
"""Doublings that follow a chain of reversals to its payment; more than any chain needs."""


def name_origins(payments: pl.DataFrame) -> pl.DataFrame:
    """Return the payment that each reversal takes back in the end: ``payment_id``, ``reversed_id``.

    Notes
    -----
    A reversal of a reversal is about the payment that the first one took back. Reversals that take
    back each other in a circle are about one of them.
    """
    origins = payments.filter(pl.col("reversal_of").is_not_null()).select(
        "payment_id", pl.col("reversal_of").alias("reversed_id")
    )
    for _ in range(_MAX_CHAIN):
        further = origins.select(
            pl.col("payment_id").alias("reversed_id"), pl.col("reversed_id").alias("further_id")
        ).filter(pl.col("reversed_id") != pl.col("further_id"))
        found = origins.join(further, on="reversed_id", how="left")
        if not found.get_column("further_id").is_not_null().any():
            break
        origins = found.select("payment_id", pl.coalesce("further_id", "reversed_id").alias("reversed_id"))
    return origins


def list_taken_back(lines: pl.DataFrame, payments: pl.DataFrame, origins: pl.DataFrame) -> pl.DataFrame:
    """Return what reversals without allocations of their own take back.

    Parameters
    ----------
    lines : allocations with ``invoice_id``, ``instalment_number``, ``payment_id``, ``origin_id``,
        ``amount``, ``drawn`` (the same in the currency of the payment; null where that is not known),
        ``known_date`` and ``booked_on``.
    payments : ``core_payment``.
    origins : as ``name_origins`` returns them.

    Returns
    -------
    ``invoice_id``, ``instalment_number``, ``amount`` (negative; positive where a reversal was reversed, or
    where a later fact puts right what was believed), ``drawn``, ``effective_date`` (value date of the reversal),
    ``known_date``, ``payment_id`` (the reversal), ``origin_id``.

    Notes
    -----
    A reversal is silent until an allocation of its own is known.
    """
    known_date = pl.max_horizontal(pl.col("observed_at").dt.date(), "value_date").alias("known_date")
    first_own = lines.group_by("payment_id").agg(pl.col("known_date").min().alias("told_date"))
    reversals = (
        payments.join(origins, on="payment_id")
        .select(
            pl.col("reversed_id").alias("origin_id"),
            "payment_id",
            pl.col("value_date").alias("effective_date"),
            pl.col("amount").cast(lines.schema["amount"]).alias("taken"),
            known_date,
        )
        .with_columns(-pl.col("taken"))
        .join(first_own, on="payment_id", how="left")
    )
    silent = reversals.filter(pl.col("told_date").is_null() | (pl.col("told_date") > pl.col("known_date")))
    first = silent.group_by("origin_id").agg(pl.col("known_date").min().alias("first_date"))
    lines = lines.join(first, on="origin_id", how="semi")
    paid = payments.select(
        pl.col("payment_id").alias("origin_id"), pl.col("amount").cast(lines.schema["amount"]), known_date
    ).join(first, on="origin_id", how="semi")
    looks = list_looks(
        pl.concat([facts.select("origin_id", "known_date") for facts in (lines, reversals, paid)])
        .join(first, on="origin_id")
        .filter(pl.col("known_date") >= pl.col("first_date")),
        "origin_id",
    )
    # money paid out is worked out with signs turned: what it took from credit comes back to it
    paid_out = payments.filter(pl.col("amount") < 0).get_column("payment_id").implode()

    def turn(amount: str) -> pl.Expr:
        is_paid_out = pl.col("origin_id").is_in(paid_out)
        return pl.when(is_paid_out).then(-pl.col(amount)).otherwise(pl.col(amount)).alias(amount)

    states = _take_back(
        looks,
        lines.with_columns(turn("amount"), turn("drawn")),
        reversals.with_columns(turn("taken")),
        paid.with_columns(turn("amount")),
    ).with_columns(turn("amount"), turn("drawn"))
    amounts = ("amount", "drawn")
    told = tell_changes(states, looks, "origin_id", ("payment_id", *_SLOT, "effective_date"), amounts)
    return told.select(*_SLOT, *amounts, "effective_date", "known_date", "payment_id", "origin_id")


def list_looks(facts: pl.DataFrame, group: str) -> pl.DataFrame:
    """Return the days on which something about a group was learned, each with the next such day.

    Parameters
    ----------
    facts : the group and ``known_date``.
    group : column that names the group.

    Returns
    -------
    The group, ``look_date``, ``next_date`` (null for the last).
    """
    return (
        facts.select(group, pl.col("known_date").alias("look_date"))
        .unique()
        .sort(group, "look_date")
        .with_columns(
            pl.when(pl.col(group) == pl.col(group).shift(-1))
            .then(pl.col("look_date").shift(-1))
            .alias("next_date")
        )
    )


def tell_changes(
    states: pl.DataFrame,
    looks: pl.DataFrame,
    group: str,
    identity: tuple[str, ...],
    amounts: tuple[str, ...] = ("amount",),
) -> pl.DataFrame:
    """Return by how much each amount changed from one look at its group to the next.

    Parameters
    ----------
    states : the group, ``look_date``, ``identity`` and ``amounts``, as believed from that day on; what is
        not there is nil, and null is not known.
    looks : as ``list_looks`` returns them.
    group, identity : columns that name the group, and an amount in it.
    amounts : the amount, and the same in other currencies.

    Returns
    -------
    The group, ``identity``, ``known_date``, ``amounts``: the first never nil. Up to any day they add up to the
    state of the last look by then.
    """
    states = states.join(looks, on=[group, "look_date"])
    key = [group, *identity]
    return (
        pl.concat(
            [
                states.select(*key, pl.col("look_date").alias("known_date"), *amounts),
                states.filter(pl.col("next_date").is_not_null()).select(
                    *key, pl.col("next_date").alias("known_date"), -pl.col(*amounts)
                ),
            ]
        )
        .group_by(*key, "known_date")
        .agg(sum_if_known(name) for name in amounts)
        .filter(pl.col(amounts[0]) != 0)
    )


def sum_if_known(amount: str) -> pl.Expr:
    """Return the sum of amounts; null where one of them is not known."""
    is_known = pl.col(amount).is_not_null().all()
    return pl.when(is_known).then(pl.col(amount).sum()).alias(amount)


def _take_back(
    looks: pl.DataFrame, lines: pl.DataFrame, reversals: pl.DataFrame, paid: pl.DataFrame
) -> pl.DataFrame:
    """Return per look at a payment what its silent reversals took back of each of its allocations."""
    look = ["origin_id", "look_date"]
    looks = looks.select(look)

    def known(facts: pl.DataFrame) -> pl.DataFrame:
        return looks.join(facts, on="origin_id").filter(pl.col("known_date") <= pl.col("look_date"))

    allocated = (
        known(lines)
        .group_by(*look, *_SLOT)
        .agg(pl.col("amount").sum(), sum_if_known("drawn"), pl.col("booked_on").max())
        .filter(pl.col("amount") > 0)
        .sort(*look, "booked_on", *_SLOT, descending=[False, False, True, True, True], nulls_last=True)
        # what of the payment is not known to have gone here cannot come back from here
        .with_columns(at_least_nil(pl.col("drawn")).alias("width"))
        .with_columns(pl.col("width").cum_sum().over(look).alias("upper"))
        .with_columns((pl.col("upper") - pl.col("width")).alias("lower"))
    )
    reversed_ = known(reversals).with_columns(
        (pl.col("told_date") <= pl.col("look_date")).fill_null(value=False).alias("is_told")
    )
    told = reversed_.filter("is_told").group_by(look).agg(pl.col("taken").sum().alias("told"))
    received = (
        known(paid)
        .join(told, on=look, how="left")
        .select(*look, (pl.col("amount") - pl.col("told").fill_null(0)).alias("received"))
    )
    total = allocated.group_by(look).agg(pl.col("upper").max().alias("allocated"))
    taken = (
        reversed_.filter(~pl.col("is_told"))
        .sort(*look, "effective_date", "payment_id")
        .with_columns(pl.col("taken").cum_sum().over(look).alias("until"))
        .join(received, on=look, how="left")
        .join(total, on=look)
        .with_columns(
            (pl.col("until") - pl.col("taken")).alias("since"),
            at_least_nil(pl.col("received") - pl.col("allocated")).fill_null(0).alias("spare"),
        )
    )

    def undone(until: str) -> pl.Expr:
        reach = at_least_nil(pl.col(until) - pl.col("spare"))
        return pl.max_horizontal(pl.min_horizontal(reach, "upper"), "lower") - pl.col("lower")

    def undone_of(whole: str, until: str) -> pl.Expr:
        # a payment that is taken back in full takes all with it, whatever the currency
        is_whole = (pl.col(until) > 0) & (pl.col(until) >= pl.col("received"))
        return pl.when(is_whole).then(whole).otherwise(_share(whole, undone(until)))

    return (
        taken.join(allocated, on=look)
        .select(
            *look,
            "payment_id",
            *_SLOT,
            "effective_date",
            *(
                (undone_of(name, "since") - undone_of(name, "until")).alias(name)
                for name in ("amount", "drawn")
            ),
        )
        .filter(pl.col("amount") != 0)
    )


def _share(whole: str, part: pl.Expr) -> pl.Expr:
    """Return what of an amount goes with a part of its width, rounded half up to hundredths; all of it with all."""
    count, taken, width = (
        (amount * THOUSANDTHS).cast(pl.Int128) for amount in (pl.col(whole), part, pl.col("width"))
    )
    hundredths = (2 * count * taken + 10 * width) // (20 * width)
    return (
        pl.when(pl.col("width") == pl.col(whole))
        .then(part)
        .when(part == 0)
        .then(0)
        .when(part == pl.col("width"))
        .then(whole)
        .otherwise(hundredths.cast(pl.Decimal(38, AMOUNT_SCALE)) * Decimal("0.01"))
    )


def at_least_nil(amount: pl.Expr) -> pl.Expr:
    """Return amounts with nil for those below nil, and for nulls."""
    return pl.when(amount > 0).then(amount).otherwise(0)
