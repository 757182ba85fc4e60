"""What a dunning system may carry out now: the one door between decisions and messages.

Belongs here: which decided steps are still good. Does not belong here: deciding (decisions), sending
(the dunning system's own work), the gates at the moment of sending (``treatment.recheck``).
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from segmentation.domain.core_tables import DECISION
from segmentation.domain.errors import UsageError
from segmentation.domain.published_tables import PUBLISHED_TABLES
from segmentation.domain.vocabulary import Action, Decision
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import list_snapshots

_RECOMMENDATIONS = PUBLISHED_TABLES["out_recommendations"]
_CARRIED_OUT = (Decision.ACCEPT.value, Decision.ADJUST.value)


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
    from what was recommended) and ``valid_until``, sorted by customer. A step is left out when

    - the last decision on its recommendation is ignore or withdraw, or nobody decided;
    - it is to wait: nothing is to be done;
    - its recommendation is past ``valid_until``, or its window has closed;
    - its snapshot is gone or damaged, so that nothing vouches for it;
    - the customer has a decided step on a later worklist, which replaces it.

    ``window_start_at`` may lie ahead: do not act before it.

    Raises
    ------
    UsageError
        When ``now`` has no time zone or the decisions store cannot be used.
    IntegrityError
        When the recommendations of a snapshot were changed after publication.

    Notes
    -----
    Use ``decision_id`` as the idempotency key of what you send. A payment may have come in since the
    decision: check the balance in your own books, or run ``treatment.recheck`` on today's ledger, before
    a message leaves. Report what was sent and what came of it in ``contact_event`` of the next delivery;
    caps, cool-downs and waiting periods are computed from there.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from pathlib import Path
    >>> steps = list_actionable_steps(Path("data"), datetime.now(UTC))  # doctest: +SKIP
    """
    if now.tzinfo is None:
        raise UsageError("The present moment has no time zone", remedy="Pass it in UTC.")
    location = DecisionStore.for_data_root(data_root) if decisions is None else DecisionStore(decisions)
    with location as store:
        decided = store.latest_decisions().filter(pl.col("decision").is_in(_CARRIED_OUT))
    last_worklist = pl.col("as_of_date").max().over("customer_id")
    decided = decided.filter(pl.col("as_of_date") == last_worklist)
    return (
        decided.filter(pl.col("action") != Action.WAIT.value)
        .join(_read_validity(data_root, decided), on=["snapshot_id", "recommendation_id"], how="inner")
        .filter(
            pl.col("valid_until") >= now,
            pl.col("window_end_at").is_null() | (pl.col("window_end_at") >= now),
        )
        .sort("customer_id", "recommendation_id")
        .select(*DECISION.column_names, "valid_until")
    )


def _read_validity(data_root: Path, decided: pl.DataFrame) -> pl.DataFrame:
    """Return until when each recommendation holds, from the snapshots that were decided on."""
    wanted = set(decided["snapshot_id"].unique())
    columns = ["recommendation_id", "valid_until"]
    empty = _RECOMMENDATIONS.empty().select(pl.lit("").alias("snapshot_id"), *columns)
    return pl.concat(
        [
            empty,
            *(
                snapshot.read_table(_RECOMMENDATIONS.name, columns).select(
                    pl.lit(snapshot.id).alias("snapshot_id"), *columns
                )
                for snapshot in list_snapshots(data_root)
                if snapshot.id in wanted
            ),
        ]
    )
