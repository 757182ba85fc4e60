"""Small worlds with known answers, to judge policies and estimates of their value in.

Belongs here: customers with planted response tables, logs under a known policy, the exact Bayes policy.
Does not belong here: the ledger-like world (simulator), the judgement (battery).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.simulator.latent_types import (
    CONTACT_CHANNELS,
    KINDS,
    PREFERRED_CHANNEL_SHIFT,
    PREFERRED_SLOT_SHIFT,
    SLOTS,
    TYPES,
    response_log_odds,
)
from segmentation.treatment.response_cells import Contacts, Ints, Reals, Sizes

CHANNELS, SLOT_COUNT, OFFSETS = len(CONTACT_CHANNELS), len(SLOTS), 3
ARMS = CHANNELS * SLOT_COUNT
_LETTER = CHANNELS - 1
_COSTS = np.array([0.55, 0.60, 6.50, 2.00])
"""Cost of a contact with its annoyance, as the settings have them, by channel."""

_SEGMENT_CERTAINTY = 0.75
_LOG_WEIGHTS = np.array([[4.0, 2.0, 2.0, 1.5], [1.3, 1.0, 1.1, 0.6]])


@dataclass(frozen=True, slots=True)
class World:
    """Customers of a world: what is planted and what can be seen.

    Parameters
    ----------
    kind, channel, slot : latent type and preferences, not seen.
    segment : what the pipeline would call the customer: mostly the type, sometimes another.
    gain : what a payment within the response days is worth.
    prob : customers × arms, planted probability of an answer.
    """

    kind: Ints
    channel: Ints
    slot: Ints
    segment: Ints
    gain: Reals
    prob: Reals

    @property
    def count(self) -> int:
        """Number of customers."""
        return len(self.kind)

    @property
    def sizes(self) -> Sizes:
        """Sizes for the response model."""
        return Sizes(self.count, len(TYPES), CHANNELS, SLOT_COUNT, OFFSETS)

    @property
    def worth(self) -> Reals:
        """Customers × arms and, last, no contact: what each is truly worth."""
        return value_arms(self.prob, self.gain)


def value_arms(prob: Reals, gain: Reals) -> Reals:
    """Return what each arm is worth given its response, with no contact (nil) as the last column."""
    worth = prob * gain[:, None] - np.repeat(_COSTS, SLOT_COUNT)[None, :]
    return np.hstack([worth, np.zeros((len(gain), 1))])


def _tabulate() -> Reals:
    """Return planted probabilities by type, preferred channel, preferred slot and arm."""
    base = response_log_odds()
    shape = (len(TYPES), CHANNELS, SLOT_COUNT, CHANNELS, SLOT_COUNT)
    odds = np.broadcast_to(base[:, None, None], shape).copy()
    for preferred in range(CHANNELS):
        odds[:, preferred, :, preferred, :] += PREFERRED_CHANNEL_SHIFT
    for preferred in range(SLOT_COUNT):
        odds[:, :, preferred, :_LETTER, preferred] += PREFERRED_SLOT_SHIFT
    table: Reals = (1 / (1 + np.exp(-odds))).reshape(*shape[:3], ARMS)
    return table


def draw_world(seed: int, customers: int, *, homogeneous: bool = False) -> World:
    """Return a world; in a homogeneous one everybody is of one type and prefers nothing."""
    draw = np.random.default_rng([seed, 1])
    kinds = len(TYPES)
    shares = np.array([KINDS[kind].share for kind in TYPES])
    kind = draw.choice(kinds, customers, p=shares / shares.sum())
    channel, slot = draw.integers(0, CHANNELS, customers), draw.integers(0, SLOT_COUNT, customers)
    if homogeneous:
        kind = np.full(customers, 1)
        base = 1 / (1 + np.exp(-response_log_odds()[1].reshape(ARMS)))
        prob = np.broadcast_to(base, (customers, ARMS)).copy()
    else:
        prob = _tabulate()[kind, channel, slot]
    wrong = draw.integers(0, kinds, customers)
    segment = np.where(draw.random(customers) < _SEGMENT_CERTAINTY, kind, wrong)
    gain = np.exp(draw.normal(np.log(30.0), 0.7, customers))
    return World(kind, channel, slot, segment, gain, prob)


def logging_policy(world: World) -> Reals:
    """Return customers × arms: a policy that tries every arm, e-mail most, more calls where more is owed."""
    by_channel = np.broadcast_to(_LOG_WEIGHTS[0], (world.count, CHANNELS)).copy()
    by_channel[:, 2] *= np.where(world.gain > np.median(world.gain), 1.6, 0.7)
    arms = (by_channel[:, :, None] * _LOG_WEIGHTS[1][None, None, :]).reshape(world.count, ARMS)
    policy: Reals = arms / arms.sum(axis=1, keepdims=True)
    return policy


def draw_log(world: World, policy: Reals, contacts: int, seed: int) -> tuple[Contacts, Ints, Reals]:
    """Return contacts made under a policy, the arm of each and the probability with which it was chosen."""
    draw = np.random.default_rng([seed, 2])
    customer = np.arange(contacts) % world.count
    steps = np.cumsum(policy, axis=1)
    arm = (steps[customer] <= draw.random(contacts)[:, None] * steps[customer, -1:]).sum(axis=1)
    arm = np.minimum(arm, ARMS - 1)
    paid = (draw.random(contacts) < world.prob[customer, arm]).astype(np.float64)
    log = Contacts(
        customer=customer,
        segment=world.segment[customer],
        channel=arm // SLOT_COUNT,
        slot=arm % SLOT_COUNT,
        offset=draw.integers(0, OFFSETS, contacts),
        paid=paid,
    )
    return log, arm, policy[customer, arm]


def find_bayes_probs(world: World, log: Contacts, arm: Ints) -> Reals:
    """Return customers × arms: the exact posterior mean of the response, given segment and log.

    Notes
    -----
    Whoever knows every planted table and share, but not the customer, weighs the 96 combinations of type
    and preferences by how well they explain what was seen. No policy that sees the same can do better.
    """
    table = _tabulate().reshape(-1, ARMS)
    kinds, per_kind = len(TYPES), CHANNELS * SLOT_COUNT
    shares = np.array([KINDS[kind].share for kind in TYPES])
    seen = np.full((kinds, kinds), (1 - _SEGMENT_CERTAINTY) / kinds) + _SEGMENT_CERTAINTY * np.eye(kinds)
    prior = np.repeat(np.log(shares)[:, None] + np.log(seen), per_kind, axis=0)
    posterior = prior[:, world.segment].T.copy()
    hit, miss = np.log(table), np.log1p(-table)
    score = np.where(log.paid[:, None] > 0, hit.T[arm], miss.T[arm])
    np.add.at(posterior, log.customer, score)
    posterior -= posterior.max(axis=1, keepdims=True)
    weight = np.exp(posterior)
    mean: Reals = (weight / weight.sum(axis=1, keepdims=True)) @ table
    return mean
