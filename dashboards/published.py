"""The one door to what was published, and the one to decisions.

Belongs here: which data root, which snapshot, cached reads, recording decisions, who is reading.
Does not belong here: drawing. No page reads or writes in any other way, and nothing here opens the
warehouse.

A snapshot never changes, so its tables are kept in memory by data root and snapshot. A browser
session stays with the snapshot it began with until it is reloaded or asked for the new one: the
ground does not shift under somebody who is deciding.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
import streamlit as st

from dashboards import rows
from dashboards.formats import Formats, find_locale, find_zone
from segmentation.domain.errors import SegmentationError
from segmentation.publish.append_only_store import AppendOnlyStore
from segmentation.publish.cause_findings import FindingStore
from segmentation.publish.decision_rules import Step
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import Snapshot, find_snapshot, list_snapshots, open_current
from segmentation.publish.verification import Verification, verify_snapshot

DATA_ROOT_VARIABLE = "SEGMENTATION_DATA_ROOT"
DECISIONS_VARIABLE = "SEGMENTATION_DECISIONS"
DEFAULT_DATA_ROOT = "data"
MAX_CACHED_TABLES = 64
DECISIONS_SECONDS = 10
"""Decisions that somebody takes through another server show after at most this many seconds."""

_PINNED = "pinned_snapshot"
_DECIDER = "decider"

_Store = TypeVar("_Store", bound=AppendOnlyStore)


@dataclass(frozen=True)
class Places:
    """Where snapshots and decisions are, and the day on which a sample is looked at; None means today."""

    data_root: Path
    decisions: str | None
    today: date | None = None


def find_places() -> Places:
    """Return the places named on the command line, else in the environment, else the default."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--data-root")
    parser.add_argument("--decisions")
    parser.add_argument("--today", type=date.fromisoformat)
    known, _ = parser.parse_known_args(sys.argv[1:])
    root = known.data_root or os.environ.get(DATA_ROOT_VARIABLE) or DEFAULT_DATA_ROOT
    return Places(Path(root), known.decisions or os.environ.get(DECISIONS_VARIABLE) or None, known.today)


def now() -> datetime:
    """Return the present moment, of the day on which a sample is looked at; the only clock of the dashboard."""
    moment, day = datetime.now(UTC), find_places().today
    return moment if day is None else datetime.combine(day, moment.timetz())


def find_formats() -> Formats:
    """Return how this reader's browser writes numbers, dates and times."""
    return Formats(find_locale(st.context.locale), find_zone(st.context.timezone))


def open_newest() -> Snapshot | None:
    """Return the snapshot in force; None when nothing was published yet."""
    return open_current(find_places().data_root)


def open_pinned() -> tuple[Snapshot | None, Snapshot | None]:
    """Return the snapshot that this session reads, and the newer one in force if there is one.

    A session whose snapshot was removed moves on to the one in force.
    """
    newest = open_newest()
    if newest is None:
        return None, None
    pinned = st.session_state.get(_PINNED)
    if pinned is None or pinned == newest.id:
        st.session_state[_PINNED] = newest.id
        return newest, None
    try:
        return find_snapshot(find_places().data_root, pinned), newest
    except SegmentationError:
        st.session_state[_PINNED] = newest.id
        return newest, None


def pin_snapshot(identifier: str) -> None:
    """Let this session read the snapshot of that identifier from now on."""
    st.session_state[_PINNED] = identifier


def all_snapshots() -> list[Snapshot]:
    """Return all snapshots that can be read, newest first."""
    return list_snapshots(find_places().data_root)


def verify(identifier: str) -> Verification:
    """Return what was checked in a snapshot, once every byte of it held.

    Raises
    ------
    IntegrityError
        When anything differs from what was published.
    """
    return verify_snapshot(find_snapshot(find_places().data_root, identifier))


@st.cache_resource(max_entries=MAX_CACHED_TABLES, show_spinner="Reading the snapshot …")
def _read_table(data_root: str, snapshot_id: str, name: str) -> pl.DataFrame:
    return find_snapshot(Path(data_root), snapshot_id).read_table(name)


def read_table(snapshot: Snapshot, name: str) -> pl.DataFrame:
    """Return a published table, read and checked once per snapshot."""
    return _read_table(str(find_places().data_root.absolute()), snapshot.id, name)


@st.cache_resource(max_entries=4, show_spinner="Preparing the worklist …")
def _read_worklist(data_root: str, snapshot_id: str) -> pl.DataFrame:
    return rows.join_worklist(
        _read_table(data_root, snapshot_id, "out_recommendations"),
        _read_table(data_root, snapshot_id, "out_customers"),
        _read_table(data_root, snapshot_id, "out_customer_segments"),
    )


def read_worklist(snapshot: Snapshot) -> pl.DataFrame:
    """Return all recommendations with customer and segment, best expected value first."""
    return _read_worklist(str(find_places().data_root.absolute()), snapshot.id)


@st.cache_resource(max_entries=4, show_spinner="Preparing the list of customers …")
def _read_customers(data_root: str, snapshot_id: str) -> pl.DataFrame:
    return rows.list_customers(
        _read_table(data_root, snapshot_id, "out_customers"),
        _read_table(data_root, snapshot_id, "out_invoice_scores"),
        _read_table(data_root, snapshot_id, "out_customer_segments"),
    )


def read_customers(snapshot: Snapshot) -> pl.DataFrame:
    """Return all customers with what they owe, those with most overdue first."""
    return _read_customers(str(find_places().data_root.absolute()), snapshot.id)


@st.cache_resource(max_entries=8, show_spinner=False)
def _open_at(kind: type[_Store], where: str, *, is_url: bool) -> _Store:
    return kind(where) if is_url else kind.for_data_root(Path(where))


def _open_store(kind: type[_Store]) -> _Store:
    """The store named at the start, else the one beside the snapshots."""
    places = find_places()
    if places.decisions:
        return _open_at(kind, places.decisions, is_url=True)
    return _open_at(kind, str(places.data_root.absolute()), is_url=False)


def open_decisions() -> DecisionStore:
    """Return the decisions store: the one named at the start, else the one beside the snapshots."""
    return _open_store(DecisionStore)


@st.cache_data(ttl=DECISIONS_SECONDS, max_entries=8, show_spinner=False)
def _read_latest_decisions(_store: DecisionStore, places: Places) -> pl.DataFrame:
    del places  # part of the cache's key
    return _store.latest_decisions()


@dataclass(frozen=True)
class Decided:
    """What had been decided when a page was drawn: one reading of the store.

    Parameters
    ----------
    latest : the decision recorded last per recommendation, withdrawals included (``core_decision``).
    snapshot_id : snapshot that the page shows.
    """

    latest: pl.DataFrame
    snapshot_id: str

    @property
    def here(self) -> pl.DataFrame:
        """The latest decisions on the snapshot's own list.

        What was decided on another list of the same day is not carried out, even where it names the same step.
        """
        return self.latest.filter(pl.col("snapshot_id") == self.snapshot_id)

    def find_here(self, recommendation_id: str) -> Mapping[str, Any] | None:
        """Return the last decision on a recommendation of the snapshot's list; None when there is none."""
        found = self.here.filter(pl.col("recommendation_id") == recommendation_id)
        return found.row(0, named=True) if found.height else None

    def find_last_id(self, customer_id: str) -> str | None:
        """Return the last decision on a customer on whichever list: what a new one is taken after."""
        mine = self.latest.filter(pl.col("customer_id") == customer_id).sort("sequence")
        return mine["decision_id"][-1] if mine.height else None


def read_decided(snapshot: Snapshot) -> Decided:
    """Return what has been decided, for a page that shows a snapshot."""
    return Decided(_read_latest_decisions(open_decisions(), find_places()), snapshot.id)


def read_history(customer_id: str) -> pl.DataFrame:
    """Return the decisions on one customer, newest first (``core_decision``)."""
    return open_decisions().history(customer_id)


def record_decision(
    snapshot: Snapshot,
    recommendation: Mapping[str, Any],
    decision: str,
    *,
    after: str | None,
    reason: str | None = None,
    step: Step | None = None,
) -> str:
    """Identifier of the decision that this reader takes ``after`` the one shown; sent twice it is recorded once.

    Raises
    ------
    UsageError
        When the name of the reader, the reason or the step are missing or not permitted, or when somebody else
        decided or published meanwhile; the page is drawn anew from what the store holds then.
    """
    try:
        return open_decisions().record_decision(
            snapshot,
            recommendation,
            decision,
            decided_by=find_decider(),
            decided_at=now(),
            after=after,
            reason=reason,
            step=step,
        )
    finally:
        _read_latest_decisions.clear()


def open_findings() -> FindingStore:
    """Return the store of findings about causes: the database of the decisions."""
    return _open_store(FindingStore)


def record_finding(snapshot: Snapshot, segment: Mapping[str, Any], cause: str, *, token: str) -> None:
    """Record what this reader knows about why a customer pays late; the same token is never recorded twice.

    Raises
    ------
    UsageError
        When the name of the reader is missing.
    """
    open_findings().record_finding(
        snapshot, segment, cause, found_by=find_decider(), found_at=now(), token=token
    )


def find_login() -> str | None:
    """Return the name of the person who logged in; None when there is no login."""
    if not getattr(st.user, "is_logged_in", False):
        return None
    return str(st.user.get("name") or st.user.get("email") or "") or None


def find_decider() -> str:
    """Return who decides: the person who logged in, else the name given in this session, else nothing."""
    return find_login() or str(st.session_state.get(_DECIDER) or "").strip()


def ask_decider() -> None:
    """Ask for the name of who decides, once per session; a login answers it already."""
    login = find_login()
    if login:
        st.caption(f"Decisions are recorded for **{login}**.")
        return
    st.text_input(
        "Your name",
        key=_DECIDER,
        placeholder="Recorded with each decision",
        persist_state="session",
        max_chars=80,
    )
