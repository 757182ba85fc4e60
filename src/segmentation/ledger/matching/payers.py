"""Whom a payment may be from: accounts and names known from earlier payments, and names of customers.

Belongs here: what is known of payers and from which day. Does not belong here: what follows (decision).
"""

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.ledger.matching.references import compact
from segmentation.ledger.matching.rules import NAME_LENGTH

KNOWN = pl.Schema(
    {
        "key": pl.String(),
        "customer_id": pl.String(),
        "day": pl.Date(),
        "payment_id": pl.String(),
        "event": pl.UInt32(),
    }
)
"""A sign of a payer (account or name), the customer it stands for, since when, from which payment, and by
the decision on which event (null: the source tells)."""

_ACCOUNT, _NAME = "account:", "name:"


def list_signs(payments: pl.DataFrame) -> pl.DataFrame:
    """Return the signs of the payer that payments carry: ``payment_id``, ``key``."""
    name = compact("payer_name")
    return pl.concat(
        [
            payments.select("payment_id", (pl.lit(_ACCOUNT) + compact("payer_account")).alias("key")),
            payments.select(
                "payment_id",
                pl.when(name.str.len_chars() >= NAME_LENGTH).then(pl.lit(_NAME) + name).alias("key"),
            ),
        ]
    ).drop_nulls()


def list_known_payers(ledger: Frames) -> pl.DataFrame:
    """Return the payers that the source itself tells (``KNOWN``): customers' names, and its own matches.

    Parameters
    ----------
    ledger : ``core_customer``, ``core_payment``, ``core_invoice``, ``core_allocation``.
    """
    day = pl.col("observed_at").dt.date().alias("day")
    name = compact("name")
    customers = (
        ledger["core_customer"]
        .filter(name.str.len_chars() >= NAME_LENGTH)
        .select((pl.lit(_NAME) + name).alias("key"), "customer_id", day)
    )
    signs = list_signs(ledger["core_payment"])
    if not signs.height:
        return _conform(customers)
    payments = ledger["core_payment"].select("payment_id", "customer_id", day)
    stated = payments.filter(pl.col("customer_id").is_not_null())
    invoices = ledger["core_invoice"].select(
        "invoice_id", "customer_id", pl.col("observed_at").dt.date().alias("invoice_day")
    )
    allocated = (
        ledger["core_allocation"]
        .filter(pl.col("amount") > 0)
        .select("payment_id", "invoice_id", pl.col("observed_at").dt.date().alias("allocation_day"))
        .join(payments.select("payment_id", "day"), on="payment_id")
        .join(invoices, on="invoice_id")
        .select(
            "payment_id",
            "customer_id",
            pl.max_horizontal("day", "allocation_day", "invoice_day").alias("day"),
        )
    )
    told = (
        pl.concat([stated, allocated])
        .join(signs, on="payment_id")
        .select("key", "customer_id", "day", "payment_id")
    )
    return _conform(pl.concat([customers, told], how="diagonal"))


def _conform(known: pl.DataFrame) -> pl.DataFrame:
    missing = [pl.lit(None, dtype=KNOWN[name]).alias(name) for name in KNOWN if name not in known.columns]
    return known.with_columns(missing).select(list(KNOWN))


def keep_first_known(known: pl.DataFrame) -> pl.DataFrame:
    """Return of each sign and customer what tells it first, from two payments, since none tells its own payer.

    Parameters
    ----------
    known : ``KNOWN``.
    """
    pair = ["key", "customer_id"]
    ordered = known.sort(*pair, "day", "event", "payment_id").unique(
        [*pair, "payment_id"], keep="first", maintain_order=True
    )
    return ordered.group_by(pair, maintain_order=True).head(2).select(list(KNOWN))


def find_payers(events: pl.DataFrame, signs: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Return whom each event may be from: ``event``, ``customer_id``.

    Parameters
    ----------
    events : ``event``, ``payment_id``, ``day``, ``given_customer_id`` (what the source says).
    signs : as ``list_signs`` returns it.
    known : ``KNOWN``; of these, what was known on the day counts, the payment itself excepted.

    Notes
    -----
    The customer that the source gives is believed. Else the account decides; a name decides between
    several customers of an account, and alone where the account says nothing. Where both say something and
    agree on nobody, all are returned.
    """
    given = events.filter(pl.col("given_customer_id").is_not_null()).select(
        "event", pl.col("given_customer_id").alias("customer_id")
    )
    found = (
        events.filter(pl.col("given_customer_id").is_null())
        .select("event", "payment_id", "day")
        .join(signs, on="payment_id")
        .join(known, on="key", suffix="_of_payer")
        .filter(
            pl.col("day_of_payer") <= pl.col("day"),
            pl.col("event_of_payer").is_null() | (pl.col("event_of_payer") < pl.col("event")),
            pl.col("payment_id_of_payer").ne_missing(pl.col("payment_id")),
        )
        .group_by("event", "customer_id")
        .agg(
            pl.col("key").str.starts_with(_ACCOUNT).any().alias("by_account"),
            pl.col("key").str.starts_with(_NAME).any().alias("by_name"),
        )
        .with_columns((pl.col("by_account") & pl.col("by_name")).alias("by_both"))
        .with_columns(pl.col("by_both", "by_account", "by_name").any().over("event").name.suffix("_somebody"))
        .filter(
            pl.when("by_both_somebody")
            .then("by_both")
            .when(pl.col("by_account_somebody") & pl.col("by_name_somebody"))
            .then(pl.lit(value=True))
            .when("by_account_somebody")
            .then("by_account")
            .otherwise("by_name")
        )
        .select("event", "customer_id")
    )
    return pl.concat([given, found])
