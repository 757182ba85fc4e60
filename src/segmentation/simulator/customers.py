"""The customers of a world as arrays, and the lists that their codes point into.

Belongs here: what a population is. Does not belong here: how it is drawn (population).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.domain.vocabulary import PartyType, PaymentMethod
from segmentation.simulator.latent_types import TYPES, LatentType
from segmentation.simulator.randomness import Flags, Ints, Reals

PARTY_TYPES = (
    PartyType.CONSUMER,
    PartyType.SOLE_TRADER,
    PartyType.LEGAL_PERSON,
    PartyType.PUBLIC_BODY,
)
COUNTRIES = ("BE", "NL", "FR", "DE", "GB", "US")
CURRENCIES = ("EUR", "EUR", "EUR", "EUR", "GBP", "USD")
TIMEZONES = (
    "Europe/Brussels",
    "Europe/Amsterdam",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/London",
    "America/New_York",
)
REGIONS = (
    ("BE-VLG", "BE-WAL", "BE-BRU"),
    ("NL-NH", "NL-ZH", "NL-NB"),
    ("FR-IDF", "FR-HDF", "FR-ARA"),
    ("DE-NW", "DE-BY", "DE-BE"),
    ("GB-ENG", "GB-SCT", "GB-WLS"),
    ("US-NY", "US-MA", "US-PA"),
)
REGION_NAMES = tuple(name for row in REGIONS for name in row)
REGION_LANGUAGES = ("nl", "fr", "fr", "nl", "nl", "nl", "fr", "fr", "fr", "de", "de", "de") + ("en",) * 6
LANGUAGES = ("nl", "fr", "en", "de")
SECTORS = ("construction", "retail", "hospitality", "care", "manufacturing", "services")
SIZE_BANDS = ("micro", "small", "medium", "large")
SEXES = ("F", "M")
METHODS = (PaymentMethod.TRANSFER, PaymentMethod.DIRECT_DEBIT, PaymentMethod.CARD)
TERMS = (14, 30, 60)
PROXY_SECTOR = SECTORS.index("hospitality")


@dataclass(frozen=True, slots=True)
class Population:
    """Customers as arrays, one element each; codes are positions in the tuples of this module.

    ``-1`` stands for "none" in codes and days. ``late_before`` and ``late_after`` are the planted
    probabilities that an instalment is late, absent contact and the supplier's doing, before and from
    ``change_day`` on (``NEVER`` when it does not change).
    """

    latent_type: Ints
    late_before: Reals
    late_after: Reals
    change_day: Ints
    delay_factor: Reals
    run_code: Ints
    dunning_weekday: Ints
    pays_in_bulk: Flags
    party: Ints
    country: Ints
    region: Ints
    language: Ints
    sector: Ints
    size_band: Ints
    birth_year: Ints
    sex: Ints
    terms: Ints
    method: Ints
    joined_day: Ints
    left_day: Ints
    insolvent_day: Ints
    parent: Ints
    amount_scale: Reals
    billing_day: Ints
    is_recurring: Flags
    has_second_currency: Flags
    preferred_channel: Ints
    preferred_slot: Ints
    is_disadvantaged: Flags
    is_proxied: Flags

    @property
    def count(self) -> int:
        """Number of customers."""
        return len(self.latent_type)

    def is_type(self, *kinds: LatentType) -> Flags:
        """Return which customers are of one of these latent types."""
        return np.isin(self.latent_type, [TYPES.index(kind) for kind in kinds])

    @property
    def is_natural(self) -> Flags:
        """Which customers are natural persons in law."""
        return self.party <= PARTY_TYPES.index(PartyType.SOLE_TRADER)
