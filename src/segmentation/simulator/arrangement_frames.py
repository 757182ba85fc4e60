"""Ledger tables about what was agreed: promises to pay and payment plans, with how they ended."""

import numpy as np
import polars as pl

from segmentation.domain import core_tables
from segmentation.domain.vocabulary import PlanStatus, PromiseStatus
from segmentation.simulator.behaviour import Behaviour
from segmentation.simulator.cash import Cash, Origin
from segmentation.simulator.columns import dates, fill, ledger_frame, moments, words
from segmentation.simulator.contact_frames import Talk, stamps
from segmentation.simulator.contacts import Course
from segmentation.simulator.days import NONE
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.randomness import Flags, Ints
from segmentation.simulator.scene import Scene
from segmentation.simulator.tranches import plan_days, plan_payments_kept, plan_shares

_NOON = 43_200
_ENDINGS = (PromiseStatus.KEPT, PromiseStatus.PARTIAL, PromiseStatus.BROKEN)
_BROKEN_AFTER_DAYS = 7


def promise_frame(scene: Scene, course: Course, cash: Cash, talk: Talk, names: Identifiers) -> pl.DataFrame:
    """Return ``promise_to_pay``; how a promise ended is a second version."""
    rows = np.flatnonzero(talk.promised > 0)
    part, promised = talk.part[rows], talk.promised[rows]
    made, pay = talk.recorded[rows] // 86_400, course.pay[talk.part[rows]]
    is_kept = pay <= promised
    partial = _was_paid_in_part(cash, part, made, promised)
    resolved = scene.calendar.next_working(np.where(is_kept, np.maximum(pay, made), promised) + 1)
    opened = pl.DataFrame(
        {
            "promise_id": names.other("T", np.arange(len(rows))),
            "invoice_id": names.invoice(scene.parts.invoice[part]),
            "made_at": dates(made),
            "promised_date": dates(promised),
            "status": fill(PromiseStatus.OPEN, len(rows)),
            "observed_at": stamps(talk.recorded[rows]),
        }
    )
    ended = opened.with_columns(
        words(_ENDINGS, np.select([is_kept, partial], [0, 1], 2)).alias("status"),
        dates(resolved).alias("resolved_at"),
        moments(resolved, _NOON).alias("observed_at"),
    ).filter(pl.Series(resolved <= scene.last))
    return ledger_frame(core_tables.PROMISE_TO_PAY, opened, ended)


def _was_paid_in_part(cash: Cash, part: Ints, made: Ints, promised: Ints) -> Flags:
    booked = cash.allocations
    is_paid = pl.Series((booked.origin == Origin.PAYMENT) & (booked.cents > 0))
    paid = pl.DataFrame({"part": booked.part, "day": booked.day}).filter(is_paid)
    promises = pl.DataFrame({"row": np.arange(len(part)), "part": part, "made": made, "promised": promised})
    inside = (pl.col("day") > pl.col("made")) & (pl.col("day") <= pl.col("promised"))
    return np.isin(np.arange(len(part)), promises.join(paid, on="part").filter(inside)["row"].to_numpy())


def plan_frame(scene: Scene, behaviour: Behaviour, course: Course, names: Identifiers) -> pl.DataFrame:
    """Return ``payment_plan``; how a plan ended is a second version."""
    plans, calendar = course.plans, scene.calendar
    count = len(plans.customer)
    running = pl.DataFrame(
        {
            "plan": pl.Series(np.arange(count), dtype=pl.Int64),
            "plan_id": names.other("PL", np.arange(count)),
            "customer_id": names.customer(plans.customer),
            "started_at": dates(plans.start),
            "status": fill(PlanStatus.RUNNING, count),
            "observed_at": moments(plans.start, _NOON),
        }
    ).join(_schedules(scene, behaviour, course), on="plan", how="left", maintain_order="left")
    kept = plan_payments_kept(scene, course)
    is_completed = kept >= plans.months
    last_payment = plan_days(calendar, plans.start, np.where(is_completed, plans.months - 1, kept))
    ended_day = calendar.next_working(last_payment + np.where(is_completed, 1, _BROKEN_AFTER_DAYS))
    ended = running.with_columns(
        words((PlanStatus.BROKEN, PlanStatus.COMPLETED), is_completed.astype(np.int64)).alias("status"),
        dates(ended_day).alias("ended_at"),
        moments(ended_day, _NOON).alias("observed_at"),
    ).filter(pl.Series(ended_day <= scene.last))
    in_time = pl.Series(plans.start <= scene.last)
    return ledger_frame(core_tables.PAYMENT_PLAN, running.filter(in_time), ended)


def _schedules(scene: Scene, behaviour: Behaviour, course: Course) -> pl.DataFrame:
    """Payments of each plan as JSON; what was overdue is divided over the months, each invoice by itself."""
    planned = np.flatnonzero(course.plan_of_part != NONE)
    months = course.plans.months[course.plan_of_part[planned]]
    row = np.repeat(np.arange(len(planned)), months)
    month = np.arange(len(row)) - np.repeat(np.cumsum(months) - months, months)
    part = planned[row]
    plan = course.plan_of_part[part]
    due_cents = scene.parts.cents[part] - behaviour.credit_cents[part]
    payments = pl.DataFrame(
        {
            "plan": pl.Series(plan, dtype=pl.Int64),
            "day": dates(plan_days(scene.calendar, course.plans.start[plan], month)),
            "cents": plan_shares(due_cents, months[row], month),
        }
    )
    pair = pl.format(
        '["{}", {}.{}]',
        pl.col("day").dt.to_string("%Y-%m-%d"),
        pl.col("cents") // 100,
        (pl.col("cents") % 100).cast(pl.String).str.zfill(2),
    )
    return (
        payments.group_by("plan", "day")
        .agg(pl.col("cents").sum())
        .sort("plan", "day")
        .group_by("plan", maintain_order=True)
        .agg(pair.str.join(", "))
        .select("plan", pl.format("[{}]", pl.last()).alias("schedule"))
    )
