"""All features of the room by as-of joins, as a careful engineer writes them without a compiled sweep.

Belongs here: running totals as logs, looks into them at moments, and the engines that look. Does not
belong here: what the room does, what is timed (``bench_features``).

A log holds, for each group (a customer, or a customer's due weekday or terms) and day on which something
changed, the running totals of the group. A moment looks up the last row strictly before its day, and before
the start of each window. What is joined are whole-number state columns; the formulas over them are the
room's own, so that what is compared is how the state is found. The peers do only what the benchmark's
ledger needs: one currency, no parts, reversals, write-offs or excuses, and no table beside the balances.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from segmentation.features.definitions import features_about
from segmentation.features.encoding import Calendar, Days, describe_own
from segmentation.features.feature import Scope
from segmentation.features.state import DECAY, LATEST, LONGEST_TERMS, NEVER, NO_DAY, RECENT
from segmentation.features.tallies import TALLIES

Strategy = Literal["backward", "forward"]
"""The last row below a key, or the first from it on."""

Look = Callable[[pl.Series, pl.DataFrame, Strategy], pl.DataFrame]
"""Returns for keys, in order, what a log (in order of its own ``key``) holds; null where there is no such row."""

A_GROUP = 1 << 20
"""More than any day: keys of one group lie together."""
_BASE = 10_000
_WINDOWS = (90, 365)
_MONTH = 30

ONE = pl.lit(1, pl.Int64)
DELAY = pl.col("paid") - pl.col("due")
IS_LATE = (DELAY > 0).cast(pl.Int64)

ISSUED = {"issued_count": ONE, "amount_sum": pl.col("amount"), "last_issued_day": pl.col("issue")}
FALLEN_DUE = {"overdue_count": ONE, "overdue_sum": pl.col("amount"), "due_sum": pl.col("due")}
PAID = {
    "paid_count": ONE,
    "paid_sum": pl.col("amount"),
    "paid_late_count": IS_LATE,
    "paid_late_30_count": (DELAY > _MONTH).cast(pl.Int64),
    "delay_sum": DELAY,
    "delay_square_sum": DELAY * DELAY,
}
PAID_BY_KIND = {"known_count": ONE, "late_count": IS_LATE}
OVERDUE_BY_KIND = {"known_count": ONE, "late_count": ONE}
"""What one event adds to the running totals of its log."""

WITHIN = {
    "issued_count": "issued_{}_count",
    "amount_sum": "amount_{}_sum",
    "paid_count": "paid_{}_count",
    "paid_late_count": "paid_{}_late_count",
    "delay_sum": "delay_{}_sum",
}
"""Totals that are also counted within windows, and what they are called there."""

KINDS = {
    "same_weekday": pl.col("due_weekday"),
    "same_terms": (pl.col("due") - pl.col("issue")).clip(0, LONGEST_TERMS),
}
"""Kinds of due date by which shares are counted."""


def read_rows(path: Path) -> pl.DataFrame:
    """Return the invoices with whole numbers for customers, days and thousandths, by customer and issue."""
    days = {"issue": "issue_date", "due": "due_date", "paid": "covered_date", "known": "covered_known_date"}
    return (
        pl.read_parquet(path)
        .with_columns(
            pl.col("customer_id").cast(pl.Categorical).to_physical().cast(pl.Int64).alias("customer"),
            (pl.col("amount") * 1000).cast(pl.Int64),
            *(pl.col(day).to_physical().cast(pl.Int64).alias(name) for name, day in days.items()),
            pl.col("due_date").dt.weekday().cast(pl.Int64).alias("due_weekday") - 1,
        )
        .with_columns((pl.col("customer") * A_GROUP).alias("group"))
        .sort(pl.col("group") + pl.col("issue"))
    )


def list_events(
    rows: pl.DataFrame, group: pl.Expr, day: str, measures: Mapping[str, pl.Expr], sign: int = 1
) -> pl.DataFrame:
    """Return an event for each row: ``group``, ``key`` and what it adds to the running totals."""
    added = [(measure * sign).alias(name) for name, measure in measures.items()]
    return rows.select(group.alias("group"), (group + pl.col(day)).alias("key"), *added)


def run_totals(events: Sequence[pl.DataFrame], marks: Sequence[str] = ()) -> pl.DataFrame:
    """Return the events as running totals of their group, one row for each key; marks stay as they are."""
    log = pl.concat(events).sort("key")
    sums = [name for name in log.columns if name not in {"group", "key", *marks}]
    is_first = pl.col("group") != pl.col("group").shift(1, fill_value=-1)
    before = [pl.when(is_first).then(pl.col(s).cum_sum() - pl.col(s)).forward_fill() for s in sums]
    is_last = pl.col("key") != pl.col("key").shift(-1, fill_value=-1)
    return log.with_columns(pl.col(s).cum_sum() - b for s, b in zip(sums, before, strict=True)).filter(
        is_last
    )


def look_up(look: Look, log: pl.DataFrame, group: pl.Series, day: pl.Series) -> pl.DataFrame:
    """Return the row of the log that was the last one of the group before each day; nil where there is none."""
    keys = group + day
    is_ordered = keys.is_sorted()
    order = None if is_ordered else keys.arg_sort()
    found = look(keys if order is None else keys.gather(order), log, "backward")
    if order is not None:
        back = np.empty(len(order), np.uint32)
        back[order.to_numpy()] = np.arange(len(order), dtype=np.uint32)
        found = found.select(pl.all().gather(pl.Series(back)))
    is_own = found["group"].eq_missing(group)
    names = [name for name in log.columns if name not in {"group", "key"}]
    return found.select(pl.when(is_own).then(pl.col(name)).otherwise(0) for name in names)


def describe_latest(covered: pl.DataFrame, calendar: Calendar) -> pl.DataFrame:
    """Return what the latest settlements were like after each day on which one was learned.

    Windows of ``RECENT`` rows on whole columns: differences of running totals where there is one, else a
    matrix with a row for each place in the window, the newest first.
    """
    rows = covered.sort(pl.col("group") + pl.col("known"), "paid", "due")
    group, known, paid, due = (rows[name].to_numpy() for name in ("group", "known", "paid", "due"))
    delay, count = paid - due, len(rows)
    place = np.arange(count)
    is_first = np.append(True, group[1:] != group[:-1])
    first = np.maximum.accumulate(np.where(is_first, place, 0))
    key = group + known
    last = np.flatnonzero(np.append(key[1:] != key[:-1], True))
    start = np.maximum(first[last], last - (RECENT - 1))
    found = last - start + 1

    def window_sum(values: np.ndarray, since: np.ndarray) -> np.ndarray:
        totals = np.append(0, np.cumsum(values))
        return totals[last + 1] - totals[since]

    def latest(is_so: np.ndarray) -> np.ndarray:
        return np.maximum.accumulate(np.where(is_so, place, -1))[last]

    delay_sum = window_sum(delay, start)
    last_late, last_prompt = latest(delay > 0), latest(delay <= 0)
    places = np.maximum(last - np.arange(RECENT)[:, None], 0)
    is_in = np.arange(RECENT)[:, None] < found
    recent = delay[places]
    weighted, weight, factor = np.zeros(len(last)), np.zeros(len(last)), 1.0
    for k in range(RECENT):
        weighted += np.where(is_in[k], factor * recent[k], 0.0)
        weight += np.where(is_in[k], factor, 0.0)
        factor *= DECAY
    ordered = np.sort(np.where(is_in, recent, NEVER).astype(np.int32), axis=0)
    column = np.arange(len(last))
    weekday, weekday_count = find_mode(calendar.weekday[paid - _BASE][places], is_in)
    month_day, month_day_count = find_mode(calendar.month_day[paid - _BASE][places], is_in)
    return pl.DataFrame(
        {
            "key": key[last],
            "recent_count": found,
            "recent_delay_sum": delay_sum,
            "recent_rank_delay_sum": last * delay_sum - window_sum(place * delay, start),
            "recent_3_delay_sum": window_sum(delay, np.maximum(start, last - (LATEST - 1))),
            "recent_late_count": window_sum((delay > 0).astype(np.int64), start),
            "last_delay_days": delay[last],
            "recent_middle_sum": (
                ordered[(found - 1) // 2, column].astype(np.int64) + ordered[found // 2, column]
            ),
            "recent_p80_days": ordered[(4 * found + 4) // 5 - 1, column].astype(np.int64),
            "late_streak": last - np.maximum(last_prompt, start - 1),
            "prompt_streak": last - np.maximum(last_late, start - 1),
            "last_paid_day": known[last],
            "last_late_day": np.where(last_late >= start, known[last_late], NO_DAY),
            "ewma_delay_days": weighted / weight,
            "pay_weekday": weekday,
            "pay_weekday_count": weekday_count,
            "pay_month_day": month_day,
            "pay_month_day_count": month_day_count,
        }
    )


def find_mode(values: np.ndarray, is_in: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the most frequent value of each column, the least of equals, and how often it is there."""
    ordered = np.sort(np.where(is_in, values, np.int8(127)), axis=0)
    mode, most = ordered[0].astype(np.int64), np.ones(ordered.shape[1], np.int64)
    run = np.ones(ordered.shape[1], np.int64)
    for k in range(1, RECENT):
        run = np.where(ordered[k] == ordered[k - 1], run + 1, 1)
        is_more = (run > most) & (ordered[k] < np.int8(127))
        mode, most = np.where(is_more, ordered[k], mode), np.where(is_more, run, most)
    return mode, most


def find_oldest(look: Look, rows: pl.DataFrame, became_due: pl.DataFrame) -> pl.Series:
    """Return the days beyond terms of the oldest overdue instalment at each issue; nil when there is none.

    In order of due date, the first that was not covered before t is the first at which the latest cover so
    far reaches t: a join that looks forward along that running maximum.
    """
    log = (
        became_due.with_columns(pl.col("known").fill_null(NEVER))
        .sort(pl.col("group") + pl.col("due"))
        .select("group", "due", key=(pl.col("group") + pl.col("known")).cum_max())
        .unique("key", keep="first", maintain_order=True)
    )
    found = look(rows["group"] + rows["issue"], log, "forward")
    is_overdue = (pl.col("group").eq_missing(rows["group"])) & (pl.col("due") < rows["issue"])
    days = pl.when(is_overdue).then(rows["issue"] - pl.col("due")).otherwise(0)
    return found.select(days.alias("oldest_overdue_days")).to_series()


def find_state(look: Look, rows: pl.DataFrame, calendar: Calendar) -> dict[str, pl.Series]:
    """Return the state columns that formulas of features use, at the issue of each row."""
    group, day = rows["group"], rows["issue"]
    covered = rows.filter(pl.col("known").is_not_null())
    is_due = pl.col("known").is_null() | (pl.col("known") > pl.col("due"))
    became_due, due_covered = rows.filter(is_due), covered.filter(is_due)
    customer = pl.col("group")

    issued = run_totals([list_events(rows, customer, "issue", ISSUED)], ["last_issued_day"])
    overdue = run_totals(
        [
            list_events(became_due, customer, "due", FALLEN_DUE),
            list_events(due_covered, customer, "known", FALLEN_DUE, -1),
        ]
    )
    paid = run_totals([list_events(covered, customer, "known", PAID)])
    recent = paid.join(describe_latest(covered, calendar), on="key", maintain_order="left")

    state = {s.name: s for log in (issued, overdue, recent) for s in look_up(look, log, group, day)}
    for log in (issued, paid):
        totals = log.select("group", "key", *(name for name in WITHIN if name in log.columns))
        for window in _WINDOWS:
            early = look_up(look, totals, group, day - window)
            state |= {WITHIN[s.name].format(window): state[s.name] - s for s in early}
    for kind, value in KINDS.items():
        by_kind = (pl.col("customer") * (LONGEST_TERMS + 1) + value) * A_GROUP
        log = run_totals(
            [
                list_events(covered, by_kind, "known", PAID_BY_KIND),
                list_events(became_due, by_kind, "due", OVERDUE_BY_KIND),
                list_events(due_covered, by_kind, "known", OVERDUE_BY_KIND, -1),
            ]
        )
        shares = look_up(look, log, rows.select(by_kind.alias("group")).to_series(), day)
        state |= {f"{kind}_count": shares["known_count"], f"{kind}_late_count": shares["late_count"]}

    first = rows.select(pl.col("issue").min().over("group")).to_series()
    is_known = pl.DataFrame(
        {"has_invoice": state["issued_count"] > 0, "has_payment": state["paid_count"] > 0}
    )
    marks = {"first_issued_day": first, "last_issued_day": state["last_issued_day"]}
    state |= {
        name: is_known.select(pl.when("has_invoice").then(values).otherwise(NO_DAY)).to_series()
        for name, values in marks.items()
    }
    state |= {
        name: is_known.select(pl.when("has_payment").then(state[name]).otherwise(NO_DAY)).to_series()
        for name in ("last_paid_day", "last_late_day")
    }
    nothing = pl.zeros(len(rows), pl.Int64, eager=True)
    return state | {
        "open_count": state["issued_count"] - state["paid_count"],
        "open_sum": state["amount_sum"] - state["paid_sum"],
        "amount_count": state["issued_count"],
        "amount_365_count": state["issued_365_count"],
        "overdue_days_sum": state["overdue_count"] * day - state["due_sum"],
        "oldest_overdue_days": find_oldest(look, rows, became_due),
        "late_open_count": state["overdue_count"],
        **dict.fromkeys(("written_off_count", "written_off_90_count", "written_off_365_count"), nothing),
    }


def compute_features(look: Look, path: Path) -> pl.DataFrame:
    """Return every feature at the issue of every invoice, as the room's ``compute_issue_features``."""
    rows = read_rows(path)
    calendar = Calendar.since(_BASE)
    state = find_state(look, rows, calendar)
    moments = rows.select(
        "invoice_id",
        "instalment_number",
        "customer_id",
        "issue_date",
        "due_date",
        "amount",
        as_of_date=pl.col("issue_date"),
    )
    own = describe_own(moments, Days(_BASE), calendar) | {"moment_day": rows["issue"]}
    not_recorded = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(rows))
    state |= dict.fromkeys((name for tally in TALLIES for name in tally.columns), not_recorded)
    own |= {"issue_day": rows["issue"], "due_day": rows["due"]}
    return pl.DataFrame(own | state).select(
        *(
            moments[name]
            for name in (
                "invoice_id",
                "instalment_number",
                "customer_id",
                "issue_date",
                "due_date",
                "as_of_date",
            )
        ),
        *(
            f.formula.cast(f.column.polars_type).alias(f.name)
            for f in features_about(Scope.CUSTOMER, Scope.INSTALMENT)
        ),
    )


def look_with_polars(keys: pl.Series, log: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """As-of join of Polars."""
    return (
        keys.alias("key")
        .to_frame()
        .join_asof(
            log,
            on="key",
            strategy=strategy,
            allow_exact_matches=strategy == "forward",
            check_sortedness=False,
        )
        .drop("key")
    )


def look_with_pandas(keys: pl.Series, log: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """merge_asof of pandas."""
    import pandas as pd

    found = pd.merge_asof(
        pd.DataFrame({"key": keys.to_numpy()}),
        pd.DataFrame({name: log[name].to_numpy() for name in log.columns}),
        on="key",
        direction=strategy,
        allow_exact_matches=strategy == "forward",
    )
    # pandas has no whole numbers with gaps in merge_asof: they come back as floats, exact below 2 to the 53
    names = [name for name in log.columns if name != "key"]
    columns = {name: pl.Series(found[name].to_numpy(), nan_to_null=True) for name in names}
    return pl.DataFrame(columns).cast({name: log.schema[name] for name in names})


def look_with_duckdb(keys: pl.Series, log: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """ASOF join of DuckDB."""
    import duckdb

    connection = duckdb.connect()
    connection.register("moments", pl.DataFrame({"key": keys}).with_row_index("row").to_arrow())
    connection.register("log", log.to_arrow())
    query = f"""
        SELECT log.* EXCLUDE (key) FROM moments ASOF LEFT JOIN log
        ON moments.key {"<=" if strategy == "forward" else ">"} log.key ORDER BY moments.row
    """
    return connection.sql(query).pl()


ENGINES: dict[str, Look] = {
    "polars": look_with_polars,
    "pandas": look_with_pandas,
    "duckdb": look_with_duckdb,
}
