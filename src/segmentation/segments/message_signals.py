"""What kinds of words customers write: inbound messages read for a short reviewed list of phrases.

Belongs here: reading text, which goes no further than this module; only counts leave it. Does not belong here:
the phrases (message_phrases.yaml), what a signal says about a cause (cause_signals.yaml).
"""

import re
import unicodedata
from functools import cache
from importlib.resources import files

import polars as pl

from segmentation.domain.schema import Frames
from segmentation.domain.vocabulary import OutcomeCode
from segmentation.segments.definitions import CauseModel

NOTHING_SAID = (OutcomeCode.UNREACHABLE.value,)
"""Outcomes of a contact in which the customer said nothing."""

_QUOTED = (
    r"(?im)^\s*(>|-{2,}\s*(original message|oorspronkelijk bericht|message d.origine|urspr.ngliche nachricht)"
    r"|(from|sent|van|verzonden|de|envoy.|von|gesendet)\s*:)[\s\S]*"
)


def count_message_signals(ledger: Frames, model: CauseModel) -> list[pl.DataFrame]:
    """Return, per signal, how many messages of each customer show it, of how many that could have.

    Parameters
    ----------
    ledger : uses ``core_message``, ``core_contact_event`` and ``core_contact_outcome``.
    model : for the days within which the outcome of a contact repeats what a message says.

    Returns
    -------
    One frame per signal: ``customer_id``, ``signal``, ``seen``, ``count``; empty without messages.

    Notes
    -----
    A message about which a colleague recorded what the customer said within ``coded_within_days`` is left out: both
    say the same, and would count twice.
    """
    messages = ledger["core_message"].filter(pl.col("received_at").is_not_null())
    if messages.is_empty():
        return []
    days = model.signal("wrote_paperwork").number("coded_within_days")
    owners = ledger["core_contact_event"].select("contact_id", "customer_id").unique("contact_id")
    coded = (
        ledger["core_contact_outcome"]
        .filter(~pl.col("code").is_in(NOTHING_SAID))
        .join(owners, "contact_id")
        .select("customer_id", pl.col("recorded_at").dt.date().alias("coded_date"))
        .drop_nulls()
        .unique()
    )
    dated = messages.select("message_id", "customer_id", pl.col("received_at").dt.date().alias("day"))
    gap = (pl.col("coded_date") - pl.col("day")).dt.total_days().abs()
    repeated = dated.join(coded, "customer_id").filter(gap <= days).select("message_id").unique()
    read = messages.join(repeated, "message_id", "anti").select(
        "customer_id",
        _plain(
            pl.concat_str(
                pl.col("subject").fill_null(""),
                pl.col("body").fill_null("").str.replace(_QUOTED, ""),
                separator=" . ",
            )
        ).alias("text"),
    )
    return [
        read.group_by("customer_id").agg(
            pl.lit(signal).alias("signal"),
            pl.col("text").str.contains(pattern).sum().alias("seen"),
            pl.len().alias("count"),
        )
        for signal, pattern in _load_patterns().items()
    ]


@cache
def _load_patterns() -> dict[str, str]:
    """One pattern per signal that matches any of its phrases, in any language, as whole words."""
    import yaml

    source = files("segmentation.segments").joinpath("message_phrases.yaml").read_text(encoding="utf-8")
    by_signal: dict[str, dict[str, list[str]]] = yaml.safe_load(source)["phrases"]
    return {
        signal: " (?:"
        + "|".join(sorted({_fold(phrase) for phrases in own.values() for phrase in phrases}))
        + ") "
        for signal, own in by_signal.items()
    }


def _plain(text: pl.Expr) -> pl.Expr:
    """Text in lower case, without accents, words parted and enclosed by single spaces."""
    bare = text.str.to_lowercase().str.normalize("NFKD").str.replace_all(r"\p{M}", "")
    return pl.concat_str(pl.lit(" "), bare.str.replace_all(r"[^\p{L}\p{N}]+", " "), pl.lit(" "))


def _fold(phrase: str) -> str:
    """The same for a phrase, without the enclosing spaces."""
    bare = "".join(
        mark for mark in unicodedata.normalize("NFKD", phrase.lower()) if not unicodedata.combining(mark)
    )
    return re.sub(r"[^\w]+", " ", bare).strip()
