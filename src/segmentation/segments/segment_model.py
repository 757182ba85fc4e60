"""The model behind the segments of a run, as numbers that a later run can apply again.

Belongs here: what was fitted and set, to and from a table. Does not belong here: fitting (behaviour), applying
(segmentation), saying whether a customer or the model changed (publish.migration).
"""

from dataclasses import asdict, dataclass, fields

import polars as pl
from pydantic import ValidationError

from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.settings import SegmentSettings
from segmentation.segments.behaviour import BehaviourModel, ModelName
from segmentation.segments.habit import LEVELS, HabitModel
from segmentation.segments.propensity import LatePrior
from segmentation.segments.segment_definitions import VERSION

_PRIOR_MEANINGS = {
    "alpha": "prior of the late propensity, late instalments it counts for",
    "beta": "prior of the late propensity, instalments on time it counts for",
    "alpha_variance": "uncertainty of alpha",
    "beta_variance": "uncertainty of beta",
    "covariance": "covariance of alpha and beta",
    "customer_count": "customers behind the prior",
}
_HABIT_MEANINGS = {
    "is_hidden_markov": "1 where the hidden Markov model is published, 0 where the beta-binomial is",
    "up": "probability of becoming late by habit, per 30 days",
    "down": "probability of recovering, per 30 days",
}
_SPREAD = [f"spread_{level:02d}" for level in range(1, LEVELS + 1)]
_SPREAD_MEANING = "share of customers at this level of the late propensity, of 24 from nil to all"


@dataclass(frozen=True, slots=True)
class SegmentModel:
    """What was fitted to a book, and the bounds that were set."""

    behaviour: BehaviourModel
    settings: SegmentSettings


def describe_model(model: SegmentModel) -> pl.DataFrame:
    """Return the parameters of a model, one a row (``pred_segment_model``)."""
    bounds = {name: field.description or name for name, field in SegmentSettings.model_fields.items()}
    values = {
        "definitions_version": VERSION,
        **asdict(model.behaviour.prior),
        "is_hidden_markov": model.behaviour.published is ModelName.HIDDEN_MARKOV,
        "up": model.behaviour.habits.up,
        "down": model.behaviour.habits.down,
        **dict(zip(_SPREAD, model.behaviour.habits.spread, strict=True)),
        **model.settings.model_dump(),
    }
    meanings = (
        {"definitions_version": "version of the definitions of segments"} | _PRIOR_MEANINGS | _HABIT_MEANINGS
    )
    meanings |= dict.fromkeys(_SPREAD, _SPREAD_MEANING) | bounds
    rows = [
        {"parameter": name, "value": float(value), "meaning": meanings[name]}
        for name, value in values.items()
    ]
    return ROOM_TABLES["pred_segment_model"].conform(pl.DataFrame(rows))


def restore_model(parameters: pl.DataFrame) -> SegmentModel | None:
    """Return the model of an earlier run; None when this program defines segments otherwise.

    Parameters
    ----------
    parameters : ``out_segment_model`` of an earlier snapshot.
    """
    values = dict(parameters.select("parameter", "value").iter_rows())
    prior = [field.name for field in fields(LatePrior)]
    fitted = {*prior, *_HABIT_MEANINGS, *_SPREAD}
    if values.pop("definitions_version", None) != VERSION or not values.keys() >= fitted:
        return None
    published = ModelName.HIDDEN_MARKOV if values.pop("is_hidden_markov") else ModelName.BETA_BINOMIAL
    habits = HabitModel(
        tuple(values.pop(name) for name in _SPREAD), up=values.pop("up"), down=values.pop("down")
    )
    behaviour = BehaviourModel(published, LatePrior(**{name: values.pop(name) for name in prior}), habits)
    if values.keys() != SegmentSettings.model_fields.keys():
        return None
    try:
        return SegmentModel(behaviour, SegmentSettings.model_validate(values))
    except ValidationError:
        return None
