"""Invoice numbers in free text: exact after separators and case, never a part of a longer number.

Belongs here: cutting text into atoms, putting them together again, and comparing with numbers in use.
Does not belong here: references with check digits (references), what follows from a number (decision).

A number is compared with its separators left out, but two groups of digits that stand apart in the text
are put together only where the number itself has a separator, or where the text joins them with one of
``- / . _``: "INV 2026 0012" is INV-2026-0012, "INV-12 3 boxes" is not INV-123.
"""

import polars as pl

from segmentation.ledger.matching.rules import LONG_NUMBER_DIGITS, SHORT_NUMBER_DIGITS, WORD_LENGTH

_ATOM = r"[\p{L}\p{N}]+"
_PART = r"[\p{L}\p{N}]+|[^\p{L}\p{N}]+"
_INNER = r"^[-/._# ]{1,3}$"
_TIGHT = r"^[-/._]$"
_MOST_ATOMS = 6
_MARK = "|"
_TEXT = "text_number"


def list_numbers(invoices: pl.DataFrame) -> pl.DataFrame:
    """Return the numbers by which invoices can be named: their id, the number printed on them, and the reference to be quoted.

    Parameters
    ----------
    invoices : ``invoice_id``, ``invoice_number``, ``remittance_reference``.

    Returns
    -------
    ``invoice_id``, ``plain`` (no separators), ``marked`` (a mark where two groups of digits meet),
    ``is_weak`` (too short to stand alone), ``is_short`` (even with an amount that agrees).
    """
    names = pl.concat(
        invoices.select("invoice_id", pl.col(name).alias("number"))
        for name in ("invoice_id", "invoice_number", "remittance_reference")
    ).drop_nulls()
    upper = pl.col("number").str.to_uppercase()
    spaced = upper.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    # twice, since groups of one digit overlap
    marked = spaced.str.replace_all(r"(\p{N}) (\p{N})", "${1}|${2}").str.replace_all(
        r"(\p{N}) (\p{N})", "${1}|${2}"
    )
    plain = spaced.str.replace_all(" ", "")
    is_number = plain.str.contains(r"^\p{N}+$")
    return (
        names.select(
            "invoice_id",
            plain.alias("plain"),
            marked.str.replace_all(" ", "").alias("marked"),
            (
                (is_number & (plain.str.len_chars() < LONG_NUMBER_DIGITS))
                | ~plain.str.contains(r"\p{N}")
                | (plain.str.len_chars() < WORD_LENGTH)
            ).alias("is_weak"),
            (
                plain.str.len_chars() < pl.when(is_number).then(SHORT_NUMBER_DIGITS).otherwise(WORD_LENGTH)
            ).alias("is_short"),
        )
        .filter(pl.col("plain") != "")
        .unique()
    )


def find_numbers(texts: pl.DataFrame, numbers: pl.DataFrame) -> pl.DataFrame:
    """Return the invoices that texts name.

    Parameters
    ----------
    texts : ``payment_id``, ``text``.
    numbers : as ``list_numbers`` returns them.

    Returns
    -------
    ``payment_id``, ``invoice_id``, ``is_weak``, ``is_short``.
    """
    found = []
    atoms = _list_atoms(texts)
    for count in range(1, _MOST_ATOMS + 1):
        grams = _join_atoms(atoms, count).join(numbers, on="plain", suffix="_of_number")
        is_same = pl.col("marked") == pl.col("marked_of_number")
        is_number = pl.col("plain").str.contains(r"^\p{N}+$")
        found.append(
            grams.filter(
                is_same | (pl.col("is_tight") & ~is_number) | (is_number & pl.lit(count == 1))
            ).select("payment_id", "invoice_id", "is_weak", "is_short")
        )
    return pl.concat(found).group_by("payment_id", "invoice_id").agg(pl.col("is_weak", "is_short").min())


def _list_atoms(texts: pl.DataFrame) -> pl.DataFrame:
    parts = (
        texts.select("payment_id", pl.col("text").str.to_uppercase().str.extract_all(_PART).alias("part"))
        .with_row_index(_TEXT)
        .explode("part")
        .drop_nulls("part")
        .with_columns(
            _beside("part", -distance).alias(name)
            for name, distance in (("gap_before", 1), ("before", 2), ("gap_after", -1), ("after", -2))
        )
    )
    return parts.filter(pl.col("part").str.contains(_ATOM))


def _beside(name: str, distance: int) -> pl.Expr:
    """Return what stands so many rows further on (or, negative, back) in the same text; null beyond its end."""
    is_same_text = pl.col(_TEXT) == pl.col(_TEXT).shift(-distance)
    return pl.when(is_same_text).then(pl.col(name).shift(-distance))


def _join_atoms(atoms: pl.DataFrame, count: int) -> pl.DataFrame:
    """Return every run of ``count`` atoms that can be one number and is not part of a longer one."""
    plain = pl.col("part")
    marked = pl.col("part")
    is_inner = pl.lit(value=True)
    is_tight = pl.lit(value=True)
    for distance in range(1, count):
        gap, last, following = (
            _beside("gap_after", distance - 1),
            _beside("part", distance - 1),
            _beside("part", distance),
        )
        meets = last.str.contains(r"\p{N}$") & following.str.contains(r"^\p{N}")
        is_inner = is_inner & gap.str.contains(_INNER) & following.is_not_null()
        is_tight = is_tight & (~meets | gap.str.contains(_TIGHT))
        marked = marked + pl.when(meets).then(pl.lit(_MARK)).otherwise(pl.lit("")) + following
        plain = plain + following
    end = count - 1
    before = _continues(pl.col("gap_before"), pl.col("before"), pl.col("part"), r"\p{N}$", r"^\p{N}")
    after = _continues(
        _beside("gap_after", end), _beside("after", end), _beside("part", end), r"^\p{N}", r"\p{N}$"
    )
    return (
        atoms.with_columns(
            plain.alias("plain"),
            marked.alias("marked"),
            is_tight.alias("is_tight"),
            (is_inner & ~before & ~after).alias("is_whole"),
        )
        .filter("is_whole")
        .select("payment_id", "plain", "marked", "is_tight")
    )


def _continues(gap: pl.Expr, neighbour: pl.Expr, edge: pl.Expr, digit: str, digit_of_edge: str) -> pl.Expr:
    """Whether the neighbour belongs to the same number: joined by a separator, a list's slash excepted."""
    lists = (gap == "/") & ~(neighbour.str.contains(digit) & edge.str.contains(digit_of_edge))
    return (gap.str.contains(_TIGHT) & neighbour.is_not_null() & ~lists).fill_null(value=False)
