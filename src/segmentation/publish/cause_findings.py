"""What credit managers found out about why a customer pays late: append-only, beside the decisions.

Belongs here: recording and reading findings. Does not belong here: what is learned from them (segments).

A finding confirms or corrects the hypothesis of a snapshot. It is never changed: who thinks again records
another one, and the last one counts; *unclear* takes an earlier word back.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from segmentation.domain.cause_memory import find_remembered_since
from segmentation.domain.core_tables import CAUSE_FINDING
from segmentation.domain.errors import UsageError
from segmentation.domain.vocabulary import Cause
from segmentation.publish.append_only_store import AppendOnlyStore, identify
from segmentation.publish.decision_schema import CAUSE_FINDINGS
from segmentation.publish.reader import Snapshot


class FindingStore(AppendOnlyStore):
    """Findings about causes, in the database of the decisions (``append_only_store``)."""

    def record_finding(
        self,
        snapshot: Snapshot,
        segment: Mapping[str, Any],
        cause: Cause | str,
        *,
        found_by: str,
        found_at: datetime,
        token: str,
    ) -> str:
        """Identifier of the finding, recorded once however often the same form is sent.

        Parameters
        ----------
        snapshot : snapshot that was being read.
        segment : the customer's row of ``out_customer_segments``, as a mapping by column.
        cause : the cause that the person names; the one of the snapshot confirms it, *unclear* takes an
            earlier word back.
        found_by : name of the person.
        found_at : now, with a time zone.
        token : identifier of the form that was sent; the same content with the same token is one finding.

        Raises
        ------
        UsageError
            When the person is missing, the cause unknown or the moment without time zone.
        """
        if cause not in set(Cause):
            raise UsageError(f"Unknown cause {cause!r}", remedy=f"Choose one of {', '.join(Cause)}.")
        if not found_by.strip():
            raise UsageError("A finding needs a person", remedy="Give the name of who knows the reason.")
        if found_at.tzinfo is None:
            raise UsageError("The moment of a finding has no time zone", remedy="Pass it in UTC.")
        row: dict[str, Any] = {
            "customer_id": segment["customer_id"],
            "snapshot_id": snapshot.id,
            "as_of_date": snapshot.as_of,
            "told_cause": Cause(segment["cause"]).value,
            "cause": Cause(cause).value,
            "found_by": found_by.strip(),
        }
        identifier = identify(token, row)
        self._append(CAUSE_FINDINGS, "finding_id", {"finding_id": identifier, **row, "found_at": found_at})
        return identifier

    def read_findings(self, before: date | None = None) -> pl.DataFrame:
        """Return all findings, as ``core_cause_finding``.

        Parameters
        ----------
        before : leave out findings on snapshots of this as-of day or later, which a run as of that day
            does not know; None for all.
        """
        query = sa.select(CAUSE_FINDINGS)
        if before is not None:
            query = query.where(CAUSE_FINDINGS.c.as_of_date < before)
        return CAUSE_FINDING.conform(self._read(query, CAUSE_FINDING))

    def latest_finding(self, customer_id: str, as_of: date) -> Mapping[str, Any] | None:
        """Return the finding recorded last about a customer, *unclear* where it was taken back.

        None without any, and when all are so old that a run as of ``as_of`` has forgotten them (``cause_memory``).
        """
        since = find_remembered_since(as_of)
        query = sa.select(CAUSE_FINDINGS).where(
            CAUSE_FINDINGS.c.customer_id == customer_id, CAUSE_FINDINGS.c.as_of_date >= since
        )
        last = self._read(query.order_by(CAUSE_FINDINGS.c.sequence.desc()).limit(1), CAUSE_FINDING)
        return last.row(0, named=True) if last.height else None
