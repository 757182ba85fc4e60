"""What was believed before rows were corrected: a customer is told once for each era between two corrections.

Belongs here: eras, and the ledger with the story of each. Does not belong here: which version of an instalment
counts at its issue (``issues``), features.

Notes
-----
The ledger has one version of each row, and beside it the versions that were superseded. Until the day on which
a correction was learned, everything about the customer must look as it did before: balances, what reversals
took back, which instalment was filled, disputes, promises. All of it is worked out again, by the same code: the
customer's rows *as they were known* at the end of an era are put beside the others as rows of a customer of
their own, whose id is that of the era. Customers do not depend on each other, so nothing after this knows of
eras but who looks from a moment: it looks at the era in which that day lies. An era ends with the day on which
something was corrected, which is the last day whose start did not know of it.

Only customers with corrections, and only eras from which something looks, are told again; without corrections
nothing is done. Cost grows with the corrections of a customer times its rows. Disputes, promises and plans, which
are delivered again with each outcome, begin no era: ``tallies`` counts each version while it was believed.
"""

import datetime as dt
from collections.abc import Callable

import polars as pl

from segmentation.domain.core_tables import CORRECTABLE_TABLES, CUSTOMER, superseded_name
from segmentation.domain.schema import POLARS_TYPES, DataType, Frames
from segmentation.domain.vocabulary import DisputeOutcome
from segmentation.features.dates import OBSERVED

SUPERSEDED = pl.col("superseded_at").dt.date()
"""Last day whose start still believed a version; null for the latest."""

ERA = "era_id"
"""Column with the name of an era; the last one of a customer has no end."""

_NEVER = dt.date(9999, 12, 31)
_BALANCE = "core_instalment_balance"
_MARK = "\x1f"
"""Stands between the names that an era, and an identifier within it, are made of."""

_KEYS = {table.name: list(table.key) for table in CORRECTABLE_TABLES if table is not CUSTOMER}
"""Keys of the tables in which a correction changes how a customer looks."""

_COUNTED = ("core_dispute", "core_promise_to_pay", "core_payment_plan")
"""Tables that are delivered again with each outcome: their versions are counted while they are believed
(``tallies``), and begin no era but where a dispute was upheld, since that changes what is held against a payer."""

_MONEY = {"core_payment", "core_allocation"}
"""Tables of which a row is about everybody whose invoices are paid with the same money."""

_IDENTIFIERS = (
    "invoice_id",
    "payment_id",
    "reversal_of",
    "credit_note_id",
    "allocation_id",
    "contact_id",
    "dispute_id",
    "promise_id",
    "plan_id",
)
_CORRECTED = "corrected_date"
_SUPERSEDED_AT = pl.lit(None, POLARS_TYPES[DataType.TIMESTAMP]).alias("superseded_at")
_FAMILY = "family"
"""Payments that take back each other, directly or through others, share it."""


def is_corrected(ledger: Frames) -> bool:
    """Return whether an earlier version of any row was superseded that features read."""
    return any(_begin_eras(ledger, name).height for name in _KEYS)


def list_versions(ledger: Frames, name: str) -> pl.DataFrame:
    """Return every version of the rows of a table, with ``superseded_at`` (null for the latest)."""
    latest = ledger[name].with_columns(_SUPERSEDED_AT)
    return pl.concat([latest, _superseded(ledger, name).select(latest.columns)])


def find_first_day(ledger: Frames, name: str) -> dt.date | None:
    """Return the day since when the ledger has had rows of a table, corrected or not; None when it has none."""
    frames = [ledger[table] for table in (name, superseded_name(name)) if table in ledger]
    days = [frame.select(OBSERVED.min()).item() for frame in frames]
    return min((day for day in days if day is not None), default=None)


def is_believed(day: pl.Expr) -> pl.Expr:
    """Return whether a version is the one that was known at the start of a day."""
    return (day > OBSERVED) & (SUPERSEDED.is_null() | (day <= SUPERSEDED))


def find_eras(ledger: Frames, looks: pl.DataFrame) -> pl.DataFrame:
    """Return the eras of all customers with corrections from which somebody looks, and the last of each.

    Parameters
    ----------
    ledger : with superseded versions.
    looks : customer_id and as_of_date; a null customer stands for all.

    Returns
    -------
    ``era_id`` (in order of time within a customer), ``customer_id``, ``since_date`` and ``until_date``: moments
    after the first and up to the second lie in it; null where it has no such bound.
    """
    corrected = _find_corrected(ledger)
    last = corrected.select("customer_id", pl.lit(None, pl.Date).alias(_CORRECTED)).unique()
    eras = (
        pl.concat([corrected, last])
        .sort("customer_id", _CORRECTED, nulls_last=True)
        .select(
            pl.concat_str(
                "customer_id",
                pl.lit(_MARK),
                pl.int_range(pl.len()).over("customer_id").cast(pl.String).str.zfill(9),
            ).alias(ERA),
            "customer_id",
            pl.col(_CORRECTED).shift(1).over("customer_id").alias("since_date"),
            pl.col(_CORRECTED).alias("until_date"),
        )
    )
    of_all = looks.filter(pl.col("customer_id").is_null()).drop("customer_id")
    looked = pl.concat([looks.drop_nulls(), last.select("customer_id").join(of_all, how="cross")])
    return eras.filter(pl.col("until_date").is_null() | pl.col(ERA).is_in(name_eras(looked, eras).implode()))


def name_eras(looks: pl.DataFrame, eras: pl.DataFrame) -> pl.Series:
    """Return the era in which each look (customer_id, as_of_date) lies; the customer where that has no eras."""
    found = (
        looks.select("customer_id", "as_of_date")
        .with_row_index("place")
        .sort("as_of_date")
        .join_asof(
            eras.select(ERA, "customer_id", pl.col("until_date").fill_null(_NEVER)).sort("until_date"),
            left_on="as_of_date",
            right_on="until_date",
            by="customer_id",
            strategy="forward",
            check_sortedness=False,
        )
    )
    return found.sort("place").select(pl.coalesce(ERA, "customer_id").alias("customer_id")).to_series()


def tell_eras(ledger: Frames, eras: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the ledger with each era as a customer of its own.

    Parameters
    ----------
    ledger : with superseded versions.
    eras : as ``find_eras`` returns them.

    Returns
    -------
    The ledger, in which ``customer_id`` names the era where the customer has eras. Other identifiers of past
    eras are their own (``strip_era`` gives back the ledger's). core_customer has a row for each version. Of
    superseded versions, ``observed_at`` is left, which says since when the ledger has had such rows, and of disputes,
    promises and plans all of them.
    """
    past = _recall(ledger, eras.filter(pl.col("until_date").is_not_null()))
    last = eras.filter(pl.col("until_date").is_null())
    rename = pl.col("customer_id").replace(last["customer_id"], last[ERA])
    told = dict(ledger)
    for name in (*_KEYS, _BALANCE):
        rows = ledger[name]
        if "customer_id" in rows.columns:
            rows = rows.with_columns(rename)
        told[name] = pl.concat([rows, past[name].select(rows.columns)]) if past[name].height else rows
    for name in _KEYS:
        earlier = _superseded(ledger, name)
        if name in _COUNTED:
            earlier = earlier.with_columns(rename) if "customer_id" in earlier.columns else earlier
            past_rows = past[superseded_name(name)].select(earlier.columns)
            told[superseded_name(name)] = pl.concat([earlier, past_rows])
        else:
            told[superseded_name(name)] = earlier.select("observed_at")
    named = list_versions(ledger, CUSTOMER.name).select("customer_id", "observed_at")
    told[CUSTOMER.name] = named.join(eras, on="customer_id", how="left").select(
        pl.coalesce(ERA, "customer_id").alias("customer_id"), "observed_at"
    )
    told[superseded_name(CUSTOMER.name)] = told[CUSTOMER.name].clear()
    return told


def strip_era(column: str) -> pl.Expr:
    """Return identifiers as the ledger has them, without the era that they are told of."""
    return pl.col(column).str.split(_MARK).list.last()


def _superseded(ledger: Frames, name: str) -> pl.DataFrame:
    rows = ledger.get(superseded_name(name))
    return ledger[name].clear().with_columns(_SUPERSEDED_AT) if rows is None else rows


def _begin_eras(ledger: Frames, name: str) -> pl.DataFrame:
    """Return the superseded versions with whose end an era ends."""
    rows = _superseded(ledger, name)
    if name == "core_dispute":
        return rows.filter(pl.col("outcome") == DisputeOutcome.UPHELD)
    return rows.clear() if name in _COUNTED else rows


def _find_corrected(ledger: Frames) -> pl.DataFrame:
    """Return ``customer_id`` and each day (``corrected_date``) on which a correction about it was learned."""
    owners = _list_owners(ledger)
    days = {
        name: rows.select(*key, SUPERSEDED.alias(_CORRECTED)).unique()
        for name, key in _KEYS.items()
        if (rows := _begin_eras(ledger, name)).height
    }
    family = _find_families(ledger)
    payers = _list_payers(ledger, owners, family) if days.keys() & _MONEY else None
    found = []
    for name, corrected in days.items():
        about, key = (
            (name, _KEYS[name]) if name != "core_contact_outcome" else ("core_contact_event", ["contact_id"])
        )
        rows = list_versions(ledger, about).join(corrected, on=key)
        if "customer_id" in rows.columns:
            found.append(rows)
        if "invoice_id" in rows.columns:
            found.append(rows.select("invoice_id", _CORRECTED).join(owners, on="invoice_id"))
        if payers is not None and "payment_id" in rows.columns:
            found.append(rows.select(family("payment_id"), _CORRECTED).join(payers, on=_FAMILY))
    return pl.concat(rows.select("customer_id", _CORRECTED) for rows in found).drop_nulls().unique()


def _list_owners(ledger: Frames) -> pl.DataFrame:
    return list_versions(ledger, "core_invoice").select("invoice_id", "customer_id").unique()


def _find_families(ledger: Frames) -> Callable[[str], pl.Expr]:
    """Return what names the family of the payments in a column."""
    from segmentation.domain.disjoint_sets import DisjointSets

    sets = DisjointSets()
    reversals = list_versions(ledger, "core_payment").select("payment_id", "reversal_of").drop_nulls()
    sets.join(reversals["payment_id"].hash().to_numpy(), reversals["reversal_of"].hash().to_numpy())

    def family(column: str) -> pl.Expr:
        return (
            pl.col(column)
            .map_batches(lambda ids: pl.Series(values=sets.find_groups(ids.hash().to_numpy())), pl.UInt64)
            .alias(_FAMILY)
        )

    return family


def _list_payers(ledger: Frames, owners: pl.DataFrame, family: Callable[[str], pl.Expr]) -> pl.DataFrame:
    """Return the customers that each family of payments names or pays invoices of."""
    paid = list_versions(ledger, "core_allocation").filter(pl.col("payment_id").is_not_null())
    payers = paid.select("invoice_id", family("payment_id")).unique().join(owners, on="invoice_id")
    named = list_versions(ledger, "core_payment").select(family("payment_id"), "customer_id").drop_nulls()
    return pl.concat([payers.select(_FAMILY, "customer_id"), named]).unique()


def _recall(ledger: Frames, eras: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the rows of each era as they were known at its end, in the tables of ``_KEYS`` and the balances."""
    through = (ERA, "until_date", "owner_id")
    era = eras.select(ERA, "until_date", "customer_id", pl.col("customer_id").alias("owner_id"))

    def recall(name: str, through_rows: pl.DataFrame, *key: str) -> pl.DataFrame:
        return (
            list_versions(ledger, name).join(through_rows, on=key).filter(is_believed(pl.col("until_date")))
        )

    def join_ways(name: str, *ways: pl.DataFrame) -> pl.DataFrame:
        columns = ways[0].columns
        return pl.concat(way.select(columns) for way in ways).unique([ERA, *_KEYS[name]])

    invoices = recall("core_invoice", era, "customer_id")
    invoice = invoices.select("invoice_id", *through)
    contacts = join_ways(
        "core_contact_event",
        recall("core_contact_event", era, "customer_id"),
        recall("core_contact_event", invoice, "invoice_id"),
    )
    own = recall("core_allocation", invoice, "invoice_id")
    family = _find_families(ledger)
    of_customer = recall("core_payment", era, "customer_id")
    of_family = pl.concat(
        rows.filter(pl.col("payment_id").is_not_null()).select(family("payment_id"), *through)
        for rows in (own, of_customer)
    ).unique()

    def recall_money(name: str) -> pl.DataFrame:
        numbered = list_versions(ledger, name).with_columns(family("payment_id"))
        return numbered.join(of_family, on=_FAMILY).filter(is_believed(pl.col("until_date")))

    rows = {
        "core_invoice": invoices,
        **{
            name: recall(name, invoice, "invoice_id")
            for name in ("core_instalment", "core_dispute", "core_promise_to_pay")
        },
        "core_payment_plan": recall("core_payment_plan", era, "customer_id"),
        "core_contact_event": contacts,
        "core_contact_outcome": recall(
            "core_contact_outcome", contacts.select("contact_id", *through), "contact_id"
        ),
        "core_payment": join_ways("core_payment", of_customer, recall_money("core_payment")),
        "core_allocation": join_ways("core_allocation", own, recall_money("core_allocation")),
    }
    told = {name: _rename(frame).select(ledger[name].columns) for name, frame in rows.items()}
    for name in _COUNTED:
        versions = _superseded(ledger, name).filter(SUPERSEDED.is_not_null())
        through_rows, key = (era, "customer_id") if name == "core_payment_plan" else (invoice, "invoice_id")
        earlier = versions.join(through_rows, on=key).filter(pl.col("until_date") > SUPERSEDED)
        told[superseded_name(name)] = _rename(earlier)
    return told | {_BALANCE: _work_out_balances({**ledger, **told}, eras).select(ledger[_BALANCE].columns)}


def _rename(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows of eras with identifiers of their own; what is of another customer is of one that nobody looks at."""
    names = [
        pl.concat_str(ERA, pl.lit(_MARK), name).alias(name) for name in _IDENTIFIERS if name in rows.columns
    ]
    if "customer_id" in rows.columns:
        other = pl.concat_str(ERA, pl.lit(_MARK), "customer_id")
        is_own = pl.col("customer_id") == pl.col("owner_id")
        names.append(pl.when(is_own).then(ERA).otherwise(other).alias("customer_id"))
    return rows.with_columns(names)


def _work_out_balances(ledger: Frames, eras: pl.DataFrame) -> pl.DataFrame:
    # most ledgers have no corrections, and its imports would take a fifth of the time that a small one needs
    from segmentation.ledger.balances import build_instalment_balances

    if not eras.height:
        return ledger[_BALANCE].clear()
    return build_instalment_balances(
        ledger, eras.select(pl.col("until_date").max().dt.offset_by("1d")).item()
    )
