"""How far collection has come with a customer, and who has to act inside the own organisation.

Belongs here: the stages amicable, formal and judicial, and departments. Does not belong here: the waiting
periods between stages (waiting_period), which step comes next (scenario).
"""

from datetime import date

import polars as pl

from segmentation.domain.dunning_levels import FORMAL_LEVEL, JUDICIAL_LEVEL
from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import Action, Stage
from segmentation.treatment.scenario import Scenario


def find_stage() -> pl.Expr:
    """Return the stage that the recommended step belongs to; for a wait, the stage that was reached.

    Notes
    -----
    Columns action, reached_level and overdue_count. A formal notice starts the formal stage and a legal review
    the judicial one; each needs the levels before it (scenario) and a named person.
    """
    level = pl.col("reached_level")
    return (
        pl.when((pl.col("action") == Action.LEGAL_REVIEW) | (level >= JUDICIAL_LEVEL))
        .then(pl.lit(Stage.JUDICIAL.value))
        .when((pl.col("action") == Action.FORMAL_NOTICE) | (level >= FORMAL_LEVEL))
        .then(pl.lit(Stage.FORMAL.value))
        .when(pl.col("overdue_count") > 0)
        .then(pl.lit(Stage.AMICABLE.value))
        .otherwise(pl.lit(Stage.BEFORE_DUE.value))
    )


def find_departments(ledger: Frames, as_of: date, scenario: Scenario) -> pl.DataFrame:
    """Return who has to work on each customer's open disputes about what is overdue.

    Parameters
    ----------
    ledger : core_dispute and core_instalment_balance.
    as_of : day on which a dispute must be open.
    scenario : departments by words of the dispute's reason.

    Returns
    -------
    customer_id, ``dispute_department`` (several are joined with "and") and ``dispute_words``, the reasons
    as the ledger codes them, in words; null where it gives none.
    """
    reason = pl.col("reason").str.to_lowercase().fill_null("")
    department = pl.lit(scenario.other_department)
    for entry in reversed(scenario.departments):
        department = (
            pl.when(reason.str.contains_any(list(entry.words)))
            .then(pl.lit(entry.department))
            .otherwise(department)
        )
    overdue = (
        ledger["core_instalment_balance"]
        .filter("is_open", pl.col("due_date") < as_of)
        .select("customer_id", "invoice_id")
        .unique()
    )
    return (
        ledger["core_dispute"]
        .filter(pl.col("opened_at") <= as_of, pl.col("closed_at").is_null() | (pl.col("closed_at") > as_of))
        .join(overdue, on="invoice_id", how="inner")
        .with_columns(department.alias("department"))
        .sort("customer_id", "department", "reason", nulls_last=True)
        .group_by("customer_id", maintain_order=True)
        .agg(
            pl.col("department").unique(maintain_order=True).str.join(" and ").alias("dispute_department"),
            pl.col("reason")
            .drop_nulls()
            .unique(maintain_order=True)
            .str.replace_all("_", " ")
            .str.join(", ")
            .replace("", None)
            .alias("dispute_words"),
        )
    )
