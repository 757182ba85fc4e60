"""Collection costs and interest that a jurisdiction allows, to the cent.

Belongs here: the calculator. Does not belong here: the figures (jurisdictions/*.yaml). No legal advice.
"""

from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

import polars as pl

from segmentation.domain.errors import UsageError
from segmentation.treatment.jurisdiction import InterestStart, JurisdictionPack, load_reference_rates

_CENT = Decimal("0.01")
_DAYS_IN_YEAR = 365
_PERCENT = 100
_MILLS, _CENTS = 1000, 100


def cap_costs(pack: JurisdictionPack, principal: Decimal) -> Decimal:
    """Return the most that may be charged for collecting ``principal``, in the pack's currency.

    Parameters
    ----------
    pack : jurisdiction pack.
    principal : amount owed; nil or less allows no costs.

    Notes
    -----
    The first bracket whose bound is not exceeded holds: base + rate × (principal − threshold), then
    the pack's minimum and maximum. Rounded down to the cent, so that the ceiling is never exceeded.

    Examples
    --------
    >>> from segmentation.treatment.jurisdiction import load_pack
    >>> cap_costs(load_pack("be_consumer"), Decimal("150.00"))
    Decimal('20.00')
    >>> cap_costs(load_pack("nl_consumer"), Decimal("2500.00"))
    Decimal('375.00')
    """
    if principal <= 0:
        return Decimal("0.00")
    bracket = next(b for b in pack.costs.brackets if b.up_to is None or principal <= b.up_to)
    costs = bracket.base + bracket.rate * (principal - bracket.above)
    bounded = min(max(costs, pack.costs.minimum), pack.costs.maximum)
    return bounded.quantize(_CENT, ROUND_DOWN)


def cost_ceiling(pack: JurisdictionPack, principal: pl.Expr) -> pl.Expr:
    """Return what ``cap_costs`` gives for a whole column of amounts (decimal, three places).

    Notes
    -----
    Thousandths of the unit and of the rates are whole numbers, so nothing is lost to floating point.
    """

    def mills(amount: Decimal) -> int:
        return int(amount * _MILLS)

    owed = (principal * _MILLS).cast(pl.Int64)
    costs = pl.lit(None, dtype=pl.Int64)
    for bracket in reversed(pack.costs.brackets):
        charged = mills(bracket.base) * _MILLS + int(bracket.rate * _MILLS) * (owed - mills(bracket.above))
        is_inside = pl.lit(value=True) if bracket.up_to is None else owed <= mills(bracket.up_to)
        costs = pl.when(is_inside).then(charged).otherwise(costs)
    low, high = mills(pack.costs.minimum) * _MILLS, mills(pack.costs.maximum) * _MILLS
    cents = costs.clip(low, high) // (_MILLS * _MILLS // _CENTS)
    owes = pl.when(owed > 0).then(cents).otherwise(0)
    return (owes * _CENT).cast(pl.Decimal(18, 3))


def cap_reminder_fee(
    pack: JurisdictionPack, *, earlier_count: int, is_regular: bool = False, due_dates_reminded: int = 0
) -> Decimal:
    """Return the most that one more reminder may cost, postage left out.

    Parameters
    ----------
    pack : jurisdiction pack.
    earlier_count : reminders about the same due date so far.
    is_regular : whether the debt comes from a contract with regular deliveries.
    due_dates_reminded : other due dates of that contract reminded of this year.
    """
    fees = pack.reminder_fees
    free_dates = fees.free_due_dates_per_year_for_regular_deliveries
    if fees.free_reminders is None:
        return Decimal("0.00")
    is_first = earlier_count < max(fees.free_reminders, 1)
    is_used_up = is_regular and free_dates is not None and due_dates_reminded >= free_dates
    return Decimal("0.00") if is_first and not is_used_up else fees.further_reminder_amount.quantize(_CENT)


def limit_due_date(pack: JurisdictionPack, country: str | None, invoiced_on: date, due_date: date) -> date:
    """Return the day on which an invoice must be paid in law, where the agreed term is longer than allowed.

    Parameters
    ----------
    pack : jurisdiction pack.
    country : of the customer.
    invoiced_on : day on which the invoice was received, or issued when that is not known.
    due_date : as agreed.
    """
    limit = pack.longest_terms.get((country or "").upper())
    if limit is None or invoiced_on < limit.invoiced_from:
        return due_date
    return min(due_date, invoiced_on + timedelta(days=limit.days))


def _yearly_rate(pack: JurisdictionPack, day: date) -> Decimal:
    """Return the yearly rate in percent on a day; UsageError when it is not known."""
    reference = load_reference_rates()[pack.interest.reference]
    known = [start for start in reference.rates if start <= day]
    if not known or day > reference.known_until:
        raise UsageError(
            f"The rate {pack.interest.reference} is not known for {day.isoformat()}",
            where="treatment/jurisdictions/reference_rates.yaml",
            remedy="Add the published rate to that file and move known_until.",
        )
    return reference.rates[max(known)] + (pack.interest.points_above_reference or Decimal(0))


def count_interest(
    pack: JurisdictionPack,
    principal: Decimal,
    due_date: date,
    until: date,
    *,
    waiting_ends_on: date | None = None,
) -> Decimal:
    """Return simple interest on ``principal`` up to and including ``until``, at the pack's rate.

    Parameters
    ----------
    pack : jurisdiction pack.
    principal : amount owed.
    due_date : day on which it had to be paid; interest runs from the day after.
    until : last day that counts.
    waiting_ends_on : first day after the waiting period of the first reminder, for packs whose
        interest starts then; without it such a pack gives no interest.

    Raises
    ------
    UsageError
        When the reference rate of one of the days is not on record.

    Notes
    -----
    Actual days over 365, the rate of each day; rounded down to the cent at the end.
    """
    if pack.interest.starts is InterestStart.NEVER:
        return Decimal("0.00")
    first_day = due_date + timedelta(days=1)
    if pack.interest.starts is InterestStart.AFTER_WAITING_PERIOD:
        if waiting_ends_on is None:
            return Decimal("0.00")
        first_day = max(first_day, waiting_ends_on)
    days = (first_day + timedelta(days=offset) for offset in range((until - first_day).days + 1))
    percent_days = sum((_yearly_rate(pack, day) for day in days), start=Decimal(0))
    return (principal * percent_days / _PERCENT / _DAYS_IN_YEAR).quantize(_CENT, ROUND_DOWN)
