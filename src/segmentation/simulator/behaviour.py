"""What each instalment would meet if nobody were contacted: paid when, disputed, failed, never paid.

Belongs here: the planted, uncontacted course of events. Does not belong here: contacts and their
effect (contacts), and bookings (cash).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from segmentation.simulator.customers import METHODS, Population
from segmentation.simulator.days import NEVER, NONE, day_number
from segmentation.simulator.latent_types import TYPES, LatentType, type_numbers
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.scene import Scene
from segmentation.simulator.settings import BiasKind, WorldSettings

DIRECT_DEBIT = METHODS.index("direct_debit")
_HOLIDAY_MONTHS = (7, 8, 12)
_LONGEST_DELAY_DAYS = 600
_SUPPLIER_WEIGHTS = np.array([4.0, 3.0, 3.0])
"""How often the supplier does what wrong, in the order of ``SupplierCause``."""


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
class Disputes:
    """Disputes aligned with ``Parts``; days and outcome are ``NONE`` where there is none."""

    opened: Ints
    closed: Ints
    outcome: Ints

    @property
    def exists(self) -> Flags:
        """Which instalments are disputed."""
        exists: Flags = self.opened != NONE
        return exists


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The uncontacted course of every instalment, aligned with ``Parts``; days, cents, codes.

    ``is_late`` is planted lateness of either kind, of the customer's doing (``late_prob``) or of the supplier's
    (``untold_prob`` is the chance of a cause that only a contact would tell); ``true_pay`` the planted day of payment and ``pay`` the
    day that the ledger will record, which differs where labels are biased. ``NEVER`` is not within any
    horizon, ``NONE`` no such day. A direct debit that fails is tried on ``debit_day`` and comes back on
    ``debit_returned``.
    """

    late_prob: Reals
    untold_prob: Reals
    is_late: Flags
    supplier_cause: Ints
    true_pay: Ints
    pay: Ints
    disputes: Disputes
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
    has_changed = day >= population.change_day[customer]
    prob: Reals = np.where(has_changed, population.late_after[customer], population.late_before[customer])
    if settings.drift:
        first, last = day_number(settings.start_day), day_number(settings.end_day)
        moved = settings.drift * np.clip((day - first) / (last - first), 0, 1)
        odds = prob / (1 - prob) * np.exp(moved)
        prob = odds / (1 + odds)
    return np.round(prob, 4)


def draw_behaviour(scene: Scene) -> Behaviour:
    """Return what happens to every instalment when nobody is contacted."""
    population, parts, calendar = scene.population, scene.parts, scene.calendar
    draws = scene.draws("behaviour")
    count, who = parts.count, parts.customer
    is_debit = population.method[who] == DIRECT_DEBIT

    late_prob = late_prob_on(scene.settings, population, who, parts.due)
    own_late = draws.chance(late_prob, count)
    supplier, untold_prob = _draw_supplier_causes(scene, draws)
    blameless = own_late & (supplier == SupplierCause.NONE)
    is_late = own_late | (supplier != SupplierCause.NONE)

    debit_day = np.maximum(calendar.previous_working(parts.due), parts.issue)
    in_time = np.where(is_debit, debit_day, _draw_punctual_days(scene, draws))
    late = _draw_late_days(scene, draws, supplier)
    fails = is_debit & own_late
    returned = np.where(fails, calendar.next_working(debit_day + draws.whole(2, 5, count)), NONE)
    late = np.where(fails, np.maximum(late, calendar.next_working(returned + 1)), late)
    never = blameless & draws.chance(type_numbers("never_prob")[population.latent_type[who]], count)

    disputes = _draw_disputes(scene, draws, supplier, blameless & ~is_debit)
    after = calendar.next_run(population.run_code[who], disputes.closed + 2 + draws.waiting(7.0, count))
    unfounded = disputes.exists & (disputes.outcome != Outcome.UPHELD)
    late = np.where(disputes.exists, np.maximum(after, np.where(unfounded, late, 0)), late)
    credit, full_credit_day = _draw_full_credits(scene, draws, disputes, is_debit)

    true_pay = np.where(is_late, late, in_time)
    true_pay = np.where(never | (full_credit_day < NEVER), NEVER, true_pay)
    true_pay = np.where(true_pay >= population.insolvent_day[who], NEVER, true_pay)
    return Behaviour(
        late_prob=late_prob,
        untold_prob=untold_prob,
        is_late=is_late,
        supplier_cause=supplier,
        true_pay=true_pay,
        pay=_record_unfairly(scene, true_pay, ~is_late & ~is_debit),
        disputes=disputes,
        credit_cents=credit,
        full_credit_day=full_credit_day,
        has_failed_debit=fails & (debit_day < population.insolvent_day[who]),
        debit_day=debit_day,
        debit_returned=returned,
    )


def _draw_supplier_causes(scene: Scene, draws: Draws) -> tuple[Ints, Reals]:
    """Return what the supplier does wrong with each instalment, and the chance of what no dispute tells."""
    parts, kind = scene.parts, scene.population.latent_type[scene.parts.customer]
    is_debit = scene.population.method[parts.customer] == DIRECT_DEBIT
    prob = type_numbers("supplier_prob")[kind] * np.where(is_debit, 0.0, 1.0)
    prob *= not scene.settings.homogeneous
    happens = draws.chance(prob, parts.count)
    cause = np.where(happens, draws.choice(_SUPPLIER_WEIGHTS, parts.count) + 1, SupplierCause.NONE)
    disputing = kind == TYPES.index(LatentType.DISPUTING)
    cause = np.where(happens & disputing, SupplierCause.DISPUTE_UPHELD, cause)
    divided = (cause == SupplierCause.DISPUTE_UPHELD) & ~parts.is_single
    untold_share = 1.0 - _SUPPLIER_WEIGHTS[SupplierCause.DISPUTE_UPHELD - 1] / _SUPPLIER_WEIGHTS.sum()
    untold = np.where(parts.is_single, np.where(disputing, 0.0, untold_share), 1.0)
    return np.where(divided, SupplierCause.NOT_RECEIVED, cause), prob * untold


def _draw_punctual_days(scene: Scene, draws: Draws) -> Ints:
    """Days of payment in time: on a run of the customer, some time before the due date at the latest."""
    parts, calendar = scene.parts, scene.calendar
    eager = draws.uniform(parts.count) * draws.uniform(parts.count)
    target = parts.due - np.floor((parts.due - parts.issue) * 0.8 * eager).astype(np.int64)
    day = calendar.previous_run(scene.population.run_code[parts.customer], target)
    at_least = np.maximum(calendar.previous_working(parts.due), parts.issue)
    return np.where(day <= parts.issue, at_least, day)


def _draw_late_days(scene: Scene, draws: Draws, supplier: Ints) -> Ints:
    """Days of payment beyond terms: a delay of the customer's kind, then the next run."""
    parts, population, calendar = scene.parts, scene.population, scene.calendar
    count, who = parts.count, parts.customer
    season = np.where(np.isin(calendar.month_of(parts.due), _HOLIDAY_MONTHS), 1.3, 1.0)
    heavy = np.where(draws.chance(0.06, count), 3.0, 1.0)
    mean = (
        type_numbers("delay_days")[population.latent_type[who]]
        * population.delay_factor[who]
        * season
        * heavy
    )
    delay = 1 + np.minimum(draws.waiting(mean, count), _LONGEST_DELAY_DAYS)
    slow = 6 + draws.waiting(16.0, count)
    informal = (supplier == SupplierCause.NOT_RECEIVED) | (supplier == SupplierCause.AWAITING_APPROVAL)
    return calendar.next_run(population.run_code[who], parts.due + np.where(informal, slow, delay))


def _draw_disputes(scene: Scene, draws: Draws, supplier: Ints, may_dispute: Flags) -> Disputes:
    parts, calendar, count = scene.parts, scene.calendar, scene.parts.count
    prob = type_numbers("dispute_prob")[scene.population.latent_type[parts.customer]]
    unfounded = may_dispute & parts.is_single & draws.chance(prob * (not scene.settings.homogeneous), count)
    founded = supplier == SupplierCause.DISPUTE_UPHELD
    opened = calendar.next_working(np.maximum(parts.due + draws.whole(-9, 12, count), parts.issue + 2))
    closed = calendar.next_working(np.maximum(opened + 8 + draws.waiting(22.0, count), parts.due + 1))
    withdrawn = np.where(draws.chance(0.3, count), Outcome.WITHDRAWN, Outcome.REJECTED)
    exists = unfounded | founded
    return Disputes(
        opened=np.where(exists, opened, NONE),
        closed=np.where(exists, closed, NONE),
        outcome=np.where(founded, Outcome.UPHELD, np.where(unfounded, withdrawn, NONE)),
    )


def _draw_full_credits(scene: Scene, draws: Draws, disputes: Disputes, is_debit: Flags) -> tuple[Ints, Ints]:
    """Credit that an upheld dispute or a cancelled invoice brings, and the day when it is for all of it."""
    parts, calendar, count = scene.parts, scene.calendar, scene.parts.count
    upheld = disputes.exists & (disputes.outcome == Outcome.UPHELD)
    is_full = draws.chance(0.4, count)
    share = np.where(is_full, 1.0, 0.1 + 0.5 * draws.uniform(count))
    credit = np.where(upheld, np.round(parts.cents * share).astype(np.int64), 0)
    day = np.where(upheld & is_full, disputes.closed, NEVER)
    cancelled = parts.is_single & ~is_debit & ~disputes.exists & draws.chance(0.006, count)
    cancel_day = calendar.next_working(parts.issue + 2 + draws.waiting(9.0, count))
    return np.where(cancelled, parts.cents, credit), np.where(cancelled, cancel_day, day)


def _record_unfairly(scene: Scene, pay: Ints, in_time: Flags) -> Ints:
    bias, population, parts = scene.settings.injected_bias, scene.population, scene.parts
    if bias is None or bias.kind is BiasKind.CONTACT_ACCESS:
        return pay
    draws = scene.draws("unfair records")
    treated = population.is_disadvantaged if bias.kind is BiasKind.LABELS else population.is_proxied
    hit = in_time & (pay < NEVER) & treated[parts.customer] & draws.chance(bias.strength, parts.count)
    return np.where(hit, scene.calendar.next_working(parts.due + 1 + draws.whole(0, 9, parts.count)), pay)
