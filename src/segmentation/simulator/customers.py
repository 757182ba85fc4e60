"""The customers of a world: who they are, how they pay by habit, and what is planted in them.

Belongs here: everything that is fixed about a customer before the first invoice. Does not belong
here: what happens to single invoices (invoices, behaviour).
"""

from dataclasses import dataclass

import numpy as np

from segmentation.domain.vocabulary import PartyType, PaymentMethod
from segmentation.simulator.days import ANY_DAY, MONTH_RUNS, NEVER, NONE, BusinessDays, day_number
from segmentation.simulator.latent_types import (
    STRUCTURAL_SHAPE,
    TYPES,
    LatentType,
    type_numbers,
)
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.settings import BiasKind, InjectedBias, WorldSettings

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


def _draw_late_probs(draws: Draws, latent: Ints, *, structural: Flags) -> Reals:
    count = len(latent)
    shapes = type_numbers("late_shape")[latent]
    incidental = draws.kumaraswamy(shapes[:, 0], shapes[:, 1], count)
    high = draws.kumaraswamy(np.full(count, STRUCTURAL_SHAPE[0]), np.full(count, STRUCTURAL_SHAPE[1]), count)
    return np.where(structural, np.maximum(high, 0.52), np.minimum(incidental, 0.48))


def _belongs(bias: InjectedBias, columns: dict[str, tuple[Ints, tuple[str, ...]]], age: Ints) -> Flags:
    if bias.attribute == "age_band":
        low, _, high = bias.group.rstrip("+").partition("-")
        return (age >= int(low)) & (age <= int(high or 200))
    codes, names = columns[bias.attribute]
    if bias.group not in names:
        raise ValueError(f"{bias.attribute} has no group {bias.group!r}; it has {', '.join(names)}")
    return codes == names.index(bias.group)


def draw_population(settings: WorldSettings, calendar: BusinessDays) -> Population:
    """Return the customers of a world, with planted truth and habits."""
    count = settings.customer_count
    first, last = day_number(settings.start_day), day_number(settings.end_day)
    span = last - first
    who, truth, habit = (Draws(settings.seed, topic) for topic in ("who", "truth", "habit"))

    latent = np.minimum(
        np.searchsorted(np.cumsum(type_numbers("share")), truth.stratified(count), side="right"),
        len(TYPES) - 1,
    )
    structural = truth.chance(type_numbers("structural_share")[latent], count)
    turns = truth.chance(np.where(latent == 0, 0.0, 0.16), count)
    late_before = _draw_late_probs(truth, latent, structural=structural)
    late_after = _draw_late_probs(truth, latent, structural=structural ^ turns)
    change_day = first + (span * (0.3 + 0.45 * truth.uniform(count))).astype(np.int64)
    delay_factor = np.round(np.clip(truth.spread(0.5, count), 0.4, 2.5), 3)
    preferred_channel = np.where(truth.chance(0.5, count), truth.whole(0, 3, count), NONE)
    preferred_slot = np.where(truth.chance(0.5, count), truth.whole(0, 3, count), NONE)
    if settings.homogeneous:
        latent = np.full(count, TYPES.index(LatentType.FORGETFUL))
        late_before, turns = np.full(count, 0.3), np.zeros(count, dtype=np.bool_)
        delay_factor = np.ones(count)
        preferred_channel = preferred_slot = np.full(count, NONE)
    late_after = np.where(turns, late_after, late_before)
    change_day = np.where(turns, change_day, NEVER)

    party = who.choice(np.array([0.38, 0.14, 0.43, 0.05]), count)
    country = who.choice(np.array([0.46, 0.22, 0.14, 0.10, 0.05, 0.03]), count)
    region = country * 3 + who.choice(np.array([0.5, 0.3, 0.2]), count)
    language = np.array([LANGUAGES.index(name) for name in REGION_LANGUAGES])[region]
    language = np.where(who.chance(0.06, count), who.whole(0, 3, count), language)
    is_natural, is_company = party <= 1, party >= 1
    sector = np.where(is_company, who.whole(0, len(SECTORS) - 1, count), NONE)
    size_band = np.where(party >= 2, who.choice(np.array([0.35, 0.4, 0.18, 0.07]), count), NONE)  # noqa: PLR2004
    size_band = np.where(party == 1, 0, size_band)
    age = who.whole(19, 88, count)
    sex = np.where(who.chance(0.06, count), NONE, who.whole(0, 1, count))
    terms = np.select(
        [party == 0, party == 1],
        [who.choice(np.array([0.75, 0.25, 0.0]), count), who.choice(np.array([0.4, 0.6, 0.0]), count)],
        who.choice(np.array([0.1, 0.7, 0.2]), count),
    )
    method = np.where(
        is_natural,
        who.choice(np.array([0.70, 0.26, 0.04]), count),
        who.choice(np.array([0.90, 0.09, 0.01]), count),
    )
    joined_late = who.chance(0.28, count)
    joined = np.where(joined_late, first + (span * 0.75 * who.uniform(count)).astype(np.int64), first)
    leaves = who.chance(0.10, count)
    left = np.where(leaves, joined + 60 + ((last - joined) * who.uniform(count)).astype(np.int64), last)
    cannot = latent == TYPES.index(LatentType.CANNOT_PAY)
    fails = cannot & who.chance(0.07, count) & (not settings.homogeneous)
    insolvent = np.where(fails, joined + 60 + ((last - joined) * who.uniform(count)).astype(np.int64), NEVER)
    left = np.minimum(np.minimum(left, insolvent), last)
    heads = np.flatnonzero(party == 2)  # noqa: PLR2004
    parent = np.full(count, NONE)
    if len(heads) > 1:
        chosen = heads[who.whole(0, len(heads) - 1, count)]
        has_parent = (party == 2) & who.chance(0.06, count) & (chosen < np.arange(count))  # noqa: PLR2004
        parent = np.where(has_parent, chosen, NONE)
    run_kind = habit.uniform(count)
    run = np.select(
        [~is_company | (run_kind < 0.06), run_kind < 0.60],  # noqa: PLR2004
        [ANY_DAY, habit.whole(1, 5, count)],
        habit.whole(MONTH_RUNS[0], MONTH_RUNS[-1], count),
    )
    if settings.homogeneous:
        run = np.full(count, ANY_DAY)
        method = np.zeros(count, dtype=np.int64)
    population = {
        "region": region,
        "sector": sector,
        "terms": terms,
        "method": method,
    }
    disadvantaged = proxied = np.zeros(count, dtype=np.bool_)
    bias = settings.injected_bias
    if bias is not None:
        unfair = Draws(settings.seed, "bias")
        member = _belongs(
            bias,
            {
                "party_type": (party, PARTY_TYPES),
                "language": (language, LANGUAGES),
                "region": (region, REGION_NAMES),
                "size_band": (size_band, SIZE_BANDS),
                "country": (country, COUNTRIES),
                "sex": (np.where(is_natural, sex, NONE), SEXES),
            },
            np.where(is_natural, age, NONE),
        )
        hit = unfair.chance(bias.strength, count)
        if bias.kind is BiasKind.PROXIES:
            proxied = (member & hit) | (~member & unfair.chance(0.1 * (1 - bias.strength), count))
            population["region"] = np.where(proxied, country * 3, region)
            population["sector"] = np.where(proxied, PROXY_SECTOR, sector)
            population["terms"] = np.where(proxied, 0, terms)
            population["method"] = np.where(proxied, 0, method)
        else:
            disadvantaged = member & (hit | (bias.kind is BiasKind.LABELS))
    return Population(
        latent_type=latent,
        late_before=late_before,
        late_after=late_after,
        change_day=change_day,
        delay_factor=delay_factor,
        run_code=run,
        dunning_weekday=habit.whole(0, 4, count),
        pays_in_bulk=is_company & habit.chance(0.96, count),
        party=party,
        country=country,
        region=population["region"],
        language=language,
        sector=population["sector"],
        size_band=size_band,
        birth_year=np.where(is_natural & who.chance(0.93, count), settings.end_day.year - age, NONE),
        sex=np.where(is_natural, sex, NONE),
        terms=np.array(TERMS)[population["terms"]],
        method=population["method"],
        joined_day=calendar.next_working(joined),
        left_day=left,
        insolvent_day=insolvent,
        parent=parent,
        amount_scale=np.round(np.array([90.0, 260.0, 850.0, 600.0])[party] * who.spread(0.8, count), 2),
        billing_day=habit.choice(np.array([4.0] + [1.0] * 27), count) + 1,
        is_recurring=habit.chance(np.where(is_company, 0.25, 0.6), count),
        has_second_currency=is_company & habit.chance(0.015, count),
        preferred_channel=preferred_channel,
        preferred_slot=preferred_slot,
        is_disadvantaged=disadvantaged,
        is_proxied=proxied,
    )
