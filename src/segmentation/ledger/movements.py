"""What was set against each instalment: the movements of a document, split over its instalments.

Belongs here: which instalment a movement is about. Does not belong here: the movements themselves
(domain.movements), balances and days late (balances).
"""

from datetime import date

import polars as pl

from segmentation.domain.movements import SUM_OF_AMOUNTS
from segmentation.domain.reversals import at_least_nil, list_looks, tell_changes
from segmentation.domain.row_lookup import find_rows
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import DocumentType

INSTALMENT = ("invoice_id", "instalment_number")

PART = "part"
"""Column with the number of an instalment: its row in ``number_instalments``."""

_LINE = "line"
_ORDER = ("effective_date", "known_date", "kind", "line_id", "instalment_number", "amount")
"""In which what names no instalment fills them."""


def list_instalments(ledger: Frames) -> pl.DataFrame:
    """Return what is due: instalments, and one for the whole of each document that has none.

    Returns
    -------
    ``invoice_id``, ``instalment_number``, ``due_date``, ``amount``; credit notes have none. In no
    order.
    """
    is_owed = pl.col("document_type") != DocumentType.CREDIT_NOTE.value
    whole = ledger["core_invoice"].filter(is_owed).select("invoice_id", "due_date", "amount")
    stated = ledger["core_instalment"].join(whole.select("invoice_id"), on="invoice_id", how="semi")
    if stated.height:
        whole = whole.join(stated.select("invoice_id").unique(), on="invoice_id", how="anti")
    columns = [*INSTALMENT, "due_date", pl.col("amount").cast(SUM_OF_AMOUNTS)]
    return pl.concat(
        [
            stated.select(columns),
            whole.with_columns(pl.lit(1, dtype=pl.Int64).alias("instalment_number")).select(columns),
        ]
    )


def drop_not_yet_valued(lines: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the movements without those that count from the as-of day or later: announced, not paid."""
    return lines.filter(pl.col("known_date") < pl.lit(as_of))


def split_movements(instalments: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the movements with their instalment; one that names none is split.

    Parameters
    ----------
    instalments : as ``list_instalments`` returns them.
    lines : as ``domain.movements.list_movements`` returns them.

    Returns
    -------
    The columns of ``lines``, ``instalment_number`` never null; the movements of documents without
    instalments (credit notes) are left out.

    Notes
    -----
    What names no instalment (or one that the invoice does not have) fills the room that the named
    allocations leave, in order of due date; what is too much stays on the last instalment, and what is
    taken back leaves the last filled one first. When a later fact changes what was filled, movements of
    the day on which it was known put that right: those known on any day add up to the split that
    followed from the facts known on that day.
    """
    numbered = instalments.with_row_index(PART)
    placed = place_movements(numbered, lines)
    return placed.join(numbered.select(PART, *INSTALMENT), on=PART).select(lines.columns)


def place_movements(numbered: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the movements with the number of their instalment, as ``split_movements`` splits them.

    Parameters
    ----------
    numbered : as ``list_instalments`` returns them, with their number in ``part``.
    lines : as ``domain.movements.list_movements`` returns them.

    Returns
    -------
    ``part`` and the columns of ``lines`` without ``invoice_id`` and ``instalment_number``.
    """
    kept = [name for name in lines.columns if name not in INSTALMENT]
    if (numbered.get_column("instalment_number") == 1).all():  # then every document has one
        owner = find_rows(lines.get_column("invoice_id"), numbered.get_column("invoice_id"))
        part = numbered.get_column(PART).gather(owner)
        return lines.select(part, *kept).filter(pl.col(PART).is_not_null())
    first = numbered.group_by("invoice_id").agg(pl.len(), pl.col(PART).first())
    is_single = pl.col("len") == 1
    single = lines.join(first.filter(is_single).select("invoice_id", PART), on="invoice_id").select(
        PART, *kept
    )
    several = first.filter(~is_single).select("invoice_id", pl.col(PART).alias("document"))
    rooms = numbered.join(several, on="invoice_id").select(
        "document", "instalment_number", PART, "due_date", "amount"
    )
    owed = lines.join(several, on="invoice_id").with_row_index(_LINE)
    names = rooms.select("document", "instalment_number", PART)
    placed = owed.join(names, on=["document", "instalment_number"], how="left")
    named, unnamed = placed.filter(pl.col(PART).is_not_null()), placed.filter(pl.col(PART).is_null())
    parts = [single, named.select(PART, *kept)]
    if unnamed.height:
        split = _split(unnamed, named, rooms)
        rest = owed.select(_LINE, *(name for name in kept if name not in {"amount", "known_date"}))
        parts.append(split.join(rest, on=_LINE).select(PART, *kept))
    return pl.concat(parts)


def _split(unnamed: pl.DataFrame, named: pl.DataFrame, rooms: pl.DataFrame) -> pl.DataFrame:
    """Return ``line``, ``part``, ``known_date``, ``amount`` of what names no instalment.

    Documents whose facts were learned in the order in which they count are split once. The others are
    split as often as something was learned, since a later fact moves what an earlier one had filled.
    """
    pool = unnamed.sort("document", *_ORDER).select("document", _LINE, "known_date", "amount")
    taken = named.select("document", PART, "known_date", "amount")
    restless = _find_restless(pool, taken)
    calm = _fill(
        pool.join(restless, on="document", how="anti", maintain_order="left"), taken, rooms, ["document"]
    )
    calm = calm.join(pool.select(_LINE, "known_date"), on=_LINE).select(_LINE, PART, "known_date", "amount")
    if not restless.height:
        return calm
    pool = pool.join(restless, on="document", how="semi", maintain_order="left")
    taken = taken.join(restless, on="document", how="semi")
    looks = list_looks(
        pl.concat([pool.select("document", "known_date"), taken.select("document", "known_date")]), "document"
    )
    days = looks.select("document", "look_date")
    is_known = pl.col("known_date") <= pl.col("look_date")
    states = _fill(
        pool.join(days, on="document", maintain_order="left").filter(is_known),
        taken.join(days, on="document").filter(is_known),
        rooms,
        ["document", "look_date"],
    )
    changes = tell_changes(states, looks, "document", (_LINE, PART))
    return pl.concat([calm, changes.select(_LINE, PART, "known_date", "amount")])


def _find_restless(pool: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Return the documents of which something was learned that changes what was filled before."""
    is_same = pl.col("document") == pl.col("document").shift(1)
    out_of_order = pool.filter(is_same & (pl.col("known_date") < pl.col("known_date").shift(1)))
    first = pool.group_by("document").agg(pl.col("known_date").min().alias("first_date"))
    named_later = taken.join(first, on="document").filter(pl.col("known_date") > pl.col("first_date"))
    return pl.concat([out_of_order.select("document"), named_later.select("document")]).unique()


def _fill(pool: pl.DataFrame, taken: pl.DataFrame, rooms: pl.DataFrame, group: list[str]) -> pl.DataFrame:
    """Return the group, ``line``, ``part`` and ``amount``: what each line of the pool fills.

    ``pool`` is in the order in which its lines fill; ``taken`` is what named allocations took.
    """
    used = taken.group_by(*group, PART).agg(pl.col("amount").sum().alias("used"))
    free = (
        pool.select(group)
        .unique()
        .join(rooms, on="document")
        .join(used, on=[*group, PART], how="left")
        .with_columns(at_least_nil(pl.col("amount") - pl.col("used").fill_null(0)).alias("room"))
        .sort(*group, "due_date", "instalment_number")
        .with_columns(pl.col("room").cum_sum().over(group).alias("upper"))
        .select(
            *group,
            PART,
            "upper",
            (pl.col("upper") - pl.col("room")).alias("lower"),
            pl.any_horizontal(pl.col(name) != pl.col(name).shift(-1) for name in group)
            .fill_null(value=True)
            .alias("is_last"),
        )
    )
    filling = (
        pool.sort(group, maintain_order=True)
        .with_columns(pl.col("amount").cum_sum().over(group).alias("after"))
        .with_columns((pl.col("after") - pl.col("amount")).alias("before"))
    )

    def filled(total: str) -> pl.Expr:
        amount = pl.col(total)
        inside = at_least_nil(pl.min_horizontal(amount, "upper") - pl.col("lower"))
        beyond = at_least_nil(amount - pl.col("lower")) + pl.min_horizontal(
            amount, pl.lit(0, dtype=SUM_OF_AMOUNTS)
        )
        return pl.when(pl.col("is_last")).then(beyond).otherwise(inside)

    return (
        filling.join(free, on=group)
        .select(
            *group, _LINE, PART, (filled("after") - filled("before")).cast(SUM_OF_AMOUNTS).alias("amount")
        )
        .filter(pl.col("amount") != 0)
    )
