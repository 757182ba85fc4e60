"""Through which channel and in which part of the day each customer answers best, as their history has it.

Belongs here: reading past contacts as arms, what the model says of each open channel. Does not belong
here: the model (response_model), trying arms out on purpose (exploration).
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from segmentation.domain.row_lookup import is_known
from segmentation.domain.schema import Frames
from segmentation.domain.settings import TreatmentSettings
from segmentation.domain.vocabulary import Channel
from segmentation.treatment.answers import BAND_EDGES, band_of
from segmentation.treatment.contact_hours import SLOT_HOURS, to_local_time
from segmentation.treatment.response import EVIDENCE_SHARES
from segmentation.treatment.response_cells import Contacts, Ints, Reals, Sizes
from segmentation.treatment.response_model import ResponseModel, fit_response

_CHANNELS = tuple(channel.value for channel in Channel)
_SLOTS = tuple(SLOT_HOURS)
_BAND_STARTS = (0, *(edge + 1 for edge in BAND_EDGES))
_LEAST_CONTACTS = 300
_LEAST_PER_CHANNEL = 50
_LEAST_PER_SLOT = 50
_LEAST_CHANNELS = 2
_CLEAR_ADVANTAGE = 1.05
_MOST_FITTED = 10_000
_CHUNK = 50_000
_UNHEARD = (Channel.LETTER.value, Channel.REGISTERED_LETTER.value)


@dataclass(frozen=True, slots=True)
class Arms:
    """How each customer answers each channel, learned from the contacts of a whole book.

    Parameters
    ----------
    known : customers with contacts of their own, in the columns that ``tell`` returns.
    strangers : the same by segment and band of lateness, for everybody else.
    """

    known: pl.DataFrame
    strangers: pl.DataFrame

    def tell(self, customers: pl.DataFrame) -> pl.DataFrame:
        """Return how each of some customers answers each channel.

        Parameters
        ----------
        customers : customer_id, segment and act_days_late; of those that the arms were learned for.

        Returns
        -------
        customer_id, channel, ``lift`` (response against that of the customer's mean contact of the same
        approach), ``spread`` (standard deviation of the response), ``response_prob``, ``slot`` (null unless one
        is clearly better and was tried often), and the shares of the evidence that are the customer's own, the
        segment's and everybody's; empty where there is too little history.
        """
        own = self.known.filter(is_known(self.known["customer_id"], customers["customer_id"]))
        others = customers.filter(~is_known(customers["customer_id"], own["customer_id"])).select(
            "customer_id", _stranger()
        )
        by_segment = others.join(
            self.strangers.rename({"customer_id": "stranger"}), on="stranger", how="inner"
        )
        return pl.concat([own, by_segment.select(_EMPTY.columns)])


def learn_arms(
    answers: pl.DataFrame, ledger: Frames, customers: pl.DataFrame, settings: TreatmentSettings, seed: int = 0
) -> Arms:
    """Return how customers answer channels, from contacts whose response days are over.

    Parameters
    ----------
    answers : of ``response.list_answers``.
    ledger : core_customer (time zone).
    customers : customer_id, segment and act_days_late of everybody to estimate for.
    settings : default time zone.
    seed : of the folds on which models are blended.

    Notes
    -----
    Nothing is said before there are 300 contacts, nothing of a channel before it was used 50 times, and no
    part of the day is named unless it was tried 50 times and answers come 5 % more often: an hour that
    nothing speaks for is not made up.
    """
    if answers.height < _LEAST_CONTACTS:
        return Arms(_EMPTY, _EMPTY)
    answers = add_slots(answers, ledger, settings)
    used = answers.group_by("channel").len().filter(pl.col("len") >= _LEAST_PER_CHANNEL)
    channels = [channel for channel in _CHANNELS if channel in set(used["channel"])]
    log = answers.filter(pl.col("channel").is_in(channels)).sort("customer_id", "contact_id")
    if len(channels) < _LEAST_CHANNELS:
        return Arms(_EMPTY, _EMPTY)
    people = customers.select(
        "customer_id", pl.col("segment").fill_null("unknown"), pl.col("act_days_late").cast(pl.Int64)
    )
    known = people.filter(is_known(people["customer_id"], log["customer_id"])).sort("customer_id")
    segments = people["segment"].unique().sort().to_list()
    sizes = Sizes(known.height, len(segments), len(channels), len(_SLOTS), len(BAND_EDGES) + 1)
    # Beyond some thousands of customers a larger sample says nothing more about segments.
    step = max(1, known.height // _MOST_FITTED)
    sample = known.gather_every(step)
    contacts, of_segment = _code(log, sample, channels, segments)
    model = fit_response(contacts, of_segment, replace(sizes, customers=sample.height), seed)
    tried = np.zeros((len(channels), len(_SLOTS)))
    everything, _ = _code(log, known, channels, segments)
    np.add.at(tried, (everything.channel, everything.slot), 1)
    # Customers without contacts of their own differ by segment and lateness only.
    strangers = (
        pl.DataFrame({"segment": segments})
        .join(pl.DataFrame({"act_days_late": _BAND_STARTS}, schema={"act_days_late": pl.Int64}), how="cross")
        .with_columns(_stranger().alias("customer_id"))
    )
    *told, by_segment = (
        _predict(model, log, part, channels, segments, tried)
        for part in (*known.iter_slices(_CHUNK), strangers.select(known.columns))
    )
    return Arms(pl.concat(told or [_EMPTY]), by_segment)


def _stranger() -> pl.Expr:
    """Return the name of the segment and band of lateness that somebody without contacts belongs to."""
    start = band_of(pl.col("act_days_late").cast(pl.Int64).fill_null(0)).replace_strict(
        dict(enumerate(_BAND_STARTS)), return_dtype=pl.Int64
    )
    return pl.format("{}/{}", pl.col("segment").fill_null("unknown"), start).alias("stranger")


def _code(
    log: pl.DataFrame, people: pl.DataFrame, channels: list[str], segments: list[str]
) -> tuple[Contacts, Ints]:
    """Return the contacts of these people as codes, and the segment of each of them."""
    places = people.select("customer_id", pl.int_range(pl.len()).alias("place"), "segment")
    of_segment = places["segment"].replace_strict(
        {name: number for number, name in enumerate(segments)}, return_dtype=pl.Int64
    )
    rows = log.drop("segment").join(
        places.with_columns(of_segment.alias("segment_code")),
        on="customer_id",
        how="inner",
        maintain_order="left",
    )
    code = {channel: number for number, channel in enumerate(channels)}
    contacts = Contacts(
        customer=rows["place"].to_numpy(),
        segment=rows["segment_code"].to_numpy(),
        channel=rows["channel"].replace_strict(code, return_dtype=pl.Int64).to_numpy(),
        slot=rows["slot_code"].to_numpy(),
        offset=rows["band"].to_numpy(),
        paid=rows["paid"].to_numpy(),
    )
    return contacts, of_segment.to_numpy()


def _predict(  # noqa: PLR0917  pieces of one computation
    model: ResponseModel,
    log: pl.DataFrame,
    people: pl.DataFrame,
    channels: list[str],
    segments: list[str],
    tried: Reals,
) -> pl.DataFrame:
    contacts, of_segment = _code(log, people, channels, segments)
    band = people.select(band_of(pl.col("act_days_late").fill_null(0)).alias("band"))["band"].to_numpy()
    mean, spread = model.predict(model.weigh_states(contacts, of_segment), band)
    shape = (people.height, len(channels), len(_SLOTS))
    own_count = np.bincount(contacts.customer, minlength=people.height).astype(np.float64)
    shares = people.select(
        "customer_id",
        *(
            pl.Series(name, share).round(9)
            for name, share in zip(EVIDENCE_SHARES, model.share_evidence(own_count, of_segment), strict=True)
        ),
    )
    told = _tell_channels(people["customer_id"], mean.reshape(shape), spread.reshape(shape), tried, channels)
    return told.join(shares, on="customer_id", how="left", maintain_order="left").select(_EMPTY.columns)


_EMPTY = pl.DataFrame(
    schema={
        "customer_id": pl.String,
        "channel": pl.String,
        "response_prob": pl.Float64,
        "spread": pl.Float64,
        "lift": pl.Float64,
        "slot": pl.String,
    }
    | dict.fromkeys(EVIDENCE_SHARES, pl.Float64)
)


def add_slots(answers: pl.DataFrame, ledger: Frames, settings: TreatmentSettings) -> pl.DataFrame:
    """Return past contacts with codes of channel and slot, the hour read where the customer is."""
    placed = answers.join(
        ledger["core_customer"].select("customer_id", "timezone"), on="customer_id", how="left"
    )
    local = to_local_time(placed, ("sent_at",), settings)
    hour = pl.col("sent_at").dt.hour()
    slot = sum(
        ((hour >= first).cast(pl.Int64) for first, _ in list(SLOT_HOURS.values())[1:]),
        start=pl.lit(0),
    )
    return local.with_columns(slot.alias("slot_code"))


def _tell_channels(
    names: pl.Series, mean: Reals, spread: Reals, tried: Reals, channels: list[str]
) -> pl.DataFrame:
    """Return one row per customer and channel."""
    used = tried.sum(axis=1)
    by_slot = tried / np.maximum(used, 1)[:, None]
    usual = (mean * by_slot).sum(axis=2)
    offered = np.where(tried >= _LEAST_PER_SLOT, mean, -1.0)
    best = offered.argmax(axis=2)
    top = np.take_along_axis(mean, best[:, :, None], axis=2)[:, :, 0]
    is_clear = (top > _CLEAR_ADVANTAGE * usual) & (offered.max(axis=2) > 0)
    is_call = np.array([channel == Channel.PHONE for channel in channels])
    average = np.zeros_like(usual)
    for approach in (is_call, ~is_call):
        total = used[approach].sum()
        if total:
            average[:, approach] = ((usual[:, approach] * used[approach]).sum(axis=1) / total)[:, None]
    rows, codes = (axis.ravel() for axis in np.indices(usual.shape))
    frame = pl.DataFrame(
        {
            "customer_id": names.gather(rows),
            "channel": pl.Series(channels).gather(codes),
            "response_prob": np.where(is_clear, top, usual).ravel(),
            "spread": np.take_along_axis(spread, best[:, :, None], axis=2)[:, :, 0].ravel(),
            "average": average.ravel(),
            "slot": pl.Series(_SLOTS).gather(best.ravel()),
            "is_clear": is_clear.ravel(),
        }
    )
    has_slot = pl.col("is_clear") & ~pl.col("channel").is_in(_UNHEARD)
    return frame.select(
        "customer_id",
        "channel",
        pl.col("response_prob").round(9),
        pl.col("spread").round(9),
        (pl.col("response_prob") / pl.col("average")).round(9).alias("lift"),
        pl.when(has_slot).then("slot").alias("slot"),
    )
