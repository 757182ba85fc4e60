"""Ledger tables about contact: events, outcomes and inbound messages.

Belongs here: contacts that took place, with their moments. Does not belong here: promises and payment
plans (arrangement_frames).
"""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from segmentation.domain import core_tables
from segmentation.domain.vocabulary import Direction, OutcomeCode, Tone
from segmentation.simulator.cash import Cash
from segmentation.simulator.columns import ledger_frame, moments, numbers_or_null, words
from segmentation.simulator.contacts import Course
from segmentation.simulator.customers import LANGUAGES, TIMEZONES, Population
from segmentation.simulator.days import NONE
from segmentation.simulator.identifiers import Identifiers
from segmentation.simulator.latent_types import CALL, CONTACT_CHANNELS, EMAIL, LETTER, SLOT_HOURS
from segmentation.simulator.message_texts import TEXTS
from segmentation.simulator.randomness import Draws, Flags, Ints, Reals
from segmentation.simulator.replies import OUTCOMES
from segmentation.simulator.scene import Scene

_TONES = (Tone.FRIENDLY, Tone.NEUTRAL, Tone.FORMAL)
_POLICY = "rules-0"
_DAY = 86_400
_DISPUTED = OUTCOMES.index(OutcomeCode.DISPUTED)
_UNREACHABLE = OUTCOMES.index(OutcomeCode.UNREACHABLE)
_MESSAGE_SHARE = 0.5
_MAILED_DISPUTES = 0.5


@dataclass(frozen=True, slots=True)
class Talk:
    """Contacts that took place, in order of time; moments in seconds since 1970, UTC, ``NONE`` for never.

    ``row`` is the position in the contact log, ``NONE`` for an inbound contact.
    """

    row: Ints
    customer: Ints
    part: Ints
    channel: Ints
    sent: Ints
    delivered: Ints
    opened: Ints
    replied: Ints
    outcome: Ints
    promised: Ints

    @property
    def count(self) -> int:
        """Number of contacts."""
        return len(self.row)

    @property
    def is_outbound(self) -> Flags:
        """Which contacts the supplier started."""
        outbound: Flags = self.row != NONE
        return outbound

    @property
    def recorded(self) -> Ints:
        """When the outcome was known."""
        return np.where(self.replied == NONE, self.sent, self.replied)

    def in_order(self, more: "Talk") -> "Talk":
        """Return these contacts and others, in order of time."""
        order = np.argsort(np.concatenate([self.sent, more.sent]), kind="stable")
        names = [column.name for column in fields(Talk)]
        return Talk(*(np.concatenate([getattr(self, name), getattr(more, name)])[order] for name in names))


def _in_utc(population: Population, customer: Ints, local_seconds: Ints) -> Ints:
    """Return the moments of local clock times, summer time included."""
    result = np.zeros(len(customer), dtype=np.int64)
    for code, zone in enumerate(TIMEZONES):
        inside = np.flatnonzero(population.country[customer] == code)
        local = pl.Series(local_seconds[inside] * 1_000_000).cast(pl.Datetime("us"))
        result[inside] = local.dt.replace_time_zone(zone).dt.epoch("s").to_numpy()
    return result


def stamps(seconds: Ints) -> pl.Series:
    """Return moments in UTC; null where negative."""
    return moments(np.where(seconds < 0, NONE, seconds // _DAY), seconds % _DAY)


def hold_talks(scene: Scene, course: Course, cash: Cash) -> Talk:
    """Return all contacts with their moments, holdouts left out, mails about disputes included."""
    draws = scene.draws("contact moments")
    return _reach_out(scene, draws, course).in_order(_receive(scene, draws, cash))


def _reach_out(scene: Scene, draws: Draws, course: Course) -> Talk:
    log = course.contacts
    rows = np.flatnonzero(~log.is_holdout)
    count, channel, outcome = len(rows), log.channel[rows], log.outcome[rows]
    hour = np.array(SLOT_HOURS)[log.slot[rows]]
    local = log.day[rows] * _DAY + hour * 3600 + 60 * draws.whole(0, 119, count)
    sent = _in_utc(scene.population, log.customer[rows], local)
    called = channel == CALL
    spoken = called & (outcome != _UNREACHABLE)
    delivered = np.where(~called & (channel != LETTER) | spoken, sent, NONE)
    opens = (channel == EMAIL) & draws.chance(0.3 + 0.5 * log.has_responded[rows].astype(np.float64), count)
    opened = np.where(opens, sent + 60 * draws.whole(1, 60, count), NONE)
    answers = (outcome != NONE) & (outcome != _UNREACHABLE)
    soon, by_post = 60 * draws.whole(61, 200, count), 2 * _DAY + 60 * draws.whole(0, 300, count)
    replied = np.where(answers, sent + np.where(channel == LETTER, by_post, soon), NONE)
    replied = np.where(spoken, sent, replied)
    horizon = (scene.last + 1) * _DAY
    replied = np.where(replied < horizon, replied, NONE)
    outcome = np.where(answers & (replied == NONE), NONE, outcome)
    return Talk(
        row=rows,
        customer=log.customer[rows],
        part=log.part[rows],
        channel=channel,
        sent=sent,
        delivered=delivered,
        opened=np.where(opened < horizon, opened, NONE),
        replied=replied,
        outcome=outcome,
        promised=np.where(outcome == NONE, NONE, log.promised_day[rows]),
    )


def _receive(scene: Scene, draws: Draws, cash: Cash) -> Talk:
    disputes, parts = cash.disputes, scene.parts
    mailed = draws.chance(_MAILED_DISPUTES, parts.count)
    rows = np.flatnonzero(disputes.exists & (disputes.opened <= scene.last) & mailed)
    customer, nothing = parts.customer[rows], np.full(len(rows), NONE)
    local = disputes.opened[rows] * _DAY + 9 * 3600 + 60 * draws.whole(0, 120, len(rows))
    sent = _in_utc(scene.population, customer, local)
    return Talk(
        row=nothing,
        customer=customer,
        part=rows,
        channel=np.full(len(rows), EMAIL),
        sent=sent,
        delivered=sent,
        opened=nothing,
        replied=nothing,
        outcome=np.full(len(rows), _DISPUTED),
        promised=nothing,
    )


def contact_frames(scene: Scene, course: Course, talk: Talk, names: Identifiers) -> dict[str, pl.DataFrame]:
    """Return ``contact_event``, ``contact_outcome`` and ``message``.

    An opened or answered message is a second version of its event.
    """
    log, outbound, called = course.contacts, talk.is_outbound, talk.channel == CALL
    level = np.full(talk.count, NONE)
    level[outbound] = log.level[talk.row[outbound]]
    propensity: Reals = np.zeros(talk.count)
    propensity[outbound] = log.propensity[talk.row[outbound]]
    template = pl.concat_str([pl.lit("reminder_"), pl.Series(level).cast(pl.String)])
    only_outbound = pl.when(pl.Series(outbound))
    events = pl.DataFrame(
        {
            "contact_id": names.other("K", np.arange(talk.count)),
            "customer_id": names.customer(talk.customer),
            "invoice_id": names.invoice(scene.parts.invoice[talk.part]),
            "direction": words((Direction.INBOUND, Direction.OUTBOUND), outbound.astype(np.int64)),
            "channel": words(CONTACT_CHANNELS, talk.channel),
            "sent_at": stamps(talk.sent),
            "delivered_at": stamps(talk.delivered),
            "replied_at": stamps(np.where(called, talk.replied, NONE)),
            "dunning_level": numbers_or_null(level),
            "tone": words(_TONES, np.where(outbound, level - 1, NONE)),
            "observed_at": stamps(talk.sent),
        }
    ).with_columns(
        only_outbound.then(template).alias("template_id"),
        only_outbound.then(pl.Series(propensity)).alias("propensity"),
        only_outbound.then(pl.lit(_POLICY)).alias("policy_version"),
    )
    later = np.maximum(talk.opened, talk.replied)
    answered = events.with_columns(
        stamps(talk.opened).alias("opened_at"),
        stamps(talk.replied).alias("replied_at"),
        stamps(later).alias("observed_at"),
    ).filter(pl.Series((later > talk.sent) & ~called))
    outcomes = pl.DataFrame(
        {
            "contact_id": events["contact_id"],
            "code": words(OUTCOMES, talk.outcome),
            "recorded_at": stamps(talk.recorded),
            "observed_at": stamps(talk.recorded),
        }
    ).filter(pl.Series(talk.outcome != NONE))
    return {
        "contact_event": ledger_frame(core_tables.CONTACT_EVENT, events, answered),
        "contact_outcome": ledger_frame(core_tables.CONTACT_OUTCOME, outcomes),
        "message": _message_frame(scene, talk, names),
    }


def number_contacts(course: Course, talk: Talk) -> Ints:
    """Return the number of every contact in the log, ``NONE`` for a holdout."""
    number = np.full(course.contacts.count, NONE)
    number[talk.row[talk.is_outbound]] = np.flatnonzero(talk.is_outbound)
    return number


def _message_frame(scene: Scene, talk: Talk, names: Identifiers) -> pl.DataFrame:
    told = np.isin(talk.outcome, [OUTCOMES.index(code) for code in TEXTS]) & (talk.channel != CALL)
    rows = np.flatnonzero(told & scene.draws("messages").chance(_MESSAGE_SHARE, talk.count))
    texts = pl.DataFrame(
        [
            (str(code), language, subject, body)
            for code, by_language in TEXTS.items()
            for language, (subject, body) in by_language.items()
        ],
        schema=["code", "language", "subject", "body"],
        orient="row",
    )
    received = stamps(talk.recorded[rows])
    messages = pl.DataFrame(
        {
            "message_id": names.other("M", np.arange(len(rows))),
            "customer_id": names.customer(talk.customer[rows]),
            "received_at": received,
            "language": words(LANGUAGES, scene.population.language[talk.customer[rows]]),
            "code": words(OUTCOMES, talk.outcome[rows]),
            "invoice": names.invoice(scene.parts.invoice[talk.part[rows]]),
            "observed_at": received,
        }
    ).join(texts, on=["code", "language"], how="left", maintain_order="left")
    subject = pl.col("subject").str.replace("{invoice}", pl.col("invoice"), literal=True)
    return ledger_frame(core_tables.MESSAGE, messages.with_columns(subject))
