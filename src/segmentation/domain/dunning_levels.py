"""Dunning levels: how far collection has come with what is overdue.

Belongs here: the level that a step gets, the same for a recommended step and for one that a person chose.
Does not belong here: which level was reached (treatment.exposure), the stages of collection (treatment.stages).
"""

import polars as pl

from segmentation.domain.vocabulary import ACTIONS_BECAUSE_OF_GATE, Action

FORMAL_LEVEL, JUDICIAL_LEVEL = 3, 4
"""Dunning levels of a formal notice and of a legal review; what comes before them is amicable."""

_WITHOUT_LEVEL = (
    *(Action.PRE_DUE_NOTICE.value, Action.SELF_SERVICE_LINK.value),
    *(Action.PAYMENT_PLAN_OFFER.value, Action.THANK_YOU.value),
)
"""Steps that are no reminder: they offer something, and the first reminder that follows is still the first."""


def dunning_level() -> pl.Expr:
    """Return the level: reminders and calls stay below a formal notice, and what asks for nothing overdue has none.

    Columns action and past_level (the level reached so far); null for wait and where no past level is known.
    """
    action, past = pl.col("action"), pl.col("past_level")
    level = (
        pl.when(action.is_in(_WITHOUT_LEVEL))
        .then(0)
        .when(action.is_in(list(ACTIONS_BECAUSE_OF_GATE)))
        .then(past)
        .when(action == Action.LEGAL_REVIEW)
        .then(pl.max_horizontal(past, pl.lit(JUDICIAL_LEVEL)))
        .when(action == Action.FORMAL_NOTICE)
        .then(pl.max_horizontal(past + 1, pl.lit(FORMAL_LEVEL)))
        .otherwise(pl.min_horizontal(past + 1, pl.lit(FORMAL_LEVEL - 1)))
    )
    return pl.when(past.is_not_null() & (action != Action.WAIT)).then(level)
