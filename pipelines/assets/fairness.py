"""Fairness: the audit of scores, segments and steps, and the gate that may forbid publication."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from pipelines.assets.features import CUSTOMER, ISSUE
from pipelines.assets.treatment import RECOMMENDATION
from pipelines.plots import plot_tradeoff
from pipelines.resources import Run, asset_spec
from segmentation.domain.core_tables import LEDGER_TABLES
from segmentation.domain.errors import GateBlockedError
from segmentation.domain.room_tables import AUDIT_VERDICT, GATE, INSTALMENT_RISK, ROOM_TABLES, SEGMENT
from segmentation.domain.vocabulary import Verdict

GROUP = "fairness"
FAIRNESS = ROOM_TABLES["audit_fairness"]
PROXIES = ROOM_TABLES["audit_proxies"]
TRADEOFF = ROOM_TABLES["audit_tradeoff"]
HISTORY = ROOM_TABLES["audit_history"]
DECIDED = [INSTALMENT_RISK, SEGMENT, GATE, RECOMMENDATION]


@dg.multi_asset(specs=[asset_spec(FAIRNESS, GROUP, [table.name for table in DECIDED])])
def audit_fairness(run: Run) -> dg.MaterializeResult[None]:
    """Rates by group with intervals and verdicts; groups are joined here and nowhere else."""
    from segmentation.fairness.history import spend_next_alpha
    from segmentation.fairness.ledger_audit import audit_bias
    from segmentation.publish.audit_history import read_audit_history

    with _failing_closed():
        as_of, settings = run.load_as_of(), run.settings.fairness
        alpha = spend_next_alpha(read_audit_history(run.root, as_of), as_of, settings)
        ledger, decided = run.load(LEDGER_TABLES.values()), run.load(DECIDED)
        return run.store(FAIRNESS, audit_bias(ledger, decided, settings, as_of, run.settings.seed, alpha))


@dg.multi_asset(specs=[asset_spec(PROXIES, GROUP, [SEGMENT.name, CUSTOMER.name])])
def audit_proxies(run: Run) -> dg.MaterializeResult[None]:
    """How well each group can be told from the features, and from the segment itself."""
    from segmentation.fairness.groups import read_groups
    from segmentation.fairness.proxies import assess_proxies

    with _failing_closed():
        frames, settings = run.load([SEGMENT, CUSTOMER]), run.settings.fairness
        groups = read_groups(run.load(LEDGER_TABLES.values()), settings.attributes, run.load_as_of())
        proxies = assess_proxies(
            groups, frames[CUSTOMER.name], frames[SEGMENT.name], settings, run.settings.seed
        )
        return run.store(PROXIES, proxies)


@dg.multi_asset(specs=[asset_spec(TRADEOFF, GROUP, [ISSUE.name])])
def audit_tradeoff(run: Run) -> dg.MaterializeResult[None]:
    """What mitigating the model of being late costs in accuracy; empty when it is not switched on."""
    from segmentation.fairness.groups import read_groups
    from segmentation.fairness.mitigation import explore_tradeoff

    with _failing_closed():
        settings, as_of = run.settings, run.load_as_of()
        ledger = run.load(LEDGER_TABLES.values())
        tradeoff = explore_tradeoff(
            run.load([ISSUE])[ISSUE.name],
            ledger,
            read_groups(ledger, settings.fairness.attributes, as_of),
            settings.risk,
            settings.fairness,
            as_of,
            settings.seed,
        )
        plot = {"plot": plot_tradeoff(tradeoff)} if tradeoff.height else None
        return run.store(TRADEOFF, tradeoff, plot)


@dg.multi_asset(specs=[asset_spec(AUDIT_VERDICT, GROUP, [FAIRNESS.name])])
def audit_verdict(run: Run) -> dg.MaterializeResult[None]:
    """The verdict over the pre-registered family of comparisons."""
    from segmentation.fairness.gate import judge_audit

    with _failing_closed():
        verdict = judge_audit(run.load([FAIRNESS])[FAIRNESS.name], run.settings.fairness)
        return run.store(AUDIT_VERDICT, verdict)


@dg.multi_asset(specs=[asset_spec(HISTORY, GROUP, [FAIRNESS.name, AUDIT_VERDICT.name])])
def audit_history(run: Run) -> dg.MaterializeResult[None]:
    """The record of this and earlier audits, with what each spent of the false-alarm budget."""
    from segmentation.fairness.history import extend_history
    from segmentation.publish.audit_history import read_audit_history

    with _failing_closed():
        as_of, frames = run.load_as_of(), run.load([FAIRNESS, AUDIT_VERDICT])
        history = extend_history(
            read_audit_history(run.root, as_of),
            frames[FAIRNESS.name],
            frames[AUDIT_VERDICT.name],
            as_of,
            run.settings.fairness,
        )
        return run.store(HISTORY, history)


@dg.asset_check(asset="candidate_snapshot", blocking=True, additional_deps=[AUDIT_VERDICT.name])
def bias_gate_permits_publication(run: Run) -> dg.AssetCheckResult:
    """The audit did not find that a group is treated worse beyond chance and tolerance."""
    from segmentation.publish.candidates import list_candidates

    verdicts = run.load([AUDIT_VERDICT])[AUDIT_VERDICT.name]
    is_single = verdicts.height == 1
    verdict = verdicts.item(0, "verdict") if is_single else Verdict.BLOCK
    is_permitted = is_single and verdict != Verdict.BLOCK
    statement = verdicts.item(0, "statement") if is_single else "The audit gave no verdict."
    as_of = run.load_as_of()
    candidate = next((found for found in list_candidates(run.root) if found.as_of == as_of), None)
    if not is_permitted and candidate is not None:
        statement += (
            " Whoever decides that it is justified publishes it under their name: segmentation approve "
            f"{candidate.id} --by NAME --reason TEXT --until DATE --data-root {run.root}. The whole finding "
            f"is in {candidate.path / 'bias_report.html'}."
        )
    return dg.AssetCheckResult(
        passed=is_permitted,
        severity=dg.AssetCheckSeverity.ERROR,
        description=statement,
        metadata={"verdict": str(verdict)},
    )


@contextmanager
def _failing_closed() -> Iterator[None]:
    """Whatever goes wrong in the audit, nothing may be published that was not assessed."""
    try:
        yield
    except Exception as error:
        raise GateBlockedError(
            f"Publication was blocked: the bias audit could not be completed ({error})",
            remedy="The last published snapshot stays current. Mend the cause, or report it, and run again.",
        ) from error
