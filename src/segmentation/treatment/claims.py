"""What the law lets a creditor ask beside the invoice itself: costs, interest, a fee for one more reminder.

Belongs here: one customer's overdue invoices in sentences for a person. Does not belong here: the calculator
(costs), the figures (jurisdictions/*.yaml), messages to the customer. No legal advice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import polars as pl

from segmentation.domain.errors import UsageError
from segmentation.domain.settings import TreatmentSettings
from segmentation.treatment.contact_hours import resolve_hours
from segmentation.treatment.costs import cap_costs, cap_reminder_fee, count_interest, limit_due_date
from segmentation.treatment.jurisdiction import JurisdictionPack, assign_packs, load_pack
from segmentation.treatment.waiting_period import first_waiting_day


@dataclass(frozen=True, slots=True)
class OverdueInvoice:
    """An invoice that is past due.

    Parameters
    ----------
    invoice_id, currency, amount : what is overdue.
    issued_on : day of issue; None when it is not known.
    due_date : as agreed.
    reminded_on : days on which a message that starts a stage (``waiting_period.starts_stage``), about it or about
        the whole account, went out since it fell due; a call is none, and uses up no free reminder.
    """

    invoice_id: str
    currency: str
    amount: Decimal
    issued_on: date | None
    due_date: date
    reminded_on: Sequence[date]


def tell_claims(
    party_type: str | None,
    country: str | None,
    invoices: Iterable[OverdueInvoice],
    as_of: date,
    settings: TreatmentSettings,
) -> tuple[JurisdictionPack, list[str]]:
    """Return the pack in force and a sentence per invoice: the most that may be asked beside it until the as-of day.

    Parameters
    ----------
    party_type, country : of the customer; unknown ones take the fallback pack in settings.
    invoices : overdue ones.
    as_of : interest counts up to and including this day.
    settings : fallback jurisdiction, waiting period, default time zone.

    Notes
    -----
    Where the law asks for a waiting period after the first reminder, costs and interest start when it is over. How
    a reminder was sent does not matter here: the period is counted as for post, which is the longer reading.
    """
    customer = pl.DataFrame(
        {"customer_id": ["one"], "country": [country], "party_type": [party_type]},
        schema=dict.fromkeys(("customer_id", "country", "party_type"), pl.String),
    )
    pack = load_pack(assign_packs(customer, as_of, settings.jurisdiction)["jurisdiction"].item())
    return pack, [_tell(pack, country, invoice, as_of, settings) for invoice in invoices]


def _tell(
    pack: JurisdictionPack,
    country: str | None,
    invoice: OverdueInvoice,
    as_of: date,
    settings: TreatmentSettings,
) -> str:
    opening = f"Invoice {invoice.invoice_id}:"
    if invoice.currency != pack.costs.currency:
        return f"{opening} ceilings are known in {pack.costs.currency} only."
    issued = invoice.issued_on
    due = invoice.due_date if issued is None else limit_due_date(pack, country, issued, invoice.due_date)
    free_on = _end_of_waiting(pack, country, invoice.reminded_on, settings)
    parts = []
    if pack.waiting.days and (free_on is None or free_on > as_of):
        when = "a first reminder and its waiting period" if free_on is None else f"{free_on:%-d %B %Y}"
        parts.append(f"no costs before {when}, then at most {_money(cap_costs(pack, invoice.amount), pack)}")
    else:
        parts.append(f"costs of at most {_money(cap_costs(pack, invoice.amount), pack)}")
    try:
        interest = count_interest(pack, invoice.amount, due, as_of, waiting_ends_on=free_on)
        parts.append(f"interest of {_money(interest, pack)} until {as_of:%-d %B %Y}")
    except UsageError:
        parts.append("interest whose rate is not on record for all of these days")
    fee = cap_reminder_fee(pack, earlier_count=len(invoice.reminded_on))
    parts.append(f"{_money(fee, pack)} for one more reminder" if fee else "nothing for one more reminder")
    shorter = f"; in law it fell due on {due:%-d %B %Y} already" if due < invoice.due_date else ""
    return f"{opening} {', '.join(parts[:-1])} and {parts[-1]}{shorter}."


def _end_of_waiting(
    pack: JurisdictionPack, country: str | None, reminded_on: Sequence[date], settings: TreatmentSettings
) -> date | None:
    """Return the first day after the waiting period of the first reminder; None when there was none."""
    if not reminded_on:
        return None
    holidays = resolve_hours(pack.pack, country, None, None, settings).holiday_places
    first = first_waiting_day(
        pack.waiting.post, min(reminded_on), None, is_post=True, holiday_places=holidays
    )
    return first + timedelta(
        days=max(pack.waiting.days, settings.waiting_period_days if pack.waiting.days else 0)
    )


def _money(amount: Decimal, pack: JurisdictionPack) -> str:
    return f"{pack.costs.currency} {amount:,.2f}"
