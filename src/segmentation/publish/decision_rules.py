"""Which decisions on a recommendation are permitted.

Belongs here: what a person may accept, adjust, ignore or withdraw, and what must be said with it.
Does not belong here: keeping decisions (decisions), closing gates (treatment).

A person may choose another lawful step; nobody may step around a closed gate. So while a gate is
closed without a known end the step may only be turned into waiting, and no window may begin before it
is lawful; channel, hours and days stay within what the recommendation says is open (decision_bounds).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segmentation.domain.errors import UsageError
from segmentation.domain.vocabulary import ACTIONS_WITHOUT_CONTACT, Action, Channel, Decision
from segmentation.publish.decision_bounds import (
    contact_zone,
    require_debt,
    require_lawful_action,
    require_lawful_hours,
    require_open_channel,
    require_within_validity,
)

# Taking back a slip of the hand must be as easy as the slip was.
_NEEDS_REASON = frozenset({Decision.ADJUST, Decision.IGNORE})


@dataclass(frozen=True)
class Step:
    """What to do, through which channel and when; channel and window are None for a step without contact."""

    action: str
    channel: str | None = None
    window_start_at: datetime | None = None
    window_end_at: datetime | None = None


def decided_step(
    recommendation: Mapping[str, Any],
    decision: Decision | str,
    *,
    decided_by: str,
    reason: str | None,
    step: Step | None,
) -> Step | None:
    """Return the step that a decision leads to; None for ignore and withdraw.

    Raises
    ------
    UsageError
        When the decision is not complete or not permitted.
    """
    if decision not in set(Decision):
        raise UsageError(
            f"Unknown decision {decision!r}", remedy="Choose accept, adjust, ignore or withdraw."
        )
    if not decided_by.strip():
        raise UsageError("A decision needs a person", remedy="Give the name of who decides.")
    if decision in _NEEDS_REASON and not (reason and reason.strip()):
        raise UsageError(
            f"To {decision} a recommendation needs a reason",
            remedy="Say in a few words why: the next person, and the system, learn from it.",
        )
    proposed = _recommended_step(recommendation)
    if decision != Decision.ADJUST:
        if step is not None and step != proposed:
            raise UsageError(
                "Only an adjusted recommendation may have another step", remedy="Choose adjust and say why."
            )
        return proposed if decision == Decision.ACCEPT else None
    if step is None or step == proposed:
        raise UsageError(
            "An adjusted recommendation must differ from what was recommended",
            remedy="Change the step, the channel or the window; or accept it as it is.",
        )
    _require_complete(step)
    _require_lawful(step, proposed, recommendation)
    return step


def _recommended_step(recommendation: Mapping[str, Any]) -> Step:
    if recommendation["action"] in ACTIONS_WITHOUT_CONTACT:
        return Step(recommendation["action"])
    return Step(
        recommendation["action"],
        recommendation["channel"],
        recommendation["window_start_at"],
        recommendation["window_end_at"],
    )


def is_expired(recommendation: Mapping[str, Any], moment: datetime) -> bool:
    """Return whether a recommendation may no longer be carried out."""
    until = recommendation.get("valid_until")
    return until is not None and until < moment


def is_missed(recommendation: Mapping[str, Any], moment: datetime) -> bool:
    """Return whether the window in which the recommended step was to be taken lies in the past."""
    return _is_over(_recommended_step(recommendation), moment)


def _is_over(step: Step, moment: datetime) -> bool:
    return step.window_end_at is not None and step.window_end_at < moment


def require_still_valid(recommendation: Mapping[str, Any], step: Step | None, decided_at: datetime) -> None:
    """Raise UsageError when a step was accepted or chosen that may no longer be carried out."""
    if step is None:
        return
    if is_expired(recommendation, decided_at):
        raise UsageError(
            f"This recommendation expired on {recommendation['valid_until']:%Y-%m-%d %H:%M} UTC",
            remedy="Run the pipeline on today's ledger and decide on its worklist: the facts may have changed.",
        )
    if _is_over(step, decided_at):
        raise UsageError(
            f"The window of this step closed on {step.window_end_at:%Y-%m-%d %H:%M} UTC",
            remedy="Adjust it to a later day; or run the pipeline on today's ledger.",
        )


def _find_first_day(recommendation: Mapping[str, Any]) -> datetime | None:
    """Return the start of the recommended day, customer's time: the hours of another step may be earlier ones."""
    start: datetime | None = recommendation["window_start_at"]
    return start and start.astimezone(contact_zone(recommendation)).replace(hour=0, minute=0, second=0)


def _require_complete(step: Step) -> None:
    if step.action not in set(Action):
        raise UsageError(f"Unknown step {step.action!r}", remedy=f"Choose one of {', '.join(Action)}.")
    if step.action in ACTIONS_WITHOUT_CONTACT:
        if step.channel or step.window_start_at or step.window_end_at:
            raise UsageError(
                f"The step {step.action} has no channel and no window",
                remedy="Leave them empty: nobody is contacted.",
            )
        return
    if step.channel not in set(Channel):
        raise UsageError(
            f"The step {step.action} needs a channel", remedy=f"Choose one of {', '.join(Channel)}."
        )
    start, end = step.window_start_at, step.window_end_at
    if start is None or end is None or start.tzinfo is None or end.tzinfo is None or start >= end:
        raise UsageError(
            f"The step {step.action} needs a window that ends after it begins",
            remedy="Give the first and the last moment, with time zone.",
        )


def _require_lawful(step: Step, proposed: Step, recommendation: Mapping[str, Any]) -> None:
    if step.action == Action.WAIT:
        return
    gates = list(recommendation["blocked_by"] or ())
    lifted_at = recommendation["earliest_lawful_at"]
    # A step without contact has no window that could begin once the gates have lifted.
    if gates and step.action != proposed.action and (lifted_at is None or step.window_start_at is None):
        raise UsageError(
            f"The step {step.action} is not permitted while gates are closed: {', '.join(gates)}",
            remedy="Choose to wait, or have the cause settled in the ledger and run again.",
        )
    require_debt(step.action, recommendation)
    require_lawful_action(step.action, recommendation)
    if step.window_start_at is None or step.window_end_at is None:
        return
    floor = max((moment for moment in (_find_first_day(recommendation), lifted_at) if moment), default=None)
    if floor is not None and step.window_start_at < floor:
        raise UsageError(
            f"The window begins before {floor:%Y-%m-%d %H:%M} UTC, the earliest lawful moment",
            remedy="Let it begin then or later.",
        )
    require_open_channel(step.action, step.channel, recommendation)
    require_lawful_hours(step.action, step.window_start_at, step.window_end_at, recommendation)
    require_within_validity(step.window_end_at, recommendation)
