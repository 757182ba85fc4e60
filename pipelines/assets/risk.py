"""Risk: the payment-date distribution of every open instalment, and who speaks for it."""

from collections.abc import Iterator

import dagster as dg

from pipelines.assets import features
from pipelines.plots import plot_reliability
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.room_tables import ROOM_TABLES

GROUP = "risk"
TABLES = [
    ROOM_TABLES[name]
    for name in (
        "pred_instalment_risk",
        "pred_risk_reason",
        "pred_cash_forecast",
        "pred_model_comparison",
        "pred_reliability",
        "pred_monitoring",
        "pred_model_card",
        "pred_model",
    )
]
TRADEOFF = ROOM_TABLES["audit_tradeoff"]
INPUTS = [features.ISSUE.name, features.OPEN.name, TRADEOFF.name, *LEDGER_TABLES]


@dg.multi_asset(specs=[asset_spec(table, GROUP, INPUTS) for table in TABLES], can_subset=False)
def risk(run: Run) -> Iterator[dg.MaterializeResult[None]]:
    """Scores, reasons, cash forecast and the comparison of models, from one fitted distribution."""
    from segmentation.fairness.groups import read_groups
    from segmentation.fairness.mitigation import choose_mitigation
    from segmentation.risk.scoring import score_book

    frames, ledger = run.load([features.ISSUE, features.OPEN, TRADEOFF]), run.load(LEDGER_TABLES.values())
    as_of, fairness = run.load_as_of(), run.settings.fairness
    groups = read_groups(ledger, fairness.attributes, as_of)
    scored = score_book(
        frames[features.ISSUE.name],
        frames[features.OPEN.name],
        ledger,
        as_of,
        run.settings.risk,
        run.settings.seed,
        mitigation=choose_mitigation(frames[TRADEOFF.name], groups, fairness),
    )
    plots = {"pred_reliability": {"plot": plot_reliability(scored["pred_reliability"])}}
    for table in TABLES:
        yield run.store(table, scored[table.name], plots.get(table.name))
