"""What was planted: the truth against which segments, causes, responses and the bias gate are judged.

Never part of the ledger: no room of the pipeline may read it.
"""

import numpy as np
import polars as pl

from segmentation.simulator.behaviour import Behaviour, SupplierCause, late_prob_on
from segmentation.simulator.cash import Cash
from segmentation.simulator.columns import dates, euros, numbers_or_null, words
from segmentation.simulator.contacts import Course
from segmentation.simulator.customers import Population
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.invoices import Parts
from segmentation.simulator.latent_types import (
    CAUSE_OF_TYPE,
    CONTACT_CHANNELS,
    SLOTS,
    TYPES,
    response_log_odds,
)
from segmentation.simulator.randomness import Ints
from segmentation.simulator.settings import WorldSettings


def truth_frames(
    settings: WorldSettings,
    population: Population,
    parts: Parts,
    behaviour: Behaviour,
    course: Course,
    cash: Cash,
    contact_number: Ints,
    names: Identifiers,
    last: int,
) -> dict[str, pl.DataFrame]:
    """Return the planted truth: ``customer``, ``invoice``, ``contact`` and ``response``."""
    return {
        "customer": _customer_truth(settings, population, names, last),
        "invoice": _invoice_truth(parts, behaviour, course, cash, names),
        "contact": _contact_truth(course, contact_number, parts, names),
        "response": _response_truth(),
    }


def _customer_truth(
    settings: WorldSettings, population: Population, names: Identifiers, last: int
) -> pl.DataFrame:
    position = np.arange(population.count)
    at_end = late_prob_on(settings, population, position, np.full(population.count, last))
    causes = [CAUSE_OF_TYPE[kind] for kind in TYPES]
    cause = pl.Series([None if name is None else str(name) for name in causes], dtype=pl.String)
    return pl.DataFrame(
        {
            "customer_id": names.customer(position),
            "latent_type": words(TYPES, population.latent_type),
            "cause": cause.gather(pl.Series(population.latent_type)),
            "late_before_prob": population.late_before,
            "late_after_prob": population.late_after,
            "change_date": dates(np.where(population.change_day == NEVER, NONE, population.change_day)),
            "late_at_end_prob": at_end,
            "segment_at_end": words(("incidental", "structural"), (at_end > 0.5).astype(np.int64)),  # noqa: PLR2004
            "delay_factor": population.delay_factor,
            "run_code": population.run_code,
            "preferred_channel": words(CONTACT_CHANNELS, population.preferred_channel),
            "preferred_slot": words(SLOTS, population.preferred_slot),
            "insolvent_date": dates(
                np.where(population.insolvent_day == NEVER, NONE, population.insolvent_day)
            ),
            "is_disadvantaged": population.is_disadvantaged,
            "is_proxied": population.is_proxied,
        }
    ).sort("customer_id")


def _invoice_truth(
    parts: Parts, behaviour: Behaviour, course: Course, cash: Cash, names: Identifiers
) -> pl.DataFrame:
    planned = behaviour.true_pay < NEVER
    covered = cash.covered_day != NONE
    causes = tuple(None if cause is SupplierCause.NONE else cause.name.lower() for cause in SupplierCause)
    return pl.DataFrame(
        {
            "invoice_id": names.invoice(parts.invoice),
            "instalment_number": parts.number,
            "customer_id": names.customer(parts.customer),
            "late_prob": behaviour.late_prob,
            "is_late": behaviour.is_late,
            "supplier_cause": pl.Series(causes, dtype=pl.String).gather(pl.Series(behaviour.supplier_cause)),
            "planned_days_late": pl.select(
                pl.when(pl.Series(planned)).then(pl.Series(behaviour.true_pay - parts.due))
            ).to_series(),
            "realised_days_late": pl.select(
                pl.when(pl.Series(covered)).then(pl.Series(cash.covered_day - parts.due))
            ).to_series(),
            "open_amount": euros(cash.open_cents),
            "was_contacted": np.isin(np.arange(parts.count), course.contacts.part),
        }
    ).sort("invoice_id", "instalment_number")


def _contact_truth(course: Course, number: Ints, parts: Parts, names: Identifiers) -> pl.DataFrame:
    log = course.contacts
    return pl.DataFrame(
        {
            "contact_id": names.other("K", number),
            "customer_id": names.customer(log.customer),
            "invoice_id": names.invoice(parts.invoice[log.part]),
            "day": dates(log.day),
            "channel": words(CONTACT_CHANNELS, np.where(log.is_holdout, NONE, log.channel)),
            "slot": words(SLOTS, np.where(log.is_holdout, NONE, log.slot)),
            "dunning_level": numbers_or_null(log.level),
            "response_prob": np.where(log.is_holdout, 0.0, log.response_prob),
            "has_responded": log.has_responded,
            "is_holdout": log.is_holdout,
        }
    )


def _response_truth() -> pl.DataFrame:
    odds = response_log_odds()
    kind, channel, slot = (axis.ravel() for axis in np.indices(odds.shape))
    return pl.DataFrame(
        {
            "latent_type": words(TYPES, kind),
            "channel": words(CONTACT_CHANNELS, channel),
            "slot": words(SLOTS, slot),
            "response_prob": np.round(1 / (1 + np.exp(-odds.ravel())), 4),
        }
    )
