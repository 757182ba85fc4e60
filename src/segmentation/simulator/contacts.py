"""Reminders after the due date, chosen by a logging policy, and what they bring about.

Belongs here: who is contacted when, through which channel, with which probability, and the effect on
payment. Does not belong here: how it is written down (contact_frames).

The world is stepped week by week, all customers at once: a contact moves the payments of the same
customer, which decides who is contacted the week after.
"""

from dataclasses import dataclass, field

import numpy as np

from segmentation.domain.vocabulary import OutcomeCode
from segmentation.simulator.behaviour import Behaviour, SupplierCause
from segmentation.simulator.customers import Population
from segmentation.simulator.days import NEVER, NONE, BusinessDays, day_number
from segmentation.simulator.holds import Holds
from segmentation.simulator.invoices import Parts
from segmentation.simulator.latent_types import (
    PREFERRED_CHANNEL_SHIFT,
    PREFERRED_SLOT_SHIFT,
    SLOTS,
    LatentType,
    response_log_odds,
    type_numbers,
)
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.reachability import Reachability
from segmentation.simulator.settings import WorldSettings

GRACE_DAYS = 4
_MOST_LEVELS = 6
_CALL, _LETTER = 2, 3
OUTCOMES = tuple(OutcomeCode)

_POLICY_WEIGHTS = np.array(
    [
        [[6.0, 2.0, 1.0, 0.6], [2.4, 2.0, 1.0, 0.8], [1.2, 1.8, 2.4, 2.4]],
        [[4.5, 1.8, 1.6, 0.8], [2.0, 1.2, 2.6, 1.2], [1.0, 0.8, 3.0, 3.0]],
    ]
)
"""Weight of each channel in the logging policy, by natural person or company and by dunning level."""

_SLOT_WEIGHTS = np.array([1.3, 1.0, 1.1, 0.6])


@dataclass(slots=True)
class ContactLog:
    """Contacts as arrays in order of time; ``part`` is the oldest overdue instalment they were about."""

    customer: Ints
    part: Ints
    day: Ints
    channel: Ints
    slot: Ints
    level: Ints
    propensity: Reals
    response_prob: Reals
    has_responded: Flags
    outcome: Ints
    promised_day: Ints
    is_holdout: Flags

    @property
    def count(self) -> int:
        """Number of contacts, those left out as holdout included."""
        return len(self.customer)


@dataclass(slots=True)
class Course:
    """The contacted course of every instalment: what ``Behaviour`` became."""

    pay: Ints
    received_day: Ints
    plan_of_part: Ints
    plan_customer: Ints
    plan_start: Ints
    plan_months: Ints
    plan_kept: Ints
    contacts: ContactLog


def response_prob(population: Population, customer: Ints, channel: Ints, slot: Ints) -> Reals:
    """Return the planted probability that a contact makes a customer pay what is overdue.

    Parameters
    ----------
    population : the customers of the world.
    customer, channel, slot : positions, aligned; channels and slots as in ``latent_types``.
    """
    odds = response_log_odds()[population.latent_type[customer], channel, slot]
    odds = odds + PREFERRED_CHANNEL_SHIFT * (population.preferred_channel[customer] == channel)
    in_slot = (population.preferred_slot[customer] == slot) & (channel != _LETTER)
    return np.round(1 / (1 + np.exp(-(odds + PREFERRED_SLOT_SHIFT * in_slot))), 4)


@dataclass(slots=True)
class _State:
    """What the weekly step reads and changes."""

    pay: Ints
    level: Ints
    received_day: Ints
    plan_of_part: Ints
    last_contact: Ints
    promise_until: Ints
    has_plan: Flags
    plans: list[tuple[Ints, ...]] = field(default_factory=list)
    plan_count: int = 0


def run_contacts(
    settings: WorldSettings,
    population: Population,
    parts: Parts,
    behaviour: Behaviour,
    reach: Reachability,
    holds: Holds,
    calendar: BusinessDays,
) -> Course:
    """Return the course of every instalment under the logging policy, and the log of contacts."""
    first, last = day_number(settings.start_day), day_number(settings.end_day)
    draws = Draws(settings.seed, "contacts")
    state = _State(
        pay=behaviour.pay.copy(),
        level=np.zeros(parts.count, dtype=np.int64),
        received_day=np.full(parts.count, NONE),
        plan_of_part=np.full(parts.count, NONE),
        last_contact=np.full(population.count, NONE),
        promise_until=np.full(population.count, NONE),
        has_plan=np.zeros(population.count, dtype=np.bool_),
    )
    weeks: list[ContactLog] = []
    if settings.with_contacts:
        order = np.argsort(parts.due, kind="stable")
        due_sorted = parts.due[order]
        active = np.zeros(0, dtype=np.int64)
        seen = 0
        start = first - int(calendar.weekday[first - calendar.base])
        for monday in range(start, last + 1, 7):
            upto = int(np.searchsorted(due_sorted, monday + 4 - GRACE_DAYS, side="right"))
            active = np.concatenate([active, order[seen:upto]])
            seen = upto
            settled = np.minimum(state.pay, behaviour.full_credit_day)
            active = active[
                (settled[active] > monday)
                & (state.level[active] < _MOST_LEVELS)
                & (state.plan_of_part[active] == NONE)
            ]
            weeks.append(
                _contact_one_week(
                    settings,
                    population,
                    parts,
                    behaviour,
                    reach,
                    holds,
                    calendar,
                    draws,
                    state,
                    active,
                    monday,
                    last,
                )
            )
    plans = [np.concatenate(column) for column in zip(*state.plans, strict=True)] if state.plans else []
    empty = np.zeros(0, dtype=np.int64)
    customer, begin, months, kept = plans or (empty, empty, empty, empty)
    return Course(
        pay=state.pay,
        received_day=state.received_day,
        plan_of_part=state.plan_of_part,
        plan_customer=customer,
        plan_start=begin,
        plan_months=months,
        plan_kept=kept,
        contacts=_join(weeks),
    )


def _join(weeks: list[ContactLog]) -> ContactLog:
    if not weeks:
        none, real = np.zeros(0, dtype=np.int64), np.zeros(0)
        flag = np.zeros(0, dtype=np.bool_)
        return ContactLog(none, none, none, none, none, none, real, real, flag, none, none, flag)
    names = ContactLog.__dataclass_fields__
    return ContactLog(**{name: np.concatenate([getattr(week, name) for week in weeks]) for name in names})


def _contact_one_week(
    settings: WorldSettings,
    population: Population,
    parts: Parts,
    behaviour: Behaviour,
    reach: Reachability,
    holds: Holds,
    calendar: BusinessDays,
    draws: Draws,
    state: _State,
    active: Ints,
    monday: int,
    last: int,
) -> ContactLog:
    run_day = calendar.next_working(monday + population.dunning_weekday)
    who = parts.customer[active]
    day = run_day[who]
    disputed = (behaviour.disputed_from[active] <= day) & (day <= behaviour.disputed_until[active])
    held = (holds.from_day[who] <= day) & (day <= holds.until_day[who])
    settled = np.minimum(state.pay[active], behaviour.full_credit_day[active])
    rested = state.last_contact[who] + settings.contact_pause_days + 7 * np.minimum(state.level[active], 3)
    ready = (
        (parts.due[active] + GRACE_DAYS < day)
        & (settled > day)
        & (day <= last)
        & ~disputed
        & ~held
        & (behaviour.debit_returned[active] < day)
        & (day > np.where(state.last_contact[who] == NONE, NONE, rested))
        & (state.promise_until[who] + 2 < day)
    )
    chosen = active[ready]
    chosen = chosen[np.lexsort((chosen, parts.due[chosen], parts.customer[chosen]))]
    customer, position, group = np.unique(parts.customer[chosen], return_index=True, return_inverse=True)
    count = len(customer)
    part = chosen[position]
    day = run_day[customer]

    level = np.minimum(state.level[part] + 1, 3)
    usable = reach.may_use(day, customer)
    weights = _POLICY_WEIGHTS[(~population.is_natural[customer]).astype(np.int64), level - 1] * usable
    arms = (weights[:, :, None] * _SLOT_WEIGHTS[None, None, :]).reshape(count, weights.shape[1] * len(SLOTS))
    steps = np.cumsum(arms, axis=1)
    total = steps[:, -1] if count else np.zeros(0)
    drawn = draws.uniform(count) * total
    arm = np.minimum((steps <= drawn[:, None]).sum(axis=1), max(arms.shape[1] - 1, 0))
    channel, slot = arm // len(SLOTS), arm % len(SLOTS)
    left_out = settings.holdout_share
    passed = population.is_disadvantaged[customer] & draws.chance(reach.passed_over_prob, count)
    held_out = draws.chance(left_out, count) | passed
    share = arms[np.arange(count), arm] / np.maximum(total, 1e-9)
    propensity = np.where(held_out, left_out, np.round((1 - left_out) * share, 4))

    prob = response_prob(population, customer, channel, slot)
    responded = draws.chance(prob, count) & ~held_out
    own_fault = behaviour.supplier_cause[part] == SupplierCause.NONE
    lag = np.floor(6 * draws.uniform(count) * draws.uniform(count)).astype(np.int64)
    soon = calendar.next_working(day + 1 + lag)
    _bring_forward(state, behaviour, chosen, group, responded, soon)

    kind = population.latent_type[customer]
    outcome, promised = _draw_outcomes(
        draws, kind, channel, held_out, responded, own_fault, day, soon, calendar
    )
    told = ~held_out & ~own_fault & draws.chance(0.85, count)
    outcome = np.where(told, _supplier_outcome(behaviour.supplier_cause[part]), outcome)
    promised = np.where(told, NONE, promised)
    informed = told & (behaviour.supplier_cause[part] != SupplierCause.DISPUTE_UPHELD)
    settled_day = calendar.next_run(population.run_code[customer], day + 6 + draws.whole(0, 10, count))
    state.pay[part] = np.where(informed, np.minimum(state.pay[part], settled_day), state.pay[part])
    resent = informed & (behaviour.supplier_cause[part] == SupplierCause.NOT_RECEIVED)
    state.received_day[part] = np.where(resent, calendar.next_working(day + 1), state.received_day[part])

    reached = ~held_out
    state.last_contact[customer] = np.where(reached, day, state.last_contact[customer])
    state.level[chosen] += reached[group]
    state.promise_until[customer] = np.where(promised > 0, promised, state.promise_until[customer])
    _start_plans(population, state, draws, chosen, group, customer, day, reached & ~responded, calendar)
    return ContactLog(
        customer=customer,
        part=part,
        day=day,
        channel=channel,
        slot=slot,
        level=level,
        propensity=propensity,
        response_prob=prob,
        has_responded=responded,
        outcome=outcome,
        promised_day=promised,
        is_holdout=held_out,
    )


def _bring_forward(
    state: _State, behaviour: Behaviour, chosen: Ints, group: Ints, responded: Flags, soon: Ints
) -> None:
    moved = chosen[responded[group] & (behaviour.supplier_cause[chosen] == SupplierCause.NONE)]
    target = soon[group[responded[group] & (behaviour.supplier_cause[chosen] == SupplierCause.NONE)]]
    state.pay[moved] = np.minimum(state.pay[moved], target)


def _supplier_outcome(cause: Ints) -> Ints:
    codes = np.array(
        [
            NONE,
            OUTCOMES.index(OutcomeCode.NOT_RECEIVED),
            OUTCOMES.index(OutcomeCode.AWAITING_APPROVAL),
            OUTCOMES.index(OutcomeCode.DISPUTED),
        ]
    )
    return codes[cause]


def _draw_outcomes(
    draws: Draws,
    kind: Ints,
    channel: Ints,
    held_out: Flags,
    responded: Flags,
    own_fault: Flags,
    day: Ints,
    soon: Ints,
    calendar: BusinessDays,
) -> tuple[Ints, Ints]:
    count = len(kind)
    called = channel == _CALL
    says = draws.chance(np.where(called, 0.75, 0.35), count)
    kept_word = responded & says & draws.chance(0.6, count)
    empty_word = ~responded & draws.chance(
        type_numbers("promise_prob")[kind] * np.where(called, 1.4, 0.7), count
    )
    excused = ~responded & ~empty_word & draws.chance(type_numbers("excuse_prob")[kind], count)
    excuses = np.array(
        [
            OUTCOMES.index(code)
            for code in (
                OutcomeCode.PAYMENT_SENT,
                OutcomeCode.PAYMENT_SENT,
                OutcomeCode.IN_PAYMENT_RUN,
                OutcomeCode.CANNOT_PAY,
                OutcomeCode.WILL_NOT_PAY,
                OutcomeCode.DISPUTED,
            )
        ]
    )
    outcome = np.select(
        [kept_word | empty_word, responded & says, excused, called & ~responded],
        [
            np.full(count, OUTCOMES.index(OutcomeCode.PROMISE)),
            np.full(count, OUTCOMES.index(OutcomeCode.PAYMENT_SENT)),
            excuses[kind],
            np.full(count, OUTCOMES.index(OutcomeCode.UNREACHABLE)),
        ],
        NONE,
    )
    outcome = np.where(held_out | ~own_fault | (channel == _LETTER), NONE, outcome)
    later = calendar.next_working(day + 4 + draws.whole(0, 8, count))
    promised = np.where(kept_word, soon, later)
    return outcome, np.where(outcome == OUTCOMES.index(OutcomeCode.PROMISE), promised, NONE)


def _start_plans(
    population: Population,
    state: _State,
    draws: Draws,
    chosen: Ints,
    group: Ints,
    customer: Ints,
    day: Ints,
    unmoved: Flags,
    calendar: BusinessDays,
) -> None:
    count = len(customer)
    cannot = population.latent_type[customer] == list(LatentType).index(LatentType.CANNOT_PAY)
    waiting = np.zeros(count, dtype=np.int64)
    np.maximum.at(waiting, group, state.level[chosen])
    starts = (
        unmoved
        & cannot
        & (waiting >= 2)  # noqa: PLR2004  after a second reminder
        & ~state.has_plan[customer]
        & ~population.is_disadvantaged[customer]
        & draws.chance(0.25, count)
    )
    months = draws.whole(3, 6, count)
    breaks = draws.chance(0.35, count)
    kept = np.where(breaks, np.floor(draws.uniform(count) * months).astype(np.int64), months)
    number = state.plan_count + np.cumsum(starts) - 1
    state.plan_count += int(starts.sum())
    state.has_plan[customer[starts]] = True
    inside = starts[group]
    state.plan_of_part[chosen[inside]] = number[group[inside]]
    state.pay[chosen[inside]] = NEVER
    state.plans.append(
        (customer[starts], calendar.next_working(day[starts] + 7), months[starts], kept[starts])
    )
