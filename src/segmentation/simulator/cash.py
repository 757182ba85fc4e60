"""Money as it is booked: payments, allocations, reversals, credit notes and write-offs.

Belongs here: bookings up to the last day, reconciled to the cent. Does not belong here: when and
whether somebody pays (behaviour, contacts, tranches). Amounts are whole cents.
"""

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np

from segmentation.simulator.behaviour import Behaviour, Disputes
from segmentation.simulator.contacts import Course
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.randomness import Draws, Flags, Ints
from segmentation.simulator.scene import Scene
from segmentation.simulator.tranches import Tranches, draw_credits, draw_tranches, settle_disputes

REVERSAL_REASONS = ("failed_direct_debit", "chargeback", "refund")
WRITE_OFF_AFTER_DAYS = 150
_SMALL_CENTS = 100
_PLAN_RUN_DAYS = 300
_UNAPPLIED_DAYS = 20


class Origin(IntEnum):
    """What an allocation comes from."""

    PAYMENT = 0
    CREDIT_NOTE = 1
    WRITE_OFF = 2


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments and reversals as arrays.

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

    @property
    def count(self) -> int:
        """Number of payments."""
        return len(self.customer)

    def extend(self, more: "Payments") -> "Payments":
        """Return these payments followed by others."""
        return Payments(
            *(np.concatenate([getattr(self, c.name), getattr(more, c.name)]) for c in fields(Payments))
        )

    def repeat(self, rows: Ints, day: Ints, cents: Ints, reverses: Ints, reason: Ints) -> "Payments":
        """Return payments like the given ones, on another day and for another amount."""
        return Payments(
            customer=self.customer[rows],
            is_foreign=self.is_foreign[rows],
            value_day=day,
            booking_day=day,
            cents=cents,
            method=self.method[rows],
            reverses=reverses,
            reason=reason,
            matched_day=np.full(len(rows), NONE),
        )


@dataclass(frozen=True, slots=True)
class CreditNotes:
    """Credit notes as arrays, ordered by day; each was issued for one instalment."""

    part: Ints
    day: Ints
    cents: Ints


@dataclass(frozen=True, slots=True)
class Allocations:
    """Allocations as arrays; ``source`` is a position among payments or credit notes, by ``origin``."""

    origin: Ints
    source: Ints
    part: Ints
    cents: Ints
    day: Ints
    value_day: Ints

    def extend(self, more: "Allocations") -> "Allocations":
        """Return these allocations followed by others."""
        return Allocations(
            *(np.concatenate([getattr(self, c.name), getattr(more, c.name)]) for c in fields(Allocations))
        )

    def take(self, rows: Ints) -> "Allocations":
        """Return the given rows."""
        return Allocations(*(getattr(self, c.name)[rows] for c in fields(Allocations)))


@dataclass(frozen=True, slots=True)
class Cash:
    """All bookings up to the last day, and what they leave open, aligned with ``Parts``.

    ``covered_day`` is the value date on which the rest was covered, ``NONE`` while something is open.
    """

    payments: Payments
    credit_notes: CreditNotes
    allocations: Allocations
    disputes: Disputes
    open_cents: Ints
    covered_day: Ints


def book_cash(scene: Scene, behaviour: Behaviour, course: Course) -> Cash:
    """Return all bookings up to the last day."""
    draws, parts = scene.draws("cash"), scene.parts
    credit_cents, credit_day = draw_credits(scene, draws, behaviour, course)
    tranches = draw_tranches(scene, draws, behaviour, course, parts.cents - credit_cents)
    payments, tranches, owner = _gather(scene, draws, tranches)
    payments, posted = _disturb(scene, draws, payments)
    posted_day = posted[owner]
    payments, returned, returns = _return_debits(scene, draws, payments, tranches, owner)

    is_posted = posted_day <= scene.last
    notes, applied = _issue_credit_notes(scene, draws, credit_cents, credit_day)
    booked = _allocate(
        Origin.PAYMENT, owner[is_posted], tranches.take(is_posted), posted_day[is_posted]
    ).extend(_take_back(tranches.take(returned), returns))
    booked = booked.extend(
        Allocations(
            origin=np.full(len(applied), Origin.CREDIT_NOTE),
            source=applied,
            part=notes.part[applied],
            cents=notes.cents[applied],
            day=notes.day[applied],
            value_day=notes.day[applied],
        )
    )
    waiting = np.zeros(parts.count, dtype=np.bool_)
    waiting[tranches.part[~is_posted]] = True
    waiting[np.delete(notes.part, applied)] = True
    booked = booked.extend(_write_off(scene, draws, course, booked, waiting))

    covered = np.zeros(parts.count, dtype=np.int64)
    small = (booked.origin == Origin.WRITE_OFF) & (booked.cents < _SMALL_CENTS)
    np.maximum.at(covered, booked.part[~small], booked.value_day[~small])
    open_cents = parts.cents - _sum_by_part(scene, booked)
    order = np.lexsort((booked.part, booked.source, booked.origin, booked.day))
    return Cash(
        payments=payments,
        credit_notes=notes,
        allocations=booked.take(order),
        disputes=settle_disputes(behaviour, course, scene.calendar),
        open_cents=open_cents,
        covered_day=np.where(open_cents == 0, covered, NONE),
    )


def _sum_by_part(scene: Scene, booked: Allocations) -> Ints:
    total = np.zeros(scene.parts.count, dtype=np.int64)
    np.add.at(total, booked.part, booked.cents)
    return total


def _allocate(origin: Origin, source: Ints, tranches: Tranches, day: Ints) -> Allocations:
    return Allocations(np.full(len(source), origin), source, tranches.part, tranches.cents, day, tranches.day)


def _take_back(tranches: Tranches, source: Ints) -> Allocations:
    day = tranches.returned
    return Allocations(np.full(len(source), Origin.PAYMENT), source, tranches.part, -tranches.cents, day, day)


def _gather(scene: Scene, draws: Draws, tranches: Tranches) -> tuple[Payments, Tranches, Ints]:
    """Return payments booked in time, their tranches, and the payment of each.

    Customers who pay in bulk pay all that falls on one day at once; others pay every invoice by itself.
    """
    who = scene.parts.customer[tranches.part]
    foreign = scene.documents.is_foreign[scene.parts.invoice[tranches.part]]
    alone = ~scene.population.pays_in_bulk[who] | (tranches.method != 0) | tranches.is_failed
    own = np.where(alone, np.arange(len(who)) + 1, 0)
    order = np.lexsort((tranches.part, own, foreign, who, tranches.day))
    tranches, who, foreign, own = tranches.take(order), who[order], foreign[order], own[order]
    begins = np.ones(len(who), dtype=np.bool_)
    for column in (tranches.day, who, foreign, own):
        begins[1:] &= column[1:] == column[:-1]
    begins = ~begins
    begins[:1] = True
    owner = np.cumsum(begins) - 1
    heads = np.flatnonzero(begins)
    cents = np.bincount(owner, weights=tranches.cents, minlength=len(heads)).astype(np.int64)
    value, method = tranches.day[heads], tranches.method[heads]
    is_slow = draws.chance(0.2, len(heads)) & (method == 0)
    booking = scene.calendar.next_working(np.where(is_slow, value + 1, value))
    in_time = booking <= scene.last
    nothing = np.full(int(in_time.sum()), NONE)
    payments = Payments(
        customer=who[heads][in_time],
        is_foreign=foreign[heads][in_time],
        value_day=value[in_time],
        booking_day=booking[in_time],
        cents=cents[in_time],
        method=method[in_time],
        reverses=nothing,
        reason=nothing,
        matched_day=nothing,
    )
    position = np.cumsum(in_time) - 1
    kept = in_time[owner]
    return payments, tranches.take(kept), position[owner[kept]]


def _disturb(scene: Scene, draws: Draws, payments: Payments) -> tuple[Payments, Ints]:
    """Some money is set against invoices later, some is unknown at first, some arrives twice.

    Returns all payments, and the day on which each of the first ones is set against its invoices.
    """
    calendar, last, count = scene.calendar, scene.last, payments.count
    by_transfer = payments.method == 0
    is_late = by_transfer & draws.chance(0.012, count)
    later = calendar.next_working(payments.booking_day + 2 + draws.waiting(5.0, count))
    posted = np.where(is_late, later, payments.booking_day)
    unknown = is_late & draws.chance(0.25, count)
    matched = np.where(unknown, np.where(posted <= last, posted, NEVER), NONE)
    payments = replace(payments, matched_day=matched)

    twice = np.flatnonzero(by_transfer & draws.chance(0.003, count))
    again = calendar.next_working(payments.booking_day[twice] + 1)
    twice, again = twice[again <= last], again[again <= last]
    nothing = np.full(len(twice), NONE)
    doubles = payments.count + np.arange(len(twice))
    payments = payments.extend(payments.repeat(twice, again, payments.cents[twice], nothing, nothing))
    refunded = calendar.next_working(again + 5 + draws.waiting(12.0, len(twice)))
    back = np.flatnonzero(refunded <= last)
    reason = np.full(len(back), REVERSAL_REASONS.index("refund"))
    cents = -payments.cents[twice[back]]
    return payments.extend(payments.repeat(twice[back], refunded[back], cents, doubles[back], reason)), posted


def _return_debits(
    scene: Scene, draws: Draws, payments: Payments, tranches: Tranches, owner: Ints
) -> tuple[Payments, Ints, Ints]:
    """Return all payments, the tranches that came back, and the reversal of each."""
    returned = np.flatnonzero(tranches.is_failed & (tranches.returned <= scene.last))
    refused = draws.chance(0.1, len(returned)).astype(np.int64)
    day, cents, taken = tranches.returned[returned], -tranches.cents[returned], owner[returned]
    positions = payments.count + np.arange(len(returned))
    return payments.extend(payments.repeat(taken, day, cents, taken, refused)), returned, positions


def _issue_credit_notes(scene: Scene, draws: Draws, cents: Ints, day: Ints) -> tuple[CreditNotes, Ints]:
    """Return credit notes, and those already set against their invoice: some of the newest are not."""
    issued = np.flatnonzero((cents > 0) & (day <= scene.last))
    issued = issued[np.argsort(day[issued], kind="stable")]
    notes = CreditNotes(issued, day[issued], cents[issued])
    is_new = notes.day > scene.last - _UNAPPLIED_DAYS
    is_left_open = is_new & draws.chance(0.4, len(issued))
    return notes, np.flatnonzero(~is_left_open)


def _write_off(
    scene: Scene, draws: Draws, course: Course, booked: Allocations, waiting: Flags
) -> Allocations:
    """Return write-offs: old debts given up, and cents that were paid short."""
    parts, last, count = scene.parts, scene.last, scene.parts.count
    rest = parts.cents - _sum_by_part(scene, booked)
    touched = parts.due.copy()
    np.maximum.at(touched, booked.part, booked.day)
    is_small = rest < _SMALL_CENTS
    age = np.where(is_small, 5, WRITE_OFF_AFTER_DAYS + 100 * draws.uniform(count)).astype(np.int64)
    day = scene.calendar.next_working(touched + age)
    may = (rest > 0) & ~waiting & (day <= last)
    planned = course.plan_of_part != NONE
    given_up = (course.pay > last) & (~planned | (parts.due < last - _PLAN_RUN_DAYS))
    insolvent = scene.population.insolvent_day[parts.customer] < NEVER
    given_up &= draws.chance(np.where(insolvent, 0.8, 0.45), count)
    rows = np.flatnonzero(may & (is_small | given_up))
    return Allocations(
        origin=np.full(len(rows), Origin.WRITE_OFF),
        source=np.full(len(rows), NONE),
        part=rows,
        cents=rest[rows],
        day=day[rows],
        value_day=day[rows],
    )
