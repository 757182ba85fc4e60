"""How the cover of an instalment was learned, step by step: what was believed from when to when.

Belongs here: instalments that were paid in parts, paid back and reopened, or whose cover was
corrected by a later fact. Does not belong here: what was set against an instalment (ledger), the
plain case of an instalment that one payment covered (``facts`` reads it from the balance).

Notes
-----
The balance of today says when an instalment was covered for good. Before a direct debit was taken
back, everybody believed that it was covered; a feature of that time must believe so too. A *step* is
a day on which something about the instalment was learned; its state is what follows from all facts
learned up to and including that day.
"""

import polars as pl

from segmentation.domain.movements import list_movements
from segmentation.domain.schema import THOUSANDTHS, Frames
from segmentation.domain.vocabulary import CoveredBy
from segmentation.features.agreements import THE_WHOLE, drop_later_movements
from segmentation.ledger.movements import INSTALMENT, list_instalments, split_movements

OWED_FROM = pl.max_horizontal("issue_date", "issued_known_date", "agreed_date")
"""Day from which a row of the balances is owed and known."""

KINDS = (CoveredBy.PAYMENT, CoveredBy.CREDIT_NOTE, CoveredBy.WRITE_OFF)
"""In the order in which a tie about the larger part is decided."""


def list_dated_movements(ledger: Frames) -> pl.DataFrame:
    """Return what was set against instalments of which more than one thing must be told.

    Returns
    -------
    invoice_id, instalment_number, ``from_date`` (owed and known), ``agreed_date``, ``due`` (amount, thousandths),
    ``known_date``, ``effective_date``, ``kind``, ``amount`` (thousandths, negative when taken back),
    ``line_id``. Instalments without movements, or that a single one covered, are left out.
    """
    lines = list_movements(ledger)
    balance = ledger["core_instalment_balance"]
    if lines.is_empty():  # joins look at every invoice
        balance = balance.clear()
    # most invoices have one instalment that one line covered: they are told apart before anything is joined
    is_plain = (pl.col("instalment_number") == 1) & pl.col("covered_known_date").is_not_null()
    told = balance.filter(is_plain.not_()).get_column("invoice_id").unique()
    lines = lines.filter(pl.col("invoice_id").is_duplicated() | pl.col("invoice_id").is_in(told.implode()))
    about = lines.select(pl.col("invoice_id").unique())
    owed = balance.join(about, on="invoice_id", how="semi").select(
        *INSTALMENT,
        OWED_FROM.alias("from_date"),
        "agreed_date",
        (pl.col("amount") * THOUSANDTHS).cast(pl.Int64).alias("due"),
    )
    documents = {
        name: ledger[name].join(about, on="invoice_id", how="semi")
        for name in ("core_invoice", "core_instalment")
    }
    wholes = balance.filter(pl.col("replaced_date").is_not_null()).select(
        "invoice_id", pl.col("replaced_date").alias("agreed_date")
    )
    of_wholes = drop_later_movements(lines.join(wholes, on="invoice_id")).with_columns(
        pl.lit(THE_WHOLE, pl.Int64).alias("instalment_number")
    )
    movements = pl.concat([split_movements(list_instalments(documents), lines), of_wholes])
    return (
        movements.with_columns((pl.col("amount") * THOUSANDTHS).cast(pl.Int64))
        .join(owed, on=INSTALMENT)
        .filter(pl.col("due") > 0)
        .with_columns(pl.max_horizontal("known_date", "from_date").alias("known_date"))
        .filter((pl.len().over(INSTALMENT) > 1) | (pl.col("amount") != pl.col("due")))
        .select(
            *INSTALMENT,
            "from_date",
            "agreed_date",
            "due",
            "known_date",
            "effective_date",
            "kind",
            "amount",
            "line_id",
        )
    )


def build_steps(movements: pl.DataFrame) -> pl.DataFrame:
    """Return, per instalment and day on which something was learned, what was open from then on.

    Returns
    -------
    invoice_id, instalment_number, from_date, due, known_date, ``open`` (thousandths, at least nil),
    ``open_before``, ``spell`` (0 for the first time that it was owed, 1 after it was reopened ...).
    """
    return (
        movements.group_by(*INSTALMENT, "from_date", "due", "known_date")
        .agg(pl.col("amount").sum())
        .sort(*INSTALMENT, "known_date")
        .with_columns(
            (pl.col("due") - pl.col("amount").cum_sum().over(INSTALMENT)).clip(lower_bound=0).alias("open")
        )
        .with_columns(pl.col("open").shift(1).over(INSTALMENT).fill_null(pl.col("due")).alias("open_before"))
        .with_columns(
            ((pl.col("open_before") == 0) & (pl.col("open") > 0))
            .cast(pl.Int32)
            .cum_sum()
            .over(INSTALMENT)
            .alias("spell")
        )
    )


def build_spells(steps: pl.DataFrame) -> pl.DataFrame:
    """Return the spells in which each instalment was owed.

    Returns
    -------
    invoice_id, instalment_number, ``spell``, ``since_date``, ``until_date`` (day on which its cover
    was known; null while open), ``amount`` owed at the start (thousandths).
    """
    return (
        steps.sort(*INSTALMENT, "known_date")
        .group_by(*INSTALMENT, "spell", maintain_order=True)
        .agg(
            pl.when(pl.col("spell").first() == 0)
            .then(pl.col("from_date").first())
            .otherwise(pl.col("known_date").first())
            .alias("since_date"),
            pl.col("known_date").filter(pl.col("open") == 0).first().alias("until_date"),
            pl.when(pl.col("spell").first() == 0)
            .then(pl.col("due").first())
            .otherwise(pl.col("open").first())
            .alias("amount"),
        )
    )


def build_parts(steps: pl.DataFrame, spells: pl.DataFrame) -> pl.DataFrame:
    """Return by how much what is owed changed within a spell, and from when to when that holds.

    Returns
    -------
    invoice_id, instalment_number, ``since_date``, ``until_date``, ``amount`` (thousandths, negative
    when something was covered).
    """
    return (
        steps.filter(pl.col("open") > 0, pl.col("open_before") > 0, pl.col("open") != pl.col("open_before"))
        .join(spells.select(*INSTALMENT, "spell", "until_date"), on=[*INSTALMENT, "spell"])
        .select(
            *INSTALMENT,
            pl.col("known_date").alias("since_date"),
            "until_date",
            (pl.col("open") - pl.col("open_before")).alias("amount"),
        )
    )


def build_covers(movements: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Return what was believed about the cover of each instalment, and from when to when.

    Returns
    -------
    invoice_id, instalment_number, ``known_date``, ``until_date`` (day on which it was known to be
    otherwise; null while it is believed), ``covered_date`` (first value date from which what was open
    stayed at nil), ``covered_by`` (what covered the larger part).
    """
    looks = steps.select(*INSTALMENT, "due", "open", pl.col("known_date").alias("step_date"))
    believed = looks.join(movements.drop("due", "from_date"), on=INSTALMENT).filter(
        pl.col("known_date") <= pl.col("step_date")
    )
    step = (*INSTALMENT, "step_date")
    running = (
        believed.group_by(*step, "due", "effective_date")
        .agg(pl.col("amount").sum())
        .sort(*step, "effective_date")
        .with_columns((pl.col("amount").cum_sum().over(step) < pl.col("due")).alias("is_open_after"))
        .with_columns(pl.col("effective_date").filter("is_open_after").max().over(step).alias("last_open"))
    )
    covered = (
        running.filter(pl.col("last_open").is_null() | (pl.col("effective_date") > pl.col("last_open")))
        .group_by(step)
        .agg(pl.col("effective_date").min().alias("covered_date"))
    )
    kinds = believed.group_by(step).agg(
        pl.col("amount").filter(pl.col("kind") == kind).sum().alias(kind) for kind in KINDS
    )
    largest = pl.max_horizontal(*KINDS)
    covered_by = pl.coalesce(
        pl.when((pl.col(kind) == largest) & (largest > 0)).then(pl.lit(kind.value)) for kind in KINDS
    )
    states = (
        looks.select(*step, (pl.col("open") == 0).alias("is_covered"))
        .join(covered, on=step, how="left")
        .join(kinds, on=step)
        .with_columns(
            pl.when("is_covered").then("covered_date").alias("covered_date"),
            pl.when("is_covered").then(covered_by).alias("covered_by"),
        )
        .sort(step)
    )
    changed = pl.any_horizontal(
        pl.col(name).ne_missing(pl.col(name).shift(1).over(INSTALMENT))
        for name in ("covered_date", "covered_by")
    )
    return (
        states.filter(changed)
        .with_columns(pl.col("step_date").shift(-1).over(INSTALMENT).alias("until_date"))
        .filter("is_covered")
        .select(
            *INSTALMENT,
            pl.col("step_date").alias("known_date"),
            "until_date",
            "covered_date",
            "covered_by",
        )
    )
