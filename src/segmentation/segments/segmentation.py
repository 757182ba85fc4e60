"""Segments of all customers on the as-of day: the public face of the room."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from segmentation.domain.core_tables import CAUSE_FINDING
from segmentation.domain.room_tables import SEGMENT
from segmentation.domain.schema import Frames
from segmentation.domain.settings import SegmentSettings
from segmentation.segments.behaviour import ModelName, fit_behaviour, judge_behaviour
from segmentation.segments.causes import choose_causes, weigh_causes
from segmentation.segments.comparison import compare_models, describe_models
from segmentation.segments.definitions import CauseModel, load_cause_model
from segmentation.segments.evidence import describe_segments
from segmentation.segments.learning import find_known_causes, heed_findings, learn_causes
from segmentation.segments.observations import Observed, classify_instalments, observe_customers
from segmentation.segments.rules import assign_segments
from segmentation.segments.segment_model import SegmentModel
from segmentation.segments.signals import count_signals, find_contacted


@dataclass(frozen=True, slots=True)
class SegmentedBook:
    """Segments of all customers (``pred_segment``), the model behind them, and why it speaks.

    ``comparison`` is ``pred_segment_comparison``.
    """

    customers: pl.DataFrame
    model: SegmentModel
    comparison: pl.DataFrame


def segment_customers(
    ledger: Frames,
    as_of: date,
    settings: SegmentSettings | None = None,
    previous: pl.DataFrame | None = None,
    model: CauseModel | None = None,
    *,
    findings: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return the segments of ``segment_book`` alone."""
    return segment_book(ledger, as_of, settings, previous, model, findings=findings).customers


def segment_book(
    ledger: Frames,
    as_of: date,
    settings: SegmentSettings | None = None,
    previous: pl.DataFrame | None = None,
    model: CauseModel | None = None,
    *,
    findings: pl.DataFrame | None = None,
    previous_model: SegmentModel | None = None,
) -> SegmentedBook:
    """Return for every customer whether it pays late by habit or by incident, and the likely cause.

    Parameters
    ----------
    ledger : all ``core_`` tables as known on the as-of day; optional ones may be empty.
    as_of : start of this day ends what is known.
    settings : bounds of the segments; the defaults when None.
    previous : ``out_customer_segments`` of the last earlier snapshot, for hysteresis; None at first.
    model : signals about causes; the reviewed file that ships with the library when None.
    findings : ``core_cause_finding``, from which the cause model learns; None when there are none.
    previous_model : model of that snapshot, applied to what is known now to tell changes of customers from
        changes of the model, and published again unless the other one is better beyond chance; None when there is
        none.

    Returns
    -------
    ``pred_segment``: one row per customer of ``core_customer`` and of the instalments. Propensities
    and probabilities are null where no instalment of the customer is known.

    Notes
    -----
    Which instalments count: ``observations``. Propensity and uncertainty: ``propensity`` and ``habit``, and which of
    them speaks: ``comparison``. What the segments mean: ``rules``. Causes are hypotheses about behaviour:
    ``causes``. Neither names, nor the order of rows, nor any attribute of the customer enters; amounts enter
    ``severity_days`` alone, which decides nothing.
    """
    settings = settings or SegmentSettings()
    model = model or load_cause_model()
    known, observed = _observe(ledger, as_of, settings)
    incumbent = previous_model.behaviour.published if previous_model else ModelName.BETA_BINOMIAL
    comparison = compare_models(known, observed, settings, incumbent)
    behaviour = fit_behaviour(observed, comparison.published)
    segments = assign_segments(judge_behaviour(observed, behaviour), settings, previous)
    signals = count_signals(ledger, known, as_of, model, settings.promise_grace_days)
    known_causes = find_known_causes(CAUSE_FINDING.empty() if findings is None else findings, as_of)
    learned = learn_causes(model, known_causes, signals)
    probabilities = heed_findings(weigh_causes(signals, learned), known_causes, learned)
    caused = choose_causes(segments, probabilities, find_contacted(ledger, known_causes), settings)
    described = describe_segments(caused, signals, learned, known_causes)
    if previous_model is not None:
        then = previous_model.settings
        seen = observed if then == settings else _observe(ledger, as_of, then)[1]
        again = assign_segments(judge_behaviour(seen, previous_model.behaviour), then, previous)
        described = described.join(
            again.select("customer_id", pl.col("segment").alias("segment_by_previous_model")), "customer_id"
        )
    return SegmentedBook(
        SEGMENT.conform(described.with_columns(pl.lit(as_of).alias("as_of_date"))),
        SegmentModel(behaviour, settings),
        describe_models(comparison, behaviour),
    )


def _observe(ledger: Frames, as_of: date, settings: SegmentSettings) -> tuple[pl.DataFrame, Observed]:
    """Instalments whose lateness is known, and what they say of every customer there is, sorted."""
    known = classify_instalments(ledger["core_instalment_balance"], as_of, settings)
    named = [ledger[table]["customer_id"] for table in ("core_customer", "core_instalment_balance")]
    return known, observe_customers(known, pl.concat(named).drop_nulls().unique().sort(), settings)
