"""Dated facts about invoices: what the sweep reads, as whole numbers.

Belongs here: from which day each part of the book was owed and known, until which day, and when an
outcome was known to be so. Does not belong here: other events on the account (``tallies``),
the sweep itself.

The day on which a fact was known is the date of its ``observed_at``; a column that is filled in
later than its row (``known_from`` in its definition) is known from the later of the two days.
"""

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import CoveredBy, DisputeOutcome, OutcomeCode
from segmentation.features.definitions import REFUSED_ROLES
from segmentation.features.tallies import OBSERVED

FAR_FUTURE = pl.date(9999, 12, 31)

THOUSANDTHS = 1000


def without_refused(ledger: Frames) -> dict[str, pl.DataFrame]:
    """Return the ledger without the columns that features may not touch, by role.

    Everything in this room reads the ledger through this function, so a sensitive, group, personal
    or free-text column cannot reach a feature whatever its formula.
    """
    return {
        name: frame.drop(CANONICAL_TABLES[name].columns_with(*REFUSED_ROLES), strict=False)
        if name in CANONICAL_TABLES
        else frame
        for name, frame in ledger.items()
    }


def build_excuses(ledger: Frames) -> pl.DataFrame:
    """Return the day from which lateness of an invoice was known to be the supplier's doing.

    Parameters
    ----------
    ledger : core_dispute, core_contact_event and core_contact_outcome are read.

    Returns
    -------
    One row per invoice: invoice_id, ``excused_date``.

    Notes
    -----
    ``is_supplier_caused`` of the balance says what is known today; only the dated facts behind it say
    since when, and an undated flag may have been set after the invoice was paid.
    """
    upheld = (
        ledger["core_dispute"]
        .filter(pl.col("outcome") == DisputeOutcome.UPHELD)
        .select("invoice_id", excused_date=pl.max_horizontal("closed_at", OBSERVED))
    )
    told = (
        ledger["core_contact_outcome"]
        .filter(pl.col("code").is_in([OutcomeCode.NOT_RECEIVED, OutcomeCode.AWAITING_APPROVAL]))
        .join(ledger["core_contact_event"].select("contact_id", "invoice_id"), on="contact_id")
        .select("invoice_id", excused_date=pl.max_horizontal(pl.col("recorded_at").dt.date(), OBSERVED))
    )
    return (
        pl.concat([upheld, told])
        .drop_nulls("invoice_id")
        .group_by("invoice_id")
        .agg(pl.col("excused_date").min())
    )


def build_items(ledger: Frames) -> pl.DataFrame:
    """Return the parts of the book, one row per part of an instalment and spell in which it was owed.

    Parameters
    ----------
    ledger : core_instalment_balance, and the tables behind ``build_excuses``.

    Returns
    -------
    invoice_id, instalment_number, customer_id, currency, ``from_date`` (owed and known),
    ``due_date``, ``until_date`` (day on which its cover was known; null while open),
    ``excused_date`` (null when never), ``amount`` (thousandths), ``weight`` (2: stands for the
    instalment).
    """
    known = pl.max_horizontal("issue_date", "issued_known_date")
    return (
        ledger["core_instalment_balance"]
        .join(build_excuses(ledger), on="invoice_id", how="left")
        .select(
            "invoice_id",
            "instalment_number",
            "customer_id",
            "currency",
            known.alias("from_date"),
            "due_date",
            pl.when(pl.col("covered_known_date").is_not_null())
            .then(pl.max_horizontal("covered_known_date", known))
            .when(pl.col("is_open").not_())
            .then(known)
            .alias("until_date"),
            "excused_date",
            (pl.col("amount") * THOUSANDTHS).cast(pl.Int64).alias("amount"),
            pl.lit(2, pl.Int8).alias("weight"),
        )
    )


def build_outcomes(ledger: Frames) -> pl.DataFrame:
    """Return what became of instalments: paid on a day, or written off after the due date.

    Returns
    -------
    customer_id, ``known_date`` and ``until_date`` (from when to when this was held to be so; the
    latter null when it still is), ``paid_date``, ``due_date``, ``is_written_off``. What a credit
    note covered, and what was written off before it fell due, says nothing about paying.
    """
    known = pl.max_horizontal("covered_known_date", "issue_date", "issued_known_date")
    return (
        ledger["core_instalment_balance"]
        .filter(
            pl.col("covered_known_date").is_not_null(),
            (pl.col("covered_by") == CoveredBy.PAYMENT)
            | ((pl.col("covered_by") == CoveredBy.WRITE_OFF) & (pl.col("covered_date") > pl.col("due_date"))),
        )
        .join(build_excuses(ledger), on="invoice_id", how="left")
        .select(
            "customer_id",
            known.alias("known_date"),
            pl.col("excused_date").alias("until_date"),
            pl.col("covered_date").alias("paid_date"),
            "due_date",
            (pl.col("covered_by") == CoveredBy.WRITE_OFF).alias("is_written_off"),
        )
        # excused before it was known: never held against the payer
        .filter(pl.col("until_date").is_null() | (pl.col("until_date") > pl.col("known_date")))
    )
