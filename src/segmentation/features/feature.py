"""What a feature is: name, unit, window, formula, and the reason that it belongs to.

Belongs here: the grammar of features and what it refuses. Does not belong here: the features themselves
(``definitions``).
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from segmentation.domain.schema import Column, DataType
from segmentation.features.permission import refused_columns
from segmentation.features.reasons import ReasonGroup
from segmentation.features.state import OWN, REAL_STATE, RECENT, STATE
from segmentation.features.tallies import TALLIES


class Unit(StrEnum):
    """Unit of a feature; its name ends in it."""

    COUNT = "count"
    DAYS = "days"
    SHARE = "share"
    RATIO = "ratio"
    WEEKDAY = "weekday"
    SINE = "sine"
    COSINE = "cosine"
    LOG10 = "log10"


class Scope(StrEnum):
    """What a feature is about, and so which tables have it."""

    CUSTOMER = "customer"
    INSTALMENT = "instalment"
    OPEN_INSTALMENT = "open_instalment"


class Window(StrEnum):
    """Which part of the past a feature looks at."""

    ALL = "all of the past"
    YEAR = "365 days"
    QUARTER = "90 days"
    RECENT = f"last {RECENT} settlements"
    LAST_3 = "last 3 settlements"
    NOW = "the moment itself"


STATE_COLUMNS = frozenset((*STATE, *REAL_STATE, *OWN, *(c for tally in TALLIES for c in tally.columns)))
"""Names that a formula may use."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Parameters
    ----------
    name : snake_case, ends in its unit.
    unit : unit of the value; counts and weekdays are whole numbers.
    window : part of the past that it looks at.
    null_rule : when it is null, in words.
    formula : expression over state columns (``state.STATE``, ``state.OWN``, tallies).
    reason_group : group under which it explains a prediction.
    description : what it says, in business words.
    scope : customer (all tables), instalment (at issue and open) or open_instalment.

    Raises
    ------
    ValueError
        When the name does not end in the unit, when the formula looks at other rows (moments) or calls Python, or when it
        names a column that is not a state column; by role when it is a sensitive, group, personal or
        free-text column of the ledger.
    """

    name: str
    unit: Unit
    window: Window
    null_rule: str
    formula: pl.Expr
    reason_group: ReasonGroup
    description: str
    scope: Scope = Scope.CUSTOMER

    def __post_init__(self) -> None:
        if not self.name.endswith(f"_{self.unit}"):
            raise ValueError(f"the name of feature {self.name} must end in its unit, _{self.unit}")
        if not sees_only_its_row(self.formula):
            raise ValueError(
                f"feature {self.name} looks at other rows, or calls Python, which may: what is known there may come later"
            )
        refused = refused_columns()
        for column in self.formula.meta.root_names():
            if column in refused:
                raise ValueError(
                    f"feature {self.name} uses {column}, a {refused[column]} column: features may not"
                )
            if column not in STATE_COLUMNS:
                raise ValueError(f"feature {self.name} uses {column}, which is not a state column")

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self.unit in {Unit.COUNT, Unit.WEEKDAY}

    @property
    def column(self) -> Column:
        """The column of the feature tables."""
        data_type = DataType.INTEGER if self.is_whole else DataType.REAL
        return Column(self.name, data_type, f"{self.description}; {self.window}; {self.null_rule}")


def sees_only_its_row(formula: pl.Expr) -> bool:
    """Return whether every step of a formula makes the value of a row from that row and constants alone.

    Each step is asked: ``is_row_separable`` speaks of the outermost one. A function in Python may look anywhere, so it
    is refused, as is what can be read only with the table at hand.
    """
    step = formula.meta
    try:
        sees_own_row = step.is_row_separable() and (step.is_scalar() or step.is_length_preserving())
    except pl.exceptions.PolarsError:
        return False
    return sees_own_row and all(map(sees_only_its_row, step.pop()))
