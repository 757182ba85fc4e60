"""The model card: what the scores were made from, how good they are, what they are for and what not.

Belongs here: the statements of the card (Mitchell et al. 2019). Does not belong here: the figures themselves.
"""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import RiskSettings
from segmentation.risk.cohort import Cohort
from segmentation.risk.inputs import DEPTH_GROUPS
from segmentation.risk.speaking import Speakers

_EPOCH = date(1970, 1, 1)

_USE = {
    "purpose": "Order the work on open invoices, plan cash, and start treatment of customers; a person decides.",
    "not for": "Granting or refusing credit, or any decision about a natural person made by the score alone.",
    "relying on it": "Only where score_status is scored, and not after valid_until; else use your own default.",
}
_LIMITS = {
    "habits": "It knows past payment behaviour on this ledger only: no insolvency data, no news, no bank accounts.",
    "change": "Habits drift. Calibration holds for cohorts like the last ones; see the table of monitoring.",
    "new customers": "Of customers without history it knows terms, amount and calendar: close to the average of all.",
    "joint payments": "How strongly a customer's payments move together is one figure for the whole ledger.",
    "people": "Age, sex, language, region and the kind of person are refused as features; proxies are audited.",
}


def build_model_card(
    past: Cohort, speakers: Speakers, day: int, settings: RiskSettings, version: str
) -> pl.DataFrame:
    """Return section, item and statement of the card of the models that speak (pred_model_card).

    Parameters
    ----------
    past : instalments with their features at issue.
    speakers : models, validation and choice.
    day : as-of day.
    settings, version : of the run.
    """
    parts = {
        "data": _describe_data(past, speakers, day),
        "model": _describe_model(speakers, settings, version),
        "features": iter([(f"{len(past.feature_names)} in all", ", ".join(past.feature_names))]),
        "metrics": _describe_metrics(speakers),
        "intended use": iter(_USE.items()),
        "limits": iter(_LIMITS.items()),
    }
    rows = [
        {"position": number, "section": section, "item": item, "statement": statement}
        for number, (section, item, statement) in enumerate(
            ((section, *pair) for section, pairs in parts.items() for pair in pairs), start=1
        )
    ]
    return ROOM_TABLES["pred_model_card"].conform(pl.DataFrame(rows))


def _describe_data(past: Cohort, speakers: Speakers, day: int) -> Iterator[tuple[str, str]]:
    known = past.take(past.known_before(day))
    if not len(known):
        yield "window", "No instalment was issued before the as-of day."
        return
    first, last = (_EPOCH + timedelta(days=int(at)) for at in (known.issue.min(), known.issue.max()))
    yield (
        "window",
        f"Instalments issued from {first} to {last}; everything observed before {_EPOCH + timedelta(days=day)}.",
    )
    size = (
        f"{len(known):,} instalments of {len(np.unique(known.customer)):,} customers; "
        f"{speakers.fitted.training_count:,} had fallen due, {speakers.fitted.late_count:,} of them paid late or open."
    )
    yield "size", size


def _describe_model(speakers: Speakers, settings: RiskSettings, version: str) -> Iterator[tuple[str, str]]:
    yield "version", version
    for depth, name in zip(DEPTH_GROUPS, speakers.choice.speakers, strict=True):
        yield f"customers with {depth} known instalments", f"{name} speaks."
    method = (
        f"Probability of being late: {settings.trees} trees of {settings.leaves} leaves that start from the past late "
        f"rate, ridge logistic regression, or both; days around the due date: a hazard by day of "
        f"{settings.hazard_trees} trees; calibrated on the test blocks, intervals conformal by depth of history."
    )
    yield "method", method
    for name, note in speakers.choice.notes.items():
        yield f"choice: {name}", note


def _describe_metrics(speakers: Speakers) -> Iterator[tuple[str, str]]:
    validation = speakers.validation
    if validation is None:
        yield "validation", "Nothing has matured yet on which it could be judged."
        return
    yield (
        "validation",
        f"{len(validation.is_late):,} instalments in {len(validation.origins)} blocks, each out of time.",
    )
    yield "figures", "See out_model_comparison (by depth of history), out_reliability and out_monitoring."
