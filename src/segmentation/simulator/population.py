"""Drawing the customers of a world: who they are, how they pay by habit, and what is planted in them.

Belongs here: everything that is fixed about a customer before the first invoice. Does not belong
here: what happens to single invoices (invoices, behaviour).
"""

import re
from typing import Any

import numpy as np

from segmentation.domain.errors import UsageError
from segmentation.simulator import customers as lists
from segmentation.simulator.customers import Population
from segmentation.simulator.days import ANY_DAY, MONTH_RUNS, NEVER, NONE, BusinessDays, day_number
from segmentation.simulator.latent_types import STRUCTURAL_SHAPE, TYPES, LatentType, type_numbers
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.settings import BiasKind, InjectedBias, WorldSettings

_CONSUMER, _SOLE_TRADER, _LEGAL_PERSON = range(3)
_BILLING_DAYS = 28
_HOMOGENEOUS_LATE_PROB = 0.3
_MIN_STRUCTURAL, _MAX_INCIDENTAL = 0.52, 0.48


def draw_population(settings: WorldSettings, calendar: BusinessDays) -> Population:
    """Return the customers of a world, with planted truth and habits."""
    count = settings.customer_count
    drawn: dict[str, Any] = _draw_truth(settings)
    drawn |= _draw_identity(settings)
    drawn |= _draw_stay(settings, calendar, drawn["latent_type"])
    drawn |= _draw_habits(settings, drawn["party"])
    drawn |= {
        "is_disadvantaged": np.zeros(count, dtype=np.bool_),
        "is_proxied": np.zeros(count, dtype=np.bool_),
    }
    if settings.injected_bias is not None:
        drawn |= _disadvantage(settings, settings.injected_bias, drawn)
    natural = drawn["party"] <= _SOLE_TRADER
    unknown_age = Draws(settings.seed, "unknown age").chance(0.07, count)
    drawn["birth_year"] = np.where(natural & ~unknown_age, drawn["birth_year"], NONE)
    drawn["sex"] = np.where(natural, drawn["sex"], NONE)
    drawn["terms"] = np.array(lists.TERMS)[drawn["terms"]]
    return Population(**drawn)


def _draw_late_probs(draws: Draws, latent: Ints, *, structural: Flags) -> Reals:
    count = len(latent)
    shapes = type_numbers("late_shape")[latent]
    incidental = draws.kumaraswamy(shapes[:, 0], shapes[:, 1], count)
    alpha, beta = (np.full(count, value) for value in STRUCTURAL_SHAPE)
    high = draws.kumaraswamy(alpha, beta, count)
    return np.where(structural, np.maximum(high, _MIN_STRUCTURAL), np.minimum(incidental, _MAX_INCIDENTAL))


def _draw_truth(settings: WorldSettings) -> dict[str, Any]:
    count, draws = settings.customer_count, Draws(settings.seed, "truth")
    if settings.homogeneous:
        late = np.full(count, _HOMOGENEOUS_LATE_PROB)
        nothing = np.full(count, NONE)
        return {
            "latent_type": np.full(count, TYPES.index(LatentType.FORGETFUL)),
            "late_before": late,
            "late_after": late,
            "change_day": np.full(count, NEVER),
            "delay_factor": np.ones(count),
            "preferred_channel": nothing,
            "preferred_slot": nothing,
        }
    shares = np.cumsum(type_numbers("share"))
    latent = np.minimum(np.searchsorted(shares, draws.stratified(count), side="right"), len(TYPES) - 1)
    structural = draws.chance(type_numbers("structural_share")[latent], count)
    turns = draws.chance(np.where(latent == TYPES.index(LatentType.PROMPT), 0.0, 0.16), count)
    before = _draw_late_probs(draws, latent, structural=structural)
    after = _draw_late_probs(draws, latent, structural=structural ^ turns)
    first, last = day_number(settings.start_day), day_number(settings.end_day)
    change = first + ((last - first) * (0.3 + 0.45 * draws.uniform(count))).astype(np.int64)
    return {
        "latent_type": latent,
        "late_before": before,
        "late_after": np.where(turns, after, before),
        "change_day": np.where(turns, change, NEVER),
        "delay_factor": np.round(np.clip(draws.spread(0.5, count), 0.4, 2.5), 3),
        "preferred_channel": np.where(draws.chance(0.5, count), draws.whole(0, 3, count), NONE),
        "preferred_slot": np.where(draws.chance(0.5, count), draws.whole(0, 3, count), NONE),
    }


def _draw_identity(settings: WorldSettings) -> dict[str, Any]:
    count, draws = settings.customer_count, Draws(settings.seed, "identity")
    party = draws.choice(np.array([0.38, 0.14, 0.43, 0.05]), count)
    country = draws.choice(np.array([0.46, 0.22, 0.14, 0.10, 0.05, 0.03]), count)
    region = country * len(lists.REGIONS[0]) + draws.choice(np.array([0.5, 0.3, 0.2]), count)
    spoken = np.array([lists.LANGUAGES.index(name) for name in lists.REGION_LANGUAGES])[region]
    size_band = np.where(party >= _LEGAL_PERSON, draws.choice(np.array([0.35, 0.4, 0.18, 0.07]), count), NONE)
    is_head = party == _LEGAL_PERSON
    heads = np.flatnonzero(is_head)
    wanted = draws.whole(0, max(len(heads) - 1, 0), count)
    chosen = heads[wanted] if len(heads) else np.full(count, NONE)
    has_parent = is_head & draws.chance(0.06, count) & (chosen < np.arange(count)) & (chosen >= 0)
    return {
        "party": party,
        "country": country,
        "region": region,
        "language": np.where(draws.chance(0.06, count), draws.whole(0, 3, count), spoken),
        "sector": np.where(party >= _SOLE_TRADER, draws.whole(0, len(lists.SECTORS) - 1, count), NONE),
        "size_band": np.where(party == _SOLE_TRADER, 0, size_band),
        "birth_year": settings.end_day.year - draws.whole(19, 88, count),
        "sex": np.where(draws.chance(0.06, count), NONE, draws.whole(0, 1, count)),
        "parent": np.where(has_parent, chosen, NONE),
    }


def _draw_stay(settings: WorldSettings, calendar: BusinessDays, latent: Ints) -> dict[str, Any]:
    count, draws = settings.customer_count, Draws(settings.seed, "stay")
    first, last = day_number(settings.start_day), day_number(settings.end_day)
    late_start = first + ((last - first) * 0.75 * draws.uniform(count)).astype(np.int64)
    joined = calendar.next_working(np.where(draws.chance(0.28, count), late_start, first))
    some_day = joined + 60 + ((last - joined) * draws.uniform(count)).astype(np.int64)
    left = np.where(draws.chance(0.10, count), some_day, last)
    fails = (latent == TYPES.index(LatentType.CANNOT_PAY)) & draws.chance(0.07, count)
    failing_day = joined + 60 + ((last - joined) * draws.uniform(count)).astype(np.int64)
    insolvent = np.where(fails, failing_day, NEVER)
    return {
        "joined_day": joined,
        "left_day": np.minimum(np.minimum(left, insolvent), last),
        "insolvent_day": insolvent,
    }


def _draw_habits(settings: WorldSettings, party: Ints) -> dict[str, Any]:
    count, draws = settings.customer_count, Draws(settings.seed, "habits")
    is_natural, is_company = party <= _SOLE_TRADER, party >= _SOLE_TRADER
    terms = np.select(
        [party == _CONSUMER, party == _SOLE_TRADER],
        [draws.choice(np.array([0.75, 0.25, 0.0]), count), draws.choice(np.array([0.4, 0.6, 0.0]), count)],
        draws.choice(np.array([0.1, 0.7, 0.2]), count),
    )
    method = np.where(
        is_natural,
        draws.choice(np.array([0.70, 0.26, 0.04]), count),
        draws.choice(np.array([0.90, 0.09, 0.01]), count),
    )
    kind = draws.uniform(count)
    on_month_days = draws.whole(MONTH_RUNS[0], MONTH_RUNS[-1], count)
    on_weekday = draws.whole(1, 5, count)
    run = np.select([~is_company | (kind < 0.06), kind < 0.60], [ANY_DAY, on_weekday], on_month_days)  # noqa: PLR2004
    return {
        "terms": terms,
        "method": np.zeros(count, dtype=np.int64) if settings.homogeneous else method,
        "run_code": np.full(count, ANY_DAY) if settings.homogeneous else run,
        "dunning_weekday": draws.whole(0, 4, count),
        "pays_in_bulk": is_company & draws.chance(0.96, count),
        "amount_scale": np.round(np.array([90.0, 260.0, 850.0, 600.0])[party] * draws.spread(0.8, count), 2),
        "billing_day": draws.choice(np.array([4.0] + [1.0] * (_BILLING_DAYS - 1)), count) + 1,
        "is_recurring": draws.chance(np.where(is_company, 0.25, 0.6), count),
        "has_second_currency": is_company & draws.chance(0.015, count),
    }


def find_members(settings: WorldSettings, bias: InjectedBias, drawn: dict[str, Any]) -> Flags:
    """Return which customers belong to the group that a bias is about.

    Raises
    ------
    UsageError
        When the attribute has no such group.
    """
    natural = drawn["party"] <= _SOLE_TRADER
    if bias.attribute == "age_band":
        age = np.where(natural, settings.end_day.year - drawn["birth_year"], NONE)
        band = re.fullmatch(r"(\d+)(?:-(\d+)|\+)", bias.group)
        if band is None:
            raise _unknown(bias, "Write it as 18-29 or 65+.")
        return (age >= int(band[1])) & (age <= int(band[2] or 200))
    columns: dict[str, tuple[Ints, tuple[str, ...]]] = {
        "party_type": (drawn["party"], lists.PARTY_TYPES),
        "language": (drawn["language"], lists.LANGUAGES),
        "region": (drawn["region"], lists.REGION_NAMES),
        "size_band": (drawn["size_band"], lists.SIZE_BANDS),
        "country": (drawn["country"], lists.COUNTRIES),
        "sex": (np.where(natural, drawn["sex"], NONE), lists.SEXES),
    }
    codes, names = columns[bias.attribute]
    if bias.group not in names:
        raise _unknown(bias, f"Choose one of {', '.join(names)}.")
    member: Flags = codes == names.index(bias.group)
    return member


def _unknown(bias: InjectedBias, remedy: str) -> UsageError:
    return UsageError(f"{bias.attribute} has no group {bias.group!r}", where="injected bias", remedy=remedy)


def _disadvantage(settings: WorldSettings, bias: InjectedBias, drawn: dict[str, Any]) -> dict[str, Any]:
    count, draws = settings.customer_count, Draws(settings.seed, "bias")
    member = find_members(settings, bias, drawn)
    hit = draws.chance(bias.strength, count)
    if bias.kind is BiasKind.LABELS:
        return {"is_disadvantaged": member}
    if bias.kind is BiasKind.CONTACT_ACCESS:
        return {"is_disadvantaged": member & hit}
    proxied = (member & hit) | (~member & draws.chance(0.1 * (1 - bias.strength), count))
    first_region = drawn["country"] * len(lists.REGIONS[0])
    return {
        "is_proxied": proxied,
        "region": np.where(proxied, first_region, drawn["region"]),
        "sector": np.where(proxied, lists.PROXY_SECTOR, drawn["sector"]),
        "terms": np.where(proxied, 0, drawn["terms"]),
        "method": np.where(proxied, 0, drawn["method"]),
    }
