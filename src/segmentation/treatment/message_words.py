"""Words, amounts and days in the language of a message, as whole-column expressions.

Belongs here: reading a phrase by ``message_language``, marks and months of each language. Does not belong here:
the phrases (messages/*.yaml), which text is chosen (messages).
"""

import polars as pl

from segmentation.treatment.message_templates import LANGUAGES, load_language


def phrase(name: str) -> pl.Expr:
    """Return a phrase in the message's language."""
    words = {language: getattr(load_language(language), name) for language in LANGUAGES}
    return pl.col("message_language").replace_strict(words, return_dtype=pl.String)


def phrase_by(name: str, key: list[str]) -> pl.Expr:
    """Return a phrase that differs by language and a second word."""
    words = {
        f"{language}/{word.value}": phrase
        for language in LANGUAGES
        for word, phrase in getattr(load_language(language), name).items()
    }
    return pl.concat_str(key, separator="/").replace_strict(words, default=None, return_dtype=pl.String)


def localise(words: str) -> pl.Expr:
    """Return an amount in words with the marks of the message's language: EUR 1.250,00."""
    expression = pl.col(words)
    for language in LANGUAGES:
        marks = load_language(language).marks
        own = pl.col(words).str.replace_many([",", "."], [marks.thousands, marks.decimal])
        expression = pl.when(pl.col("message_language") == language).then(own).otherwise(expression)
    return expression


def write_day(day: str) -> pl.Expr:
    """Return a day as people write it in the message's language: 3 maart 2026."""
    months = {
        f"{language}/{number}": month
        for language in LANGUAGES
        for number, month in enumerate(load_language(language).months, start=1)
    }
    month = pl.concat_str("message_language", pl.col(day).dt.month().cast(pl.String), separator="/")
    point = pl.when(pl.col("message_language") == "de").then(pl.lit(".")).otherwise(pl.lit(""))
    return pl.format(
        "{}{} {} {}",
        pl.col(day).dt.day(),
        point,
        month.replace_strict(months, default=None, return_dtype=pl.String),
        pl.col(day).dt.year(),
    )
