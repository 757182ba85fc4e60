"""What credit managers decided on recommendations: append-only, durable, safe for many writers.

Belongs here: recording and reading decisions. Does not belong here: who may decide (the login of the
dashboard), what a decision sets in motion (treatment reads ``core_decision`` on the next run), and which
decided steps may be carried out now (dunning_feed).

A decision is never changed. Who thinks again records another one, and the last one counts; who takes
a decision back withdraws it, and the recommendation is undecided again. Each is taken after one that its person has seen,
so that nobody overrules a colleague without knowing.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from segmentation.domain.core_tables import DECISION
from segmentation.domain.errors import UsageError
from segmentation.domain.vocabulary import Decision
from segmentation.publish.append_only_store import DECISIONS_FILE, AppendOnlyStore, identify
from segmentation.publish.decision_database import await_turn
from segmentation.publish.decision_rules import Step, decided_step, require_still_valid
from segmentation.publish.decision_schema import DECISIONS
from segmentation.publish.reader import Snapshot, open_current

__all__ = ["DECISIONS_FILE", "DecisionStore", "Step"]

_SAID = {
    Decision.ACCEPT.value: "accepted a step for this customer",
    Decision.ADJUST.value: "adjusted the step for this customer",
    Decision.IGNORE.value: "ignored the step for this customer",
    Decision.WITHDRAW.value: "took a decision on this customer back",
}


class DecisionStore(AppendOnlyStore):
    """Decisions in a database (``append_only_store``)."""

    def record_decision(
        self,
        snapshot: Snapshot,
        recommendation: Mapping[str, Any],
        decision: Decision | str,
        *,
        decided_by: str,
        decided_at: datetime,
        after: str | None,
        reason: str | None = None,
        step: Step | None = None,
    ) -> str:
        """Identifier of the decision, recorded once however often the same form is sent.

        Parameters
        ----------
        snapshot : snapshot that the recommendation was read from.
        recommendation : its row of ``out_recommendations``, as a mapping by column.
        decision : accept, adjust, ignore; or withdraw, which takes the decision in force back.
        decided_by : name of the person who decides.
        decided_at : now, with a time zone.
        after : decision_id of the last decision on this customer, on whichever list, that the person was shown;
            None when there was none. The same person deciding the same after the same one is one decision
            (a double click).
        reason : why, in the person's words; mandatory for adjust and ignore only.
        step : the step to take instead, complete; only for adjust.

        Raises
        ------
        UsageError
            When person, reason or step are missing or not permitted, when the recommendation to accept or
            adjust has expired, its window has closed, when somebody decided on the customer after ``after``, when
            another list replaced the one decided on, or when there is no decision to withdraw; nothing is
            recorded then.
        """
        chosen = decided_step(recommendation, decision, decided_by=decided_by, reason=reason, step=step)
        if decided_at.tzinfo is None:
            raise UsageError("The moment of a decision has no time zone", remedy="Pass it in UTC.")
        require_still_valid(recommendation, chosen, decided_at)
        row: dict[str, Any] = {
            "recommendation_id": recommendation["recommendation_id"],
            "snapshot_id": snapshot.id,
            "as_of_date": snapshot.as_of,
            "customer_id": recommendation["customer_id"],
            "decision": Decision(decision).value,
            "action": chosen.action if chosen else None,
            "channel": chosen.channel if chosen else None,
            "window_start_at": chosen.window_start_at if chosen else None,
            "window_end_at": chosen.window_end_at if chosen else None,
            "reason": reason.strip() if reason and reason.strip() else None,
            "decided_by": decided_by.strip(),
        }
        identifier = identify(after or "first", row)

        def require(connection: sa.Connection) -> None:
            await_turn(connection, row["customer_id"])
            last = _read_last(connection, row["customer_id"])
            if last is not None and last.decision_id == identifier:
                return  # a double click
            _require_seen(last, after)
            if row["decision"] == Decision.WITHDRAW.value:
                _require_decision_in_force(last, row)
            else:
                _require_list_in_force(snapshot)

        self._append(
            DECISIONS,
            "decision_id",
            {"decision_id": identifier, **row, "decided_at": decided_at},
            require,
        )
        return identifier

    def read_decisions(self, before: date | None = None) -> pl.DataFrame:
        """Return all decisions, as ``core_decision`` sorted by decision.

        Parameters
        ----------
        before : leave out decisions on snapshots of this as-of day or later, which a run as of that
            day does not know; None for all.
        """
        query = sa.select(DECISIONS)
        if before is not None:
            query = query.where(DECISIONS.c.as_of_date < before)
        return DECISION.conform(self._read(query, DECISION))

    def latest_decisions(self) -> pl.DataFrame:
        """Return the decision recorded last per recommendation, as ``core_decision``.

        Where that is ``withdraw``, no decision is in force and the recommendation is undecided.
        """
        last = sa.select(sa.func.max(DECISIONS.c.sequence)).group_by(DECISIONS.c.recommendation_id)
        return DECISION.conform(
            self._read(sa.select(DECISIONS).where(DECISIONS.c.sequence.in_(last)), DECISION)
        )

    def history(self, customer_id: str) -> pl.DataFrame:
        """Return a customer's decisions, newest first, with the columns of ``core_decision``."""
        query = sa.select(DECISIONS).where(DECISIONS.c.customer_id == customer_id)
        return self._read(query.order_by(DECISIONS.c.sequence.desc()), DECISION).select(DECISION.column_names)


def _read_last(connection: sa.Connection, customer_id: str) -> sa.Row[Any] | None:
    query = sa.select(DECISIONS).where(DECISIONS.c.customer_id == customer_id)
    return connection.execute(query.order_by(DECISIONS.c.sequence.desc()).limit(1)).first()


def _require_seen(last: sa.Row[Any] | None, after: str | None) -> None:
    if last is not None and last.decision_id != after:
        reason = f": {last.reason}" if last.reason else ""
        raise UsageError(
            f"{last.decided_by} {_SAID[last.decision]} meanwhile{reason}",
            remedy="Nothing was recorded. Look at the customer again, then decide.",
        )


def _require_decision_in_force(last: sa.Row[Any] | None, row: Mapping[str, Any]) -> None:
    place = ("recommendation_id", "snapshot_id")
    is_here = last is not None and all(getattr(last, name) == row[name] for name in place)
    if last is None or not is_here or last.decision == Decision.WITHDRAW.value:
        raise UsageError(
            "There is no decision on this recommendation to withdraw",
            remedy="Read the decisions again: somebody may have withdrawn it already.",
        )


def _require_list_in_force(snapshot: Snapshot) -> None:
    current = open_current(snapshot.path.parents[1])
    if current is None or current.id != snapshot.id:
        raise UsageError(
            "This list has been replaced by another one",
            remedy="Nothing was recorded. Show the snapshot in force, then decide on its list.",
        )
