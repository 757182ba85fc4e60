"""Ledger tables about customers: master data, audit attributes, contact points, permissions, blocks."""

import numpy as np
import polars as pl

from segmentation.domain import core_tables
from segmentation.domain.vocabulary import BlockScope, PermissionStatus
from segmentation.simulator import customers as lists
from segmentation.simulator.cash import Cash
from segmentation.simulator.columns import dates, fill, ledger_frame, moments, numbers_or_null, words
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.holds import BLOCK_REASONS, Holds
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.reachability import POINT_CHANNELS, Reachability
from segmentation.simulator.scene import Scene

_LEGAL_FORMS = ("", "", "BV", "Council")
_CORRECTED_SHARE = 0.04
_BLOCKED_DISPUTES = 8


def customer_frames(scene: Scene, names: Identifiers) -> dict[str, pl.DataFrame]:
    """Return ``customer`` and ``customer_audit``; a corrected customer has two versions."""
    draws, population = scene.draws("customer records"), scene.population
    count, first, last = population.count, scene.first, scene.last
    position = np.arange(count)
    since = np.where(
        population.joined_day > first + 3, population.joined_day, first - 30 - draws.waiting(900.0, count)
    )
    known = np.maximum(since, first - 1)
    label = pl.select(
        pl.concat_str(
            [
                pl.lit("Customer "),
                pl.Series(position).cast(pl.String).str.zfill(5),
                pl.lit(" "),
                words(_LEGAL_FORMS, population.party),
            ]
        ).str.strip_chars_end()
    ).to_series()
    limit = np.round(population.amount_scale * 12 / 500) * 500
    has_limit = population.is_natural | draws.chance(0.35, count)
    corrected_on = known + 20 + draws.waiting(150.0, count)
    corrected = draws.chance(_CORRECTED_SHARE, count) & (corrected_on <= last)
    columns: dict[str, pl.Series] = {
        "customer_id": names.customer(position),
        "parent_customer_id": names.customer(population.parent),
        "name": label,
        "party_type": words(lists.PARTY_TYPES, population.party),
        "country": words(lists.COUNTRIES, population.country),
        "region": words(lists.REGION_NAMES, population.region),
        "language": words(lists.LANGUAGES, population.language),
        "timezone": words(lists.TIMEZONES, population.country),
        "sector": words(lists.SECTORS, population.sector),
        "size_band": words(lists.SIZE_BANDS, population.size_band),
        "credit_limit": pl.select(
            pl.when(pl.Series(has_limit)).then(None).otherwise(pl.Series(np.maximum(limit, 500)))
        ).to_series(),
        "payment_terms_days": pl.Series(population.terms),
        "payment_method": words(lists.METHODS, population.method),
        "customer_since": dates(since),
        "observed_at": moments(known),
    }
    before = columns | {
        "region": words(lists.REGION_NAMES, np.where(corrected, NONE, population.region)),
        "sector": words(lists.SECTORS, np.where(corrected, NONE, population.sector)),
    }
    after = pl.DataFrame(columns | {"observed_at": moments(corrected_on)}).filter(pl.Series(corrected))
    natural = population.is_natural
    audit = pl.DataFrame(
        {
            "customer_id": names.customer(position),
            "birth_year": numbers_or_null(population.birth_year),
            "sex": words(lists.SEXES, population.sex),
            "observed_at": moments(known),
        }
    ).filter(pl.Series(natural))
    return {
        "customer": ledger_frame(core_tables.CUSTOMER, pl.DataFrame(before), after),
        "customer_audit": ledger_frame(core_tables.CUSTOMER_AUDIT, audit),
    }


def reachability_frames(scene: Scene, reach: Reachability, names: Identifiers) -> dict[str, pl.DataFrame]:
    """Return ``contact_point`` and ``contact_permission``; a bounce is a second version."""
    population, first, last = scene.population, scene.first, scene.last
    customer, channel = np.nonzero(reach.has_point)
    known = np.maximum(population.joined_day[customer], first - 1)
    bounce = reach.bounce_day[customer, channel]
    points = pl.DataFrame(
        {
            "customer_id": names.customer(customer),
            "channel": words(POINT_CHANNELS, channel),
            "verified_at": dates(known),
            "bounced_at": dates(np.full(len(customer), NONE)),
            "observed_at": moments(known),
        }
    )
    bounced = points.with_columns(
        dates(bounce).alias("bounced_at"), moments(bounce, 43_200).alias("observed_at")
    )
    opted, opted_channel = np.nonzero(reach.opt_out_day <= last)
    refused = reach.opt_out_day[opted, opted_channel]
    wished, wished_channel = np.nonzero(reach.states_preference)
    wish_day = np.maximum(population.joined_day[wished], first - 1)
    permissions = [
        {
            "customer_id": names.customer(opted),
            "channel": words(POINT_CHANNELS, opted_channel),
            "status": fill(PermissionStatus.OPT_OUT, len(opted)),
            "reason": fill("asked not to be contacted this way", len(opted)),
            "valid_from": dates(refused),
            "is_preferred": pl.Series(np.zeros(len(opted), dtype=np.bool_)),
            "observed_at": moments(refused, 39_600),
        },
        {
            "customer_id": names.customer(wished),
            "channel": words(POINT_CHANNELS, wished_channel),
            "status": fill(PermissionStatus.ALLOWED, len(wished)),
            "reason": fill("stated preference", len(wished)),
            "valid_from": dates(wish_day),
            "is_preferred": pl.Series(np.ones(len(wished), dtype=np.bool_)),
            "observed_at": moments(wish_day, 28_800),
        },
    ]
    return {
        "contact_point": ledger_frame(
            core_tables.CONTACT_POINT,
            points,
            bounced.filter(pl.Series((bounce <= last) & (bounce > known))),
        ),
        "contact_permission": ledger_frame(
            core_tables.CONTACT_PERMISSION, *(pl.DataFrame(part) for part in permissions)
        ),
    }


def block_frame(scene: Scene, holds: Holds, cash: Cash, names: Identifiers) -> pl.DataFrame:
    """Return ``dunning_block``; the end of a block is a second version."""
    last, disputes = scene.last, cash.disputes
    held = np.flatnonzero(holds.from_day <= last)
    disputed = np.flatnonzero(disputes.exists & (disputes.opened <= last))[::_BLOCKED_DISPUTES]
    scope = np.concatenate([np.zeros(len(held), dtype=np.int64), np.ones(len(disputed), dtype=np.int64)])
    start = np.concatenate([holds.from_day[held], disputes.opened[disputed]])
    until = np.concatenate([holds.until_day[held], disputes.closed[disputed]])
    reason = np.concatenate([holds.reason[held], np.full(len(disputed), len(BLOCK_REASONS) - 1)])
    covered = pl.concat([names.customer(held), names.invoice(scene.parts.invoice[disputed])])
    blocks = pl.DataFrame(
        {
            "block_id": names.other("B", np.arange(len(start))),
            "scope": words(tuple(BlockScope), scope),
            "scope_id": covered,
            "reason": words(BLOCK_REASONS, reason),
            "valid_from": dates(start),
            "valid_until": dates(np.full(len(start), NONE)),
            "observed_at": moments(start, 32_400),
        }
    )
    ended = blocks.with_columns(
        dates(np.where(until < NEVER, until, NONE)).alias("valid_until"),
        moments(np.where(until < NEVER, until, NONE), 54_000).alias("observed_at"),
    ).filter(pl.Series(until <= last))
    return ledger_frame(core_tables.DUNNING_BLOCK, blocks, ended)
