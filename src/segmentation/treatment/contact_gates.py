"""Gates that follow from contact itself: permission, reach, caps and cool-down.

Belongs here: one function per gate, from contact tables to closed-gate rows. Does not belong here:
the state of the account (account_gates), the waiting period after a first reminder
(waiting_period), opening hours (contact_hours).
"""

from datetime import date, timedelta

import polars as pl

from segmentation.domain.reachability import is_bounced
from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames, is_sorted_by
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import BlockCode, Channel, Direction, PermissionStatus
from segmentation.treatment.account_gates import gate_rows
from segmentation.treatment.contact_hours import to_local_time
from segmentation.treatment.jurisdiction import load_pack, pack_names
from segmentation.treatment.validity import in_force
from segmentation.treatment.wording import CHANNEL_WORDS, channel_word, day_text

WEEK_DAYS = 7
MONTH_DAYS = 30


def list_outbound(ledger: Frames) -> pl.DataFrame:
    """Return the messages and calls we sent, with the day of sending as ``sent_on`` (UTC)."""
    sent = (
        ledger["core_contact_event"]
        .filter(pl.col("direction") == Direction.OUTBOUND)
        .with_columns(pl.col("sent_at").dt.date().alias("sent_on"))
    )
    return sent if is_sorted_by(sent, ["contact_id"]) else sent.sort("contact_id")


_PER_CHANNEL = ["customer_id", "channel"]


def _list_consent_needed(ledger: Frames, places: pl.DataFrame) -> pl.DataFrame:
    """Return the known addresses of channels for which the customer's jurisdiction asks for consent."""
    consent = pl.DataFrame(
        [
            {"jurisdiction": name, "channel": channel.value}
            for name in pack_names()
            for channel in load_pack(name).consent_channels
        ],
        schema={"jurisdiction": pl.String, "channel": pl.String},
    )
    return (
        ledger["core_contact_point"]
        .select(_PER_CHANNEL)
        .join(places.select("customer_id", "jurisdiction"), on="customer_id", how="inner")
        .join(consent, on=["jurisdiction", "channel"], how="semi")
    )


def _list_refused(permission: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return the opt-outs in force that no later consent in force suspends."""
    status = pl.col("status")
    renewed = (
        permission.filter(
            status == PermissionStatus.ALLOWED,
            pl.col("valid_from") <= as_of,
            pl.col("valid_until").is_null() | (pl.col("valid_until") >= as_of),
        )
        .group_by(_PER_CHANNEL)
        .agg(pl.col("valid_from").max().alias("renewed_on"))
    )
    opted = (
        permission.filter(status == PermissionStatus.OPT_OUT)
        .join(renewed, on=_PER_CHANNEL, how="left")
        .filter(pl.col("renewed_on").is_null() | (pl.col("renewed_on") <= pl.col("valid_from")))
    )
    return in_force(opted, _PER_CHANNEL, as_of)


def close_on_permissions(ledger: Frames, places: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """Return channels that the customer refused, or for which a needed consent is not on record.

    Parameters
    ----------
    ledger : core_contact_permission and core_contact_point.
    places : customer_id and jurisdiction; the pack says which channels need consent.

    Notes
    -----
    An ``allowed`` that is in force and started later suspends an opt-out; it never suspends a
    ``do_not_contact``, which only its own last day ends. Where consent is needed, the end of an opt-out
    opens nothing unless a consent is in force on that day.
    """
    permission = ledger["core_contact_permission"]
    status = pl.col("status")
    allowed = permission.filter(status == PermissionStatus.ALLOWED)
    forbidden = in_force(permission.filter(status == PermissionStatus.DO_NOT_CONTACT), _PER_CHANNEL, as_of)
    needed = _list_consent_needed(ledger, places)
    refused = _list_refused(permission, as_of)
    covered = (
        refused.join(allowed.rename({"valid_from": "allowed_from"}), on=_PER_CHANNEL, how="inner")
        .filter(
            pl.col("allowed_from") <= pl.col("lifts_on"),
            pl.col("valid_until").is_null() | (pl.col("valid_until") >= pl.col("lifts_on")),
        )
        .select(*_PER_CHANNEL, pl.lit(True).alias("is_covered"))
        .unique()
    )
    refused = (
        refused.join(
            needed.select(*_PER_CHANNEL, pl.lit(True).alias("is_needed")), on=_PER_CHANNEL, how="left"
        )
        .join(covered, on=_PER_CHANNEL, how="left")
        .with_columns(
            pl.when(pl.col("is_needed").is_null() | pl.col("is_covered")).then("lifts_on").alias("lifts_on")
        )
    )
    missing = needed.join(in_force(allowed, _PER_CHANNEL, as_of), on=_PER_CHANNEL, how="anti").join(
        refused, on=_PER_CHANNEL, how="anti"
    )
    word = channel_word(pl.col("channel"))
    since = day_text(pl.col("valid_from"))
    return pl.concat(
        [
            gate_rows(
                forbidden,
                BlockCode.DO_NOT_CONTACT,
                pl.format("Contact by {} is forbidden since {}.", word, since),
                channel=pl.col("channel"),
                lifts_on=pl.col("lifts_on"),
            ),
            gate_rows(
                refused,
                BlockCode.CHANNEL_NOT_PERMITTED,
                pl.format("The customer opted out of contact by {} on {}.", word, since),
                channel=pl.col("channel"),
                lifts_on=pl.col("lifts_on"),
            ),
            gate_rows(
                missing,
                BlockCode.CHANNEL_NOT_PERMITTED,
                pl.format("Contact by {} needs consent, and none is on record.", word),
                channel=pl.col("channel"),
            ),
        ]
    )


def close_on_reach(ledger: Frames, customers: pl.DataFrame, *, has_addresses: bool) -> pl.DataFrame:
    """Return channels without a working address; nothing when the ledger knows no addresses at all.

    Parameters
    ----------
    ledger : core_contact_point; a bounce counts until the address is confirmed on a later day.
    customers : customer_id.
    has_addresses : whether the whole ledger knows any address.
    """
    points = ledger["core_contact_point"]
    gate = BlockCode.CHANNEL_UNREACHABLE
    since = day_text(pl.col("bounced_at"))
    frames = [gate_rows(customers.clear(), gate, pl.lit(""))]
    for channel in Channel if has_addresses else ():
        known = points.filter(pl.col("channel") == channel)
        unknown = customers.filter(~is_known(customers["customer_id"], known["customer_id"]))
        way, word = pl.lit(channel.value), CHANNEL_WORDS[channel]
        without = pl.lit(f"No address for contact by {word} is on record.")
        back = pl.format(f"Contact by {word} comes back since {{}}.", since)
        frames += [
            gate_rows(unknown, gate, without, channel=way),
            gate_rows(known.filter(is_bounced()), gate, back, channel=way),
        ]
    return pl.concat(frames)


def _close_on_cap(
    contacts: pl.DataFrame, cap: pl.Expr, days: int, as_of: date, *, channel: Channel | None = None
) -> pl.DataFrame:
    """Return customers with ``cap`` contacts within ``days``; lifts when the oldest of these leaves them."""
    place = pl.col("sent_on").rank("ordinal", descending=True).over("customer_id")
    lately = contacts.filter(pl.col("sent_on") + timedelta(days=days) > as_of)
    full = lately.with_columns(place.alias("place")).filter(pl.col("place") == cap)
    noun = "calls" if channel else "contacts"
    sentence = pl.format(f"{{}} {noun} were made within {days} days, which is the most allowed.", cap)
    return gate_rows(
        full,
        BlockCode.CONTACT_CAP,
        sentence,
        channel=pl.lit(channel.value) if channel else None,
        lifts_on=pl.col("sent_on") + timedelta(days=days),
    )


def close_on_frequency(
    ledger: Frames, places: pl.DataFrame, as_of: date, settings: TreatmentSettings
) -> pl.DataFrame:
    """Return customers who were contacted as often, or as lately, as the caps and the cool-down allow.

    Parameters
    ----------
    ledger : core_contact_event; what we sent counts, whatever became of it.
    places : customer_id, jurisdiction (the pack caps calls in a week) and timezone: days are the customer's own.
    settings : caps of a week and a month, cool-down, default time zone.
    """
    longest = timedelta(days=max(WEEK_DAYS, MONTH_DAYS, settings.cool_down_days))
    lately = list_outbound(ledger).filter(pl.col("sent_on") + longest + timedelta(days=1) > as_of)
    lately = lately.join(places.select("customer_id", "timezone"), on="customer_id", how="left")
    contacts = to_local_time(lately, ("sent_at",), settings).with_columns(
        pl.col("sent_at").dt.date().alias("sent_on")
    )
    frames = []
    for cap, days in (
        (settings.max_contacts_per_week, WEEK_DAYS),
        (settings.max_contacts_per_month, MONTH_DAYS),
    ):
        if cap == 0:
            sentence = pl.lit(f"Settings allow no contacts within {days} days.")
            frames.append(gate_rows(places, BlockCode.CONTACT_CAP, sentence))
        else:
            frames.append(_close_on_cap(contacts, pl.lit(cap), days, as_of))
    call_caps = {name: load_pack(name).max_calls_per_week for name in pack_names()}
    calls = contacts.filter(pl.col("channel") == Channel.PHONE).join(
        places.select(
            "customer_id",
            pl.col("jurisdiction").replace_strict(call_caps, return_dtype=pl.Int64).alias("call_cap"),
        ),
        on="customer_id",
        how="inner",
    )
    frames.append(_close_on_cap(calls, pl.col("call_cap"), WEEK_DAYS, as_of, channel=Channel.PHONE))
    cool_down = timedelta(days=settings.cool_down_days)
    latest = (
        contacts.group_by("customer_id")
        .agg(pl.col("sent_on").max())
        .filter(pl.col("sent_on") + cool_down > as_of)
    )
    sentence = pl.format("The last contact was on {}.", day_text(pl.col("sent_on")))
    frames.append(gate_rows(latest, BlockCode.COOL_DOWN, sentence, lifts_on=pl.col("sent_on") + cool_down))
    return pl.concat(frames)
