"""Dated facts about invoices: what the sweep reads, as whole numbers.

Belongs here: from which day each part of the book was owed and known, until which day, and when an
outcome was known to be so. Does not belong here: other events on the account (``tallies``),
the sweep itself.

The day on which a fact was known is the date of its ``observed_at``; a column that is filled in
later than its row (``known_from`` in its definition) is known from the later of the two days.
"""

from dataclasses import dataclass

import polars as pl

from segmentation.domain.schema import THOUSANDTHS, Frames
from segmentation.domain.vocabulary import CoveredBy, DisputeOutcome, OutcomeCode
from segmentation.features.dates import OBSERVED, join_known
from segmentation.features.encoding import count_terms
from segmentation.features.paths import (
    OWED_FROM,
    build_covers,
    build_parts,
    build_spells,
    build_steps,
    list_dated_movements,
)
from segmentation.features.state import AGREED, PART, REOPENED, WHOLE
from segmentation.ledger.movements import INSTALMENT

ROW = "row"
"""Column with the row of an instalment in core_instalment_balance: a key that costs four bytes."""


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
    supplier_codes = [OutcomeCode.NOT_RECEIVED, OutcomeCode.AWAITING_APPROVAL]
    outcomes = ledger["core_contact_outcome"].filter(pl.col("code").is_in(supplier_codes))
    told = join_known(outcomes, ledger["core_contact_event"], "contact_id", "invoice_id").select(
        "invoice_id", excused_date=pl.max_horizontal(pl.col("recorded_at").dt.date(), OBSERVED)
    )
    return (
        pl.concat([upheld, told])
        .drop_nulls("invoice_id")
        .group_by("invoice_id")
        .agg(pl.col("excused_date").min())
    )


@dataclass(frozen=True, slots=True)
class BookFacts:
    """The parts of the book, what became of its instalments, and how (``paths``) where that takes telling."""

    items: pl.DataFrame
    outcomes: pl.DataFrame
    movements: pl.DataFrame
    steps: pl.DataFrame


def build_book_facts(ledger: Frames) -> BookFacts:
    """Return the parts of the book and what became of its instalments, with the days that count.

    Parameters
    ----------
    ledger : core_instalment_balance as ``agreements.tell_agreements`` returns it and, for what was paid in parts or taken back, core_invoice,
        core_instalment, core_payment and core_allocation; the tables behind ``build_excuses``.

    Returns
    -------
    ``items``: one row per spell in which an instalment was owed, and per change of the amount within
    it: ``row`` (of the instalment in core_instalment_balance), customer_id, currency, ``from_date`` (owed and known),
    ``due_date``, ``until_date`` (day on which its cover was known; null while open),
    ``excused_date`` (null when never), ``amount`` (thousandths), ``terms`` (days from issue to due date,
    see ``encoding.count_terms``), ``weight`` (see ``state``).

    A whole that instalments replaced (``agreements``) is a row of its own until that day.

    ``outcomes``: one row per belief about an instalment: ``row``, customer_id,
    ``known_date`` and ``until_date`` (from when to when it was believed; null while it is),
    ``paid_date``, ``due_date``, ``terms``, ``is_written_off``. What a credit note covered, and what was written
    off before it fell due, says nothing about paying.

    ``movements`` and ``steps``: as ``paths`` returns them.
    """
    owed = _add_excuses(number_instalments(ledger), build_excuses(ledger)).with_columns(
        OWED_FROM.alias("from_date"), (pl.col("amount") * THOUSANDTHS).cast(pl.Int64), count_terms()
    )
    movements = list_dated_movements(ledger)
    steps = build_steps(movements)
    if steps.is_empty():  # joins look at every invoice
        return BookFacts(_plain_items(owed), _plain_outcomes(owed), movements, steps)
    plain = owed.join(steps.select(*INSTALMENT).unique(), on=INSTALMENT, how="anti")
    return BookFacts(
        pl.concat([_plain_items(plain), *_stepwise_items(owed, steps)]),
        pl.concat([_plain_outcomes(plain), _stepwise_outcomes(owed, build_covers(movements, steps))]),
        movements,
        steps,
    )


def _add_excuses(balance: pl.DataFrame, excuses: pl.DataFrame) -> pl.DataFrame:
    if excuses.is_empty():  # most ledgers have none, and a join looks at every invoice
        return balance.with_columns(pl.lit(None, pl.Date).alias("excused_date"))
    return balance.join(excuses, on="invoice_id", how="left", maintain_order="left")


def number_instalments(ledger: Frames) -> pl.DataFrame:
    """Return core_instalment_balance with the number of each row (``row``), by which the facts name it."""
    return ledger["core_instalment_balance"].with_row_index(ROW)


_FIRST = pl.when(pl.col("agreed_date").is_null()).then(WHOLE).otherwise(AGREED)
"""Weight of the first time that an instalment was owed."""


def _item_columns(since: str, until: pl.Expr, amount: str, weight: pl.Expr) -> tuple[str | pl.Expr, ...]:
    return (
        ROW,
        "customer_id",
        "currency",
        pl.col(since).alias("from_date"),
        "due_date",
        pl.min_horizontal(until, "replaced_date").alias("until_date"),
        "excused_date",
        pl.col(amount).alias("amount"),
        "terms",
        weight.cast(pl.Int8).alias("weight"),
    )


def _plain_items(plain: pl.DataFrame) -> pl.DataFrame:
    until = (
        pl.when(pl.col("amount") <= 0)  # nothing was ever owed, whatever was set against it later
        .then("from_date")
        .when(pl.col("covered_known_date").is_not_null())
        .then(pl.max_horizontal("covered_known_date", "from_date"))
        .when(pl.col("is_open").not_())
        .then("from_date")
    )
    return plain.select(_item_columns("from_date", until, "amount", _FIRST))


def _stepwise_items(owed: pl.DataFrame, steps: pl.DataFrame) -> list[pl.DataFrame]:
    spells = build_spells(steps)
    until = pl.col("until_date")
    return [
        rows.join(owed.drop("from_date", "amount"), on=INSTALMENT).select(
            _item_columns("since_date", until, "amount", weight)
        )
        for rows, weight in (
            (spells.filter(pl.col("spell") == 0), _FIRST),
            (spells.filter(pl.col("spell") > 0), pl.lit(REOPENED)),
            (build_parts(steps, spells), pl.lit(PART)),
        )
    ]


def _plain_outcomes(plain: pl.DataFrame) -> pl.DataFrame:
    covered = (
        plain.lazy()
        .filter(pl.col("covered_known_date").is_not_null(), pl.col("amount") > 0)
        .with_columns(
            pl.max_horizontal("covered_known_date", "from_date").alias("known_date"),
            pl.lit(None, pl.Date).alias("until_date"),
        )
    )
    return _outcomes(covered)


def _stepwise_outcomes(owed: pl.DataFrame, covers: pl.DataFrame) -> pl.DataFrame:
    return _outcomes(covers.lazy().join(owed.lazy().drop("covered_date", "covered_by"), on=INSTALMENT))


def _outcomes(covered: pl.LazyFrame) -> pl.DataFrame:
    is_written_off = pl.col("covered_by") == CoveredBy.WRITE_OFF
    return (
        covered.filter(
            (pl.col("covered_by") == CoveredBy.PAYMENT)
            | (is_written_off & (pl.col("covered_date") > pl.col("due_date")))
        )
        .select(
            ROW,
            "customer_id",
            "known_date",
            pl.min_horizontal("until_date", "excused_date", "replaced_date").alias("until_date"),
            pl.col("covered_date").alias("paid_date"),
            "due_date",
            "terms",
            is_written_off.alias("is_written_off"),
        )
        # excused before it was known: never held against the payer
        .filter(pl.col("until_date").is_null() | (pl.col("until_date") > pl.col("known_date")))
        .collect()
    )
