"""What a dunning system may carry out now: the one door between decisions and messages.

Belongs here: which decided steps are still good. Does not belong here: deciding (decisions), sending
(the dunning system's own work), the gates at the moment of sending (``treatment.recheck``).
"""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from segmentation.domain.asked_debt import find_lapsed
from segmentation.domain.core_tables import DECISION
from segmentation.domain.dunning_levels import dunning_level
from segmentation.domain.errors import UsageError
from segmentation.domain.published_tables import INVOICE_SCORES, PUBLISHED_TABLES
from segmentation.domain.vocabulary import GATES_WORKED_BEHIND, Action, BlockCode, Decision
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.layout import table_file
from segmentation.publish.reader import Snapshot, list_snapshots, open_current

_RECOMMENDATIONS = PUBLISHED_TABLES["out_recommendations"]
_CARRIED_OUT = (Decision.ACCEPT.value, Decision.ADJUST.value)
_MESSAGE = ("message_language", "message_subject", "message_text", "message_missing", "plan_schedule")
_AS_RECOMMENDED = ("tone", "propensity", *_MESSAGE)
_TAKEN_OVER = ("valid_until", "dunning_level", *_AS_RECOMMENDED, "asked_invoices")
_COLUMNS = (*DECISION.column_names, *_TAKEN_OVER)

_OWN_GATE = BlockCode.AWAITING_DECISION_EFFECT.value
"""Closed by the very decision that is to be carried out; it holds further steps back, not this one."""

_WORKED_BEHIND = pl.DataFrame(
    [(action, gate) for action, gates in GATES_WORKED_BEHIND.items() for gate in gates],
    schema=["action", "gate"],
    orient="row",
)


def list_actionable_steps(
    data_root: Path, now: datetime, decisions: str | Path | None = None
) -> pl.DataFrame:
    """Return the steps that a person accepted or adjusted and that may still be carried out.

    This is all that a dunning system needs to read. Ask again shortly before each batch of messages,
    never keep the answer overnight: a step is gone from it as soon as somebody withdraws the decision.

    Parameters
    ----------
    data_root : folder with the snapshots.
    now : the present moment, with its time zone.
    decisions : path or URL of the decisions store; the file beside the snapshots when None.

    Returns
    -------
    The columns of ``core_decision`` (action, channel and window are those decided, which may differ
    from what was recommended), ``valid_until``, ``dunning_level`` (of the step decided), ``tone``, ``propensity`` and the
    message (null for a step or channel that a person chose instead), and ``asked_invoices`` (null for another step),
    sorted by customer. Log level, tone and
    propensity with what you send: the next run reads them in ``contact_event``. Nothing at all while the snapshot
    in force is missing or past its own ``valid_until``: ``explain_silence`` says which. A step is left
    out when

    - the last decision on its recommendation is ignore or withdraw, or nobody decided;
    - it is to wait: nothing is to be done;
    - its recommendation is past ``valid_until``, or its window has closed;
    - its snapshot is gone or damaged, so that nothing vouches for it (the log names a damaged one);
    - anything was decided for the customer on a later worklist, be it ignore or withdraw: the later
      worklist replaces the earlier one;
    - its worklist was published once more for the same day: text and amounts may have been corrected,
      so it has to be decided on again; of several decisions on lists of one day the last one counts;
    - in the snapshot in force the customer has nothing open, or the debt that the step is about no longer stands as it
      did: an invoice in ``asked_invoices`` was paid or credited, has another amount or due date, or is behind a gate;
      nothing is overdue any more;
    - in the snapshot in force a gate closes the account or the channel. Three exceptions: the gate by which the decision
      itself holds further steps back, a step that the snapshot in force recommends in spite of the gate, and work
      within the own organisation that the gate calls for (to follow up a dispute, to match money).

    ``window_start_at`` may lie ahead: do not act before it.

    Raises
    ------
    UsageError
        When ``now`` has no time zone or the decisions store cannot be used.
    IntegrityError
        When a table of the snapshot in force was changed after publication.

    Notes
    -----
    Use ``decision_id`` as the idempotency key of what you send. Gates are those of the snapshot in
    force, computed on its as-of day. A payment may have come in since: check the balance in your own
    books, or run ``treatment.recheck`` on today's ledger, before a message leaves. Report what was sent
    and what came of it in ``contact_event`` of the next delivery; caps, cool-downs and waiting periods
    are computed from there.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> steps = list_actionable_steps(Path("data"), datetime.now(UTC))  # doctest: +SKIP
    """
    now = _in_utc(now)
    location = DecisionStore.for_data_root(data_root) if decisions is None else DecisionStore(decisions)
    with location as store:
        decided = store.latest_decisions()
    current = open_current(data_root)
    if current is None or _find_obstacle(current, now) is not None:
        return (
            DECISION.empty()
            .join(_RECOMMENDATIONS.empty().select("recommendation_id", *_TAKEN_OVER), on="recommendation_id")
            .select(_COLUMNS)
        )
    snapshots = list_snapshots(data_root)
    decided = _keep_last_word(decided, snapshots).filter(
        pl.col("decision").is_in(_CARRIED_OUT), pl.col("action") != Action.WAIT.value
    )
    is_same_action = pl.col("action") == pl.col("recommended_action")
    steps = (
        decided.join(_read_recommended(snapshots, decided), on=["snapshot_id", "recommendation_id"])
        .filter(
            pl.col("valid_until") >= now,
            pl.col("window_end_at").is_null() | (pl.col("window_end_at") >= now),
        )
        .with_columns(
            pl.when(is_same_action).then("dunning_level").otherwise(dunning_level()).alias("dunning_level"),
            pl.when(is_same_action).then("asked_invoices").alias("asked_invoices"),
            *(pl.when(_is_as_written()).then(name).alias(name) for name in _AS_RECOMMENDED),
        )
    )
    return (
        _leave_out_closed(steps, current, now.date())
        .sort("customer_id", "recommendation_id")
        .select(_COLUMNS)
    )


def explain_silence(data_root: Path, now: datetime) -> str | None:
    """Return why no step at all may be carried out now, in words; None when steps may be.

    Parameters
    ----------
    data_root : folder with the snapshots.
    now : the present moment, with its time zone.

    Raises
    ------
    UsageError
        When ``now`` has no time zone.
    """
    return _find_obstacle(open_current(data_root), _in_utc(now))


def _in_utc(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise UsageError("The present moment has no time zone", remedy="Pass one, UTC or that of your place.")
    return now.astimezone(UTC)


def _find_obstacle(current: Snapshot | None, now: datetime) -> str | None:
    if current is None:
        return "Nothing was published yet: run the pipeline."
    if not current.is_valid_on(now.date()):
        return (
            f"Snapshot {current.id} may not be relied on after {current.manifest.valid_until}: "
            "run the pipeline on today's ledger."
        )
    return None


def _keep_last_word(decided: pl.DataFrame, snapshots: list[Snapshot]) -> pl.DataFrame:
    """Return what was said last on each customer's latest worklist, where no newer one of that day replaced it."""
    newest = {snapshot.as_of: snapshot.id for snapshot in reversed(snapshots)}
    day = pl.col("as_of_date")
    return (
        decided.filter(day == day.max().over("customer_id"))
        .filter(pl.col("sequence") == pl.col("sequence").max().over("customer_id"))
        .filter(pl.col("snapshot_id") == day.replace_strict(newest, default=None, return_dtype=pl.String))
    )


def _leave_out_closed(decided: pl.DataFrame, current: Snapshot, day: date) -> pl.DataFrame:
    """Return the decided steps that no gate of the snapshot in force closes, of customers who still owe as much."""
    gate = current.read_table("out_gates", ["customer_id", "gate", "channel", "invoice_id"]).filter(
        pl.col("gate") != _OWN_GATE
    )
    recommended = current.read_table(
        _RECOMMENDATIONS.name, ["customer_id", "action", "open_amount", "blocked_by"]
    )
    owing = recommended.filter(pl.col("open_amount") > 0)
    closed_channels = gate.filter(pl.col("channel").is_not_null()).select("customer_id", "channel").unique()
    of_account = gate.filter(pl.col("channel").is_null() & pl.col("invoice_id").is_null())
    blocks = recommended.select("customer_id", pl.col("blocked_by").alias("gate")).explode("gate")
    closed_accounts = pl.concat([of_account.select("customer_id", "gate"), blocks]).filter(
        pl.col("gate") != _OWN_GATE
    )
    because_of_gate = (
        recommended.filter(pl.col("blocked_by").list.len() > 0).select("customer_id", "action").unique()
    )
    blocked = (
        closed_accounts.join(decided, on="customer_id")
        .join(_WORKED_BEHIND, on=["action", "gate"], how="anti")
        .join(because_of_gate, on=["customer_id", "action"], how="anti")
    )
    invoices = current.read_table(
        INVOICE_SCORES.name, ["invoice_id", "customer_id", "due_date", "open_amount"]
    )
    lapsed = find_lapsed(decided, invoices, gate["invoice_id"].drop_nulls(), day)
    return (
        decided.join(owing, on="customer_id", how="semi")
        .join(lapsed, on="recommendation_id", how="anti")
        .join(closed_channels, on=["customer_id", "channel"], how="anti")
        .join(blocked.select("decision_id"), on="decision_id", how="anti")
    )


def _is_as_written() -> pl.Expr:
    """Return whether the decided step is the one that its message was written for."""
    same_channel = pl.col("channel").eq_missing(pl.col("recommended_channel"))
    return (pl.col("action") == pl.col("recommended_action")) & same_channel


def _read_recommended(snapshots: list[Snapshot], decided: pl.DataFrame) -> pl.DataFrame:
    """Return until when each recommendation holds, and its message, from the snapshots decided on."""
    wanted = set(decided["snapshot_id"].unique())
    columns = [
        pl.col("recommendation_id"),
        pl.col("action").alias("recommended_action"),
        pl.col("channel").alias("recommended_channel"),
        *(pl.col(name) for name in ("past_level", *_TAKEN_OVER)),
    ]
    empty = _RECOMMENDATIONS.empty().select(pl.lit("").alias("snapshot_id"), *columns)
    return pl.concat(
        [
            empty,
            *(
                _RECOMMENDATIONS.align(snapshot.read_table(_RECOMMENDATIONS.name)).select(
                    pl.lit(snapshot.id).alias("snapshot_id"), *columns
                )
                for snapshot in snapshots
                if snapshot.id in wanted and snapshot.is_whole(table_file(_RECOMMENDATIONS.name))
            ),
        ]
    )
