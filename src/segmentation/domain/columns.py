"""Short constructors for columns, so that a table definition reads like a table.

``key_`` makes an identifier that is never null; the others are nullable unless ``required=True``.
"""

from enum import StrEnum

from segmentation.domain.schema import Column, DataType, Role


def key_(name: str, description: str) -> Column:
    """Identifier that is part of the key; never null."""
    return Column(name, DataType.TEXT, description, Role.IDENTIFIER, is_nullable=False)


def identifier(name: str, description: str, *, required: bool = False) -> Column:
    """Reference to a row of another table."""
    return Column(name, DataType.TEXT, description, Role.IDENTIFIER, is_nullable=not required)


def category(
    name: str,
    description: str,
    allowed: type[StrEnum] | None = None,
    *,
    required: bool = False,
    role: Role = Role.CATEGORY,
    known_from: str | None = None,
) -> Column:
    """Word from a closed list, or a free code when ``allowed`` is None."""
    values = tuple(member.value for member in allowed) if allowed else None
    return Column(name, DataType.TEXT, description, role, not required, values, known_from=known_from)


def text(name: str, description: str, *, required: bool = False, role: Role = Role.FREE_TEXT) -> Column:
    """Text that somebody or something wrote."""
    return Column(name, DataType.TEXT, description, role, is_nullable=not required)


def text_list(name: str, description: str) -> Column:
    """List of codes or sentences, most important first; empty rather than null."""
    return Column(name, DataType.TEXT_LIST, description, Role.CATEGORY, is_nullable=False)


def integer(
    name: str,
    description: str,
    *,
    required: bool = False,
    minimum: float | None = None,
    role: Role = Role.MEASURE,
    known_from: str | None = None,
) -> Column:
    """Whole number: a count, a number of days, a level."""
    return Column(
        name,
        DataType.INTEGER,
        description,
        role,
        is_nullable=not required,
        minimum=minimum,
        known_from=known_from,
    )


def real(
    name: str,
    description: str,
    *,
    required: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
) -> Column:
    """Number with a fraction."""
    return Column(
        name, DataType.REAL, description, is_nullable=not required, minimum=minimum, maximum=maximum
    )


def prob(name: str, description: str, *, required: bool = False) -> Column:
    """Probability or share between 0 and 1."""
    return real(name, description, required=required, minimum=0.0, maximum=1.0)


def amount(name: str, description: str, *, required: bool = False) -> Column:
    """Decimal money in the row's currency."""
    return Column(name, DataType.AMOUNT, description, is_nullable=not required)


def flag(name: str, description: str, *, required: bool = False) -> Column:
    """True or false; null when it is not known."""
    return Column(name, DataType.BOOLEAN, description, Role.CATEGORY, is_nullable=not required)


def date(name: str, description: str, *, required: bool = False, known_from: str | None = None) -> Column:
    """Calendar day."""
    return Column(
        name, DataType.DATE, description, Role.TIME, is_nullable=not required, known_from=known_from
    )


def timestamp(
    name: str, description: str, *, required: bool = False, known_from: str | None = None
) -> Column:
    """Moment in UTC."""
    return Column(
        name, DataType.TIMESTAMP, description, Role.TIME, is_nullable=not required, known_from=known_from
    )


CURRENCY = Column("currency", DataType.TEXT, "ISO 4217 code of the amounts in the row", Role.CATEGORY, False)
