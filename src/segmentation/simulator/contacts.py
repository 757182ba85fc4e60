"""Reminders after the due date, chosen by a logging policy, and what they bring about.

Belongs here: who is contacted when, through which channel, with which probability, and the effect on
payment. Does not belong here: what is said (replies), how it is written down (contact_frames).

The world is stepped week by week, all customers at once: a contact moves the payments of the same
customer, which decides who is contacted the week after.
"""

from dataclasses import dataclass, fields

import numpy as np

from segmentation.simulator.behaviour import Behaviour, SupplierCause
from segmentation.simulator.customers import Population
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.holds import Holds
from segmentation.simulator.latent_types import (
    LETTER,
    PREFERRED_CHANNEL_SHIFT,
    PREFERRED_SLOT_SHIFT,
    SLOTS,
    TYPES,
    LatentType,
    response_log_odds,
)
from segmentation.simulator.randomness import Flags, Ints, Reals
from segmentation.simulator.reachability import Reachability
from segmentation.simulator.replies import Asked, Replies, draw_replies
from segmentation.simulator.scene import Scene
from segmentation.simulator.settings import BiasKind

GRACE_DAYS = 4
"""Days beyond terms before the first reminder."""

_MOST_LEVELS = 6
_PROMISE_GRACE_DAYS = 2
_PLAN_FROM_LEVEL = 2

_CHANNEL_WEIGHTS = np.array(
    [
        [[6.0, 2.0, 1.0, 0.6], [2.4, 2.0, 1.0, 0.8], [1.2, 1.8, 2.4, 2.4]],
        [[4.5, 1.8, 1.6, 0.8], [2.0, 1.2, 2.6, 1.2], [1.0, 0.8, 3.0, 3.0]],
    ]
)
"""Weight of each channel in the logging policy, by natural person or company and by dunning level."""

_SLOT_WEIGHTS = np.array([1.3, 1.0, 1.1, 0.6])


@dataclass(frozen=True, slots=True)
class ContactLog:
    """Contacts as arrays in order of time; ``part`` is the oldest overdue instalment they were about.

    A holdout is a contact that was due and left out at random; it has no channel in the ledger.
    """

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
        """Number of contacts, holdouts included."""
        return len(self.customer)


@dataclass(frozen=True, slots=True)
class Plans:
    """Payment plans as arrays; ``kept`` of the ``months`` payments are made."""

    customer: Ints
    start: Ints
    months: Ints
    kept: Ints


@dataclass(frozen=True, slots=True)
class Course:
    """The contacted course of every instalment: what its ``Behaviour`` became."""

    pay: Ints
    received_day: Ints
    plan_of_part: Ints
    plans: Plans
    contacts: ContactLog


def response_prob(population: Population, customer: Ints, channel: Ints, slot: Ints) -> Reals:
    """Return the planted probability that a contact makes a customer pay what is overdue within days.

    Parameters
    ----------
    population : the customers of the world.
    customer, channel, slot : positions, aligned; channels and slots as in ``latent_types``.
    """
    odds = response_log_odds()[population.latent_type[customer], channel, slot]
    odds = odds + PREFERRED_CHANNEL_SHIFT * (population.preferred_channel[customer] == channel)
    in_slot = (population.preferred_slot[customer] == slot) & (channel != LETTER)
    prob: Reals = np.round(1 / (1 + np.exp(-(odds + PREFERRED_SLOT_SHIFT * in_slot))), 4)
    return prob


def run_contacts(scene: Scene, behaviour: Behaviour, reach: Reachability, holds: Holds) -> Course:
    """Return the course of every instalment under the logging policy, and the log of contacts."""
    dunning = _Dunning(scene, behaviour, reach, holds)
    weeks = dunning.run() if scene.settings.with_contacts else []
    return Course(
        pay=dunning.pay,
        received_day=dunning.received_day,
        plan_of_part=dunning.plan_of_part,
        plans=_join_plans(dunning.plans),
        contacts=_join_contacts(weeks),
    )


def _join_contacts(weeks: list[ContactLog]) -> ContactLog:
    if weeks:
        names = [column.name for column in fields(ContactLog)]
        return ContactLog(**{name: np.concatenate([getattr(week, name) for week in weeks]) for name in names})
    none, real, flag = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.bool_)
    return ContactLog(none, none, none, none, none, none, real, real, flag, none, none, flag)


def _join_plans(weeks: list[Plans]) -> Plans:
    if weeks:
        return Plans(
            *(np.concatenate([getattr(week, column.name) for week in weeks]) for column in fields(Plans))
        )
    none = np.zeros(0, dtype=np.int64)
    return Plans(none, none, none, none)


class _Dunning:
    """The weekly step: state of all instalments and customers, changed by every contact."""

    def __init__(self, scene: Scene, behaviour: Behaviour, reach: Reachability, holds: Holds) -> None:
        self.scene, self.behaviour, self.reach, self.holds = scene, behaviour, reach, holds
        self.draws = scene.draws("contacts")
        parts, customers = scene.parts.count, scene.population.count
        self.pay = behaviour.pay.copy()
        self.level = np.zeros(parts, dtype=np.int64)
        self.received_day = np.full(parts, NONE)
        self.plan_of_part = np.full(parts, NONE)
        self.last_contact = np.full(customers, NEVER * NONE)
        self.promise_until = np.full(customers, NONE)
        self.has_plan = np.zeros(customers, dtype=np.bool_)
        self.plans: list[Plans] = []
        bias = scene.settings.injected_bias
        is_denied = bias is not None and bias.kind is BiasKind.CONTACT_ACCESS
        self.denied = scene.population.is_disadvantaged & is_denied

    def run(self) -> list[ContactLog]:
        """Return the contacts of every week."""
        scene, parts = self.scene, self.scene.parts
        order = np.argsort(parts.due, kind="stable")
        due = parts.due[order]
        active = np.zeros(0, dtype=np.int64)
        seen, weeks = 0, []
        monday = scene.first - int(scene.calendar.weekday[scene.first - scene.calendar.base])
        for start in range(monday, scene.last + 1, 7):
            upto = int(np.searchsorted(due, start + 7 - GRACE_DAYS, side="right"))
            active = np.concatenate([active, order[seen:upto]])
            seen = upto
            settled = np.minimum(self.pay[active], self.behaviour.full_credit_day[active])
            goes_on = (self.level[active] < _MOST_LEVELS) & (self.plan_of_part[active] == NONE)
            active = active[(settled > start) & goes_on]
            weeks.append(self._contact(active, start))
        return weeks

    def _find_due(self, active: Ints, run_day: Ints) -> Ints:
        """Return the instalments that call for a contact this week, by customer and due date."""
        parts, behaviour = self.scene.parts, self.behaviour
        who = parts.customer[active]
        day = run_day[who]
        disputes = behaviour.disputes
        disputed = (disputes.opened[active] <= day) & (day <= disputes.closed[active])
        held = (self.holds.from_day[who] <= day) & (day <= self.holds.until_day[who])
        settled = np.minimum(self.pay[active], behaviour.full_credit_day[active])
        pause = self.scene.settings.contact_pause_days + 7 * np.minimum(self.level[active], 3)
        is_due = (parts.due[active] + GRACE_DAYS < day) & (settled > day) & (day <= self.scene.last)
        is_free = ~disputed & ~held & (behaviour.debit_returned[active] < day)
        has_rested = (self.last_contact[who] + pause < day) & (
            self.promise_until[who] + _PROMISE_GRACE_DAYS < day
        )
        chosen = active[is_due & is_free & has_rested]
        ordered: Ints = chosen[np.lexsort((chosen, parts.due[chosen], parts.customer[chosen]))]
        return ordered

    def _choose_arms(self, customer: Ints, day: Ints, level: Ints) -> tuple[Ints, Ints, Reals]:
        """Return channel and slot that the logging policy chose, and the probability of the channel."""
        person = (~self.scene.population.is_natural[customer]).astype(np.int64)
        weights = _CHANNEL_WEIGHTS[person, level - 1] * self.reach.may_use(day, customer)
        arms = (weights[:, :, None] * _SLOT_WEIGHTS[None, None, :]).reshape(
            len(customer), weights.shape[1] * len(SLOTS)
        )
        steps = np.cumsum(arms, axis=1)
        drawn = self.draws.uniform(len(customer)) * steps[:, -1]
        arm = np.minimum((steps <= drawn[:, None]).sum(axis=1), arms.shape[1] - 1)
        channel, slot = np.divmod(arm, len(SLOTS))
        share = weights[np.arange(len(customer)), channel] / weights.sum(axis=1)
        return channel, slot, np.round((1 - self.scene.settings.holdout_share) * share, 4)

    def _contact(self, active: Ints, monday: int) -> ContactLog:
        scene, draws, population = self.scene, self.draws, self.scene.population
        run_day = scene.calendar.next_working(monday + population.dunning_weekday)
        chosen = self._find_due(active, run_day)
        customer, position, group = np.unique(
            scene.parts.customer[chosen], return_index=True, return_inverse=True
        )
        count, part, day = len(customer), chosen[position], run_day[customer]
        level = np.minimum(self.level[part] + 1, 3)
        channel, slot, propensity = self._choose_arms(customer, day, level)
        passed_over = self.denied[customer] & draws.chance(self.reach.passed_over_prob, count)
        held_out = draws.chance(scene.settings.holdout_share, count) | passed_over

        prob = response_prob(population, customer, channel, slot)
        responded = draws.chance(prob, count) & ~held_out
        lag = np.floor(6 * draws.uniform(count) * draws.uniform(count)).astype(np.int64)
        soon = scene.calendar.next_working(day + 1 + lag)
        cause = self.behaviour.supplier_cause[part]
        replies = draw_replies(
            draws,
            scene.calendar,
            Asked(population.latent_type[customer], channel, day, soon, responded, held_out, cause),
        )
        self._bring_forward(chosen, group, responded, soon)
        self._repair(part, customer, day, cause, replies)

        reached = ~held_out
        self.last_contact[customer] = np.where(reached, day, self.last_contact[customer])
        self.level[chosen] += reached[group]
        promised = replies.promised_day
        self.promise_until[customer] = np.where(promised > 0, promised, self.promise_until[customer])
        self._start_plans(chosen, group, customer, day, reached & ~responded)
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
            outcome=replies.outcome,
            promised_day=promised,
            is_holdout=held_out,
        )

    def _bring_forward(self, chosen: Ints, group: Ints, responded: Flags, soon: Ints) -> None:
        """Who responds pays what is overdue and not the supplier's doing."""
        moves = responded[group] & (self.behaviour.supplier_cause[chosen] == SupplierCause.NONE)
        self.pay[chosen[moves]] = np.minimum(self.pay[chosen[moves]], soon[group[moves]])

    def _repair(self, part: Ints, customer: Ints, day: Ints, cause: Ints, replies: Replies) -> None:
        """Once the supplier has been told of a lost invoice or a missing order number, payment follows."""
        calendar, draws = self.scene.calendar, self.draws
        later = day + 6 + draws.whole(0, 10, len(part))
        settled = calendar.next_run(self.scene.population.run_code[customer], later)
        informed = replies.has_told & (cause != SupplierCause.DISPUTE_UPHELD)
        self.pay[part] = np.where(informed, np.minimum(self.pay[part], settled), self.pay[part])
        resent = informed & (cause == SupplierCause.NOT_RECEIVED)
        self.received_day[part] = np.where(resent, calendar.next_working(day + 1), self.received_day[part])

    def _start_plans(self, chosen: Ints, group: Ints, customer: Ints, day: Ints, unmoved: Flags) -> None:
        """Some who cannot pay agree to pay in parts; the last payments are often not made."""
        count, draws = len(customer), self.draws
        cannot = self.scene.population.latent_type[customer] == TYPES.index(LatentType.CANNOT_PAY)
        waiting = np.zeros(count, dtype=np.int64)
        np.maximum.at(waiting, group, self.level[chosen])
        may_start = unmoved & cannot & (waiting >= _PLAN_FROM_LEVEL)
        may_start &= ~self.has_plan[customer] & ~self.denied[customer]
        starts = may_start & draws.chance(0.3, count)
        months = draws.whole(3, 6, count)
        some = np.floor(draws.uniform(count) * months).astype(np.int64)
        kept = np.where(draws.chance(0.35, count), some, months)
        number = sum(len(plans.customer) for plans in self.plans) + np.cumsum(starts) - 1
        inside = starts[group]
        self.has_plan[customer[starts]] = True
        self.plan_of_part[chosen[inside]] = number[group[inside]]
        self.pay[chosen[inside]] = NEVER
        start = self.scene.calendar.next_working(day[starts] + 7)
        self.plans.append(Plans(customer[starts], start, months[starts], kept[starts]))
