"""What speaks for a customer's segment and cause, in plain words.

Belongs here: sentences made from figures. Does not belong here: the figures themselves.
"""

import polars as pl

from segmentation.domain.vocabulary import Cause, Segment
from segmentation.segments.definitions import CauseModel

NO_CONTACT_HISTORY = (
    "no contact history: the cause cannot be told; what would tell are reminders and their outcomes (contact_event, "
    "contact_outcome), disputes (dispute), promises (promise_to_pay), payment plans (payment_plan) or e-mails (message)"
)
"""Said where the ledger holds none of these about anybody."""
NOT_CONTACTED_YET = (
    "this customer was not contacted yet: an answer to a reminder would help to tell the cause"
)
UNCLEAR_SIGNALS = "signs about the cause are too few or point different ways"
_MAX_SIGNAL_SENTENCES = 4


def describe_segments(
    segments: pl.DataFrame, signals: pl.DataFrame, model: CauseModel, known_causes: pl.DataFrame
) -> pl.DataFrame:
    """Return ``segments`` with ``evidence``: sentences for segment, then for cause, strongest first.

    Parameters
    ----------
    segments : result of ``causes.choose_causes``.
    signals : result of ``signals.count_signals``.
    model : sentences and likelihood ratios of the signals.
    known_causes : result of ``learning.find_known_causes``.
    """
    late, count = pl.col("late_count"), pl.col("settled_count")
    is_unclear = pl.col("cause") == Cause.UNCLEAR.value
    is_late_payer = (late > 0) & ~pl.col("segment").is_in(
        [Segment.PROMPT.value, Segment.INSUFFICIENT_HISTORY.value]
    )
    own = pl.concat_list(
        pl.when(count == 0)
        .then(pl.lit("no instalment has fallen due or been paid yet"))
        .when(pl.col("segment") == Segment.INSUFFICIENT_HISTORY.value)
        .then(pl.format("only {} known, too few to tell a habit", _plural(count, "instalment")))
        .otherwise(pl.format("{} of {} known instalments late", late, count)),
        pl.when((late > 0) & (_whole(pl.col("typical_days_late")) > 0)).then(
            pl.format("typically {} beyond terms", _plural(_whole(pl.col("typical_days_late")), "day"))
        ),
        pl.when(pl.col("excluded_count") > 0).then(
            pl.format("{} not counted: the delay was ours", _plural(pl.col("excluded_count"), "instalment"))
        ),
        pl.when(is_late_payer).then(
            pl.format(
                "a credit manager named this reason on {}", pl.col("found_date").dt.to_string("%Y-%m-%d")
            )
        ),
        pl.when(is_late_payer & ~pl.col("is_contacted")).then(
            pl.when(pl.col("is_contacted").any())
            .then(pl.lit(NOT_CONTACTED_YET))
            .otherwise(pl.lit(NO_CONTACT_HISTORY))
        ),
        pl.when(is_late_payer & is_unclear & pl.col("is_contacted")).then(pl.lit(UNCLEAR_SIGNALS)),
    )
    told = segments.join(_describe_signals(segments, signals, model), "customer_id", "left").join(
        known_causes.select("customer_id", "found_date"), "customer_id", "left"
    )
    words = pl.when(is_late_payer & pl.col("is_contacted")).then(pl.col("signal_words"))
    no_words = pl.lit([], dtype=pl.List(pl.String))
    return told.with_columns(
        own.list.drop_nulls().list.concat(words.fill_null(no_words)).alias("evidence")
    ).drop("signal_words", "found_date")


def _describe_signals(segments: pl.DataFrame, signals: pl.DataFrame, model: CauseModel) -> pl.DataFrame:
    """Sentences about signals per customer: those that speak for the chosen cause, strongest first.

    Where the cause is unclear, the signals that were seen are named, without saying what they speak for.
    """
    strengths = [
        {
            "signal": name,
            "cause": cause.value,
            "counts_for": float(signal.counts_for),
            "log_seen": signal.seen.get(cause, 1.0),
            "log_missed": signal.not_seen.get(cause, 1.0),
        }
        for name, signal in model.signals.items()
        for cause in model.prior
    ]
    table = pl.DataFrame(strengths).with_columns(pl.col("log_seen", "log_missed").log())
    missed = pl.col("count") - pl.col("seen")
    chosen = (
        signals.join(segments.select("customer_id", "cause"), "customer_id")
        .join(table, ["signal", "cause"], "left")
        .with_columns(
            missed.alias("missed"),
            (
                (pl.col("seen") * pl.col("log_seen") + missed * pl.col("log_missed"))
                * pl.min_horizontal(pl.lit(1.0), pl.col("counts_for") / pl.col("count"))
            )
            .fill_null(pl.col("seen"))
            .alias("force"),
        )
        .filter(pl.col("force") > 0)
    )
    sentence = pl.lit(None, dtype=pl.String)
    for name, signal in model.signals.items():
        spoken = _sentence(signal.evidence, signal.windows)
        denied = _sentence(signal.contrary, signal.windows) if signal.contrary else pl.lit(None, pl.String)
        speaks = pl.when(pl.col("log_seen").fill_null(1.0) > 0).then(spoken).otherwise(denied)
        sentence = pl.when(pl.col("signal") == name).then(speaks).otherwise(sentence)
    return (
        chosen.with_columns(sentence.str.replace(" of 1 times", " of 1 time", literal=True).alias("words"))
        .drop_nulls("words")
        .sort(["customer_id", "force", "signal"], descending=[False, True, False])
        .group_by("customer_id", maintain_order=True)
        .agg(pl.col("words").head(_MAX_SIGNAL_SENTENCES).alias("signal_words"))
    )


def _sentence(template: str, windows: dict[str, int]) -> pl.Expr:
    """Template with its windows filled in as text, and its counts as columns."""
    columns: list[pl.Expr] = []
    text = template
    for name, value in windows.items():
        text = text.replace(f"{{{name}}}", str(value))
    order = sorted(
        (text.index(f"{{{name}}}"), name) for name in ("seen", "missed", "count") if f"{{{name}}}" in text
    )
    for _, name in order:
        text = text.replace(f"{{{name}}}", "{}")
        columns.append(pl.col(name))
    return pl.format(text, *columns) if columns else pl.lit(text)


def _plural(count: pl.Expr, noun: str) -> pl.Expr:
    return pl.when(count == 1).then(pl.lit(f"1 {noun}")).otherwise(pl.format(f"{{}} {noun}s", count))


def _whole(days: pl.Expr) -> pl.Expr:
    return days.round().cast(pl.Int64)
