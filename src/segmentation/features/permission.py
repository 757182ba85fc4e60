"""Which columns of the ledger features may touch: a matter of role, not of a list of names.

Belongs here: the refusal. Does not belong here: features, facts.
"""

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, SUPERSEDED_TABLES
from segmentation.domain.schema import Frames, Role

REFUSED_ROLES = (Role.SENSITIVE, Role.GROUP, Role.PERSONAL, Role.FREE_TEXT)
"""Roles of ledger columns that no feature may touch."""

_TABLES = CANONICAL_TABLES | SUPERSEDED_TABLES


def refused_columns() -> dict[str, Role]:
    """Return the ledger columns that no feature may name, with the role that forbids it."""
    return {
        column.name: column.role
        for table in CANONICAL_TABLES.values()
        for column in table.columns
        if column.role in REFUSED_ROLES
    }


def without_refused(ledger: Frames) -> dict[str, pl.DataFrame]:
    """Return the ledger without the columns that features may not touch, by role.

    Everything in this room reads the ledger through this function, so a sensitive, group, personal
    or free-text column cannot reach a feature whatever its formula.
    """
    return {
        name: frame.drop(_TABLES[name].columns_with(*REFUSED_ROLES), strict=False)
        if name in _TABLES
        else frame
        for name, frame in ledger.items()
    }
