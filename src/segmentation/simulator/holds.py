"""Reasons not to dun: insolvency, debt mediation, vulnerability, and holds set by hand.

Belongs here: the blocks of a world. Does not belong here: disputes and promises, which follow from
behaviour and contacts.
"""

from dataclasses import dataclass

import numpy as np

from segmentation.domain.vocabulary import BlockReason
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.latent_types import LatentType
from segmentation.simulator.randomness import Ints
from segmentation.simulator.scene import Scene

BLOCK_REASONS = (
    BlockReason.INSOLVENCY,
    BlockReason.DEBT_MEDIATION,
    BlockReason.VULNERABILITY,
    BlockReason.MANUAL,
)


@dataclass(frozen=True, slots=True)
class Holds:
    """One hold per customer at most; ``from_day`` is ``NEVER`` where there is none."""

    reason: Ints
    from_day: Ints
    until_day: Ints


def draw_holds(scene: Scene) -> Holds:
    """Return the dunning blocks of all customers."""
    draws, population, calendar = scene.draws("holds"), scene.population, scene.calendar
    count, first, last = population.count, scene.first, scene.last
    cannot = population.is_type(LatentType.CANNOT_PAY)
    person = population.is_natural
    mediated = person & cannot & draws.chance(0.12, count)
    vulnerable = person & draws.chance(0.025, count)
    manual = draws.chance(0.025, count)
    insolvent = population.insolvent_day < NEVER
    reason = np.select([insolvent, mediated, vulnerable, manual], [0, 1, 2, 3], NONE)
    drawn = first + 60 + ((last - first - 60) * draws.uniform(count)).astype(np.int64)
    start = calendar.next_working(np.where(insolvent, population.insolvent_day, drawn))
    start = np.where(reason == NONE, NEVER, start)
    lasting = np.isin(reason, (0, 1)) | draws.chance(0.3, count)
    until = np.where(lasting, NEVER, start + 20 + draws.waiting(60.0, count))
    if scene.settings.homogeneous:
        start = np.full(count, NEVER)
    return Holds(reason=reason, from_day=start, until_day=np.where(start < NEVER, until, NEVER))
