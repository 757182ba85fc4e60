"""Treatment: gates first, then the right step, channel and moment."""

import dagster as dg

from pipelines.plots import plot_counts
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import DECISION, LEDGER_TABLES
from segmentation.domain.room_tables import GATE, INSTALMENT_RISK, ROOM_TABLES, SEGMENT
from segmentation.treatment import inputs

GROUP = "treatment"
RECOMMENDATION = ROOM_TABLES["act_recommendation"]


@dg.multi_asset(specs=[asset_spec(GATE, GROUP, [*LEDGER_TABLES, DECISION.name])])
def act_gate(run: Run) -> dg.MaterializeResult[None]:
    """Closed gates of every customer, each with the day on which it lifts."""
    from segmentation.treatment.gates import close_gates

    ledger = run.load(inputs.LEDGER.values())
    decisions = run.load([DECISION])[DECISION.name]
    gates = close_gates(ledger, decisions, run.load_as_of(), run.settings.treatment)
    return run.store(GATE, gates, {"plot": plot_counts(gates, "gate", "closed gates")})


@dg.multi_asset(specs=[asset_spec(RECOMMENDATION, GROUP, [INSTALMENT_RISK.name, SEGMENT.name, GATE.name])])
def act_recommendation(run: Run) -> dg.MaterializeResult[None]:
    """Next step of every customer with something open, waiting included, with its reasons."""
    from segmentation.treatment.recommendation import recommend_steps

    frames = run.load([inputs.RISK, inputs.SEGMENTS, GATE])
    steps = recommend_steps(
        run.load(inputs.LEDGER.values()),
        frames[INSTALMENT_RISK.name],
        frames[SEGMENT.name],
        frames[GATE.name],
        run.load_as_of(),
        run.settings.treatment,
        run.settings.seed,
    )
    return run.store(RECOMMENDATION, steps, {"plot": plot_counts(steps, "action", "customers")})
