"""Whether what an earlier delivery had is still there.

Belongs here: the account of a delivery that is kept from run to run, and its comparison with the next.
Does not belong here: what the source itself states (control_totals).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, STATED_TABLES
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.schema import AMOUNT_SCALE, Frames
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.as_known import start_of
from segmentation.ledger.mapping import OBSERVED_AT

ACCOUNT_FILE = "last_delivery.json"

_EXACT = pl.Decimal(38, AMOUNT_SCALE)
_MONEY = ("core_invoice", "core_payment")
_MOST = 0.5


@dataclass(frozen=True)
class DeliveryAccount:
    """What a delivery had before the start of a day.

    Parameters
    ----------
    mapping_name : mapping that it was read with.
    as_of : the day.
    row_counts : rows (each key once, whatever its versions) by canonical table.
    amounts : sum of the amounts, each key once with its highest, by table and currency.
    """

    mapping_name: str
    as_of: date
    row_counts: Mapping[str, int]
    amounts: Mapping[tuple[str, str], Decimal]


def account_for(facts: Frames, mapping_name: str, as_of: date) -> DeliveryAccount:
    """Return the account of a delivery at the start of a day, from all its facts."""
    counts: dict[str, int] = {}
    amounts: dict[tuple[str, str], Decimal] = {}
    for name, table in CANONICAL_TABLES.items():
        if name in STATED_TABLES:
            continue
        known = facts[name].filter(pl.col(OBSERVED_AT) < start_of(as_of))
        keys = known.select(pl.struct(table.key).hash().alias("key"))
        counts[name] = keys.n_unique() if keys.height else 0
        if name in _MONEY and counts[name]:
            rows = known.select("currency", pl.col("amount").cast(_EXACT))
            if counts[name] < known.height:
                rows = rows.with_columns(keys["key"]).group_by("key", "currency").agg(pl.col("amount").max())
            sums = rows.group_by("currency").agg(pl.col("amount").sum()).sort("currency")
            amounts |= {(name, currency): amount for currency, amount in sums.iter_rows()}
    return DeliveryAccount(mapping_name, as_of, counts, amounts)


def require_not_shrunk(previous: DeliveryAccount, facts: Frames, settings: LedgerSettings) -> None:
    """Refuse a delivery in which too much of what an earlier one had is gone.

    Parameters
    ----------
    previous : account of the earlier delivery.
    facts : every canonical table with all facts of the new one. Only facts learned before the day of the
        earlier account count: history must not vanish, whatever has been added since.
    settings : ``max_shrunk_share`` is tolerated, and so are fewer than ``min_refused_rows`` rows with their
        amounts, unless they are most of a table or of its money.

    Raises
    ------
    InputRefusedError
        Naming table, rows or amount before and now.
    """
    now = account_for(facts, previous.mapping_name, previous.as_of)
    for name, before in previous.row_counts.items():
        gone = before - now.row_counts.get(name, 0)
        if gone > settings.max_shrunk_share * before and (
            gone >= settings.min_refused_rows or gone > _MOST * before
        ):
            raise _refuse(name, f"{before:,} rows", f"{before - gone:,}", previous.as_of)
        share = settings.max_shrunk_share
        tolerated = Decimal(str(max(_MOST, share) if gone > 0 else share))
        for (table, currency), amount in previous.amounts.items():
            left = now.amounts.get((table, currency), Decimal(0))
            if table == name and amount - left > tolerated * abs(amount):
                raise _refuse(name, f"{amount:,.2f} {currency}", f"{left:,.2f} {currency}", previous.as_of)


def _refuse(name: str, before: str, now: str, as_of: date) -> InputRefusedError:
    return InputRefusedError(
        f"The delivery shrank: the previous one had {before} learned before {as_of}, this one has {now}",
        where=name.removeprefix("core_"),
        remedy="Export it again in full. When history was removed on purpose, run once with "
        "--accept-smaller-delivery; when this is another ledger, give it a data root of its own (--data-root).",
    )


def read_account(folder: Path) -> DeliveryAccount | None:
    """Return the account kept in a folder; None when there is none that can be read."""
    try:
        content = json.loads((folder / ACCOUNT_FILE).read_text(encoding="utf-8"))
        return DeliveryAccount(
            content["mapping_name"],
            date.fromisoformat(content["as_of"]),
            content["row_counts"],
            {(table, currency): Decimal(amount) for table, currency, amount in content["amounts"]},
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_account(folder: Path, account: DeliveryAccount) -> None:
    """Keep an account in a folder, whole or not at all."""
    content = {
        "mapping_name": account.mapping_name,
        "as_of": account.as_of.isoformat(),
        "row_counts": dict(account.row_counts),
        "amounts": [[table, currency, str(amount)] for (table, currency), amount in account.amounts.items()],
    }
    place_account(folder, json.dumps(content))


def place_account(folder: Path, text: str) -> None:
    """Put the text of an account, as ``write_account`` left it elsewhere, into a folder, whole or not at all."""
    aside = folder / f".{ACCOUNT_FILE}"
    aside.write_text(text, encoding="utf-8")
    aside.replace(folder / ACCOUNT_FILE)
