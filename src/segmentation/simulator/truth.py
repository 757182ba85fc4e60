"""What was planted: the truth against which segments, causes, responses and the bias gate are judged.

Never part of the ledger: no room of the pipeline may read it.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.simulator.behaviour import Behaviour, SupplierCause, late_prob_on
from segmentation.simulator.cash import Cash
from segmentation.simulator.columns import dates, euros, numbers_or_null, words
from segmentation.simulator.contact_frames import Talk, number_contacts
from segmentation.simulator.contacts import Course
from segmentation.simulator.days import NEVER, NONE
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.latent_types import (
    CAUSE_OF_TYPE,
    CONTACT_CHANNELS,
    SLOTS,
    TYPES,
    response_log_odds,
)
from segmentation.simulator.scene import Scene


@dataclass(frozen=True, slots=True)
class Happening:
    """All that was planted and what came of it."""

    behaviour: Behaviour
    course: Course
    cash: Cash
    talk: Talk


def truth_frames(scene: Scene, happening: Happening, names: Identifiers) -> dict[str, pl.DataFrame]:
    """Return the planted truth: ``customer``, ``invoice``, ``contact`` and ``response``."""
    return {
        "customer": _customer_truth(scene, names),
        "invoice": _invoice_truth(scene, happening, names),
        "contact": _contact_truth(scene, happening, names),
        "response": _response_truth(),
    }


def _customer_truth(scene: Scene, names: Identifiers) -> pl.DataFrame:
    """One row per customer: why late, how likely, since when otherwise, and through what reached best."""
    population = scene.population
    position = np.arange(population.count)
    at_end = late_prob_on(scene.settings, population, position, np.full(population.count, scene.last))
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


def _invoice_truth(scene: Scene, happening: Happening, names: Identifiers) -> pl.DataFrame:
    """One row per instalment: planted lateness, delay without contact, and what became of it.

    ``untold_prob`` is the chance that the supplier makes it late in a way that only a contact would tell;
    ``planned_days_late`` is null when it would never be paid of its own accord, ``realised_days_late``
    while it is open.
    """
    parts, behaviour, cash = scene.parts, happening.behaviour, happening.cash
    planned = behaviour.true_pay < NEVER
    covered = cash.covered_day != NONE
    causes = tuple(None if cause is SupplierCause.NONE else cause.name.lower() for cause in SupplierCause)
    return pl.DataFrame(
        {
            "invoice_id": names.invoice(parts.invoice),
            "instalment_number": parts.number,
            "customer_id": names.customer(parts.customer),
            "late_prob": behaviour.late_prob,
            "untold_prob": behaviour.untold_prob,
            "is_late": behaviour.is_late,
            "supplier_cause": pl.Series(causes, dtype=pl.String).gather(pl.Series(behaviour.supplier_cause)),
            "planned_days_late": pl.select(
                pl.when(pl.Series(planned)).then(pl.Series(behaviour.true_pay - parts.due))
            ).to_series(),
            "realised_days_late": pl.select(
                pl.when(pl.Series(covered)).then(pl.Series(cash.covered_day - parts.due))
            ).to_series(),
            "open_amount": euros(cash.open_cents),
            "was_contacted": np.isin(np.arange(parts.count), happening.course.contacts.part),
        }
    ).sort("invoice_id", "instalment_number")


def _contact_truth(scene: Scene, happening: Happening, names: Identifiers) -> pl.DataFrame:
    """One row per contact that was due: chance of a response, whether there was one, and holdouts.

    What is overdue through the supplier's doing does not move with a response.
    """
    log, parts = happening.course.contacts, scene.parts
    number = number_contacts(happening.course, happening.talk)
    cause = happening.behaviour.supplier_cause[log.part]
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
            "is_supplier_caused": cause != SupplierCause.NONE,
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
