"""Text turned into typed values by declared rules, each failure with the code of its rule.

Belongs here: one column at a time. Does not belong here: rules about a whole row or between rows
(conversion), rules between tables (as_known).
"""

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from babel.numbers import list_currencies

from segmentation.domain.schema import AMOUNT_PRECISION, AMOUNT_SCALE, Column, DataType
from segmentation.domain.settings import LedgerSettings
from segmentation.ledger.dialect import Dialect
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

_AMOUNT = pl.Decimal(AMOUNT_PRECISION, AMOUNT_SCALE)
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_MAX_WHOLE_DIGITS = AMOUNT_PRECISION - AMOUNT_SCALE
_PLAIN_AMOUNT = f"^-?[0-9]{{1,{_MAX_WHOLE_DIGITS}}}(?:\\.[0-9]{{1,{AMOUNT_SCALE}}})?$"
_PLAIN_UNSIGNED = _PLAIN_AMOUNT.replace("-?", "")


@functools.cache
def _list_currencies() -> list[str]:
    """Return the codes of ISO 4217, past ones included, as the Unicode CLDR lists them."""
    return sorted(list_currencies())


@dataclass(frozen=True)
class TypedColumn:
    """A column's typed values, and the code of the rule that each breaks; None when none is broken."""

    value: pl.Series
    rule: pl.Series | None


@dataclass(frozen=True)
class ColumnWriting:
    """How a column is written: the dialect, its own ways of writing days, and what is done with its sign."""

    dialect: Dialect
    day_formats: Sequence[str] = ()
    sign: str = "as_written"


def type_column(
    text: pl.Series, table_name: str, column: Column, writing: ColumnWriting, settings: LedgerSettings
) -> TypedColumn:
    """Return a text column typed; the value is null where a rule is broken.

    Parameters
    ----------
    text : the column as it stands in the source; blank is null.
    table_name : canonical table.
    column : its definition.
    writing : how the source writes it.
    settings : plausible years.
    """
    missing = text.null_count()
    if missing == len(text):
        rule = (
            None if column.is_nullable or not len(text) else pl.repeat("missing_value", len(text), eager=True)
        )
        return TypedColumn(pl.repeat(None, len(text), dtype=column.polars_type, eager=True), rule)
    value, is_odd = _type_plainly(text, table_name, column, writing, settings)
    odd = text.filter(is_odd)
    if not len(odd):
        typed = TypedColumn(value, None)
    elif len(odd) > len(text) // 2:
        typed = _type_by_rules(text, table_name, column, writing, settings)
    else:
        typed = _put_back(value, is_odd, _type_by_rules(odd, table_name, column, writing, settings))
    if missing and not column.is_nullable:
        is_missing = text.is_null()
        rules = (
            typed.rule if typed.rule is not None else pl.repeat(None, len(text), dtype=pl.String, eager=True)
        )
        return TypedColumn(typed.value, rules.zip_with(~is_missing, pl.Series(["missing_value"])))
    return typed


def _put_back(value: pl.Series, is_odd: pl.Series, odd: TypedColumn) -> TypedColumn:
    """Return the column with the values that were typed by the rules in their places."""
    place = is_odd.cast(pl.Int64).cum_sum().zip_with(is_odd, pl.Series([None], dtype=pl.Int64)) - 1
    rule = None if odd.rule is None else odd.rule.gather(place)
    return TypedColumn(value.zip_with(~is_odd, odd.value.gather(place)), rule)


def _type_plainly(
    text: pl.Series, table_name: str, column: Column, writing: ColumnWriting, settings: LedgerSettings
) -> tuple[pl.Series, pl.Series]:
    """Return the column typed where it is written in the plainest way, and where it is not (blanks are plain)."""
    match column.data_type:
        case DataType.AMOUNT if writing.sign == "as_written" and writing.dialect.decimal_mark == ".":
            is_signed = (table_name, column.name) not in NON_NEGATIVE_AMOUNTS
            return _type_plain_amounts(text, writing.dialect, is_signed=is_signed)
        case DataType.DATE:
            return _type_plain_days(text, writing, settings)
        case DataType.TEXT:
            return text, _breaks_a_rule(text, column)
        case _:
            return pl.repeat(None, len(text), dtype=column.polars_type, eager=True), text.is_not_null()


def _type_plain_amounts(text: pl.Series, dialect: Dialect, *, is_signed: bool) -> tuple[pl.Series, pl.Series]:
    may_be_negative = is_signed and "leading_minus" in dialect.negative
    is_odd = ~text.str.contains(_PLAIN_AMOUNT if may_be_negative else _PLAIN_UNSIGNED)
    if dialect.positive_marks:
        is_odd = text.is_not_null()
    is_odd = is_odd.fill_null(value=False)
    plain = text.zip_with(~is_odd, pl.Series([None], dtype=pl.String)) if is_odd.any() else text
    return plain.cast(_AMOUNT), is_odd


def _type_plain_days(
    text: pl.Series, writing: ColumnWriting, settings: LedgerSettings
) -> tuple[pl.Series, pl.Series]:
    day = parse_day(pl.col("text"), writing.dialect, writing.day_formats)
    frame = text.alias("text").to_frame().select(day.alias("day"), pl.col("text").is_not_null())
    good = is_plausible(pl.col("day"), settings).fill_null(value=False)
    typed = frame.select("day", (pl.col("text") & ~good).alias("is_odd"))
    return typed.get_column("day"), typed.get_column("is_odd")


def _breaks_a_rule(text: pl.Series, column: Column) -> pl.Series:
    allowed = _list_currencies() if column.name == "currency" else column.allowed
    if allowed is None or text.unique().drop_nulls().is_in(allowed).all():
        return pl.repeat(False, len(text), dtype=pl.Boolean, eager=True)
    return ~text.is_in(allowed) & text.is_not_null()


def _type_by_rules(
    text: pl.Series, table_name: str, column: Column, writing: ColumnWriting, settings: LedgerSettings
) -> TypedColumn:
    value, broken = _express(table_name, column, writing, settings)
    rule = pl.when(pl.col("text").is_not_null()).then(broken)
    frame = text.alias("text").to_frame().with_columns(value.alias("value"), rule.alias("rule"))
    frame = frame.with_columns(pl.when(pl.col("rule").is_null()).then(pl.col("value")).alias("value"))
    rules = frame.get_column("rule")
    return TypedColumn(frame.get_column("value"), None if rules.null_count() == len(rules) else rules)


def _express(  # noqa: PLR0911  one for each type
    table_name: str, column: Column, writing: ColumnWriting, settings: LedgerSettings
) -> tuple[pl.Expr, pl.Expr]:
    """Return the typed value of column ``text`` and the code of the rule that it breaks."""
    text, dialect = pl.col("text"), writing.dialect
    match column.data_type:
        case DataType.AMOUNT:
            is_signed = (table_name, column.name) not in NON_NEGATIVE_AMOUNTS
            return _type_amount(text, writing, is_signed=is_signed)
        case DataType.INTEGER:
            return _type_integer(text, column)
        case DataType.REAL:
            return _type_real(text, dialect, column)
        case DataType.BOOLEAN:
            return _type_flag(text)
        case DataType.DATE:
            return _type_time(parse_day(text, dialect, writing.day_formats), "not_a_date", settings)
        case DataType.TIMESTAMP:
            moment = parse_moment(text, dialect, writing.day_formats)
            return _type_time(moment, "not_a_timestamp", settings)
        case _:
            return _type_text(text, column)


def _first_broken(*rules: tuple[str, pl.Expr]) -> pl.Expr:
    """Return the code of the first rule that is broken; a condition that is null counts as broken."""
    return pl.coalesce(
        pl.when(is_broken.fill_null(value=True)).then(pl.lit(code)) for code, is_broken in rules
    )


def _plain_number(text: pl.Expr, dialect: Dialect) -> pl.Expr:
    """Return the number with a point, a leading minus and nothing else; null when it is not well written."""
    whole = "[0-9]+"
    if dialect.thousands_mark:
        thousands = re.escape(dialect.thousands_mark)
        whole = f"(?:[0-9]+|[0-9]{{1,3}}(?:{thousands}[0-9]{{3}})+)"
    number = f"({whole}(?:{re.escape(dialect.decimal_mark)}[0-9]+)?)"
    positive, negative = _ways_of_writing(number, dialect)
    magnitude = pl.coalesce(text.str.extract(way, 1) for way in (*positive, *negative))
    is_negative = pl.any_horizontal(pl.lit(value=False), *(text.str.contains(way) for way in negative))
    if dialect.thousands_mark:
        magnitude = magnitude.str.replace_all(dialect.thousands_mark, "", literal=True)
    if dialect.decimal_mark != ".":
        magnitude = magnitude.str.replace(dialect.decimal_mark, ".", literal=True)
    return pl.when(is_negative).then(pl.lit("-") + magnitude).otherwise(magnitude)


def _ways_of_writing(number: str, dialect: Dialect) -> tuple[list[str], list[str]]:
    """Return the patterns of a number that is not negative, and of one that is."""
    positive, negative = [], []
    if not dialect.positive_marks:  # else a number without its mark could be either
        positive.append(f"^\\+?{number}$")
        forms = {
            "leading_minus": f"^-{number}$",
            "trailing_minus": f"^{number}-$",
            "parentheses": f"^\\({number}\\)$",
        }
        negative += [forms[way] for way in dialect.negative]
    for marks, ways in ((dialect.positive_marks, positive), (dialect.negative_marks, negative)):
        if marks:
            words = "|".join(re.escape(mark) for mark in marks)
            ways += [f"^(?i:{words})\\s?{number}$", f"^{number}\\s?(?i:{words})$"]
    return positive, negative


def _type_amount(text: pl.Expr, writing: ColumnWriting, *, is_signed: bool) -> tuple[pl.Expr, pl.Expr]:
    plain = _plain_number(text, writing.dialect)
    kept = f"^(-?[0-9]+(?:\\.[0-9]{{1,{AMOUNT_SCALE}}})?)\\.?0*$"
    digits = plain.str.extract(kept, 1)
    fits = plain.str.contains(f"^-?0*[0-9]{{1,{_MAX_WHOLE_DIGITS}}}(?:\\.|$)")
    value = digits.cast(_AMOUNT, strict=False)
    if writing.sign == "reversed":
        value = (pl.lit(0, dtype=_AMOUNT) - value).cast(_AMOUNT)
    elif writing.sign == "absolute":
        value = pl.when(value < 0).then(pl.lit(0, dtype=_AMOUNT) - value).otherwise(value).cast(_AMOUNT)
    rules = [
        ("not_a_number", plain.is_null()),
        ("too_many_decimals", digits.is_null()),
        ("amount_out_of_range", ~fits | value.is_null()),
    ]
    if not is_signed:
        rules.append(("negative_amount", value < 0))
    return value, _first_broken(*rules)


def _type_integer(text: pl.Expr, column: Column) -> tuple[pl.Expr, pl.Expr]:
    value = text.str.strip_prefix("+").cast(pl.Int64, strict=False)
    rules = [("not_a_whole_number", ~text.str.contains("^[+-]?[0-9]{1,18}$") | value.is_null())]
    return value, _first_broken(*rules, *_bounds(value, column))


def _type_real(text: pl.Expr, dialect: Dialect, column: Column) -> tuple[pl.Expr, pl.Expr]:
    scientific = text.str.extract(r"^(-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,3})$", 1)
    plain = pl.coalesce(_plain_number(text, dialect), scientific)
    value = plain.cast(pl.Float64, strict=False)
    rules = [("not_a_number", plain.is_null() | ~value.is_finite())]
    return value, _first_broken(*rules, *_bounds(value, column))


def _bounds(value: pl.Expr, column: Column) -> list[tuple[str, pl.Expr]]:
    rules = []
    if column.minimum is not None:
        rules.append(("out_of_range", value < column.minimum))
    if column.maximum is not None:
        rules.append(("out_of_range", value > column.maximum))
    return rules


def _type_flag(text: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    plain = text.str.to_lowercase()
    value = (
        pl.when(plain.is_in(_TRUE))
        .then(pl.lit(value=True))
        .when(plain.is_in(_FALSE))
        .then(pl.lit(value=False))
    )
    return value, _first_broken(("not_a_yes_or_no", value.is_null()))


def _type_time(moment: pl.Expr, unreadable: str, settings: LedgerSettings) -> tuple[pl.Expr, pl.Expr]:
    return moment, _first_broken(
        (unreadable, moment.is_null()), ("date_out_of_range", ~is_plausible(moment, settings))
    )


def is_plausible(moment: pl.Expr, settings: LedgerSettings) -> pl.Expr:
    """Return whether a day or moment lies in a plausible year; null when it is null."""
    return moment.dt.year().is_between(settings.earliest_year, settings.latest_year)


def _type_text(text: pl.Expr, column: Column) -> tuple[pl.Expr, pl.Expr]:
    if column.allowed is not None:
        return text, _first_broken(("not_in_list", ~text.is_in(column.allowed)))
    if column.name == "currency":
        return text, _first_broken(("not_a_currency", ~text.is_in(_list_currencies())))
    return text, pl.lit(None, dtype=pl.String)
