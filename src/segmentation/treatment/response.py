"""What contact has been seen to bring about: the share of customers whom a contact moves to pay.

Belongs here: estimates from the ledger's own contact history, shrunk from customer to segment to all.
Does not belong here: what was paid after each contact (answers), assumptions (scenarios.yaml), money (value).
"""

from dataclasses import dataclass

import polars as pl

from segmentation.domain.vocabulary import Action
from segmentation.treatment.answers import CALL, MESSAGE, MOST
from segmentation.treatment.scenario import Scenario

_REFERENCE = {MESSAGE: Action.REMINDER, CALL: Action.CALL}
EVIDENCE_SHARES = ("evidence_own_share", "evidence_segment_share", "evidence_global_share")
_MAX_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Response:
    """The share of customers whom a contact moves to pay, as the answers of a whole book have it.

    Parameters
    ----------
    approaches : approach (message or call), default share and evidence, sums over everybody.
    segments : the same sums by approach and segment.
    own : the same sums by approach and customer, with counts and days.
    evidence : contacts of one's own that what is known of others is worth.
    """

    approaches: pl.DataFrame
    segments: pl.DataFrame
    own: pl.DataFrame
    evidence: float

    def tell(self, customers: pl.DataFrame) -> pl.DataFrame:
        """Return, per customer and approach, the share whom a contact moves to pay, with its evidence.

        Parameters
        ----------
        customers : customer_id and ``segment`` of everybody to estimate for.

        Returns
        -------
        customer_id, approach, ``share``, ``evidence`` (its weight in contacts), evidence_own_share,
        evidence_segment_share, evidence_global_share, and of the customer's own history ``own_count``,
        ``own_paid_count`` (most of what was overdue was paid in time), ``own_part_count`` (anything was) and
        ``own_median_days`` (of the paid; null when none was); ``has_history`` is false when the ledger has no
        contact to learn from.
        """
        zero = pl.col(
            "excess", "weight", "segment_excess", "segment_weight", "own_excess", "own_weight"
        ).fill_null(0.0)
        evidence = self.evidence
        own_share = pl.col("own_weight") / (pl.col("own_weight") + evidence)
        segment_share = pl.col("segment_weight") / (pl.col("segment_weight") + evidence)
        frame = (
            customers.select("customer_id", pl.col("segment").fill_null("unknown"))
            .join(self.approaches, how="cross")
            .join(self.segments, on=["approach", "segment"], how="left")
            .join(self.own, on=["approach", "customer_id"], how="left")
            .with_columns(zero, pl.col("own_count", "own_paid_count", "own_part_count").fill_null(0))
        )
        return (
            frame.with_columns(
                _shrink("default_share", "excess", "weight", pl.col("default_evidence")).alias("all_share")
            )
            .with_columns(
                _shrink("all_share", "segment_excess", "segment_weight", pl.lit(evidence)).alias(
                    "segment_mean"
                )
            )
            .with_columns(
                _shrink("segment_mean", "own_excess", "own_weight", pl.lit(evidence)).alias("share")
            )
            .select(
                "customer_id",
                "approach",
                "share",
                (pl.col("own_weight") + evidence).alias("evidence"),
                own_share.alias("evidence_own_share"),
                ((1 - own_share) * segment_share).alias("evidence_segment_share"),
                ((1 - own_share) * (1 - segment_share)).alias("evidence_global_share"),
                "own_count",
                "own_paid_count",
                "own_part_count",
                "own_median_days",
                (pl.col("weight") > 0).alias("has_history"),
            )
            # Sums of floats differ in their last digits with the number of threads; advice must not.
            .with_columns(pl.col(pl.Float64).round(9))
        )


def learn_response(per_contact: pl.DataFrame, scenario: Scenario) -> Response:
    """Return what contacts are seen to bring about.

    Parameters
    ----------
    per_contact : as ``answers.list_answers`` returns it.
    scenario : default effects and how much evidence they are worth.

    Notes
    -----
    With y the share of overdue instalments paid within the response days after a contact and b the
    share paid in as many days without contact (same segment, same lateness), a contact moves
    (y − b) / (1 − b) of those who would not have paid (the persuasion rate of DellaVigna & Kaplan,
    2007). Sums of y − b and 1 − b are shrunk as a beta-binomial would: all customers towards the
    default, segments towards all, customers towards their segment. The comparison is observational:
    people chose whom to contact, so it understates what contact does to hard cases.
    """
    excess, weight = (pl.col("paid_share") - pl.col("baseline")), 1.0 - pl.col("baseline")
    approaches = pl.DataFrame(
        {
            "approach": list(_REFERENCE),
            "default_share": [scenario.effects[action].share for action in _REFERENCE.values()],
            "default_evidence": [scenario.effects[action].evidence for action in _REFERENCE.values()],
        }
    )
    everybody = per_contact.group_by("approach").agg(
        excess.sum().alias("excess"), weight.sum().alias("weight")
    )
    segments = per_contact.group_by("approach", "segment").agg(
        excess.sum().alias("segment_excess"), weight.sum().alias("segment_weight")
    )
    is_paid = pl.col("paid_share") >= MOST
    own = per_contact.group_by("approach", "customer_id").agg(
        excess.sum().alias("own_excess"),
        weight.sum().alias("own_weight"),
        pl.len().alias("own_count"),
        is_paid.sum().alias("own_paid_count"),
        (pl.col("paid_share") > 0).sum().alias("own_part_count"),
        pl.col("days").filter(is_paid).median().alias("own_median_days"),
    )
    told = approaches.join(everybody, on="approach", how="left")
    return Response(told, segments, own, scenario.customer_evidence)


def _shrink(prior: str, total: str, mass: str, strength: pl.Expr) -> pl.Expr:
    counted = pl.col(total).clip(0.0, pl.col(mass))
    return ((pl.col(prior) * strength + counted) / (strength + pl.col(mass))).clip(0.0, _MAX_SHARE)
