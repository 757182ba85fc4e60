"""What each instalment would meet if nobody were contacted: paid when, disputed, failed, never paid.

Belongs here: the planted, uncontacted course of events. Does not belong here: contacts and their
effect (contacts), and bookings (cash).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from segmentation.simulator.customers import Population
from segmentation.simulator.days import NEVER, NONE, BusinessDays, day_number
from segmentation.simulator.invoices import Parts
from segmentation.simulator.latent_types import LatentType, type_numbers
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.settings import BiasKind, WorldSettings


class SupplierCause(IntEnum):
    """What the supplier did wrong."""

    NONE = 0
    NOT_RECEIVED = 1
    AWAITING_APPROVAL = 2
    DISPUTE_UPHELD = 3


class Outcome(IntEnum):
    """How a dispute ends."""

    UPHELD = 0
    REJECTED = 1
    WITHDRAWN = 2


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The uncontacted course of every instalment, aligned with ``Parts``; days, cents, codes.

    ``true_pay`` is the planted day of payment; ``pay`` the day that the ledger will record, which differs
    where labels are biased. ``NEVER`` is not within any horizon, ``NONE`` no such day.
    """

    late_prob: Reals
    is_late: Flags
    supplier_cause: Ints
    true_pay: Ints
    pay: Ints
    disputed_from: Ints
    disputed_until: Ints
    dispute_outcome: Ints
    credit_cents: Ints
    full_credit_day: Ints
    has_failed_debit: Flags
    debit_day: Ints
    debit_returned: Ints


def late_prob_on(settings: WorldSettings, population: Population, customer: Ints, day: Ints) -> Reals:
    """Return the planted probability that an instalment due on a day is late, of its own accord.

    Notes
    -----
    Drift moves the log-odds linearly from the first day to the last.
    """
    prob = np.where(
        day >= population.change_day[customer],
        population.late_after[customer],
        population.late_before[customer],
    )
    if settings.drift:
        first, last = day_number(settings.start_day), day_number(settings.end_day)
        moved = settings.drift * np.clip((day - first) / (last - first), 0, 1)
        odds = prob / (1 - prob) * np.exp(moved)
        prob = odds / (1 + odds)
    return np.round(prob, 4)


def draw_behaviour(
    settings: WorldSettings, population: Population, parts: Parts, calendar: BusinessDays
) -> Behaviour:
    """Return what happens to every instalment when nobody is contacted."""
    draws = Draws(settings.seed, "behaviour")
    count, who, kind = parts.count, parts.customer, population.latent_type[parts.customer]
    run = population.run_code[who]
    is_debit = population.method[who] == 1

    late_prob = late_prob_on(settings, population, who, parts.due)
    is_late = draws.chance(late_prob, count)
    supplier_prob = type_numbers("supplier_prob")[kind] * np.where(is_debit, 0.2, 1.0)
    if settings.homogeneous:
        supplier_prob = np.zeros(count)
    supplier = np.where(
        draws.chance(supplier_prob, count), draws.choice(np.array([4.0, 3.0, 3.0]), count) + 1, 0
    )
    disputing = kind == list(LatentType).index(LatentType.DISPUTING)
    supplier = np.where((supplier > 0) & disputing, SupplierCause.DISPUTE_UPHELD, supplier)
    supplier = np.where(
        (supplier == SupplierCause.DISPUTE_UPHELD) & (is_debit | ~parts.is_single), 0, supplier
    )
    delayed = is_late | (supplier > 0)

    eager = draws.uniform(count) * draws.uniform(count)
    target = parts.due - np.floor((parts.due - parts.issue) * 0.8 * eager).astype(np.int64)
    on_time = calendar.previous_run(run, target)
    fallback = np.maximum(calendar.previous_working(parts.due), parts.issue)
    on_time = np.where(on_time <= parts.issue, fallback, on_time)
    debit_day = np.maximum(calendar.previous_working(parts.due), parts.issue)
    on_time = np.where(is_debit, debit_day, on_time)

    month = calendar.month_of(parts.due)
    season = np.where(np.isin(month, (7, 8, 12)), 1.3, 1.0)
    heavy = np.where(draws.chance(0.06, count), 3.0, 1.0)
    mean_delay = type_numbers("delay_days")[kind] * population.delay_factor[who] * season * heavy
    delay = 1 + np.minimum(draws.waiting(mean_delay, count), 600)
    late_day = calendar.next_run(run, parts.due + delay)

    failed = is_debit & is_late
    returned = np.where(failed, calendar.next_working(debit_day + draws.whole(2, 5, count)), NONE)
    late_day = np.where(failed, np.maximum(late_day, calendar.next_working(returned + 1)), late_day)

    slow = calendar.next_run(run, parts.due + 6 + draws.waiting(16.0, count))
    late_day = np.where(np.isin(supplier, (1, 2)), np.maximum(slow, returned + 3), late_day)
    late_day = calendar.next_working(late_day)

    never = is_late & (supplier == 0) & draws.chance(type_numbers("never_prob")[kind], count)
    unfounded = (
        is_late
        & (supplier == 0)
        & parts.is_single
        & ~is_debit
        & draws.chance(0.0 if settings.homogeneous else type_numbers("dispute_prob")[kind], count)
    )
    is_disputed = unfounded | (supplier == SupplierCause.DISPUTE_UPHELD)
    opened = calendar.next_working(np.maximum(parts.due + draws.whole(-9, 12, count), parts.issue + 2))
    closed = calendar.next_working(np.maximum(opened + 8 + draws.waiting(22.0, count), parts.due + 1))
    outcome = np.where(
        supplier == SupplierCause.DISPUTE_UPHELD,
        Outcome.UPHELD,
        np.where(draws.chance(0.3, count), Outcome.WITHDRAWN, Outcome.REJECTED),
    )
    after = calendar.next_run(run, closed + 2 + draws.waiting(7.0, count))
    late_day = np.where(is_disputed, np.maximum(after, late_day * unfounded), late_day)
    is_full = draws.chance(0.4, count)
    share = np.where(is_full, 1.0, 0.1 + 0.5 * draws.uniform(count))
    upheld = is_disputed & (outcome == Outcome.UPHELD)
    credit = np.where(upheld, np.round(parts.cents * share).astype(np.int64), 0)
    full_credit_day = np.where(upheld & is_full, closed, NEVER)

    cancelled = parts.is_single & ~is_debit & ~is_disputed & draws.chance(0.006, count)
    cancel_day = calendar.next_working(parts.issue + 2 + draws.waiting(9.0, count))
    full_credit_day = np.where(cancelled, cancel_day, full_credit_day)
    credit = np.where(cancelled, parts.cents, credit)

    true_pay = np.where(delayed, late_day, on_time)
    true_pay = np.where(never | (full_credit_day < NEVER), NEVER, true_pay)
    true_pay = np.where(true_pay >= population.insolvent_day[who], NEVER, true_pay)
    return Behaviour(
        late_prob=late_prob,
        is_late=delayed,
        supplier_cause=supplier,
        true_pay=true_pay,
        pay=_record_unfairly(settings, population, parts, calendar, true_pay, ~delayed & ~is_debit),
        disputed_from=np.where(is_disputed, opened, NONE),
        disputed_until=np.where(is_disputed, closed, NONE),
        dispute_outcome=np.where(is_disputed, outcome, NONE),
        credit_cents=credit,
        full_credit_day=full_credit_day,
        has_failed_debit=failed & (debit_day < population.insolvent_day[who]),
        debit_day=debit_day,
        debit_returned=returned,
    )


def _record_unfairly(
    settings: WorldSettings,
    population: Population,
    parts: Parts,
    calendar: BusinessDays,
    pay: Ints,
    in_time: Flags,
) -> Ints:
    bias = settings.injected_bias
    if bias is None or bias.kind is BiasKind.CONTACT_ACCESS:
        return pay
    draws = Draws(settings.seed, "unfair records")
    treated = population.is_disadvantaged if bias.kind is BiasKind.LABELS else population.is_proxied
    hit = in_time & (pay < NEVER) & treated[parts.customer] & draws.chance(bias.strength, parts.count)
    return np.where(hit, calendar.next_working(parts.due + 1 + draws.whole(0, 9, parts.count)), pay)
