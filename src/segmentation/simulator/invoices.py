"""Invoices and their instalments: how many, when, how much and on which terms.

Belongs here: what the supplier asks for. Does not belong here: what the customer does about it
(behaviour).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.simulator.customers import COUNTRIES, TERMS, Population
from segmentation.simulator.days import BusinessDays, day_number
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.settings import WorldSettings

_TAIL = 0.85
_MONTH_WEIGHTS = (0.95, 0.95, 1.08, 1.0, 1.02, 1.05, 0.82, 0.72, 1.05, 1.12, 1.12, 1.05)
_GROWTH = 0.45
_MOST_BY_PARTY = (0.8, 1.6, 40.0, 20.0)
_INSTALMENT_GAP_DAYS = 30


@dataclass(frozen=True, slots=True)
class Documents:
    """Invoices as arrays, ordered by day of issue; amounts in cents."""

    customer: Ints
    issue: Ints
    due: Ints
    cents: Ints
    is_foreign: Flags
    is_recurring: Flags
    part_count: Ints

    @property
    def count(self) -> int:
        """Number of invoices."""
        return len(self.customer)


@dataclass(frozen=True, slots=True)
class Parts:
    """Instalments as arrays, ordered by invoice and number; an undivided invoice is one instalment."""

    invoice: Ints
    number: Ints
    customer: Ints
    issue: Ints
    due: Ints
    cents: Ints
    is_single: Flags

    @property
    def count(self) -> int:
        """Number of instalments."""
        return len(self.invoice)


def draw_invoice_counts(settings: WorldSettings, population: Population) -> Ints:
    """Return how many invoices each customer gets.

    Notes
    -----
    A Pareto tail of exponent 0.85, drawn by strata and bent by kind of party, scaled so that the mean
    is ``mean_invoice_count``: a few customers hold most of the invoices and many have fewer than three.
    """
    draws = Draws(settings.seed, "invoice counts")
    mean = settings.mean_invoice_count
    raw = (1 - draws.stratified(population.count)) ** (-1 / _TAIL) - 1
    most = np.maximum(np.array(_MOST_BY_PARTY)[population.party] * mean, 1.0)
    low, high = 0.0, 1e6
    for _ in range(60):
        scale = (low + high) / 2
        total = np.sum(_saturate(raw * scale, most))
        low, high = (scale, high) if total < mean * population.count else (low, scale)
    return _saturate(raw * high, most)


def _saturate(count: Reals, most: Reals) -> Ints:
    """Return 1 plus the count, bending towards ``most`` instead of being cut off there."""
    return np.floor(1 + most * count / (most + count)).astype(np.int64)


def _issue_weights(calendar: BusinessDays, first: int, last: int) -> Reals:
    inside = (calendar.days >= first) & (calendar.days <= last)
    weight = np.array(_MONTH_WEIGHTS)[calendar.month - 1] * calendar.is_working
    weight = weight * (1 + _GROWTH * (calendar.days - first) / max(last - first, 1))
    weight = weight * np.where(calendar.day_of_month >= 27, 2.0, 1.0)  # noqa: PLR2004  month-end billing
    return np.where(inside, weight, 0.0)


def draw_documents(
    settings: WorldSettings, population: Population, calendar: BusinessDays
) -> tuple[Documents, Parts]:
    """Return the invoices of a world and their instalments."""
    first, last = day_number(settings.start_day), day_number(settings.end_day)
    draws = Draws(settings.seed, "documents")
    counts = draw_invoice_counts(settings, population)
    customer = np.repeat(np.arange(population.count), counts)
    total = len(customer)
    rank = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    size = counts[customer]

    running = np.cumsum(_issue_weights(calendar, first, last))
    low = running[np.maximum(population.joined_day - calendar.base - 1, 0)]
    high = running[np.maximum(population.left_day, population.joined_day + 5) - calendar.base]
    is_recurring = population.is_recurring[customer] & (size >= 4)  # noqa: PLR2004  a series is four or more
    share = draws.uniform(total)
    share = np.where(is_recurring, (rank + 0.3 + 0.4 * share) / size, share)
    share = np.round(share, 9)
    position = np.searchsorted(running, low[customer] + share * (high - low)[customer], side="right")
    issue = calendar.days[np.minimum(position, len(calendar.days) - 1)]
    monthly = is_recurring & (size * 20 <= last - first)
    billed = calendar.next_working(calendar.on_month_day(issue, population.billing_day[customer]))
    inside = (billed >= population.joined_day[customer]) & (billed <= last)
    issue = np.where(monthly & inside, billed, np.minimum(calendar.next_working(issue), last))

    terms = population.terms[customer]
    other = draws.chance(0.04, total)
    terms = np.where(other, np.array(TERMS)[draws.whole(0, 2, total)], terms)
    scale = population.amount_scale[customer]
    noise = draws.spread(0.6, total)
    amount = np.where(is_recurring, scale * (1 + 0.03 * np.floor(2 * share)), scale * noise)
    cents = np.clip(np.round(amount * 100), 500, 9_000_000).astype(np.int64)
    round_ = draws.chance(0.15, total) & (cents > 10_000)  # noqa: PLR2004
    cents = np.where(round_, np.round(cents / 5000).astype(np.int64) * 5000, cents)
    wants_parts = draws.chance(0.05, total) & (cents >= 40_000) & (population.method[customer] == 0)  # noqa: PLR2004
    part_count = np.where(wants_parts, draws.whole(2, 3, total), 1)
    is_euro = population.country[customer] < COUNTRIES.index("GB")
    foreign = population.has_second_currency[customer] & is_euro & draws.chance(0.3, total)

    order = np.lexsort((rank, customer, issue))
    documents = Documents(
        customer=customer[order],
        issue=issue[order],
        due=(issue + terms)[order],
        cents=cents[order],
        is_foreign=foreign[order],
        is_recurring=is_recurring[order],
        part_count=part_count[order],
    )
    return documents, _divide(documents)


def _divide(documents: Documents) -> Parts:
    invoice = np.repeat(np.arange(documents.count), documents.part_count)
    counts = documents.part_count
    number = np.arange(len(invoice)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    share = documents.cents[invoice] // counts[invoice]
    is_last = number == counts[invoice]
    rest = documents.cents[invoice] - share * (counts[invoice] - 1)
    return Parts(
        invoice=invoice,
        number=number,
        customer=documents.customer[invoice],
        issue=documents.issue[invoice],
        due=documents.due[invoice] + _INSTALMENT_GAP_DAYS * (number - 1),
        cents=np.where(is_last, rest, share),
        is_single=counts[invoice] == 1,
    )
