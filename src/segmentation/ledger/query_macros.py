"""Amounts and days in a mapping's query, read and written as the file's dialect says.

Belongs here: the functions that a query may call. Does not belong here: running it (lookups), the rules by
which rows are converted in the end (values): a query only computes with values, it judges none.
"""

import re

import duckdb

from segmentation.domain.schema import AMOUNT_PRECISION, AMOUNT_SCALE
from segmentation.ledger.dialect import EXCEL_SERIAL, EXCEL_SERIAL_1904, Dialect
from segmentation.ledger.moments import write_pattern


def define_macros(connection: duckdb.DuckDBPyConnection, dialect: Dialect) -> None:
    """Let queries call ``read_amount``, ``write_amount``, ``is_nil``, ``read_day``, ``write_day``, ``read_epoch``.

    Notes
    -----
    Reading gives null for what is not plainly written so; the query passes such text on as it is, and the
    rules of conversion then say what is wrong with it. ``is_nil`` says whether an amount is blank or nothing but
    zeros, however many. ``read_epoch`` gives a moment that is written as in
    ASP.NET's JSON (``/Date(1743638400000+0000)/``, milliseconds since 1970 in UTC) as ISO text, and other text as it is.
    """
    mark, thousands = dialect.decimal_mark, dialect.thousands_mark
    whole = "[0-9]+"
    if thousands:
        whole = f"([0-9]+|[0-9]{{1,3}}({re.escape(thousands)}[0-9]{{3}})+)"
    behind = "-" if "trailing_minus" in dialect.negative else ""
    sign = "[-+]?" if "leading_minus" in dialect.negative else "[+]?"
    number = f"{whole}({re.escape(mark)}[0-9]{{1,{AMOUNT_SCALE}}}0*)?"
    pattern = f"{sign}{number}" + (f"|{number}-" if behind else "")
    plain = "ltrim(rtrim(t, '-'), '+')"
    for old, new in ((thousands, ""), (mark, ".")):
        plain = f"replace({plain}, {_quote(old)}, {_quote(new)})" if old else plain
    amount = f"DECIMAL({AMOUNT_PRECISION}, {AMOUNT_SCALE})"
    days = [text for text in dialect.date_format if text not in {EXCEL_SERIAL, EXCEL_SERIAL_1904}]
    read_days = ", ".join(map(_write_reading, days)) or "NULL::DATE"
    connection.execute(
        f"CREATE MACRO read_amount(t) AS CASE WHEN regexp_full_match(t, {_quote(pattern)}) "
        f"THEN try_cast(CASE WHEN t LIKE '%-' THEN '-' ELSE '' END || {plain} AS {amount}) END;"
        f"CREATE MACRO write_amount(a) AS replace(CAST(a AS VARCHAR), '.', {_quote(mark)});"
        f"CREATE MACRO is_nil(t) AS t IS NULL OR t = '' OR regexp_full_match(t, {_quote(f'[-+]?0+({re.escape(mark)}0*)?')});"
        f"CREATE MACRO read_day(t) AS coalesce({read_days}, NULL);"
        f"CREATE MACRO write_day(d) AS strftime(d, {_quote(days[0] if days else '%Y-%m-%d')});"
        "CREATE MACRO read_epoch(t) AS CASE WHEN t LIKE '/Date(%' THEN "
        "strftime(epoch_ms(try_cast(regexp_extract(t, '-?[0-9]+') AS BIGINT)), '%Y-%m-%dT%H:%M:%S') ELSE t END"
    )


def _write_reading(day_format: str) -> str:
    """Return the expression that reads a day, where every digit of it is there."""
    reading, pattern = f"try_strptime(t, {_quote(day_format)})::DATE", write_pattern(day_format)
    return (
        reading if pattern is None else f"CASE WHEN regexp_matches(t, {_quote(pattern)}) THEN {reading} END"
    )


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
