"""What customers set out to pay: credits that reduce it, parts, plans, and debits that come back.

Belongs here: amounts and days of payment per instalment. Does not belong here: how they are gathered
into payments and booked (cash). Amounts are whole cents.
"""

from dataclasses import dataclass, fields

import numpy as np

from segmentation.simulator.behaviour import DIRECT_DEBIT, Behaviour, Disputes, Outcome
from segmentation.simulator.contacts import Course
from segmentation.simulator.days import NEVER, NONE, BusinessDays
from segmentation.simulator.latent_types import type_numbers
from segmentation.simulator.randomness import Draws, Flags, Ints
from segmentation.simulator.scene import Scene

_TRANSFER = 0
_SMALLEST_DIVIDED = 2000
_SMALLEST_CREDITED = 3000
_SMALLEST_SHORT = 5000
_PARTIAL_FROM_DAYS = 8
_MOST_MONTHS = 6


@dataclass(frozen=True, slots=True)
class Tranches:
    """Amounts that customers set out to pay, one row per instalment and day."""

    part: Ints
    day: Ints
    cents: Ints
    method: Ints
    is_failed: Flags
    returned: Ints

    def take(self, kept: Flags | Ints) -> "Tranches":
        """Return the rows kept."""
        return Tranches(*(getattr(self, column.name)[kept] for column in fields(Tranches)))


def settle_disputes(behaviour: Behaviour, course: Course, calendar: BusinessDays) -> Disputes:
    """Return the disputes as they went under contact.

    A customer who pays meanwhile has let the dispute go, and who paid before it never raised it.
    """
    planned = behaviour.disputes
    is_credited = behaviour.full_credit_day < NEVER
    raised = planned.exists & ((course.pay > planned.opened) | is_credited)
    dropped = raised & (course.pay < planned.closed)
    closed = np.where(dropped, calendar.next_working(np.minimum(course.pay, planned.closed)), planned.closed)
    outcome = np.where(dropped, Outcome.WITHDRAWN, planned.outcome)
    return Disputes(*(np.where(raised, column, NONE) for column in (planned.opened, closed, outcome)))


def draw_credits(scene: Scene, draws: Draws, behaviour: Behaviour, course: Course) -> tuple[Ints, Ints]:
    """Return credit and its day for every instalment; 0 and ``NEVER`` where there is none.

    Credit comes from upheld disputes, cancelled invoices, and now and then from goodwill.
    """
    parts, count = scene.parts, scene.parts.count
    planned = behaviour.credit_cents > 0
    is_full = behaviour.full_credit_day < NEVER
    day = np.where(is_full, behaviour.full_credit_day, behaviour.disputes.closed)
    room = np.minimum(course.pay, parts.due + 20) - parts.issue
    some_day = scene.calendar.next_working(
        parts.issue + 1 + np.floor(room * draws.uniform(count)).astype(np.int64)
    )
    is_plain = parts.is_single & (scene.population.method[parts.customer] != DIRECT_DEBIT)
    is_plain &= ~planned & ~behaviour.disputes.exists & (course.plan_of_part == NONE)
    goodwill = is_plain & (course.pay < NEVER) & (some_day < course.pay) & (parts.cents >= _SMALLEST_CREDITED)
    goodwill &= draws.chance(0.022, count)
    share = np.round(parts.cents * (0.05 + 0.35 * draws.uniform(count))).astype(np.int64)
    return (
        np.where(goodwill, share, behaviour.credit_cents),
        np.where(goodwill, some_day, np.where(planned, day, NEVER)),
    )


def draw_tranches(
    scene: Scene, draws: Draws, behaviour: Behaviour, course: Course, due_cents: Ints
) -> Tranches:
    """Return all amounts that customers set out to pay, of what is due after credit."""
    parts, count = scene.parts, scene.parts.count
    planned = course.plan_of_part != NONE
    pays = (course.pay < NEVER) & ~planned & (due_cents > 0)
    early_day, early_cents = _draw_part_payments(scene, draws, behaviour, course, due_cents)
    short = pays & (due_cents > _SMALLEST_SHORT) & draws.chance(0.003, count)
    rest = due_cents - early_cents - np.where(short, draws.whole(1, 99, count), 0)
    usual = scene.population.method[parts.customer]
    later = np.where(behaviour.has_failed_debit, _TRANSFER, usual)

    first = np.flatnonzero(early_cents > 0)
    final = np.flatnonzero(pays)
    debit = np.flatnonzero(behaviour.has_failed_debit)
    part, day, cents = _plan_payments(scene, course, due_cents)
    pieces = [
        (first, early_day[first], early_cents[first], usual[first], False),
        (final, course.pay[final], rest[final], later[final], False),
        (debit, behaviour.debit_day[debit], parts.cents[debit], usual[debit], True),
        (part, day, cents, np.full(len(part), _TRANSFER), False),
    ]
    failed = np.concatenate([np.full(len(piece[0]), piece[4]) for piece in pieces])
    rows = np.concatenate([piece[0] for piece in pieces])
    everything = Tranches(
        part=rows,
        day=np.concatenate([piece[1] for piece in pieces]),
        cents=np.concatenate([piece[2] for piece in pieces]),
        method=np.concatenate([piece[3] for piece in pieces]),
        is_failed=failed,
        returned=np.where(failed, behaviour.debit_returned[rows], NEVER),
    )
    return everything.take(everything.cents > 0)


def _draw_part_payments(
    scene: Scene, draws: Draws, behaviour: Behaviour, course: Course, due_cents: Ints
) -> tuple[Ints, Ints]:
    """Day and amount of a first part, for those who pay late and in two."""
    parts, count = scene.parts, scene.parts.count
    prob = type_numbers("partial_prob")[scene.population.latent_type[parts.customer]]
    horizon = np.where(course.pay < NEVER, course.pay, parts.due + 60)
    offset = np.floor(draws.uniform(count) * (horizon - parts.due - 1)).astype(np.int64)
    day = scene.calendar.next_working(parts.due + 1 + offset)
    divides = behaviour.is_late & draws.chance(prob, count) & (due_cents >= _SMALLEST_DIVIDED)
    divides &= (course.plan_of_part == NONE) & (behaviour.full_credit_day == NEVER)
    divides &= (horizon - parts.due >= _PARTIAL_FROM_DAYS) & (day < horizon) & ~behaviour.has_failed_debit
    divides &= (day < scene.population.insolvent_day[parts.customer]) & (behaviour.disputes.closed < day)
    share = 0.25 + 0.5 * draws.uniform(count)
    return day, np.where(divides, np.floor(due_cents * share / 500).astype(np.int64) * 500, 0)


def plan_days(calendar: BusinessDays, start: Ints, month: Ints) -> Ints:
    """Return the day of each monthly payment of a plan; ``month`` counts from 0."""
    return calendar.next_working(start + 30 * month)


def plan_shares(cents: Ints, months: Ints, month: Ints) -> Ints:
    """Return the part of an amount that falls in one month of a plan; the last takes the rest."""
    share = cents // months
    return np.where(month == months - 1, cents - share * (months - 1), share)


def plan_payments_kept(scene: Scene, course: Course) -> Ints:
    """Return how many payments of each plan are made; none after an insolvency."""
    plans = course.plans
    kept = plans.kept.copy()
    for month in range(_MOST_MONTHS):
        day = plan_days(scene.calendar, plans.start, np.full(len(kept), month))
        kept = np.where(day >= scene.population.insolvent_day[plans.customer], np.minimum(kept, month), kept)
    return kept


def _plan_payments(scene: Scene, course: Course, due_cents: Ints) -> tuple[Ints, Ints, Ints]:
    kept = plan_payments_kept(scene, course)
    planned = np.flatnonzero((course.plan_of_part != NONE) & (due_cents > 0))
    counts = kept[course.plan_of_part[planned]]
    part = np.repeat(planned, counts)
    month = np.arange(len(part)) - np.repeat(np.cumsum(counts) - counts, counts)
    plan = course.plan_of_part[part]
    cents = plan_shares(due_cents[part], course.plans.months[plan], month)
    return part, plan_days(scene.calendar, course.plans.start[plan], month), cents
