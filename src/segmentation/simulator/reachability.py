"""Through which channels a customer can and may be reached, and since when not.

Belongs here: contact points, bounces, opt-outs and stated preferences. Does not belong here: the
choice of a channel (contacts).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.domain.vocabulary import Channel, PartyType
from segmentation.simulator.customers import PARTY_TYPES
from segmentation.simulator.days import NEVER
from segmentation.simulator.latent_types import CONTACT_CHANNELS
from segmentation.simulator.randomness import Flags, Ints
from segmentation.simulator.scene import Scene
from segmentation.simulator.settings import BiasKind

POINT_CHANNELS = (*CONTACT_CHANNELS, Channel.WHATSAPP, Channel.PORTAL)
_POINT_SHARES = (0.92, 0.62, 0.82, 1.0, 0.15, 0.12)


@dataclass(frozen=True, slots=True)
class Reachability:
    """Customers × channels of ``POINT_CHANNELS``; days are ``NEVER`` where nothing happens.

    ``states_preference`` marks the one channel that a customer asked for.
    """

    has_point: Flags
    bounce_day: Ints
    opt_out_day: Ints
    states_preference: Flags
    passed_over_prob: float

    def may_use(self, day: Ints, customer: Ints) -> Flags:
        """Return which of the contact channels may be used for each customer on each day."""
        used = len(CONTACT_CHANNELS)
        return (
            self.has_point[customer, :used]
            & (self.bounce_day[customer, :used] > day[:, None])
            & (self.opt_out_day[customer, :used] > day[:, None])
        )


def draw_reachability(scene: Scene) -> Reachability:
    """Return the contact points and permissions of all customers."""
    draws, population = scene.draws("reachability"), scene.population
    count, width = population.count, len(POINT_CHANNELS)
    first, last = scene.first, scene.last

    def grid(prob: float) -> Flags:
        return draws.chance(prob, count * width).reshape(count, width)

    def days() -> Ints:
        drawn = first + 30 + (draws.uniform(count * width) * (last - first - 30)).astype(np.int64)
        return scene.calendar.next_working(drawn).reshape(count, width)

    has_point = draws.uniform(count * width).reshape(count, width) < np.array(_POINT_SHARES)
    has_point[:, POINT_CHANNELS.index(Channel.SMS)] &= population.party != PARTY_TYPES.index(
        PartyType.PUBLIC_BODY
    )
    has_point[:, POINT_CHANNELS.index(Channel.WHATSAPP)] &= population.is_natural
    has_point[:, POINT_CHANNELS.index(Channel.LETTER)] = True
    bounces = grid(0.03)
    bounces[:, 3:] = False
    refuses = grid(0.025)
    refuses[:, 3:] = False
    bounce_day, refuse_day = days(), days()
    preferred = np.zeros((count, width), dtype=np.bool_)
    asked = (population.preferred_channel >= 0) & draws.chance(0.35, count)
    preferred[np.flatnonzero(asked), population.preferred_channel[asked]] = True
    passed_over = 0.0
    bias = scene.settings.injected_bias
    if bias is not None and bias.kind is BiasKind.CONTACT_ACCESS:
        passed_over = bias.strength
        has_point[population.is_disadvantaged] = np.array(POINT_CHANNELS) == Channel.LETTER
        preferred[population.is_disadvantaged] = False
    return Reachability(
        has_point=has_point,
        bounce_day=np.where(bounces & has_point, bounce_day, NEVER),
        opt_out_day=np.where(refuses & has_point & ~preferred, refuse_day, NEVER),
        states_preference=preferred & has_point,
        passed_over_prob=passed_over,
    )
