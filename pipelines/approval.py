"""A person's decision to publish what the bias gate blocked.

Belongs here: whether the candidate is still what the facts, the settings and the program would give, and
whose decision it is. Does not belong here: changing the snapshot (publish).
"""

import datetime as dt
from pathlib import Path

from pipelines.execution import describe_state, hash_decisions, write_state
from pipelines.resources import Run, lock_data_root
from pipelines.run_facts import fingerprint_inputs, read_ready_account, settle_account
from segmentation.domain.errors import GateBlockedError, UsageError
from segmentation.publish.candidates import find_candidate, publish_candidate, read_request
from segmentation.publish.manifest import Override
from segmentation.publish.reader import Snapshot, open_current

REQUEST_FIELDS = ("ledger", "mapping", "as_of", "settings_file")
"""What of a run its candidate remembers, to see whether anything changed; its decisions store by name, never by password."""
_STORE = "decisions_store"
_ACCOUNT = "account"
MAX_DAYS = 92
"""Longest life of an approval: after a quarter somebody has to look again."""


def approve_candidate(
    data_root: Path,
    identifier: str,
    *,
    by: str,
    reason: str,
    until: dt.date,
    now: dt.datetime,
    decisions_url: str = "",
) -> Snapshot:
    """Publish the snapshot of a blocked run on a person's decision, and return it.

    Parameters
    ----------
    data_root : folder of the run.
    identifier : of the candidate.
    by, reason : who decided, and why; neither may be blank.
    until : last day on which the snapshot may be used.
    now : moment of the decision, with a time zone.
    decisions_url : SQLAlchemy URL of the decisions store that the run read; empty where its name is enough to open
        it: a file, or the one under ``data_root``.

    Raises
    ------
    UsageError
        When there is no such candidate, a word is missing, the day is past or too far away, or the decisions
        store is another one.
    GateBlockedError
        When ledger, settings, program, decisions or the snapshot in force are not those of the candidate.
    IntegrityError
        When the candidate is not as it was written.
    """
    if not by.strip() or not reason.strip():
        raise UsageError(
            "An approval needs a name and a reason", remedy="Give both: --by NAME --reason TEXT."
        )
    last = now.date() + dt.timedelta(days=MAX_DAYS)
    if not now.date() <= until <= last:
        raise UsageError(
            f"An approval until {until} is not possible today",
            where="--until",
            remedy=f"Choose a day from {now.date()} to {last}.",
        )
    with lock_data_root(data_root):
        candidate = find_candidate(data_root, identifier)
        request = read_request(candidate)
        given = {name: request[name] for name in REQUEST_FIELDS}
        store = _find_store(request, decisions_url)
        run = Run.model_validate(given | {"data_root": str(data_root), "decisions_url": store})
        inputs, current = fingerprint_inputs(run), open_current(data_root)
        state = describe_state(run, inputs, candidate)
        changed = [
            name
            for name, found in (
                ("the ledger, the settings or the program", inputs == request["inputs"]),
                ("the decisions", state["decisions"] == request["decisions"]),
                ("the snapshot in force", (current.id if current else "") == request["current_id"]),
            )
            if not found
        ]
        if changed:
            raise GateBlockedError(
                f"{candidate.id} can no longer be approved: {' and '.join(changed)} changed since its run",
                remedy="Run the pipeline again; when the gate still blocks, approve the new candidate.",
            )
        override = Override(approved_by=by.strip(), reason=reason.strip(), approved_at=now, until=until)
        keep = run.settings.publish.keep_snapshots
        published = publish_candidate(data_root, candidate, override, keep)
        settle_account(data_root, request.get(_ACCOUNT, ""))
        write_state(data_root, state)
    return published


def _find_store(request: dict[str, str], decisions_url: str) -> str:
    """Return the URL of the decisions store that the run of a request read."""
    name = request.get(_STORE)
    if name is None:
        raise GateBlockedError(
            "It is not on record which decisions store the blocked run read",
            remedy="Run the pipeline again; when the gate still blocks, approve the new candidate.",
        )
    url = decisions_url or (name if name.startswith("sqlite") else "")
    if _name_store(url) != name:
        raise UsageError(
            "The blocked run read another decisions store than is given",
            where="--decisions or SEGMENTATION_DECISIONS",
            remedy=f"Give the URL, with its password, of {name}."
            if name
            else "Leave both out: the run read the file in the data root.",
        )
    return url


def _name_store(decisions_url: str) -> str:
    from segmentation.publish.decision_database import name_store

    return name_store(decisions_url) if decisions_url else ""


def describe_request(run: Run, inputs: str) -> dict[str, str]:
    """Return what the run of a candidate was made from, with paths that hold from any folder and no password."""
    current = open_current(run.root)
    given = {name: str(getattr(run, name)) for name in REQUEST_FIELDS}
    for name in ("ledger", "mapping", "settings_file"):
        path = Path(given[name])
        if path.is_file() or (name == "ledger" and path.is_dir()):
            given[name] = str(path.absolute())
    return given | {
        _STORE: _name_store(run.decisions_url),
        "inputs": inputs,
        "decisions": hash_decisions(run, run.load_as_of()),
        "current_id": current.id if current else "",
        _ACCOUNT: read_ready_account(run.root),
    }
