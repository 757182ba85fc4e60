"""Ledger tables about contact: events, outcomes, promises, payment plans and inbound messages."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from segmentation.domain import core_tables
from segmentation.domain.vocabulary import Channel, Direction, OutcomeCode, PlanStatus, PromiseStatus, Tone
from segmentation.simulator.behaviour import Behaviour
from segmentation.simulator.cash import Cash, plan_day, plan_shares
from segmentation.simulator.columns import dates, ledger_frame, moments, numbers_or_null, words
from segmentation.simulator.contacts import OUTCOMES, Course
from segmentation.simulator.customers import LANGUAGES, TIMEZONES, Population
from segmentation.simulator.days import NONE, BusinessDays
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.invoices import Parts
from segmentation.simulator.latent_types import CONTACT_CHANNELS, SLOT_HOURS
from segmentation.simulator.message_texts import TEXTS
from segmentation.simulator.randomness import Draws, Flags, Ints

_TONES = (Tone.FRIENDLY, Tone.NEUTRAL, Tone.FORMAL)
_POLICY = "rules-0"
_DAY = 86_400
_CALL = CONTACT_CHANNELS.index(Channel.PHONE)
_LETTER = CONTACT_CHANNELS.index(Channel.LETTER)
_EMAIL = CONTACT_CHANNELS.index(Channel.EMAIL)
_DISPUTED = OUTCOMES.index(OutcomeCode.DISPUTED)
_UNREACHABLE = OUTCOMES.index(OutcomeCode.UNREACHABLE)
_MESSAGE_SHARE = 0.5
_MAILED_DISPUTES = 0.5


@dataclass(frozen=True, slots=True)
class _Written:
    """Contacts that really took place, with their moments in seconds since 1970, UTC; ``NONE`` for never."""

    row: Ints
    customer: Ints
    part: Ints
    is_inbound: Flags
    channel: Ints
    sent: Ints
    delivered: Ints
    opened: Ints
    replied: Ints
    outcome: Ints
    promised: Ints

    @property
    def count(self) -> int:
        return len(self.row)


def _in_utc(population: Population, customer: Ints, local_seconds: Ints) -> Ints:
    """Return the moments of local clock times, summer time included."""
    result = np.zeros(len(customer), dtype=np.int64)
    for code, zone in enumerate(TIMEZONES):
        inside = np.flatnonzero(population.country[customer] == code)
        local = pl.Series(local_seconds[inside] * 1_000_000).cast(pl.Datetime("us"))
        utc = local.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
        result[inside] = utc.dt.epoch("s").to_numpy()
    return result


def _write(
    seed: int, population: Population, parts: Parts, course: Course, cash: Cash, last: int
) -> _Written:
    draws = Draws(seed, "contact moments")
    log = course.contacts
    rows = np.flatnonzero(~log.is_holdout)
    count = len(rows)
    channel, customer, outcome = log.channel[rows], log.customer[rows], log.outcome[rows]
    minute = draws.whole(0, 119, count)
    local = log.day[rows] * _DAY + np.array(SLOT_HOURS)[log.slot[rows]] * 3600 + minute * 60
    sent = _in_utc(population, customer, local)
    reached = (channel == _CALL) & (outcome != _UNREACHABLE)
    delivered = np.where((channel != _LETTER) & ((channel != _CALL) | reached), sent, NONE)
    opens = (channel == _EMAIL) & draws.chance(0.3 + 0.5 * log.has_responded[rows], count)
    opened = np.where(opens, sent + 60 * draws.whole(1, 60, count), NONE)
    answers = (outcome != NONE) & (outcome != _UNREACHABLE)
    wait = np.where(
        channel == _LETTER, 2 * _DAY + 60 * draws.whole(0, 900, count), 60 * draws.whole(61, 200, count)
    )
    replied = np.where(reached, sent, np.where(answers, sent + wait, NONE))
    horizon = (last + 1) * _DAY
    replied = np.where(replied < horizon, replied, NONE)
    outcome = np.where(answers & (replied == NONE), NONE, outcome)

    mailed = draws.chance(_MAILED_DISPUTES, parts.count)
    raised = np.flatnonzero((cash.dispute_from != NONE) & (cash.dispute_from <= last) & mailed)
    raised_at = _in_utc(
        population,
        parts.customer[raised],
        cash.dispute_from[raised] * _DAY + 9 * 3600 + 60 * draws.whole(0, 300, len(raised)),
    )
    nothing = np.full(len(raised), NONE)
    order = np.argsort(np.concatenate([sent, raised_at]), kind="stable")
    merged = {
        "row": (rows, nothing),
        "customer": (customer, parts.customer[raised]),
        "part": (log.part[rows], raised),
        "is_inbound": (np.zeros(count, dtype=np.bool_), np.ones(len(raised), dtype=np.bool_)),
        "channel": (channel, np.full(len(raised), _EMAIL)),
        "sent": (sent, raised_at),
        "delivered": (delivered, raised_at),
        "opened": (np.where(opened < horizon, opened, NONE), nothing),
        "replied": (replied, nothing),
        "outcome": (outcome, np.full(len(raised), _DISPUTED)),
        "promised": (np.where(outcome == NONE, NONE, log.promised_day[rows]), nothing),
    }
    return _Written(**{name: np.concatenate(pair)[order] for name, pair in merged.items()})


def contact_frames(
    seed: int,
    population: Population,
    parts: Parts,
    behaviour: Behaviour,
    course: Course,
    cash: Cash,
    calendar: BusinessDays,
    names: Identifiers,
    last: int,
) -> tuple[dict[str, pl.DataFrame], Ints]:
    """Return the contact tables, and for each contact in the log its number (``NONE`` for a holdout)."""
    written = _write(seed, population, parts, course, cash, last)
    log = course.contacts
    row = np.maximum(written.row, 0)
    outbound = ~written.is_inbound

    def of_log(values: Ints) -> Ints:
        return np.where(outbound, values[row], NONE) if log.count else np.full(written.count, NONE)

    level = of_log(log.level)
    template = pl.select(
        pl.when(pl.Series(outbound)).then(
            pl.concat_str([pl.lit("reminder_"), pl.Series(level).cast(pl.String)])
        )
    ).to_series()
    propensity = log.propensity[row] if log.count else np.zeros(written.count)
    if_outbound = pl.Series(outbound)
    policy = pl.select(pl.when(if_outbound).then(pl.lit(_POLICY))).to_series()
    first = {
        "contact_id": names.other("K", np.arange(written.count)),
        "customer_id": names.customer(written.customer),
        "invoice_id": names.invoice(parts.invoice[written.part]),
        "direction": words((Direction.OUTBOUND, Direction.INBOUND), written.is_inbound.astype(np.int64)),
        "channel": words(CONTACT_CHANNELS, written.channel),
        "sent_at": _stamps(written.sent),
        "delivered_at": _stamps(written.delivered),
        "dunning_level": numbers_or_null(level),
        "template_id": template,
        "tone": words(_TONES, np.where(outbound, level - 1, NONE)),
        "propensity": pl.select(pl.when(if_outbound).then(pl.Series(propensity))).to_series(),
        "policy_version": policy,
        "observed_at": _stamps(written.sent),
    }
    on_call = written.channel == _CALL
    at_once = pl.DataFrame(first).with_columns(
        _stamps(np.where(on_call, written.replied, NONE)).alias("replied_at")
    )
    later = np.maximum(written.opened, written.replied)
    second = (
        pl.DataFrame(first)
        .with_columns(
            _stamps(written.opened).alias("opened_at"),
            _stamps(written.replied).alias("replied_at"),
            _stamps(later).alias("observed_at"),
        )
        .filter(pl.Series((later > written.sent) & ~on_call))
    )
    recorded = np.where(written.replied == NONE, written.sent, written.replied)
    outcomes = pl.DataFrame(
        {
            "contact_id": first["contact_id"],
            "code": words(OUTCOMES, written.outcome),
            "recorded_at": _stamps(recorded),
            "observed_at": _stamps(recorded),
        }
    ).filter(pl.Series(written.outcome != NONE))
    frames = {
        "contact_event": ledger_frame(core_tables.CONTACT_EVENT, at_once, second),
        "contact_outcome": ledger_frame(core_tables.CONTACT_OUTCOME, outcomes),
        "promise_to_pay": _promise_frame(parts, course, cash, written, recorded, calendar, names, last),
        "payment_plan": _plan_frame(parts, behaviour, course, cash, calendar, names, last),
        "message": _message_frame(seed, population, parts, written, recorded, names),
    }
    number = np.full(log.count, NONE)
    number[written.row[outbound]] = np.flatnonzero(outbound)
    return frames, number


def _stamps(seconds: Ints) -> pl.Series:
    return moments(np.where(seconds < 0, NONE, seconds // _DAY), seconds % _DAY)


def _promise_frame(
    parts: Parts,
    course: Course,
    cash: Cash,
    written: _Written,
    recorded: Ints,
    calendar: BusinessDays,
    names: Identifiers,
    last: int,
) -> pl.DataFrame:
    rows = np.flatnonzero(written.promised > 0)
    part, promised = written.part[rows], written.promised[rows]
    made = recorded[rows] // _DAY
    pay = course.pay[part]
    kept = pay <= promised
    bookings = cash.allocations
    paid_in = pl.DataFrame({"part": bookings.part, "day": bookings.day}).filter(
        pl.Series((bookings.payment >= 0) & (bookings.cents > 0))
    )
    promises = pl.DataFrame({"row": np.arange(len(rows)), "part": part, "made": made, "promised": promised})
    touched = promises.join(paid_in, on="part").filter(
        (pl.col("day") > pl.col("made")) & (pl.col("day") <= pl.col("promised"))
    )
    partial = np.isin(np.arange(len(rows)), touched["row"].to_numpy())
    statuses = (PromiseStatus.KEPT, PromiseStatus.PARTIAL, PromiseStatus.BROKEN)
    status = np.select([kept, partial], [0, 1], 2)
    resolved = calendar.next_working(np.where(kept, np.maximum(pay, made), promised) + 1)
    opened = pl.DataFrame(
        {
            "promise_id": names.other("T", np.arange(len(rows))),
            "invoice_id": names.invoice(parts.invoice[part]),
            "made_at": dates(made),
            "promised_date": dates(promised),
            "status": pl.Series([str(PromiseStatus.OPEN)], dtype=pl.String).new_from_index(0, len(rows)),
            "observed_at": _stamps(recorded[rows]),
        }
    )
    final = opened.with_columns(
        words(statuses, status).alias("status"),
        dates(resolved).alias("resolved_at"),
        moments(resolved, 43_200).alias("observed_at"),
    ).filter(pl.Series(resolved <= last))
    return ledger_frame(core_tables.PROMISE_TO_PAY, opened, final)


def _plan_frame(
    parts: Parts,
    behaviour: Behaviour,
    course: Course,
    cash: Cash,
    calendar: BusinessDays,
    names: Identifiers,
    last: int,
) -> pl.DataFrame:
    count = len(course.plan_customer)
    planned = np.flatnonzero(course.plan_of_part != NONE)
    plan = course.plan_of_part[planned]
    due_cents = (parts.cents - behaviour.credit_cents)[planned]
    months = course.plan_months[plan]
    part = np.repeat(np.arange(len(planned)), months)
    month = np.arange(len(part)) - np.repeat(np.cumsum(months) - months, months)
    share = plan_shares(due_cents[part], months[part], month)
    day = dates(plan_day(calendar, course.plan_start[plan[part]], month))
    pair = pl.concat_str(
        [
            pl.lit('["'),
            pl.col("day").dt.to_string("%Y-%m-%d"),
            pl.lit('", '),
            (pl.col("cents") // 100).cast(pl.String),
            pl.lit("."),
            (pl.col("cents") % 100).cast(pl.String).str.zfill(2),
            pl.lit("]"),
        ]
    )
    schedule = (
        pl.DataFrame({"plan": plan[part], "day": day, "cents": share})
        .group_by("plan", "day")
        .agg(pl.col("cents").sum())
        .sort("plan", "day")
        .with_columns(pair.alias("pair"))
        .group_by("plan", maintain_order=True)
        .agg(pl.col("pair").str.join(", "))
        .select("plan", pl.concat_str([pl.lit("["), "pair", pl.lit("]")]).alias("schedule"))
    )
    plans = pl.DataFrame(
        {
            "plan": np.arange(count),
            "plan_id": names.other("PL", np.arange(count)),
            "customer_id": names.customer(course.plan_customer),
            "started_at": dates(course.plan_start),
            "observed_at": moments(course.plan_start, 32_400),
        },
        schema_overrides={"plan": pl.Int64},
    ).join(schedule, on="plan", how="left", maintain_order="left")
    running = plans.with_columns(pl.lit(str(PlanStatus.RUNNING)).alias("status"))
    is_kept = cash.plan_kept >= course.plan_months
    ended = plan_day(calendar, course.plan_start, np.where(is_kept, course.plan_months - 1, cash.plan_kept))
    ended = np.where(is_kept, calendar.next_working(ended + 1), calendar.next_working(ended + 7))
    final = plans.with_columns(
        words((PlanStatus.COMPLETED, PlanStatus.BROKEN), (~is_kept).astype(np.int64)).alias("status"),
        dates(ended).alias("ended_at"),
        moments(ended, 43_200).alias("observed_at"),
    ).filter(pl.Series(ended <= last))
    return ledger_frame(core_tables.PAYMENT_PLAN, running, final)


def _message_frame(
    seed: int, population: Population, parts: Parts, written: _Written, recorded: Ints, names: Identifiers
) -> pl.DataFrame:
    told = np.isin(written.outcome, [OUTCOMES.index(code) for code in TEXTS])
    by_mail = written.channel != _CALL
    sends = told & by_mail & Draws(seed, "messages").chance(_MESSAGE_SHARE, written.count)
    rows = np.flatnonzero(sends)
    texts = pl.DataFrame(
        [
            (str(code), language, subject, body)
            for code, by_language in TEXTS.items()
            for language, (subject, body) in by_language.items()
        ],
        schema=["code", "language", "subject", "body"],
        orient="row",
    )
    messages = pl.DataFrame(
        {
            "message_id": names.other("M", np.arange(len(rows))),
            "customer_id": names.customer(written.customer[rows]),
            "received_at": _stamps(recorded[rows]),
            "language": words(LANGUAGES, population.language[written.customer[rows]]),
            "code": words(OUTCOMES, written.outcome[rows]),
            "invoice": names.invoice(parts.invoice[written.part[rows]]),
            "observed_at": _stamps(recorded[rows]),
        }
    ).join(texts, on=["code", "language"], how="left", maintain_order="left")
    number = pl.col("invoice")
    return ledger_frame(
        core_tables.MESSAGE,
        messages.with_columns(pl.col("subject").str.replace("{invoice}", number, literal=True)),
    )
