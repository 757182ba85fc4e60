"""The six kinds of payer that a world holds, and what is planted for each.

Belongs here: the numbers behind paying behaviour and response to contact. Does not belong here:
drawing from them (customers, behaviour, contacts). The kinds are independent of every attribute of
a customer, so that a world without injected bias treats all groups alike.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from segmentation.domain.vocabulary import Cause, Channel
from segmentation.simulator.randomness import Reals


class LatentType(StrEnum):
    """Why a customer is late when late."""

    PROMPT = "prompt"
    FORGETFUL = "forgetful"
    CHAOTIC = "chaotic"
    CANNOT_PAY = "cannot_pay"
    WILL_NOT_PAY = "will_not_pay"
    DISPUTING = "disputing"


CAUSE_OF_TYPE: dict[LatentType, Cause | None] = {
    LatentType.PROMPT: None,
    LatentType.FORGETFUL: Cause.FORGETFUL,
    LatentType.CHAOTIC: Cause.ADMINISTRATIVE,
    LatentType.CANNOT_PAY: Cause.CANNOT_PAY,
    LatentType.WILL_NOT_PAY: Cause.WILL_NOT_PAY,
    LatentType.DISPUTING: Cause.DISPUTING,
}
"""The cause that a correct hypothesis would name; a prompt payer has none."""


class Slot(StrEnum):
    """Part of the day, in the customer's own time, in which a contact is made."""

    MORNING = "morning"
    MIDDAY = "midday"
    AFTERNOON = "afternoon"
    EVENING = "evening"


CONTACT_CHANNELS = (Channel.EMAIL, Channel.SMS, Channel.PHONE, Channel.LETTER)
"""Channels that the logging policy chooses from."""

CALL = CONTACT_CHANNELS.index(Channel.PHONE)
LETTER = CONTACT_CHANNELS.index(Channel.LETTER)
EMAIL = CONTACT_CHANNELS.index(Channel.EMAIL)

SLOTS = tuple(Slot)
SLOT_HOURS = (9, 12, 15, 18)
"""First hour of each slot; a contact is made within the two hours that follow."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Planted numbers of one latent type.

    Parameters
    ----------
    share : share of customers.
    structural_share : share of them whose late propensity is drawn above one half.
    late_shape : two parameters of the propensity when incidental.
    delay_days : mean days beyond terms of a late instalment, without contact.
    never_prob : probability that a late instalment is never paid of its own accord.
    dispute_prob : probability that a late instalment is disputed without good reason.
    supplier_prob : probability that an instalment is late through the supplier's doing.
    partial_prob : probability that a late instalment is paid in two parts.
    promise_prob : probability that a contact without effect yields a promise.
    excuse_prob : probability that a contact without effect yields a reason.
    response : probability that a contact makes the customer pay, by channel.
    slot_shift : change of its log-odds, by slot.
    """

    share: float
    structural_share: float
    late_shape: tuple[float, float]
    delay_days: float
    never_prob: float
    dispute_prob: float
    supplier_prob: float
    partial_prob: float
    promise_prob: float
    excuse_prob: float
    response: tuple[float, float, float, float]
    slot_shift: tuple[float, float, float, float]


KINDS: dict[LatentType, Kind] = {
    LatentType.PROMPT: Kind(
        0.40, 0.0, (1.3, 22.0), 4.0, 0.002, 0.01, 0.02, 0.01, 0.10, 0.10,
        (0.55, 0.55, 0.60, 0.40), (0.2, 0.0, 0.0, 0.1),
    ),
    LatentType.FORGETFUL: Kind(
        0.21, 0.30, (3.0, 20.0), 16.0, 0.004, 0.01, 0.02, 0.02, 0.08, 0.10,
        (0.42, 0.55, 0.50, 0.30), (-0.4, 0.0, 0.1, 0.6),
    ),
    LatentType.CHAOTIC: Kind(
        0.15, 0.55, (3.5, 18.0), 13.0, 0.006, 0.02, 0.07, 0.06, 0.15, 0.45,
        (0.22, 0.16, 0.50, 0.28), (0.6, 0.1, -0.2, -0.8),
    ),
    LatentType.CANNOT_PAY: Kind(
        0.09, 0.70, (4.0, 20.0), 34.0, 0.05, 0.01, 0.02, 0.35, 0.35, 0.40,
        (0.09, 0.12, 0.22, 0.06), (-0.3, 0.0, 0.2, 0.4),
    ),
    LatentType.WILL_NOT_PAY: Kind(
        0.05, 0.85, (4.0, 20.0), 42.0, 0.10, 0.08, 0.02, 0.03, 0.12, 0.10,
        (0.04, 0.05, 0.16, 0.14), (0.1, 0.0, 0.1, -0.3),
    ),
    LatentType.DISPUTING: Kind(
        0.10, 0.40, (3.5, 18.0), 22.0, 0.01, 0.30, 0.10, 0.05, 0.08, 0.25,
        (0.14, 0.10, 0.36, 0.12), (0.2, 0.4, 0.0, -0.5),
    ),
}  # fmt: skip
"""Planted numbers by latent type."""

TYPES = tuple(LatentType)
STRUCTURAL_SHAPE = (5.5, 2.4)
"""Parameters of the late propensity of a structural late payer; values below .52 are drawn up to it."""

PREFERRED_CHANNEL_SHIFT = 0.9
PREFERRED_SLOT_SHIFT = 0.6
"""Change of the log-odds of a response through a customer's own channel and in their own slot."""


def type_numbers(name: str) -> Reals:
    """Return one planted number of every latent type, in the order of ``TYPES``."""
    return np.array([getattr(KINDS[kind], name) for kind in TYPES], dtype=np.float64)


def response_log_odds() -> Reals:
    """Return the log-odds that a contact makes a customer pay, by type, channel and slot.

    Returns
    -------
    Array of types × channels × slots, for a customer without a preference of their own. The slot of a
    letter makes no difference: it is read when it is opened.
    """
    base = type_numbers("response")
    by_channel = np.log(base) - np.log1p(-base)
    by_slot = type_numbers("slot_shift")
    has_slot = np.array([channel is not Channel.LETTER for channel in CONTACT_CHANNELS], dtype=np.float64)
    return by_channel[:, :, None] + by_slot[:, None, :] * has_slot[None, :, None]
