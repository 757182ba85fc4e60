"""Text turned into typed values by declared rules, each failure with the code of its rule.

Belongs here: expressions for one column. Does not belong here: rules about a whole row or between
rows (conversion), rules between tables (as_known).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from segmentation.domain.schema import AMOUNT_PRECISION, AMOUNT_SCALE, Column, DataType
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.mapping import Dialect
from segmentation.ledger.moments import parse_day, parse_moment

NON_NEGATIVE_AMOUNTS = frozenset(
    {
        ("core_invoice", "amount"),
        ("core_instalment", "amount"),
        ("core_promise_to_pay", "amount"),
        ("core_dispute", "amount"),
        ("core_customer", "credit_limit"),
    }
)
"""Amounts whose sign is said by the kind of row; a negative one would be counted the wrong way round."""

_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_MAX_WHOLE_DIGITS = AMOUNT_PRECISION - AMOUNT_SCALE


@dataclass(frozen=True)
class TypedColumn:
    """Expressions for a column: its typed value, and the code of the rule it breaks (null when none)."""

    value: pl.Expr
    rule: pl.Expr


def type_column(
    table_name: str, column: Column, dialect: Dialect, day_formats: Sequence[str], settings: LedgerSettings
) -> TypedColumn:
    """Return the expressions that type one text column; the value is null where a rule is broken."""
    text = pl.col(column.name)
    typed = _type_value(_Context(table_name, column, dialect, day_formats, settings))
    rule: pl.Expr = pl.when(text.is_not_null()).then(typed.rule)
    if not column.is_nullable:
        rule = pl.when(text.is_null()).then(pl.lit("missing_value")).otherwise(typed.rule)
    return TypedColumn(pl.when(rule.is_null()).then(typed.value), rule)


@dataclass(frozen=True)
class _Context:
    table_name: str
    column: Column
    dialect: Dialect
    day_formats: Sequence[str]
    settings: LedgerSettings


def _type_value(context: _Context) -> TypedColumn:
    column, dialect, settings = context.column, context.dialect, context.settings
    text = pl.col(column.name)
    match column.data_type:
        case DataType.AMOUNT:
            is_signed = (context.table_name, column.name) not in NON_NEGATIVE_AMOUNTS
            typed = _type_amount(text, dialect, is_signed=is_signed)
        case DataType.INTEGER:
            typed = _type_integer(text, column)
        case DataType.REAL:
            typed = _type_real(text, dialect, column)
        case DataType.BOOLEAN:
            typed = _type_flag(text)
        case DataType.DATE:
            typed = _type_time(parse_day(text, context.day_formats), "not_a_date", settings)
        case DataType.TIMESTAMP:
            moment = parse_moment(text, dialect.timestamp_format, context.day_formats)
            typed = _type_time(moment, "not_a_timestamp", settings)
        case _:
            typed = _type_text(text, column)
    return typed


def _first_broken(*rules: tuple[str, pl.Expr]) -> pl.Expr:
    """Return the code of the first rule that is broken; a condition that is null counts as broken."""
    return pl.coalesce(
        pl.when(is_broken.fill_null(value=True)).then(pl.lit(code)) for code, is_broken in rules
    )


def _plain_number(text: pl.Expr, dialect: Dialect) -> tuple[pl.Expr, pl.Expr]:
    """Return the number with a point and without thousands marks, and whether it was well written."""
    mark = re.escape(dialect.decimal_mark)
    whole = "[0-9]+"
    if dialect.thousands_mark:
        thousands = re.escape(dialect.thousands_mark)
        whole = f"(?:[0-9]+|[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+)"
    is_number = text.str.contains(f"^[+-]?{whole}(?:{mark}[0-9]+)?$")
    plain = text.str.strip_prefix("+")
    if dialect.thousands_mark:
        plain = plain.str.replace_all(dialect.thousands_mark, "", literal=True)
    if dialect.decimal_mark != ".":
        plain = plain.str.replace(dialect.decimal_mark, ".", literal=True)
    return plain, is_number


def _type_amount(text: pl.Expr, dialect: Dialect, *, is_signed: bool) -> TypedColumn:
    plain, is_number = _plain_number(text, dialect)
    kept = f"^(-?[0-9]+(?:\\.[0-9]{{1,{AMOUNT_SCALE}}})?)\\.?0*$"
    digits = plain.str.extract(kept, 1)
    fits = plain.str.contains(f"^-?0*[0-9]{{1,{_MAX_WHOLE_DIGITS}}}(?:\\.|$)")
    value = digits.cast(pl.Decimal(AMOUNT_PRECISION, AMOUNT_SCALE), strict=False)
    rules = [
        ("not_a_number", ~is_number),
        ("too_many_decimals", digits.is_null()),
        ("amount_out_of_range", ~fits | value.is_null()),
    ]
    if not is_signed:
        rules.append(("negative_amount", value < 0))
    return TypedColumn(value, _first_broken(*rules))


def _type_integer(text: pl.Expr, column: Column) -> TypedColumn:
    value = text.str.strip_prefix("+").cast(pl.Int64, strict=False)
    rules = [("not_a_whole_number", ~text.str.contains("^[+-]?[0-9]{1,18}$") | value.is_null())]
    return TypedColumn(value, _first_broken(*rules, *_bounds(value, column)))


def _type_real(text: pl.Expr, dialect: Dialect, column: Column) -> TypedColumn:
    plain, is_number = _plain_number(text, dialect)
    plain = plain.str.strip_prefix("+")
    is_number = is_number | plain.str.contains(r"^-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3}$")
    value = plain.cast(pl.Float64, strict=False)
    rules = [("not_a_number", ~is_number | ~value.is_finite())]
    return TypedColumn(value, _first_broken(*rules, *_bounds(value, column)))


def _bounds(value: pl.Expr, column: Column) -> list[tuple[str, pl.Expr]]:
    rules = []
    if column.minimum is not None:
        rules.append(("out_of_range", value < column.minimum))
    if column.maximum is not None:
        rules.append(("out_of_range", value > column.maximum))
    return rules


def _type_flag(text: pl.Expr) -> TypedColumn:
    plain = text.str.to_lowercase()
    value = (
        pl.when(plain.is_in(_TRUE))
        .then(pl.lit(value=True))
        .when(plain.is_in(_FALSE))
        .then(pl.lit(value=False))
    )
    return TypedColumn(value, _first_broken(("not_a_yes_or_no", value.is_null())))


def _type_time(moment: pl.Expr, unreadable: str, settings: LedgerSettings) -> TypedColumn:
    is_plausible = moment.dt.year().is_between(settings.earliest_year, settings.latest_year)
    return TypedColumn(
        moment, _first_broken((unreadable, moment.is_null()), ("date_out_of_range", ~is_plausible))
    )


def _type_text(text: pl.Expr, column: Column) -> TypedColumn:
    if column.allowed is not None:
        return TypedColumn(text, _first_broken(("not_in_list", ~text.is_in(column.allowed))))
    if column.name == "currency":
        return TypedColumn(text, _first_broken(("not_a_currency", ~text.str.contains("^[A-Z]{3}$"))))
    return TypedColumn(text, pl.lit(None, dtype=pl.String))
