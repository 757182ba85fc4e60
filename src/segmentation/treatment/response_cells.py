"""How often contacts are answered by payment, by segment, channel, part of the day and lateness.

Belongs here: contacts as arrays, and two ways to smooth their cells: shrunk means and a ridge logistic
regression. Does not belong here: customers that differ from their segment, and the blend of both
(response_model).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ints: TypeAlias = npt.NDArray[np.int64]
Reals: TypeAlias = npt.NDArray[np.float64]

MOST_EVIDENCE = 500.0
"""Contacts that a prior is worth at most."""

_LEAST_EVIDENCE = 2.0
_RIDGE = 0.05
_CLIP = 0.005


@dataclass(frozen=True, slots=True)
class Contacts:
    """Past contacts as aligned arrays of codes from 0.

    Parameters
    ----------
    customer, segment : who was contacted.
    channel, slot, offset : how, in which part of the day, in which band of lateness.
    paid : 1 when it was answered by payment within the response days, else 0; may lie between.
    """

    customer: Ints
    segment: Ints
    channel: Ints
    slot: Ints
    offset: Ints
    paid: Reals

    def take(self, rows: npt.NDArray[np.bool_]) -> "Contacts":
        """Return some of the contacts."""
        return Contacts(*(getattr(self, name)[rows] for name in self.__slots__))

    @property
    def count(self) -> int:
        """Number of contacts."""
        return len(self.paid)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many codes there are of each kind."""

    customers: int
    segments: int
    channels: int
    slots: int
    offsets: int


def _count_cells(contacts: Contacts, sizes: Sizes, membership: Reals | None) -> tuple[Reals, Reals]:
    """Return contacts and payments by segment, channel, slot and offset, split by membership if given."""
    arms = (sizes.channels, sizes.slots, sizes.offsets)
    size = int(np.prod(arms))
    where = np.ravel_multi_index((contacts.channel, contacts.slot, contacts.offset), arms)
    by_segment = np.eye(sizes.segments)[contacts.segment]
    share: Reals = by_segment if membership is None else membership[contacts.customer]
    count = np.stack([np.bincount(where, share[:, k], minlength=size) for k in range(sizes.segments)])
    paid = np.stack(
        [np.bincount(where, share[:, k] * contacts.paid, minlength=size) for k in range(sizes.segments)]
    )
    return count.astype(np.float64).reshape(-1, *arms), paid.astype(np.float64).reshape(-1, *arms)


def fit_cells(contacts: Contacts, sizes: Sizes, membership: Reals | None = None) -> tuple[Reals, float]:
    """Return shrunk log-odds by segment, channel, slot and offset, and the segment's prior weight."""
    count, paid = _count_cells(contacts, sizes, membership)
    overall = (contacts.paid.sum() + 1) / (contacts.count + 2)
    channel = _shrink(paid.sum((0, 2, 3)), count.sum((0, 2, 3)), np.full(sizes.channels, overall))[0]
    by_slot = _shrink(paid.sum((0, 3)), count.sum((0, 3)), channel[:, None])[0]
    everybody = _shrink(paid.sum(0), count.sum(0), by_slot[:, :, None])[0]
    of_channel = _shrink(
        paid.sum((2, 3)), count.sum((2, 3)), np.broadcast_to(channel, (sizes.segments, sizes.channels))
    )[0]
    prior = to_prob(to_odds(everybody)[None] + (to_odds(of_channel) - to_odds(channel))[:, :, None, None])
    mean, evidence = _shrink(paid, count, prior)
    return to_odds(mean), evidence


def _shrink(paid: Reals, count: Reals, prior: Reals) -> tuple[Reals, float]:
    """Return beta-binomial means around ``prior`` and the prior's weight in contacts, found by moments."""
    prior = np.broadcast_to(prior, count.shape)
    noise = (count * prior * (1 - prior)).sum()
    excess = ((paid - count * prior) ** 2).sum() - noise
    room = (count * np.maximum(count - 1, 0) * prior * (1 - prior)).sum()
    correlation = np.clip(excess / room, 0, 1) if room > 0 else 0.0
    weight = (1 - correlation) / correlation if correlation > 0 else MOST_EVIDENCE
    weight = float(np.clip(weight, _LEAST_EVIDENCE, MOST_EVIDENCE))
    return (paid + weight * prior) / (count + weight), weight


def _encode(segment: Ints, channel: Ints, slot: Ints, offset: Ints, sizes: Sizes) -> Reals:
    """Return one column per code and per pair of codes; the penalty decides what counts."""

    def one_hot(code: Ints, size: int) -> Reals:
        return np.eye(size)[code]

    pairs = [
        (segment, sizes.segments),
        (channel, sizes.channels),
        (slot, sizes.slots),
        (offset, sizes.offsets),
        (segment * sizes.channels + channel, sizes.segments * sizes.channels),
        (segment * sizes.slots + slot, sizes.segments * sizes.slots),
        (channel * sizes.slots + slot, sizes.channels * sizes.slots),
        (channel * sizes.offsets + offset, sizes.channels * sizes.offsets),
    ]
    return np.hstack([one_hot(code, size) for code, size in pairs])


def fit_ridge(contacts: Contacts, sizes: Sizes, membership: Reals | None = None) -> Reals:
    """Return log-odds by segment, channel, slot and offset of a ridge logistic regression (Newton steps)."""
    shape = (sizes.segments, sizes.channels, sizes.slots, sizes.offsets)
    codes = [axis.ravel() for axis in np.indices(shape)]
    grid = _encode(codes[0], codes[1], codes[2], codes[3], sizes)
    count, paid = (cells.ravel() for cells in _count_cells(contacts, sizes, membership))
    centre = float(to_odds(np.array((paid.sum() + 1) / (count.sum() + 2))))
    weights = np.zeros(grid.shape[1])
    penalty = np.eye(grid.shape[1]) / _RIDGE
    for _ in range(8):
        prob = to_prob(centre + grid @ weights)
        slope = grid.T @ (paid - count * prob) - weights / _RIDGE
        curve = (grid * (count * prob * (1 - prob))[:, None]).T @ grid + penalty
        weights = weights + np.linalg.solve(curve, slope)
    return (centre + grid @ weights).reshape(shape)


def to_prob(odds: Reals) -> Reals:
    """Return probabilities, none of them closer to nil or one than a handful of contacts can show."""
    prob: Reals = np.clip(1 / (1 + np.exp(-odds)), _CLIP, 1 - _CLIP)
    return prob


def to_odds(prob: Reals) -> Reals:
    """Return log-odds, the way back from ``to_prob``."""
    inside = np.clip(prob, _CLIP, 1 - _CLIP)
    odds: Reals = np.log(inside) - np.log1p(-inside)
    return odds


def log_loss(odds: Reals, paid: Reals) -> float:
    """Return the mean negative log-likelihood of answers, given the log-odds of each."""
    prob = to_prob(odds)
    return float(-(paid * np.log(prob) + (1 - paid) * np.log1p(-prob)).mean())
