"""Fairness: the audit of segments and steps, and the gate that may forbid publication."""

import dagster as dg

from pipelines.assets.treatment import RECOMMENDATION
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.errors import GateBlockedError
from segmentation.domain.room_tables import AUDIT_VERDICT, INSTALMENT_RISK, ROOM_TABLES, SEGMENT
from segmentation.domain.vocabulary import Verdict

GROUP = "fairness"
FAIRNESS = ROOM_TABLES["audit_fairness"]


@dg.multi_asset(
    specs=[asset_spec(FAIRNESS, GROUP, [INSTALMENT_RISK.name, SEGMENT.name, RECOMMENDATION.name])]
)
def audit_fairness(run: Run) -> dg.MaterializeResult[None]:
    """Rates by group with intervals and verdicts; groups are joined here and nowhere else."""
    from segmentation.fairness.ledger_audit import audit_bias

    try:
        audit = audit_bias(
            run.load(LEDGER_TABLES.values()),
            run.load([INSTALMENT_RISK, SEGMENT, RECOMMENDATION]),
            run.settings.fairness,
            run.load_as_of(),
            run.settings.seed,
        )
    except Exception as error:
        # Whatever goes wrong here, nothing may be published that was not assessed.
        raise GateBlockedError(
            f"Publication was blocked: the bias audit could not be completed ({error})",
            remedy="The last published snapshot stays current. Mend the cause, or report it, and run again.",
        ) from error
    return run.store(FAIRNESS, audit)


@dg.multi_asset(specs=[asset_spec(AUDIT_VERDICT, GROUP, [FAIRNESS.name])])
def audit_verdict(run: Run) -> dg.MaterializeResult[None]:
    """The verdict over the pre-registered family of comparisons."""
    from segmentation.fairness.gate import judge_audit

    return run.store(AUDIT_VERDICT, judge_audit(run.load([FAIRNESS])[FAIRNESS.name], run.settings.fairness))


@dg.asset_check(asset=AUDIT_VERDICT.name, blocking=True)
def bias_gate_permits_publication(run: Run) -> dg.AssetCheckResult:
    """The audit did not find that a group is treated worse beyond chance and tolerance."""
    verdicts = run.load([AUDIT_VERDICT])[AUDIT_VERDICT.name]
    is_single = verdicts.height == 1
    verdict = verdicts.item(0, "verdict") if is_single else Verdict.BLOCK
    return dg.AssetCheckResult(
        passed=is_single and verdict != Verdict.BLOCK,
        severity=dg.AssetCheckSeverity.ERROR,
        description=verdicts.item(0, "statement") if is_single else "The audit gave no verdict.",
        metadata={"verdict": str(verdict)},
    )
