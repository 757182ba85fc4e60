"""The published snapshot, contract version 1: what downstream systems and the dashboard may read.

Consumers fail closed: past ``valid_until``, or where ``score_status`` is not ``scored``, they use
their own default. Only an approved or adjusted recommendation may be carried out.
"""

from segmentation.domain.columns import (
    CURRENCY,
    amount,
    category,
    date,
    flag,
    identifier,
    integer,
    key_,
    prob,
    real,
    text,
    text_list,
    timestamp,
)
from segmentation.domain.schema import Role, Table, by_name
from segmentation.domain.vocabulary import (
    Action,
    BlockCode,
    Cause,
    ChangeOperation,
    ChangeReason,
    Channel,
    PartyType,
    ScoreStatus,
    Segment,
    Stage,
    Tone,
    Verdict,
)

CONTRACT_VERSION = "1.7.0"

AS_OF_DATE = date(
    "as_of_date", "everything observed before the start of this day was used, nothing else", required=True
)

PAYMENT_DATE_COLUMNS = (
    prob("late_prob", "probability that it is covered after its due date; 1 once it is overdue"),
    prob("late_30_prob", "probability that it is covered more than 30 days after its due date"),
    prob("late_90_prob", "probability that it is covered more than 90 days after its due date"),
    prob("paid_7_prob", "probability that it is covered within 7 days from the as-of day"),
    prob("paid_14_prob", "probability that it is covered within 14 days from the as-of day"),
    prob("paid_30_prob", "probability that it is covered within 30 days from the as-of day"),
    date(
        "expected_payment_date",
        "mean of the payment date, the tail beyond the horizon counted at the horizon",
    ),
    date("payment_date_p10", "day by which it is covered with probability 0.10"),
    date("payment_date_p50", "day by which it is covered with probability 0.50"),
    date(
        "payment_date_p90",
        "day by which it is covered with probability 0.90; the horizon's end when beyond it",
    ),
    text_list("reason_codes", "what moved late_prob most, strongest first"),
    category("score_status", "only scored may be relied on", ScoreStatus, required=True),
    text(
        "model_version", "model that speaks for this row, with its version", required=True, role=Role.CATEGORY
    ),
)

AMOUNT_AT_RISK_COLUMNS = (
    amount(
        "expected_loss_amount",
        "probability that it becomes doubtful × share of a doubtful amount that is lost (settings)",
    ),
    amount(
        "expected_delay_cost_amount",
        "days late that are still expected × yearly cost of capital (settings) × open amount",
    ),
)

INVOICE_SCORES = Table(
    "out_invoice_scores",
    "open invoice",
    (
        key_("invoice_id", "invoice"),
        identifier("customer_id", "customer", required=True),
        AS_OF_DATE,
        date("due_date", "due date of the oldest open instalment", required=True),
        amount("open_amount", "amount open over all instalments", required=True),
        amount(
            "overdue_amount", "of which in instalments past their due date on the as-of day", required=True
        ),
        CURRENCY,
        integer(
            "days_late",
            "days beyond terms of the oldest open instalment on the as-of day; negative when not due",
            required=True,
        ),
        *PAYMENT_DATE_COLUMNS,
        *AMOUNT_AT_RISK_COLUMNS,
    ),
    ("invoice_id",),
)

RISK_REASONS = Table(
    "out_risk_reasons",
    "open invoice and reason, the three that moved its score most",
    (
        key_("invoice_id", "invoice"),
        category("reason_code", "reason group and direction, such as past_lateness_up", required=True),
        identifier("customer_id", "customer", required=True),
        integer("rank", "1 for the reason that moved late_prob most", required=True, minimum=1),
        real(
            "contribution",
            "part of the log-odds of being late that it accounts for; all parts of a score add up to it",
            required=True,
        ),
        text("sentence", "the reason in words", required=True, role=Role.CATEGORY),
        text_list(
            "evidence_invoice_ids",
            "invoices that show it, three at most, the most telling first; empty when it is about the customer "
            "as a whole",
        ),
    ),
    ("invoice_id", "reason_code"),
)

CUSTOMER_RISK = Table(
    "out_customer_risk",
    "customer with open invoices, and currency",
    (
        key_("customer_id", "customer"),
        CURRENCY,
        integer("open_invoice_count", "open invoices", required=True, minimum=1),
        amount("open_amount", "amount open", required=True),
        amount("overdue_amount", "of which past its due date", required=True),
        *AMOUNT_AT_RISK_COLUMNS,
    ),
    ("customer_id", "currency"),
)

SEGMENT_COLUMNS = (
    category("segment", "paying behaviour", Segment, required=True),
    prob(
        "structural_prob",
        "probability that the true share, of which late_propensity is the expected value, is above one half",
    ),
    prob("structural_prob_p05", "lower end of its 90 % interval"),
    prob("structural_prob_p95", "upper end of its 90 % interval"),
    prob("late_propensity", "expected share of late instalments by the habit that the customer has now"),
    prob("late_propensity_p05", "lower end of its 90 % interval"),
    prob("late_propensity_p95", "upper end of its 90 % interval"),
    prob(
        "turning_prob",
        "probability that the customer was punctual 180 days ago, or at first when known for less, and is late by habit "
        "now or within 90 days; null where the propensity is",
    ),
    real("typical_days_late", "median days beyond terms over settled instalments; null without any"),
    real(
        "severity_days",
        "mean days beyond terms, nil when on time, each instalment weighted by its amount relative to the customer's "
        "other ones in the same currency; null without any known instalment",
        minimum=0.0,
    ),
    category("cause", "hypothesis about the cause of lateness, never a fact", Cause, required=True),
    prob("cause_prob", "probability of that hypothesis; null when unclear for want of data"),
    integer("settled_count", "instalments whose lateness is known", required=True, minimum=0),
    integer("late_count", "of these, late ones", required=True, minimum=0),
    integer(
        "excluded_count",
        "instalments left out because lateness was the supplier's doing",
        required=True,
        minimum=0,
    ),
    text_list("evidence", "what speaks for segment and cause, in words, strongest first"),
)

CUSTOMER_SEGMENTS = Table(
    "out_customer_segments",
    "customer",
    (
        key_("customer_id", "customer"),
        AS_OF_DATE,
        *SEGMENT_COLUMNS,
        category("previous_segment", "segment in the previous snapshot; null when new", Segment),
        category("changed_because", "behaviour, model or none", ChangeReason, required=True),
    ),
    ("customer_id",),
)

SEGMENT_DEFINITIONS = Table(
    "out_segment_definitions",
    "segment: what it means, with the bounds in force",
    (
        category("segment", "paying behaviour", Segment, required=True),
        integer("version", "version of the definitions", required=True, minimum=1),
        text("definition", "what it takes, in two sentences", required=True, role=Role.CATEGORY),
    ),
    ("segment",),
)

SEGMENT_MODEL = Table(
    "out_segment_model",
    "parameter of the model behind the segments",
    (
        key_("parameter", "parameter"),
        real("value", "its value in this snapshot", required=True),
        text("meaning", "what it stands for", required=True, role=Role.CATEGORY),
    ),
    ("parameter",),
)

SEGMENT_MIGRATIONS = Table(
    "out_segment_migrations",
    "way from a segment of the previous snapshot to one of this, by reason",
    (
        category("from_segment", "segment in the previous snapshot", Segment, required=True),
        category("to_segment", "segment in this one; the same for those who stayed", Segment, required=True),
        category("changed_because", "behaviour, model or none", ChangeReason, required=True),
        integer("customer_count", "customers who went this way", required=True, minimum=1),
    ),
    ("from_segment", "to_segment", "changed_because"),
)

SEGMENT_COMPARISON = Table(
    "out_segment_comparison",
    "model of paying behaviour",
    (
        category("model", "beta_binomial or hidden_markov", required=True),
        integer("customer_count", "customers on whom the models were compared", required=True, minimum=0),
        integer(
            "instalment_count", "their later instalments, none of which it had seen", required=True, minimum=0
        ),
        real(
            "late_log_loss",
            "logarithmic loss of the late propensity per later instalment; null when too short to compare",
        ),
        prob(
            "structural_brier",
            "Brier score of structural_prob against being late in more than half of the later instalments; null "
            "when nobody can be judged",
        ),
        real("loss_gain", "logarithmic loss of the other model less its own; null when too short to compare"),
        real("loss_gain_low", "lower end of its 90 % interval, whole customers drawn again"),
        real("loss_gain_high", "upper end of its 90 % interval"),
        real(
            "becoming_rate",
            "changes from punctual to late by habit per customer and year; null when not modelled",
        ),
        real("recovering_rate", "changes from late by habit to punctual per customer and year"),
        flag("is_published", "whether segments come from it", required=True),
        text("note", "why it was or was not chosen", required=True),
    ),
    ("model",),
)

CALENDAR_DAYS = 31
"""Days from the as-of day for which the closed days of a recommendation are written down."""

RECOMMENDATIONS = Table(
    "out_recommendations",
    "customer with something to do or to wait for",
    (
        key_("recommendation_id", "the same customer, day, step and policy give the same id"),
        identifier("customer_id", "customer", required=True),
        AS_OF_DATE,
        category("action", "next step; wait is a choice", Action, required=True),
        category("channel", "channel to use; null for wait and for reviews", Channel),
        timestamp("window_start_at", "earliest moment to act, lawful and sensible; null for wait"),
        timestamp("window_end_at", "latest moment to act; null for wait"),
        category("tone", "tone of the message; null for wait", Tone),
        integer(
            "dunning_level",
            "1 and 2 for reminders and calls, 3 for a formal notice, 4 for a legal review; 0 for a notice before the "
            "due date, a payment link, an offer of a plan and thanks; null for wait",
            minimum=0,
        ),
        integer(
            "past_level",
            "dunning level, before this step, of the debts that it is about, the lowest where they differ; 0 for none, "
            "null when not known",
            minimum=0,
        ),
        category("stage", "how far collection has come with this step; null when not known", Stage),
        category(
            "slot",
            "part of the day in which customers like this one answer best; null when nothing speaks for one",
        ),
        category(
            "department",
            "who in your own organisation has to work on it; null for steps that go to the customer",
        ),
        text(
            "plan_schedule",
            "proposed payment plan, a JSON list of [day, amount]; null when none is proposed",
            role=Role.CATEGORY,
        ),
        category("message_language", "language of the message, ISO 639-1; null when there is none"),
        text("message_subject", "subject of the message; null when there is none", role=Role.CATEGORY),
        text(
            "message_text",
            "message to the customer, or guide for the call; null when nobody is contacted",
            role=Role.PERSONAL,
        ),
        real(
            "message_reading_ease", "how easily the message reads, by Flesch: 60 and more is plain language"
        ),
        text_list("message_missing", "what the settings must still say before the message may be sent"),
        text(
            "asked_invoices",
            "invoices that the message asks for, a JSON list of {invoice_id, due_date, open_amount}: due date of the first "
            "open instalment and amount open of the whole invoice on the as-of day; where one of them is no longer so, or "
            "a gate closes it, do not carry the step out; null when it asks for none",
            role=Role.CATEGORY,
        ),
        amount("open_amount", "amount open with the customer in this currency", required=True),
        amount("overdue_amount", "of which past its due date", required=True),
        date(
            "coming_due_date",
            "first day on which something falls due within a week that no gate closes: the last day for a notice before "
            "it; null when nothing does",
        ),
        CURRENCY,
        integer(
            "oldest_days_late",
            "days beyond terms of the oldest open instalment; null when none is due",
            minimum=0,
        ),
        amount(
            "expected_value_amount",
            "expected gain of acting over waiting, less its cost, in the row's currency",
            required=True,
        ),
        amount("expected_value_p05_amount", "lower end of its 90 % interval"),
        amount("expected_value_p95_amount", "upper end of its 90 % interval"),
        category("runner_up", "second-best step; null when no other was open", Action),
        prob("evidence_own_share", "share of the evidence that is the customer's own"),
        prob("evidence_segment_share", "share that comes from the customer's segment"),
        prob("evidence_global_share", "share that comes from all customers, or from the default scenario"),
        text_list("reason_codes", "why this step, strongest first, as codes"),
        text("reason_text", "why this step, in two or three plain sentences", required=True),
        text_list("vetoed", "steps that were not open, each with the reason, in words"),
        text_list("would_change", "what would change the advice, in words"),
        text_list("blocked_by", "codes of the gates that are closed for the customer"),
        timestamp(
            "earliest_lawful_at",
            "when the last closed gate lifts; null when none is closed or no date is known",
        ),
        text_list(
            "open_channels",
            "channels that are permitted and reach the customer; null means not known, so only the recommended one",
        ),
        text_list(
            "open_actions",
            "steps that a person may choose instead, as far as reminders, days and amount before a formal notice and a "
            "legal review go; null means not known: neither of these two",
        ),
        category(
            "contact_timezone",
            "IANA time zone in which the contact hours are read; null means the default in settings",
        ),
        integer(
            "open_hour",
            "first lawful hour of contact in that time zone; null means 8",
            minimum=0,
        ),
        integer(
            "close_hour",
            "no contact from this hour on in that time zone; null means 20",
            minimum=1,
        ),
        integer(
            "call_open_hour",
            "first lawful hour of a call in that time zone, when the offices of companies open; null means open_hour",
            minimum=0,
        ),
        integer(
            "call_close_hour",
            "no call from this hour on in that time zone; null means close_hour",
            minimum=1,
        ),
        text_list(
            "closed_days",
            f"days on which contact is not lawful where the customer is, as ISO dates, over the {CALENDAR_DAYS} days "
            "from the as-of day; null means not known: Sundays only",
        ),
        flag(
            "needs_approval", "whether a named person must approve it before it is carried out", required=True
        ),
        prob("propensity", "probability with which the policy chose this step; 1 for a rule"),
        flag("is_exploration", "whether it was drawn at random among gentle steps to learn", required=True),
        text("policy_version", "policy that chose it", required=True, role=Role.CATEGORY),
        timestamp("valid_until", "do not carry it out after this moment", required=True),
    ),
    ("recommendation_id",),
)

GATES = Table(
    "out_gates",
    "closed gate of a customer",
    (
        key_("customer_id", "customer"),
        category("gate", "reason code of the gate", BlockCode, required=True),
        category("channel", "channel it closes; null means all contact", Channel),
        identifier("invoice_id", "invoice it closes; null means the whole account"),
        timestamp("lifts_at", "when it opens again; null when no date is known"),
        text("detail", "why it is closed, in words", required=True),
    ),
    ("customer_id", "gate", "channel", "invoice_id"),
)

CASH_FORECAST = Table(
    "out_cash_forecast",
    "day and currency",
    (
        date("forecast_date", "day of the inflow", required=True),
        CURRENCY,
        amount("inflow_amount", "mean of the inflow from open instalments", required=True),
        amount("inflow_p10_amount", "10th percentile", required=True),
        amount("inflow_p50_amount", "median", required=True),
        amount("inflow_p90_amount", "90th percentile", required=True),
    ),
    ("forecast_date", "currency"),
)

PORTFOLIO = Table(
    "out_portfolio",
    "measure, currency and slice",
    (
        category(
            "measure",
            "ageing_amount, dso_days, best_possible_dso_days, average_days_delinquent, cei_share, weighted_days_late, promise_kept_share, ...",
            required=True,
        ),
        CURRENCY,
        category("slice", "all, an ageing bucket or a segment", required=True),
        real("value", "value in the unit of the measure; null when its inputs are missing"),
        category("unit", "days, share, count or the currency", required=True),
        text("formula", "how it is computed", required=True),
        text("inputs", "figures that went in, as JSON", required=True),
    ),
    ("measure", "currency", "slice"),
)

FAIRNESS = Table(
    "out_fairness",
    "metric and group",
    (
        category("family", "pre-registered family of comparisons; primary gates publication", required=True),
        category("metric", "rate that is compared", required=True),
        category("attribute", "attribute that forms the groups", required=True),
        category("group", "group; unknown is a group; all when nothing could be assessed", required=True),
        integer(
            "count",
            "customers in the group that the rate is about; 0 when they are too few for a figure",
            required=True,
            minimum=0,
        ),
        prob("estimate", "rate in the group; null below the minimum count"),
        prob("estimate_low", "lower end of its 90 % interval"),
        prob("estimate_high", "upper end of its 90 % interval"),
        category("reference", "group compared with; null when none"),
        real("gap", "rate in the group − rate in the reference", minimum=-1.0, maximum=1.0),
        real("gap_high", "simultaneous upper bound of the gap"),
        real("ratio", "rate in the group ÷ rate in the reference; reported, never gated"),
        prob("p_value", "one-sided exact p (Fisher), Holm-adjusted within the family"),
        prob(
            "alpha", "false-alarm rate that the run spends on the family; a p-value below it is significant"
        ),
        category("verdict", "block, pass, inconclusive or not_assessable", Verdict, required=True),
        text("statement", "the finding in words", required=True),
    ),
    ("family", "metric", "attribute", "group"),
)

FAIRNESS_HISTORY = Table(
    "out_fairness_history",
    "bias audit, blocked ones included",
    (
        date("as_of_date", "as-of day of the run", required=True),
        category("verdict", "block, pass, inconclusive or not_assessable", Verdict, required=True),
        prob("alpha", "false-alarm rate that the run spent; 0 when nothing could be compared", required=True),
        prob(
            "alpha_spent", "spent in the period up to this run (settings: alpha_period_days)", required=True
        ),
        integer(
            "compared_count", "comparisons of the primary family with a figure", required=True, minimum=0
        ),
        integer("blocked_count", "of which block", required=True, minimum=0),
        real("widest_gap", "widest gap of the primary family; null when there was none"),
        category("widest_group", "attribute and group of the widest gap"),
        category("widest_metric", "rate with the widest gap"),
        text("statement", "the finding of the run in words", required=True),
    ),
    ("as_of_date",),
)

FAIRNESS_PROXIES = Table(
    "out_fairness_proxies",
    "group and what it is predicted from",
    (
        category("attribute", "sensitive attribute", required=True),
        category("group", "group that is told from all others; all when it could not be", required=True),
        category("source", "features, or segment as published", required=True),
        integer(
            "count", "customers in the group; 0 when they are too few for a figure", required=True, minimum=0
        ),
        prob("auc", "chance that a member looks more like the group than somebody else does; 0.5 is none"),
        prob("auc_low", "lower end of its 95 % interval"),
        prob("auc_high", "upper end of its 95 % interval"),
        text_list("strongest", "features, or segments, that give the group away most, strongest first"),
        text("statement", "the finding in words", required=True),
    ),
    ("attribute", "group", "source"),
)

FAIRNESS_TRADEOFF = Table(
    "out_fairness_tradeoff",
    "candidate for mitigation of the model of being late",
    (
        category("method", "none, penalty or reweighing", required=True),
        real("strength", "strength of the mitigation; 0 for none", required=True, minimum=0.0),
        prob("auc", "AUC on the test rows, which lie after all training rows", required=True),
        prob("worst_gap", "widest gap in false positives between a group and all others", required=True),
        category("worst_group", "attribute and group of that gap", required=True),
        integer("test_count", "test rows", required=True, minimum=1),
        flag("is_within_budget", "whether the loss of AUC is within the budget (settings)", required=True),
        flag("is_chosen", "whether the published scores come from it", required=True),
    ),
    ("method", "strength"),
)

QUALITY = Table(
    "out_quality",
    "check and subject",
    (
        key_("check_name", "statement that was checked"),
        text("subject", "file or table it was checked on", required=True, role=Role.IDENTIFIER),
        integer("rows_in", "source rows known on the as-of day or of unknown date", required=True, minimum=0),
        integer("rows_loaded", "rows loaded", required=True, minimum=0),
        integer("rows_quarantined", "rows quarantined", required=True, minimum=0),
        category("verdict", "pass, warn or fail", required=True),
        text("statement", "the finding in words", required=True),
    ),
    ("check_name", "subject"),
)

QUARANTINE = Table(
    "out_quarantine",
    "rule, table and column of source rows that could not be loaded and that no later row put right",
    (
        key_("rule", "rule that was broken, as a code"),
        key_("table_name", "canonical table that the rows were meant for"),
        identifier("column_name", "column that broke the rule; null when it was the row as a whole"),
        integer("row_count", "source rows that broke it", required=True, minimum=1),
        integer(
            "customer_count",
            "customers they are about, where that could be read; these are not contacted",
            required=True,
            minimum=0,
        ),
        text_list(
            "examples",
            "values as they stood in the source, three at most; none from columns that name or describe somebody",
        ),
        text("remedy", "how to repair them", required=True),
    ),
    ("rule", "table_name", "column_name"),
)

CHANGES = Table(
    "out_changes",
    "row that differs from the previous snapshot",
    (
        integer("change_seq", "1, 2, ... in the order in which to apply", required=True, minimum=1),
        category("table_name", "published table", required=True),
        text("row_key", "key of the row as JSON", required=True, role=Role.IDENTIFIER),
        category("op", "insert, update, delete or erase", ChangeOperation, required=True),
        identifier("idempotency_key", "the same change always has the same key", required=True),
    ),
    ("change_seq",),
)

CUSTOMERS = Table(
    "out_customers",
    "customer",
    (
        key_("customer_id", "customer"),
        text("name", "name used in letters; null when the source has none", role=Role.PERSONAL),
        category("party_type", "who the customer is in law; null means unknown", PartyType, role=Role.GROUP),
        category("country", "country or the source's code", role=Role.GROUP),
        category("language", "language of correspondence", role=Role.GROUP),
        date("customer_since", "first day of the relation, or of the first invoice"),
        category("timezone", "IANA time zone to read contact windows in; null means the default in settings"),
    ),
    ("customer_id",),
)

TIMELINE = Table(
    "out_timeline",
    "event of a customer",
    (
        key_("event_id", "event"),
        identifier("customer_id", "customer", required=True),
        timestamp("event_at", "when it happened", required=True),
        category(
            "kind",
            "invoice, credit_note, payment, reversal, write_off, contact, reply, promise, plan, dispute or block",
            required=True,
        ),
        identifier("invoice_id", "invoice concerned; null when none"),
        text("description", "what happened, in words", required=True),
        amount("amount", "amount concerned; null when none"),
        category("currency", "ISO 4217 code of the amount; null when none"),
        category(
            "channel",
            "channel of a contact, or by which the customer got in touch; null for what is neither",
            Channel,
        ),
        integer(
            "dunning_level",
            "of a contact: 0 before the due date, then 1, 2, ...; null when unknown",
            minimum=0,
        ),
    ),
    ("event_id",),
)

MODEL_COMPARISON = Table(
    "out_model_comparison",
    "model",
    (
        category(
            "model",
            "lightgbm_hazard, logistic_hazard, past_late_rate, customer_median, prevalence, ...",
            required=True,
        ),
        category(
            "depth",
            "depth of history the row is about: all, or settled instalments before issue",
            required=True,
        ),
        integer("invoice_count", "instalments in the test block", required=True, minimum=0),
        real("late_auc", "area under the ROC curve for late; null with one class"),
        prob("late_brier", "Brier score for late; null when the model gives no probability"),
        real("late_log_loss", "logarithmic loss for late"),
        prob("late_ece", "expected calibration error for late, 10 bins of equal count"),
        real(
            "days_mae", "mean absolute error of the median payment date, in days; null when it gives no date"
        ),
        prob("coverage_80_share", "share of payment dates inside the 80 % interval"),
        flag("is_published", "whether it speaks in this snapshot", required=True),
        text("note", "why it was or was not chosen, and on what it was judged", required=True),
    ),
    ("model", "depth"),
)

RELIABILITY = Table(
    "out_reliability",
    "bin of predicted probability",
    (
        category("target", "late", required=True),
        integer("bin", "1 for the lowest predictions", required=True, minimum=1),
        integer("invoice_count", "instalments in the bin", required=True, minimum=0),
        prob("predicted_prob", "mean prediction", required=True),
        prob("observed_share", "share that came true", required=True),
    ),
    ("target", "bin"),
)

MONITORING = Table(
    "out_monitoring",
    "figure that is watched from run to run",
    (
        category("kind", "input_drift, score_drift or calibration", required=True),
        category("subject", "feature, score or figure", required=True),
        integer("reference_count", "instalments compared with", required=True, minimum=0),
        integer("current_count", "instalments looked at", required=True, minimum=0),
        real(
            "value",
            "drift: population stability index; late_gap: observed less predicted late share; coverage_80_share: share "
            "of payment dates inside the 80 % interval; null with too few instalments",
        ),
        real("value_low", "lower end of its 90 % interval; null for drift"),
        real("value_high", "upper end of its 90 % interval; null for drift"),
        category("verdict", "pass, warn or not_assessable", required=True),
        text("statement", "the finding in words", required=True, role=Role.CATEGORY),
    ),
    ("kind", "subject"),
)

MODEL_CARD = Table(
    "out_model_card",
    "statement about the models that speak",
    (
        integer("position", "1 for the first", required=True, minimum=1),
        category("section", "data, model, features, metrics, intended use or limits", required=True),
        text("item", "what it is about", required=True, role=Role.CATEGORY),
        text("statement", "the statement", required=True, role=Role.CATEGORY),
    ),
    ("position",),
)

PUBLISHED_TABLES: dict[str, Table] = by_name(
    (
        INVOICE_SCORES,
        RISK_REASONS,
        CUSTOMER_RISK,
        CUSTOMER_SEGMENTS,
        SEGMENT_DEFINITIONS,
        SEGMENT_MODEL,
        SEGMENT_MIGRATIONS,
        SEGMENT_COMPARISON,
        RECOMMENDATIONS,
        GATES,
        CASH_FORECAST,
        PORTFOLIO,
        FAIRNESS,
        FAIRNESS_HISTORY,
        FAIRNESS_PROXIES,
        FAIRNESS_TRADEOFF,
        QUALITY,
        QUARANTINE,
        CHANGES,
        CUSTOMERS,
        TIMELINE,
        MODEL_COMPARISON,
        RELIABILITY,
        MONITORING,
        MODEL_CARD,
    )
)
"""All published tables by name."""
