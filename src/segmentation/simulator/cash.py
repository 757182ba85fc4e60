"""Money: payments, allocations, reversals, credit notes and write-offs that follow from the course.

Belongs here: bookings up to the last day, reconciled to the cent. Does not belong here: when and
whether somebody pays (behaviour, contacts). Amounts are whole cents.
"""

from dataclasses import dataclass

import numpy as np

from segmentation.simulator.behaviour import Behaviour, Outcome
from segmentation.simulator.contacts import Course
from segmentation.simulator.customers import Population
from segmentation.simulator.days import NEVER, NONE, BusinessDays
from segmentation.simulator.invoices import Documents, Parts
from segmentation.simulator.latent_types import type_numbers
from segmentation.simulator.randomness import Draws, Flags, Ints
from segmentation.simulator.settings import WorldSettings

REVERSAL_REASONS = ("failed_direct_debit", "chargeback", "refund")
WRITE_OFF_AFTER_DAYS = 150


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments and reversals as arrays, ordered by day of booking.

    ``matched_day`` is the day from which the payer was known, ``NONE`` when known at once and ``NEVER``
    when not by the last day; ``reverses`` is the position of the payment taken back.
    """

    customer: Ints
    is_foreign: Flags
    value_day: Ints
    booking_day: Ints
    cents: Ints
    method: Ints
    reverses: Ints
    reason: Ints
    matched_day: Ints


@dataclass(frozen=True, slots=True)
class CreditNotes:
    """Credit notes as arrays, ordered by day; each was issued for one instalment."""

    part: Ints
    day: Ints
    cents: Ints


@dataclass(frozen=True, slots=True)
class Allocations:
    """Allocations as arrays, ordered by day; ``payment`` and ``credit`` are both ``NONE`` for a write-off."""

    payment: Ints
    credit: Ints
    part: Ints
    cents: Ints
    day: Ints


@dataclass(frozen=True, slots=True)
class Cash:
    """All bookings, and what they leave open."""

    payments: Payments
    credits: CreditNotes
    allocations: Allocations
    open_cents: Ints
    covered_day: Ints
    dispute_from: Ints
    dispute_until: Ints
    dispute_outcome: Ints
    plan_kept: Ints


@dataclass(frozen=True, slots=True)
class _Tranches:
    """Amounts that customers set out to pay, one row per instalment and day."""

    part: Ints
    day: Ints
    cents: Ints
    method: Ints
    is_failed: Flags
    returned: Ints

    def take(self, kept: Flags | Ints) -> "_Tranches":
        """Return the rows kept."""
        names = _Tranches.__dataclass_fields__
        return _Tranches(**{name: getattr(self, name)[kept] for name in names})


def book_cash(
    settings: WorldSettings,
    population: Population,
    documents: Documents,
    parts: Parts,
    behaviour: Behaviour,
    course: Course,
    calendar: BusinessDays,
    last: int,
) -> Cash:
    """Return all bookings up to the last day."""
    draws = Draws(settings.seed, "cash")
    dispute_from, dispute_until, dispute_outcome = _settle_disputes(behaviour, course, calendar)
    credit_cents, credit_day = _draw_credits(draws, parts, behaviour, course, population, calendar)
    issued = np.flatnonzero((credit_cents > 0) & (credit_day <= last))
    issued = issued[np.argsort(credit_day[issued], kind="stable")]
    credits_ = CreditNotes(issued, credit_day[issued], credit_cents[issued])

    tranches, plan_kept = _draw_tranches(draws, population, parts, behaviour, course, credit_cents, calendar)
    payments, tranches, owner = _group(draws, population, documents, parts, tranches, calendar, last)
    payments, posted = _disturb(draws, payments, owner, calendar, last)

    kept = posted <= last
    returned = np.flatnonzero(tranches.is_failed & (tranches.returned <= last))
    payments, returns = _return_debits(draws, payments, tranches, owner, returned)
    credited = np.flatnonzero(~_is_left_open(draws, credits_, last))
    columns = [
        (owner[kept], tranches.part[kept], tranches.cents[kept], posted[kept], tranches.day[kept], 0),
        (returns, tranches.part[returned], -tranches.cents[returned], *[tranches.returned[returned]] * 2, 0),
        (credited, credits_.part[credited], credits_.cents[credited], *[credits_.day[credited]] * 2, 1),
    ]
    paid = np.zeros(parts.count, dtype=np.int64)
    touched = np.zeros(parts.count, dtype=np.int64)
    covered = np.zeros(parts.count, dtype=np.int64)
    for _, part, cents, day, value_day, _ in columns:
        np.add.at(paid, part, cents)
        np.maximum.at(touched, part, day)
        np.maximum.at(covered, part, value_day)
    waiting = np.zeros(parts.count, dtype=np.bool_)
    waiting[tranches.part[~kept]] = True
    waiting[np.setdiff1d(credits_.part, credits_.part[credited])] = True
    lost, lost_day = _draw_write_offs(
        draws, population, parts, course, parts.cents - paid, touched, waiting, calendar, last
    )
    columns.append((np.full(len(lost), NONE), lost, (parts.cents - paid)[lost], lost_day, lost_day, 2))
    covered[lost] = np.where((parts.cents - paid)[lost] < 100, covered[lost], lost_day)
    np.add.at(paid, lost, (parts.cents - paid)[lost])

    source = np.concatenate([row[0] for row in columns])
    kind = np.concatenate([np.full(len(row[1]), row[5]) for row in columns])
    part = np.concatenate([row[1] for row in columns])
    cents = np.concatenate([row[2] for row in columns])
    day = np.concatenate([row[3] for row in columns])
    order = np.lexsort((part, source, kind, day))
    open_cents = parts.cents - paid
    return Cash(
        payments=payments,
        credits=credits_,
        allocations=Allocations(
            payment=np.where(kind == 0, source, NONE)[order],
            credit=np.where(kind == 1, source, NONE)[order],
            part=part[order],
            cents=cents[order],
            day=day[order],
        ),
        open_cents=open_cents,
        covered_day=np.where(open_cents == 0, covered, NONE),
        dispute_from=dispute_from,
        dispute_until=dispute_until,
        dispute_outcome=dispute_outcome,
        plan_kept=plan_kept,
    )


def _settle_disputes(behaviour: Behaviour, course: Course, calendar: BusinessDays) -> tuple[Ints, Ints, Ints]:
    """A customer who pays meanwhile has let the dispute go, and who paid before never raised one."""
    raised = (behaviour.disputed_from != NONE) & (course.pay > behaviour.disputed_from)
    raised |= (behaviour.disputed_from != NONE) & (behaviour.full_credit_day < NEVER)
    dropped = raised & (course.pay < behaviour.disputed_until)
    until = np.where(
        dropped,
        calendar.next_working(np.minimum(course.pay, behaviour.disputed_until)),
        behaviour.disputed_until,
    )
    outcome = np.where(dropped, Outcome.WITHDRAWN, behaviour.dispute_outcome)
    return (
        np.where(raised, behaviour.disputed_from, NONE),
        np.where(raised, until, NONE),
        np.where(raised, outcome, NONE),
    )


def _draw_credits(
    draws: Draws,
    parts: Parts,
    behaviour: Behaviour,
    course: Course,
    population: Population,
    calendar: BusinessDays,
) -> tuple[Ints, Ints]:
    count = parts.count
    planned = behaviour.credit_cents > 0
    day = np.where(behaviour.full_credit_day < NEVER, behaviour.full_credit_day, behaviour.disputed_until)
    room = np.minimum(course.pay, parts.due + 20) - parts.issue
    some_day = calendar.next_working(parts.issue + 1 + np.floor(room * draws.uniform(count)).astype(np.int64))
    goodwill = (
        ~planned
        & parts.is_single
        & (population.method[parts.customer] != 1)
        & (behaviour.disputed_from == NONE)
        & (course.plan_of_part == NONE)
        & (course.pay < NEVER)
        & (some_day < course.pay)
        & (parts.cents >= 3000)  # noqa: PLR2004
        & draws.chance(0.022, count)
    )
    share = np.round(parts.cents * (0.05 + 0.35 * draws.uniform(count))).astype(np.int64)
    return (
        np.where(goodwill, share, behaviour.credit_cents),
        np.where(goodwill, some_day, np.where(planned, day, NEVER)),
    )


def _draw_tranches(
    draws: Draws,
    population: Population,
    parts: Parts,
    behaviour: Behaviour,
    course: Course,
    credit_cents: Ints,
    calendar: BusinessDays,
) -> tuple[_Tranches, Ints]:
    count, who = parts.count, parts.customer
    due_cents = parts.cents - credit_cents
    method = population.method[who]
    planned = course.plan_of_part != NONE
    pays = (course.pay < NEVER) & ~planned & (due_cents > 0)
    partial_prob = type_numbers("partial_prob")[population.latent_type[who]]
    wants_part = behaviour.is_late & ~planned & (due_cents >= 2000) & draws.chance(partial_prob, count)  # noqa: PLR2004
    horizon = np.where(pays, course.pay, parts.due + 60)
    early = calendar.next_working(
        parts.due + 1 + np.floor(draws.uniform(count) * (horizon - parts.due - 1)).astype(np.int64)
    )
    wants_part &= (horizon - parts.due >= 8) & (early < horizon) & (early < population.insolvent_day[who])  # noqa: PLR2004
    wants_part &= (due_cents > 0) & (behaviour.full_credit_day == NEVER) & ~behaviour.has_failed_debit
    wants_part &= behaviour.disputed_until < early
    first_cents = np.where(
        wants_part, (due_cents * (0.25 + 0.5 * draws.uniform(count)) / 500).astype(np.int64) * 500, 0
    )
    short = pays & (due_cents > 5000) & draws.chance(0.003, count)  # noqa: PLR2004
    rest = due_cents - first_cents - np.where(short, draws.whole(1, 99, count), 0)
    after = np.where(behaviour.has_failed_debit | planned, 0, method)

    early_rows = np.flatnonzero(first_cents > 0)
    pay_rows = np.flatnonzero(pays)
    debit_rows = np.flatnonzero(behaviour.has_failed_debit & (behaviour.full_credit_day == NEVER))
    plan_rows, plan_day, plan_cents, kept = _plan_tranches(population, parts, course, due_cents, calendar)
    zero = np.zeros(count, dtype=np.int64)
    blocks = [
        (early_rows, early[early_rows], first_cents[early_rows], zero[early_rows], False),
        (pay_rows, course.pay[pay_rows], rest[pay_rows], after[pay_rows], False),
        (
            debit_rows,
            behaviour.debit_day[debit_rows],
            parts.cents[debit_rows],
            np.ones_like(debit_rows),
            True,
        ),
        (plan_rows, plan_day, plan_cents, np.zeros_like(plan_rows), False),
    ]
    failed = np.concatenate([np.full(len(block[0]), block[4]) for block in blocks])
    part = np.concatenate([block[0] for block in blocks])
    return _Tranches(
        part=part,
        day=np.concatenate([block[1] for block in blocks]),
        cents=np.concatenate([block[2] for block in blocks]),
        method=np.concatenate([block[3] for block in blocks]),
        is_failed=failed,
        returned=np.where(failed, behaviour.debit_returned[part], NEVER),
    ), kept


def plan_day(calendar: BusinessDays, start: Ints, month: Ints) -> Ints:
    """Return the day of each monthly payment of a plan; ``month`` counts from 0."""
    return calendar.next_working(start + 30 * month)


def plan_shares(cents: Ints, months: Ints, month: Ints) -> Ints:
    """Return the part of an amount that falls in one month of a plan; the last takes the rest."""
    share = cents // months
    return np.where(month == months - 1, cents - share * (months - 1), share)


def _plan_tranches(
    population: Population, parts: Parts, course: Course, due_cents: Ints, calendar: BusinessDays
) -> tuple[Ints, Ints, Ints, Ints]:
    kept = course.plan_kept.copy()
    for month in range(6):
        too_late = plan_day(calendar, course.plan_start, np.full(len(kept), month))
        kept = np.where(
            too_late >= population.insolvent_day[course.plan_customer], np.minimum(kept, month), kept
        )
    planned = np.flatnonzero((course.plan_of_part != NONE) & (due_cents > 0))
    plan = course.plan_of_part[planned]
    counts = kept[plan]
    part = np.repeat(planned, counts)
    month = np.arange(len(part)) - np.repeat(np.cumsum(counts) - counts, counts)
    plan = course.plan_of_part[part]
    cents = plan_shares(due_cents[part], course.plan_months[plan], month)
    return part, plan_day(calendar, course.plan_start[plan], month), cents, kept


def _group(
    draws: Draws,
    population: Population,
    documents: Documents,
    parts: Parts,
    tranches: _Tranches,
    calendar: BusinessDays,
    last: int,
) -> tuple[Payments, _Tranches, Ints]:
    """Payments by customer, day and currency where the customer pays in bulk; else one per tranche."""
    tranches = tranches.take(tranches.cents > 0)
    who = parts.customer[tranches.part]
    foreign = documents.is_foreign[parts.invoice[tranches.part]]
    single = ~population.pays_in_bulk[who] | (tranches.method != 0) | tranches.is_failed
    own = np.where(single, np.arange(len(who)) + 1, 0)
    order = np.lexsort((tranches.part, own, foreign, who, tranches.day))
    tranches, who, foreign, own = tranches.take(order), who[order], foreign[order], own[order]
    begins = np.ones(len(who), dtype=np.bool_)
    begins[1:] = (
        (tranches.day[1:] != tranches.day[:-1])
        | (who[1:] != who[:-1])
        | (foreign[1:] != foreign[:-1])
        | (own[1:] != own[:-1])
    )
    owner = np.cumsum(begins) - 1
    heads = np.flatnonzero(begins)
    cents = np.zeros(len(heads), dtype=np.int64)
    np.add.at(cents, owner, tranches.cents)
    value = tranches.day[heads]
    slow = draws.chance(0.2, len(heads)) & (tranches.method[heads] == 0)
    booking = np.where(slow, calendar.next_working(value + 1), calendar.next_working(value))

    in_time = booking <= last
    position = np.cumsum(in_time) - 1
    kept = in_time[owner]
    count = int(in_time.sum())
    payments = Payments(
        customer=who[heads][in_time],
        is_foreign=foreign[heads][in_time],
        value_day=value[in_time],
        booking_day=booking[in_time],
        cents=cents[in_time],
        method=tranches.method[heads][in_time],
        reverses=np.full(count, NONE),
        reason=np.full(count, NONE),
        matched_day=np.full(count, NONE),
    )
    return payments, tranches.take(kept), position[owner[kept]]


def _append(payments: Payments, **columns: Ints | Flags) -> Payments:
    return Payments(
        **{name: np.concatenate([getattr(payments, name), added]) for name, added in columns.items()}
    )


def _disturb(
    draws: Draws,
    payments: Payments,
    owner: Ints,
    calendar: BusinessDays,
    last: int,
) -> tuple[Payments, Ints]:
    """Some money is set against invoices later, some is unknown at first, some arrives twice."""
    count = len(payments.customer)
    free = payments.method == 0
    is_late = free & draws.chance(0.012, count)
    posted = np.where(
        is_late,
        calendar.next_working(payments.booking_day + 2 + draws.waiting(5.0, count)),
        payments.booking_day,
    )
    unknown = is_late & draws.chance(0.25, count)
    matched = np.where(unknown, np.where(posted <= last, posted, NEVER), NONE)
    twice = np.flatnonzero(free & draws.chance(0.003, count))
    refunded = calendar.next_working(payments.booking_day[twice] + 6 + draws.waiting(12.0, len(twice)))
    again = calendar.next_working(payments.booking_day[twice] + 1)
    twice, refunded, again = (column[again <= last] for column in (twice, refunded, again))
    payments = Payments(
        **{name: getattr(payments, name) for name in Payments.__dataclass_fields__ if name != "matched_day"},
        matched_day=matched,
    )
    none = np.full(len(twice), NONE)
    doubles = count + np.arange(len(twice))
    payments = _append(
        payments,
        customer=payments.customer[twice],
        is_foreign=payments.is_foreign[twice],
        value_day=again,
        booking_day=again,
        cents=payments.cents[twice],
        method=payments.method[twice],
        reverses=none,
        reason=none,
        matched_day=none,
    )
    back = np.flatnonzero(refunded <= last)
    payments = _append(
        payments,
        customer=payments.customer[twice[back]],
        is_foreign=payments.is_foreign[twice[back]],
        value_day=refunded[back],
        booking_day=refunded[back],
        cents=-payments.cents[twice[back]],
        method=payments.method[twice[back]],
        reverses=doubles[back],
        reason=np.full(len(back), REVERSAL_REASONS.index("refund")),
        matched_day=np.full(len(back), NONE),
    )
    return payments, posted[owner]


def _return_debits(
    draws: Draws, payments: Payments, tranches: _Tranches, owner: Ints, returned: Ints
) -> tuple[Payments, Ints]:
    count = len(payments.customer)
    taken = owner[returned]
    refused = draws.chance(0.1, len(returned)).astype(np.int64)
    payments = _append(
        payments,
        customer=payments.customer[taken],
        is_foreign=payments.is_foreign[taken],
        value_day=tranches.returned[returned],
        booking_day=tranches.returned[returned],
        cents=-tranches.cents[returned],
        method=payments.method[taken],
        reverses=taken,
        reason=refused,
        matched_day=np.full(len(returned), NONE),
    )
    return payments, count + np.arange(len(returned))


def _is_left_open(draws: Draws, credits_: CreditNotes, last: int) -> Flags:
    """Which of the newest credit notes have not been set against their invoice yet."""
    return (credits_.day > last - 20) & draws.chance(0.4, len(credits_.day))


def _draw_write_offs(
    draws: Draws,
    population: Population,
    parts: Parts,
    course: Course,
    open_cents: Ints,
    touched: Ints,
    waiting: Flags,
    calendar: BusinessDays,
    last: int,
) -> tuple[Ints, Ints]:
    count = parts.count
    who = parts.customer
    age = np.where(open_cents < 100, 5, WRITE_OFF_AFTER_DAYS + 100 * draws.uniform(count)).astype(np.int64)  # noqa: PLR2004
    day = calendar.next_working(np.maximum(np.maximum(parts.due, touched) + age, touched))
    insolvent = population.insolvent_day[who] < NEVER
    planned = course.plan_of_part != NONE
    lost = (
        (open_cents > 0)
        & ~waiting
        & (day <= last)
        & ((course.pay > last) | (open_cents < 100))  # noqa: PLR2004
        & (~planned | (parts.due < last - 300))
        & (draws.chance(np.where(insolvent, 0.8, 0.45), count) | (open_cents < 100))  # noqa: PLR2004
    )
    rows = np.flatnonzero(lost)
    return rows, day[rows]
