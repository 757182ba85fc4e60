"""Codes in words: friendly, plain, never blaming; causes are hypotheses.

Belongs here: what a code of the vocabulary is called on a page. Does not belong here: reasons of
scores and closed gates in full sentences (domain.reasons), numbers and dates (formats).
"""

from collections.abc import Mapping
from typing import Any

from babel import Locale

from segmentation.domain.reasons import REASON_SENTENCES

ACTIONS: Mapping[str, str] = {
    "wait": "Wait",
    "pre_due_notice": "Friendly notice before the due date",
    "reminder": "Friendly reminder",
    "call": "Call",
    "payment_plan_offer": "Offer a payment plan",
    "dispute_follow_up": "Follow up on the dispute",
    "self_service_link": "Send a payment link",
    "thank_you": "Thank the customer",
    "match_credit": "Match money or credit first",
    "formal_notice": "Formal notice",
    "legal_review": "Legal review",
}

ACTION_ICONS: Mapping[str, str] = {
    "wait": ":material/hourglass_empty:",
    "pre_due_notice": ":material/event_upcoming:",
    "reminder": ":material/mail:",
    "call": ":material/call:",
    "payment_plan_offer": ":material/calendar_month:",
    "dispute_follow_up": ":material/forum:",
    "self_service_link": ":material/link:",
    "thank_you": ":material/favorite:",
    "match_credit": ":material/join_inner:",
    "formal_notice": ":material/description:",
    "legal_review": ":material/gavel:",
}

CHANNELS: Mapping[str, str] = {
    "email": "E-mail",
    "sms": "SMS",
    "whatsapp": "WhatsApp",
    "phone": "Phone",
    "letter": "Letter",
    "registered_letter": "Registered letter",
    "portal": "Customer portal",
}

_BY_CHANNEL: Mapping[str, str] = {
    "email": "by e-mail",
    "sms": "by SMS",
    "whatsapp": "by WhatsApp",
    "phone": "by phone",
    "letter": "by letter",
    "registered_letter": "by registered letter",
    "portal": "in the customer portal",
}

LANGUAGES: Mapping[str, str] = {"nl": "Dutch", "fr": "French", "en": "English", "de": "German"}

MESSAGE_GAPS: Mapping[str, str] = {
    "sender_name": "the name of your company",
    "account_number": "the account to pay to (iban)",
    "payment_link": "the page to pay on",
    "way_to_answer": "a phone number or e-mail address",
    "company_number": "your company number",
    "delivery": "what you deliver",
}

TONES: Mapping[str, str] = {
    "friendly": "friendly",
    "neutral": "neutral",
    "supportive": "supportive",
    "formal": "formal",
}

SEGMENTS: Mapping[str, str] = {
    "prompt": "Pays promptly",
    "incidental": "Late now and then",
    "structural": "Often late",
    "undecided": "Not clear yet",
    "insufficient_history": "Too little history",
}

SEGMENT_ICONS: Mapping[str, str] = {
    "prompt": ":material/check_circle:",
    "incidental": ":material/schedule:",
    "structural": ":material/repeat:",
    "undecided": ":material/help:",
    "insufficient_history": ":material/history_toggle_off:",
}

BEHAVIOUR_MODELS: Mapping[str, str] = {
    "beta_binomial": "Steady habits (beta-binomial)",
    "hidden_markov": "Changing habits (hidden Markov model)",
}

CHANGE_REASONS: Mapping[str, str] = {
    "behaviour": "their payments, or time passing",
    "model": "a change of the model",
    "none": "nothing",
}

CAUSES: Mapping[str, str] = {
    "forgetful": "it may simply slip their mind",
    "administrative": "approval or paperwork may take time",
    "disputing": "there may be a disagreement about an invoice",
    "cannot_pay": "paying may be difficult for them at the moment",
    "will_not_pay": "they may be putting other bills first",
    "unclear": "not clear from what is known",
}

KNOWN_CAUSES: Mapping[str, str] = {
    "forgetful": "It slips their mind",
    "administrative": "Approval or paperwork takes time",
    "disputing": "They disagree with an invoice",
    "cannot_pay": "Paying is difficult for them at the moment",
    "will_not_pay": "They put other bills first",
}
"""Causes as somebody who asked the customer would name them."""

BLOCKS: Mapping[str, str] = {
    "nothing_open": "Nothing is open",
    "unmatched_cash": "Money has come in that is not yet matched to an invoice",
    "credit_available": "A credit note is not yet set against an invoice",
    "open_dispute": "A dispute is open",
    "open_promise": "A promise to pay is still running",
    "running_plan": "A payment plan is running",
    "insolvency": "Insolvency",
    "debt_mediation": "Debt mediation",
    "vulnerability": "Protected because of a vulnerable situation",
    "manual_block": "Blocked by a colleague",
    "do_not_contact": "Asked not to be contacted",
    "channel_not_permitted": "A channel is not permitted",
    "channel_unreachable": "A channel does not reach the customer",
    "contact_cap": "Enough contacts for now",
    "cool_down": "Contacted recently",
    "awaiting_decision_effect": "A recent decision still has to take effect",
    "waiting_period": "The waiting period after a reminder is running",
    "closed_hours": "Outside contact hours",
    "debt_changed": "What is owed has changed",
    "quarantined_rows": "Rows about this customer could not be loaded",
    "stale_source": "The ledger is not recent enough",
}

SCORE_STATUSES: Mapping[str, str] = {
    "scored": "Scored",
    "insufficient_history": "Too little history",
    "stale": "Out of date",
    "suppressed": "Withheld",
}

DECISIONS: Mapping[str, str] = {
    "accept": "Accepted",
    "adjust": "Adjusted",
    "ignore": "Ignored",
    "withdraw": "Taken back",
}

PARTY_TYPES: Mapping[str, str] = {
    "consumer": "Consumer",
    "sole_trader": "Sole trader",
    "legal_person": "Company",
    "public_body": "Public body",
}

GROUPS: Mapping[str, str] = {
    "unknown": "Not known",
    "all": "All",
    "rest": "All others",
    "others": "All others",
    "all others": "All others",
}

EVENT_KINDS: Mapping[str, str] = {
    "invoice": "Invoice",
    "payment": "Payment",
    "reversal": "Payment taken back",
    "credit_note": "Credit note",
    "write_off": "Write-off",
    "contact": "Contact",
    "reply": "Reply",
    "promise": "Promise to pay",
    "plan": "Payment plan",
    "dispute": "Dispute",
    "block": "Hold",
}

VERDICTS: Mapping[str, str] = {
    "pass": "No material gap found",
    "inconclusive": "Inconclusive",
    "block": "Gap found",
    "not_assessable": "Not assessable",
}

VERDICT_ICONS: Mapping[str, str] = {
    "pass": ":material/check_circle:",
    "inconclusive": ":material/help:",
    "block": ":material/block:",
    "not_assessable": ":material/visibility_off:",
}

CHECK_VERDICTS: Mapping[str, str] = {"pass": "✓ Pass", "warn": "! Warning", "fail": "✗ Fail"}

FAIRNESS_METRICS: Mapping[str, str] = {
    "structural_label_rate": "Share called often late, or thought to put other bills first",
    "harsh_step_rate": "Share to get a strict step",
    "high_score_rate": "Share expected to pay more than 30 days late",
    "unwilling_cause_rate": "Share thought to put other bills first",
    "contact_step_rate": "Share to be contacted",
    "frequent_contact_rate": "Share contacted often",
    "no_call_rate": "Share not to be called by a person",
    "no_plan_rate": "Share not offered a payment plan",
    "letter_only_rate": "Share reachable by letter only, or not at all",
}

PAIR = " × "
"""Joins the names of two attributes, or of two groups, into that of a pair."""

ATTRIBUTES: Mapping[str, str] = {
    "party_type": "Kind of customer",
    "age_band": "Age",
    "sex": "Sex",
    "language": "Language",
    "region": "Region",
    "country": "Country",
    "size_band": "Company size",
    "sector": "Sector",
    "tenure": "Length of the relation",
    "tenure_band": "Length of the relation",
}

PROXY_SOURCES: Mapping[str, str] = {"features": "Features", "segment": "Segment as published"}

MITIGATIONS: Mapping[str, str] = {"none": "As it is", "penalty": "Penalty", "reweighing": "Reweighing"}

MODELS: Mapping[str, str] = {
    "lightgbm_hazard": "Gradient boosting (LightGBM)",
    "logistic_hazard": "Logistic regression",
    "past_late_rate": "Past late rate (baseline)",
    "customer_median": "Customer's median (baseline)",
    "prevalence": "Average of all (baseline)",
    "hazard_blend": "Blend of both models",
    "cautious_blend": "Blend of both models and the past late rate",
    "terms_are_truth": "Paid on the due date (baseline)",
}


def say(words: Mapping[str, str], code: Any) -> str:
    """Return the words for a code; a code that has none is spelled out, a missing one is a dash.

    >>> say(SEGMENTS, "structural"), say(SEGMENTS, "brand_new_word"), say(SEGMENTS, None)
    ('Often late', 'Brand new word', '–')
    """
    if code is None:
        return "–"
    text = str(code)
    return words.get(text) or text.replace("_", " ").capitalize()


def describe_step(action: str | None, channel: str | None = None) -> str:
    """Return a step in words with its channel, as in ``Friendly reminder by e-mail``.

    >>> describe_step("reminder", "email"), describe_step("call", "phone"), describe_step("wait", None)
    ('Friendly reminder by e-mail', 'Call', 'Wait')
    """
    step = say(ACTIONS, action)
    if channel is None or action in {"call", "wait"}:
        return step
    return f"{step} {_BY_CHANNEL.get(channel, 'by ' + channel)}"


_STRONG_CAUSE = 0.8
_CERTAINTIES = (
    (0.95, "is almost certainly"),
    (0.8, "is very likely"),
    (0.6, "is probably"),
    (0.4, "may or may not be"),
    (0.2, "is probably not"),
    (0.05, "is unlikely to be"),
)


def describe_certainty(prob: float) -> str:
    """Return how sure a probability is, as a verb.

    >>> describe_certainty(0.97), describe_certainty(0.5), describe_certainty(0.01)
    ('is almost certainly', 'may or may not be', 'is almost certainly not')
    """
    return next((words for bound, words in _CERTAINTIES if prob >= bound), "is almost certainly not")


def describe_segment(segment: str, structural_prob: float | None, settled_count: int | None) -> str:
    """Return a segment with its uncertainty in one sentence."""
    count = settled_count or 0
    seen = f"{count} instalment{'' if count == 1 else 's'} whose outcome is known"
    if segment == "insufficient_history" or structural_prob is None:
        return f"Too little history to say how this customer usually pays ({seen})."
    words = describe_certainty(structural_prob)
    return f"{say(SEGMENTS, segment)}: paying late {words} the rule here, judging by {seen}."


def describe_cause(cause: str, prob: float | None) -> str:
    """Return a hypothesis in words; its probability only as strong or not, since its calibration is not measured.

    >>> describe_cause("forgetful", 0.99)
    'it may simply slip their mind (the signs are strong)'
    """
    strength = (
        ""
        if prob is None or cause == "unclear"
        else " (the signs are strong)"
        if prob >= _STRONG_CAUSE
        else " (the signs are weak)"
    )
    return f"{CAUSES.get(cause, cause)}{strength}"


def describe_reason(code: str) -> str:
    """Return a reason code of a score in words."""
    return REASON_SENTENCES.get(code) or f"{say({}, code)}."


def describe_attribute(attribute: str) -> str:
    """Return an attribute of the bias check, or a pair of them, in words.

    >>> describe_attribute("age_band"), describe_attribute("language × sex")
    ('Age', 'Language × Sex')
    """
    return PAIR.join(say(ATTRIBUTES, name) for name in attribute.split(PAIR))


def describe_group(attribute: str, group: str | None) -> str:
    """Return a group of the bias check in words; codes of the source stay as they are.

    >>> describe_group("language", "nl"), describe_group("party_type", "sole_trader"), describe_group("sex", "unknown")
    ('Dutch', 'Sole trader', 'Not known')
    >>> describe_group("language × sex", "fr × F")
    'French × F'
    """
    if group is None:
        return "–"
    if PAIR in attribute and PAIR in group:
        parts = zip(attribute.split(PAIR), group.split(PAIR), strict=False)
        return PAIR.join(describe_group(one, part) for one, part in parts)
    if group in GROUPS:
        return GROUPS[group]
    if attribute == "party_type":
        return say(PARTY_TYPES, group)
    if attribute == "language":
        return str(Locale("en").languages.get(group, group))
    return group.replace("_", " ")


def describe_bucket(bucket: str) -> str:
    """Return an ageing bucket in words.

    >>> describe_bucket("not_due"), describe_bucket("days_1_30"), describe_bucket("days_over_90")
    ('Not due', '1–30', 'Over 90')
    """
    bucket = bucket.removeprefix("days_")
    digits = "".join(mark if mark.isdigit() else " " for mark in bucket).split()
    if len(digits) == 2:  # noqa: PLR2004  first and last day
        return "–".join(digits)
    return bucket.replace("_", " ").strip().capitalize()
