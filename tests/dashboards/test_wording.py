"""Every code of the vocabulary has words; causes stay hypotheses; nobody is blamed."""

import doctest

import pytest

from dashboards import wording
from segmentation.domain.reasons import REASON_SENTENCES
from segmentation.domain.vocabulary import (
    Action,
    BlockCode,
    Cause,
    Channel,
    Decision,
    PartyType,
    ScoreStatus,
    Segment,
    Tone,
    Verdict,
)

PAIRS = (
    (Action, wording.ACTIONS),
    (Action, wording.ACTION_ICONS),
    (BlockCode, wording.BLOCKS),
    (Cause, wording.CAUSES),
    (Channel, wording.CHANNELS),
    (Decision, wording.DECISIONS),
    (PartyType, wording.PARTY_TYPES),
    (ScoreStatus, wording.SCORE_STATUSES),
    (Segment, wording.SEGMENTS),
    (Segment, wording.SEGMENT_ICONS),
    (Tone, wording.TONES),
    (Verdict, wording.VERDICTS),
    (Verdict, wording.VERDICT_ICONS),
)


@pytest.mark.parametrize(("codes", "words"), PAIRS)
def test_every_code_has_words_and_no_words_are_left_over(codes, words):
    assert {code.value for code in codes} == set(words)


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause is not Cause.UNCLEAR])
def test_causes_are_said_as_possibilities(cause):
    assert " may " in wording.CAUSES[cause]


def test_no_word_blames():
    words = " ".join(" ".join(map(str, pair[1].values())) for pair in PAIRS).lower()
    for harsh in ("bad payer", "debtor", "defaulter", "refuses", "unwilling", "risky", "delinquent customer"):
        assert harsh not in words


def test_steps_name_their_channel():
    assert wording.describe_step("reminder", "email") == "Friendly reminder by e-mail"
    assert (
        wording.describe_step("self_service_link", "portal") == "Send a payment link in the customer portal"
    )
    assert wording.describe_step("call", "phone") == "Call"
    assert wording.describe_step("some_new_step", "pigeon") == "Some new step by pigeon"


def test_uncertainty_of_a_segment_is_in_words():
    assert "is almost certainly the rule" in wording.describe_segment("structural", 0.97, 12)
    assert "may or may not be the rule" in wording.describe_segment("undecided", 0.5, 1)
    assert wording.describe_segment("undecided", 0.5, 1).endswith("1 instalment whose outcome is known.")
    assert "Too little history" in wording.describe_segment("insufficient_history", None, 2)


@pytest.mark.parametrize("code", REASON_SENTENCES)
def test_reasons_are_sentences(code):
    assert wording.describe_reason(code).endswith(".")


def test_examples_in_the_documentation_hold():
    assert doctest.testmod(wording).failed == 0


def test_a_cause_is_strong_or_weak_and_never_a_percentage():
    assert wording.describe_cause("cannot_pay", 0.999).endswith("(the signs are strong)")
    assert wording.describe_cause("cannot_pay", 0.55).endswith("(the signs are weak)")
    assert wording.describe_cause("unclear", 0.9) == wording.CAUSES["unclear"]
