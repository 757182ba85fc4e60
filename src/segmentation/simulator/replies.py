"""What customers say when they are contacted: promises, reasons, or nothing.

Belongs here: outcomes of contacts and promised days. Does not belong here: whether they pay (contacts),
and the words of messages (message_texts).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.domain.vocabulary import OutcomeCode
from segmentation.simulator.behaviour import SupplierCause
from segmentation.simulator.days import NONE, BusinessDays
from segmentation.simulator.latent_types import CALL, LETTER, LatentType, type_numbers
from segmentation.simulator.randomness import Draws, Flags, Ints

OUTCOMES = tuple(OutcomeCode)
"""Outcomes by code."""

_PROMISE = OUTCOMES.index(OutcomeCode.PROMISE)
_SENT = OUTCOMES.index(OutcomeCode.PAYMENT_SENT)
_UNREACHABLE = OUTCOMES.index(OutcomeCode.UNREACHABLE)
_REASONS: dict[LatentType, OutcomeCode] = {
    LatentType.PROMPT: OutcomeCode.PAYMENT_SENT,
    LatentType.FORGETFUL: OutcomeCode.PAYMENT_SENT,
    LatentType.CHAOTIC: OutcomeCode.IN_PAYMENT_RUN,
    LatentType.CANNOT_PAY: OutcomeCode.CANNOT_PAY,
    LatentType.WILL_NOT_PAY: OutcomeCode.WILL_NOT_PAY,
    LatentType.DISPUTING: OutcomeCode.DISPUTED,
}
_SUPPLIER_OUTCOMES: dict[SupplierCause, OutcomeCode] = {
    SupplierCause.NOT_RECEIVED: OutcomeCode.NOT_RECEIVED,
    SupplierCause.AWAITING_APPROVAL: OutcomeCode.AWAITING_APPROVAL,
    SupplierCause.DISPUTE_UPHELD: OutcomeCode.DISPUTED,
}
_TELLING_PROB = 0.85


@dataclass(frozen=True, slots=True)
class Asked:
    """Contacts to be answered: latent type, channel, day, day of payment in case of a response, and so on."""

    latent_type: Ints
    channel: Ints
    day: Ints
    soon: Ints
    has_responded: Flags
    is_holdout: Flags
    supplier_cause: Ints


@dataclass(frozen=True, slots=True)
class Replies:
    """Outcome and promised day of each contact, ``NONE`` where there is none.

    ``has_told`` marks who named a fault of the supplier.
    """

    outcome: Ints
    promised_day: Ints
    has_told: Flags


def draw_replies(draws: Draws, calendar: BusinessDays, asked: Asked) -> Replies:
    """Return what was said in every contact."""
    count = len(asked.day)
    called, responded = asked.channel == CALL, asked.has_responded
    says = draws.chance(np.where(called, 0.75, 0.35), count)
    kept_word = responded & says & draws.chance(0.6, count)
    promise_prob = type_numbers("promise_prob")[asked.latent_type] * np.where(called, 1.4, 0.7)
    empty_word = ~responded & draws.chance(promise_prob, count)
    excused = ~responded & ~empty_word & draws.chance(type_numbers("excuse_prob")[asked.latent_type], count)
    reasons = np.array([OUTCOMES.index(_REASONS[kind]) for kind in LatentType])
    outcome = np.select(
        [kept_word | empty_word, responded & says, excused, called & ~responded],
        [
            np.full(count, _PROMISE),
            np.full(count, _SENT),
            reasons[asked.latent_type],
            np.full(count, _UNREACHABLE),
        ],
        NONE,
    )
    at_fault = asked.supplier_cause != SupplierCause.NONE
    outcome = np.where(asked.is_holdout | at_fault | (asked.channel == LETTER), NONE, outcome)
    has_told = ~asked.is_holdout & at_fault & draws.chance(_TELLING_PROB, count)
    faults = [OUTCOMES.index(_SUPPLIER_OUTCOMES[cause]) if cause else NONE for cause in SupplierCause]
    outcome = np.where(has_told, np.array(faults)[asked.supplier_cause], outcome)
    later = calendar.next_working(asked.day + 4 + draws.whole(0, 8, count))
    promised = np.where(kept_word, asked.soon, later)
    return Replies(outcome, np.where(outcome == _PROMISE, promised, NONE), has_told)
