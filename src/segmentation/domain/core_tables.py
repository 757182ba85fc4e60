"""The canonical ledger: what every source is mapped to, as it was known on the as-of day.

A canonical table ``core_x`` is filled from the source table ``x``; its text form, before types are
converted, is ``raw_x``. Optional tables may be empty; what depends on them then says so.
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
    text,
    text_list,
    timestamp,
)
from segmentation.domain.schema import Column, DataType, Role, Table, by_name
from segmentation.domain.vocabulary import (
    Action,
    BlockReason,
    BlockScope,
    Cause,
    Channel,
    CoveredBy,
    Decision,
    Direction,
    DisputeOutcome,
    DocumentType,
    MatchRule,
    MatchStatus,
    OutcomeCode,
    PartyType,
    PaymentMethod,
    PermissionStatus,
    PlanStatus,
    PromiseStatus,
    Tone,
)

PROVENANCE: tuple[Column, ...] = (
    timestamp(
        "observed_at", "when this fact was learned; a later version of a row has a later one", required=True
    ),
    text("source_system", "system that the row came from", required=True, role=Role.CATEGORY),
    text(
        "source_id", "file and line that the row came from, as file:line", required=True, role=Role.IDENTIFIER
    ),
)


PROGRAM_COLUMNS = frozenset({"source_system", "source_id", "match_rule", "match_confidence"})
"""Columns of canonical tables that this program fills; no source does."""


def _canonical(name: str, grain: str, key: tuple[str, ...], *columns: Column) -> Table:
    return Table(f"core_{name}", grain, (*columns, *PROVENANCE), key)


CUSTOMER = _canonical(
    "customer",
    "customer",
    ("customer_id",),
    key_("customer_id", "customer, as the source writes it (leading zeros kept)"),
    identifier("parent_customer_id", "customer that pays or decides for this one; null when none"),
    text("name", "name used in letters; null when the source has none", role=Role.PERSONAL),
    category(
        "party_type",
        "who the customer is in law; null means unknown: strictest rules",
        PartyType,
        role=Role.GROUP,
    ),
    category("country", "ISO 3166-1 alpha-2 or the source's code", role=Role.GROUP),
    category("region", "region within the country", role=Role.GROUP),
    category("language", "ISO 639-1 language of correspondence", role=Role.GROUP),
    category("timezone", "IANA time zone; null means the default in settings"),
    category("sector", "line of business, as the source codes it", role=Role.GROUP),
    category("size_band", "size of the company, as the source codes it", role=Role.GROUP),
    amount("credit_limit", "most that may be outstanding; null means none set"),
    integer("payment_terms_days", "usual days from issue to due date", minimum=0),
    category("payment_method", "usual way of paying", PaymentMethod),
    date("customer_since", "first day of the relation"),
)

CUSTOMER_AUDIT = _canonical(
    "customer_audit",
    "customer",
    ("customer_id",),
    key_("customer_id", "customer"),
    integer("birth_year", "year of birth, for the bias audit only", minimum=1880, role=Role.SENSITIVE),
    category("sex", "sex as registered, for the bias audit only", role=Role.SENSITIVE),
)

CONTACT_POINT = _canonical(
    "contact_point",
    "customer and channel",
    ("customer_id", "channel"),
    key_("customer_id", "customer"),
    category("channel", "channel through which the customer can be reached", Channel, required=True),
    date("verified_at", "day on which the address was last confirmed"),
    date("bounced_at", "day from which messages come back; null when none did", known_from="bounced_at"),
)

CONTACT_PERMISSION = _canonical(
    "contact_permission",
    "customer, channel and start day",
    ("customer_id", "channel", "valid_from"),
    key_("customer_id", "customer"),
    category("channel", "channel that the permission is about", Channel, required=True),
    category("status", "allowed, opt_out or do_not_contact", PermissionStatus, required=True),
    text("reason", "why, as recorded"),
    date("valid_from", "first day of the permission", required=True),
    date("valid_until", "last day of the permission; null means until further notice"),
    flag("is_preferred", "whether the customer stated a preference for this channel"),
)

INVOICE = _canonical(
    "invoice",
    "document",
    ("invoice_id",),
    key_("invoice_id", "invoice, credit note, debit note or prepayment"),
    identifier("customer_id", "customer who owes or is owed", required=True),
    category("document_type", "kind of document", DocumentType, required=True),
    date("issue_date", "day of issue", required=True),
    date(
        "received_date",
        "day on which the customer received it; null when not known",
        known_from="received_date",
    ),
    date("due_date", "day on which it must be paid at the latest", required=True),
    amount("amount", "amount including tax; positive for every kind of document", required=True),
    CURRENCY,
    text("remittance_reference", "reference that the customer is asked to quote", role=Role.IDENTIFIER),
    text("invoice_number", "number printed on the document, where its id is another", role=Role.IDENTIFIER),
    flag("is_recurring", "whether it belongs to a series with regular deliveries"),
)

INSTALMENT = _canonical(
    "instalment",
    "instalment of an invoice",
    ("invoice_id", "instalment_number"),
    key_("invoice_id", "invoice"),
    integer("instalment_number", "1 for the first", required=True, minimum=1),
    date("due_date", "day on which this part must be paid", required=True),
    amount("amount", "amount of this part", required=True),
)

PAYMENT = _canonical(
    "payment",
    "payment or reversal",
    ("payment_id",),
    key_("payment_id", "payment"),
    identifier("customer_id", "customer who paid; null when the money is not matched to anybody"),
    date("booking_date", "day on which it was booked"),
    date("value_date", "day from which the money counts as paid", required=True),
    amount("amount", "money received; negative for a reversal", required=True),
    CURRENCY,
    category("method", "how it was paid", PaymentMethod),
    identifier("reversal_of", "payment that this one takes back"),
    category(
        "reason_code",
        "why a payment was reversed: failed_direct_debit, chargeback or the source's code; null for a refund",
    ),
    text(
        "structured_reference",
        "structured reference as on the statement: Belgian OGM/VCS digits, ISO 11649 RF or another; null when none",
        role=Role.IDENTIFIER,
    ),
    identifier("end_to_end_id", "identifier that the payer's or our own order carried; null when none"),
    text("remittance_text", "what the payer wrote; null when nothing"),
    text("payer_name", "name of the payer as the bank gives it", role=Role.PERSONAL),
    text("payer_account", "account that the money came from, as an IBAN", role=Role.PERSONAL),
)

ALLOCATION = _canonical(
    "allocation",
    "part of a payment, credit note or write-off set against an instalment",
    ("allocation_id",),
    key_("allocation_id", "allocation"),
    identifier("payment_id", "payment it comes from; null for a credit note or write-off"),
    identifier("credit_note_id", "credit note it comes from; null for a payment or write-off"),
    identifier("invoice_id", "invoice it reduces", required=True),
    integer("instalment_number", "instalment it reduces; null means the oldest open one first", minimum=1),
    amount("amount", "amount set against the instalment; negative takes back an earlier one", required=True),
    amount(
        "payment_amount",
        "the same in the currency of the payment or credit note where that is another; null where it is not known",
    ),
    date("allocated_at", "day on which it was booked", required=True),
    category("match_rule", "rule that matched it; null when the source itself allocated", MatchRule),
    prob("match_confidence", "confidence of that rule; null when the source itself allocated"),
)

CONTACT_EVENT = _canonical(
    "contact_event",
    "message or call",
    ("contact_id",),
    key_("contact_id", "contact"),
    identifier("customer_id", "customer", required=True),
    identifier("invoice_id", "invoice it was about; null when it was about the account"),
    category("direction", "outbound or inbound", Direction, required=True),
    category("channel", "channel used", Channel, required=True),
    timestamp("sent_at", "when it was sent or the call was made", required=True),
    timestamp("delivered_at", "when it arrived", known_from="delivered_at"),
    timestamp("opened_at", "when it was first opened", known_from="opened_at"),
    timestamp("replied_at", "when the customer answered", known_from="replied_at"),
    integer(
        "dunning_level",
        "1, 2, ... for reminders, 3 for a formal notice; 0 when it asked for nothing overdue",
        minimum=0,
    ),
    identifier("template_id", "template used"),
    category("tone", "tone of the message", Tone),
    prob("propensity", "probability with which this channel was chosen; null when not logged"),
    text("policy_version", "policy that chose it", role=Role.CATEGORY),
    text("decided_by", "person or policy that decided", role=Role.PERSONAL),
)

CONTACT_OUTCOME = _canonical(
    "contact_outcome",
    "outcome of a contact",
    ("contact_id", "code"),
    key_("contact_id", "contact"),
    category("code", "what the contact brought to light", OutcomeCode, required=True),
    timestamp("recorded_at", "when it was recorded", required=True),
)

PROMISE_TO_PAY = _canonical(
    "promise_to_pay",
    "promise",
    ("promise_id",),
    key_("promise_id", "promise"),
    identifier("invoice_id", "invoice", required=True),
    date("made_at", "day on which it was made", required=True),
    date("promised_date", "day by which payment was promised", required=True),
    amount("amount", "amount promised; null means all that was open"),
    category(
        "status",
        "open, kept, broken or partial, as the source recorded it",
        PromiseStatus,
        known_from="resolved_at",
    ),
    date("resolved_at", "day on which the status became final", known_from="resolved_at"),
)

PAYMENT_PLAN = _canonical(
    "payment_plan",
    "plan",
    ("plan_id",),
    key_("plan_id", "plan"),
    identifier("customer_id", "customer", required=True),
    date("started_at", "first day of the plan", required=True),
    text("schedule", "JSON list of [day, amount] pairs", role=Role.CATEGORY),
    category("status", "running, completed or broken", PlanStatus, known_from="ended_at"),
    date("ended_at", "day on which it was completed or broken; null while it runs", known_from="ended_at"),
)

DISPUTE = _canonical(
    "dispute",
    "dispute",
    ("dispute_id",),
    key_("dispute_id", "dispute"),
    identifier("invoice_id", "invoice", required=True),
    category("reason", "what is disputed, as the source codes it"),
    amount("amount", "amount disputed; null means all of it"),
    date("opened_at", "day on which it was raised", required=True),
    date("closed_at", "day on which it was settled; null while it is open", known_from="closed_at"),
    category("outcome", "upheld means that the customer was right", DisputeOutcome, known_from="closed_at"),
)

DUNNING_BLOCK = _canonical(
    "dunning_block",
    "block",
    ("block_id",),
    key_("block_id", "block"),
    category("scope", "whether it covers a customer or one invoice", BlockScope, required=True),
    identifier("scope_id", "customer or invoice that it covers", required=True),
    category("reason", "why it was set", BlockReason, required=True),
    date("valid_from", "first day", required=True),
    date("valid_until", "last day; null means until further notice"),
)

MESSAGE = _canonical(
    "message",
    "inbound message",
    ("message_id",),
    key_("message_id", "message"),
    identifier("customer_id", "customer", required=True),
    timestamp("received_at", "when it came in", required=True),
    text("subject", "subject line"),
    text("body", "text"),
    category("language", "ISO 639-1 language of the text"),
)

CONTROL_TOTAL = _canonical(
    "control_total",
    "file or table, currency and day, as the source counted it",
    ("subject", "stated_date", "currency"),
    key_("subject", "what was counted: a file of the delivery (invoice.csv) or a table (invoice)"),
    date("stated_date", "last day whose facts were counted", required=True),
    Column(
        "currency",
        DataType.TEXT,
        "ISO 4217 code of the rows that were counted; null when all were",
        Role.CATEGORY,
    ),
    integer("row_count", "rows, as written; null when they were not counted", minimum=0),
    amount("amount_total", "sum of their amounts; null when they were not added up"),
)

STATED_BALANCE = _canonical(
    "stated_balance",
    "customer, currency, day and ageing bucket of the source's own balance list",
    ("customer_id", "currency", "stated_date", "bucket"),
    key_("customer_id", "customer"),
    CURRENCY,
    date("stated_date", "day at the end of which the list was drawn up", required=True),
    category("bucket", "ageing bucket, as the source calls it; null when the list has none"),
    amount("open_amount", "what is open by the list; negative is in the customer's favour", required=True),
)

STATED_TABLES = frozenset({CONTROL_TOTAL.name, STATED_BALANCE.name})
"""What a source says about its own delivery: the ledger is compared with it and not made from it."""

CANONICAL_TABLES: dict[str, Table] = by_name(
    (
        CUSTOMER,
        CUSTOMER_AUDIT,
        CONTACT_POINT,
        CONTACT_PERMISSION,
        INVOICE,
        INSTALMENT,
        PAYMENT,
        ALLOCATION,
        CONTACT_EVENT,
        CONTACT_OUTCOME,
        PROMISE_TO_PAY,
        PAYMENT_PLAN,
        DISPUTE,
        DUNNING_BLOCK,
        MESSAGE,
        CONTROL_TOTAL,
        STATED_BALANCE,
    )
)
"""Canonical tables by name; what a mapping may fill."""


CORRECTABLE_TABLES: tuple[Table, ...] = (
    CUSTOMER,
    INVOICE,
    INSTALMENT,
    PAYMENT,
    ALLOCATION,
    CONTACT_EVENT,
    CONTACT_OUTCOME,
    PROMISE_TO_PAY,
    PAYMENT_PLAN,
    DISPUTE,
)
"""Canonical tables of which superseded versions are kept: what a past day looked like is told from them."""


def superseded_name(name: str) -> str:
    """Return the name of the table with the superseded versions of a canonical table's rows."""
    return name.replace("core_", "core_superseded_", 1)


SUPERSEDED_TABLES: dict[str, Table] = by_name(
    Table(
        superseded_name(table.name),
        f"version of a row of {table.name} that was believed until a later one was learned",
        (
            *table.columns,
            timestamp("superseded_at", "when the next version of the row was learned", required=True),
        ),
        (*table.key, "observed_at"),
    )
    for table in CORRECTABLE_TABLES
)
"""Versions that were believed at the start of a day and corrected later, as known on the as-of day."""


INSTALMENT_BALANCE = Table(
    "core_instalment_balance",
    "instalment of an invoice, debit note or prepayment request, as known on the as-of day",
    (
        key_("invoice_id", "invoice"),
        integer("instalment_number", "1 for the first", required=True, minimum=1),
        identifier("customer_id", "customer", required=True),
        category(
            "document_type", "kind of document; credit notes have no instalments", DocumentType, required=True
        ),
        CURRENCY,
        date("issue_date", "day of issue", required=True),
        date("due_date", "day on which the instalment must be paid", required=True),
        amount("amount", "amount due", required=True),
        amount("paid_amount", "covered by payments, net of reversals", required=True),
        amount("credited_amount", "covered by credit notes", required=True),
        amount("written_off_amount", "covered by write-offs", required=True),
        amount(
            "open_amount", "amount − paid − credited − written off; negative when over-covered", required=True
        ),
        flag("is_open", "whether open_amount is above nil", required=True),
        date("covered_date", "value date on which open_amount reached nil for good; null while open"),
        date(
            "covered_known_date",
            "day on which that was known: the latest observed_at or value date behind covered_date",
        ),
        category("covered_by", "what covered the larger part of it; null while open", CoveredBy),
        integer(
            "days_late",
            "days beyond terms: covered_date − due_date, or as-of day − due_date while open; negative when early or not due",
        ),
        integer("payment_count", "payments set against it, reversals not counted", required=True, minimum=0),
        date("first_payment_date", "value date of the first payment; null when none"),
        date("issued_known_date", "day on which the invoice was known: its observed_at", required=True),
        flag(
            "is_supplier_caused",
            "whether lateness is the supplier's doing: not received, awaiting approval, or a dispute that was upheld",
            required=True,
        ),
        category("supplier_cause", "which of these; null when none"),
    ),
    ("invoice_id", "instalment_number"),
)

UNALLOCATED_CASH = Table(
    "core_unallocated_cash",
    "customer and currency with money or credit not set against anything",
    (
        key_("customer_id", "customer"),
        CURRENCY,
        amount("unmatched_cash_amount", "payments less reversals less what is allocated", required=True),
        amount("credit_amount", "credit notes less what is allocated", required=True),
        amount(
            "possible_cash_amount",
            "money of unclear origin, received or taken back, that may be this customer's: each candidate has all of it",
            required=True,
        ),
    ),
    ("customer_id", "currency"),
)

PAYMENT_MATCH = Table(
    "core_payment_match",
    "payment that its source did not allocate, and each customer or invoice that it may be meant for",
    (
        key_("payment_id", "payment"),
        integer(
            "candidate_number", "1 for the first candidate, in order of identifier", required=True, minimum=1
        ),
        identifier("customer_id", "customer that it is or may be from; null when nobody is known"),
        identifier("invoice_id", "invoice that it was or may be set against; null when none is known"),
        CURRENCY,
        amount("amount", "amount set against the invoice; nil when nothing was", required=True),
        category("rule", "rule that found the candidate; null when none did", MatchRule),
        prob("confidence", "confidence of that rule; null when none found anything"),
        category(
            "status",
            "matched, ambiguous (several are possible, nothing is allocated) or unmatched",
            MatchStatus,
            required=True,
        ),
        integer("candidate_count", "customers or invoices that are possible", required=True, minimum=0),
        date("decided_date", "day from whose facts this was decided", required=True),
        text("reason", "why, in words", required=True),
    ),
    ("payment_id", "candidate_number"),
)

QUARANTINE = Table(
    "core_quarantine",
    "source row that could not be loaded, and each rule that it broke",
    (
        text("source_file", "file", required=True, role=Role.IDENTIFIER),
        integer("source_line", "line in the file, the header being 1", required=True, minimum=1),
        identifier("table_name", "canonical table that the row was meant for", required=True),
        identifier("column_name", "column that broke the rule; null when it was the row as a whole"),
        category("rule", "rule that was broken, as a code", required=True),
        text("value", "value as it stood in the file, shortened to 200 characters"),
        text("remedy", "how to repair it", required=True),
        identifier("customer_id", "customer the row is about where that could be read; else null"),
        identifier("invoice_id", "invoice the row is about where that could be read; else null"),
        timestamp("observed_at", "when the fact was learned where that could be read; else null"),
        identifier("row_key", "key of the fact as JSON where it could be read; else null"),
        flag(
            "is_corrected",
            "whether later rows say again all that its line says, so that nothing is missed",
            required=True,
        ),
    ),
    ("source_file", "source_line", "table_name", "column_name", "rule"),
)

QUALITY = Table(
    "core_quality",
    "source file and canonical table, or check",
    (
        key_("check_name", "statement that was checked, in snake_case"),
        text("subject", "file or table it was checked on", required=True, role=Role.IDENTIFIER),
        integer("rows_in", "source rows known on the as-of day or of unknown date", required=True, minimum=0),
        integer("rows_loaded", "rows loaded", required=True, minimum=0),
        integer("rows_quarantined", "rows quarantined", required=True, minimum=0),
        category("verdict", "pass, warn or fail", required=True),
        text("statement", "the finding in words", required=True),
    ),
    ("check_name", "subject"),
)

DELIVERY_CHECK = Table(
    "core_delivery_check",
    "source file and canonical table, or check of the delivery; part of core_quality",
    QUALITY.columns,
    QUALITY.key,
)

KNOWN_TABLES: dict[str, Table] = CANONICAL_TABLES | SUPERSEDED_TABLES | by_name((QUARANTINE,))
"""What was known on a day, by name: what ``ledger.as_known`` returns, and takes to look further back."""

LEDGER_TABLES: dict[str, Table] = KNOWN_TABLES | by_name(
    (PAYMENT_MATCH, INSTALMENT_BALANCE, UNALLOCATED_CASH, QUALITY)
)
"""All ``core_`` tables by name."""


def raw_table(table: Table) -> Table:
    """Return the ``raw_`` form of a canonical table: its columns as text, with file and line.

    ``observed_at`` alone is derived: the latest of its source columns, null where that cannot be read;
    the text that cannot be read is in ``observed_at_text``.
    """
    source = (
        text("source_file", "file", required=True, role=Role.IDENTIFIER),
        integer("source_line", "line in the file, the header being 1", required=True, minimum=1),
        integer("source_part", "1, 2, ... when several rows come from one line", required=True, minimum=1),
        integer(
            "source_route",
            "which of the mapping's ways of filling the table the row came by, 1 for the first",
            required=True,
            minimum=1,
        ),
    )
    columns = tuple(
        Column(c.name, DataType.TEXT, c.description, c.role)
        for c in table.columns
        if c.name not in {"observed_at", *PROGRAM_COLUMNS}
    )
    learned = (
        timestamp("observed_at", "when the fact was learned; null where that cannot be read"),
        text("observed_at_text", "what stands where observed_at cannot be read; else null"),
    )
    return Table(
        table.name.replace("core_", "raw_", 1),
        f"source row for {table.name}",
        source + columns + learned,
        ("source_file", "source_line", "source_part"),
    )


RAW_FILE = Table(
    "raw_file",
    "file of the delivery",
    (
        key_("source_file", "file, relative to the ledger folder"),
        text("sha256", "SHA-256 of its bytes", required=True, role=Role.IDENTIFIER),
        integer("byte_count", "size in bytes", required=True, minimum=0),
        integer(
            "row_count",
            "rows in it, the header not counted, quarantined rows included",
            required=True,
            minimum=0,
        ),
        integer(
            "left_out_count",
            "rows that fill no table because the mapping's conditions leave them out",
            required=True,
            minimum=0,
        ),
        flag(
            "is_mapped",
            "whether the mapping reads the file; files it does not read are reported",
            required=True,
        ),
        text_list("unmapped_columns", "source columns that the mapping neither maps nor ignores"),
        category(
            "document_format",
            "format of a file that holds one document (ubl, facturx); null for a table or statement",
        ),
    ),
    ("source_file",),
)

RAW_QUARANTINE = Table(
    "raw_quarantine",
    "source line that could not be split into its columns",
    QUARANTINE.columns,
    QUARANTINE.key,
)

DECISION = Table(
    "core_decision",
    "decision of a credit manager on a recommendation; append-only",
    (
        key_("decision_id", "decision"),
        identifier("recommendation_id", "recommendation decided on", required=True),
        identifier("snapshot_id", "snapshot that it was read from", required=True),
        date(
            "as_of_date",
            "as-of day of that snapshot; runs with a later as-of day know the decision",
            required=True,
        ),
        identifier("customer_id", "customer", required=True),
        category("decision", "accept, adjust, ignore or withdraw", Decision, required=True),
        category("action", "step after the decision; null when ignored or withdrawn", Action),
        category("channel", "channel after the decision; null when there is none", Channel),
        timestamp("window_start_at", "earliest moment to act after the decision"),
        timestamp("window_end_at", "latest moment to act after the decision"),
        text("reason", "why, in the decider's words"),
        text("decided_by", "name of the person", required=True, role=Role.PERSONAL),
        timestamp("decided_at", "when, by the clock of who recorded it", required=True),
        integer(
            "sequence",
            "order of recording: of several decisions on a recommendation the highest is in force; "
            "null in tables from elsewhere, where the moment decides",
            minimum=1,
        ),
    ),
    ("decision_id",),
)

CAUSE_FINDING = Table(
    "core_cause_finding",
    "word of a credit manager on why a customer pays late; append-only",
    (
        key_("finding_id", "finding"),
        identifier("customer_id", "customer", required=True),
        identifier("snapshot_id", "snapshot that was being read", required=True),
        date(
            "as_of_date",
            "as-of day of that snapshot; runs with a later as-of day know the finding",
            required=True,
        ),
        category("told_cause", "cause that the snapshot named", Cause, required=True),
        category(
            "cause", "cause that the person names; unclear takes an earlier word back", Cause, required=True
        ),
        text("found_by", "name of the person", required=True, role=Role.PERSONAL),
        timestamp("found_at", "when, by the clock of who recorded it", required=True),
        integer(
            "sequence",
            "order of recording: of several findings about a customer the highest is in force; "
            "null in tables from elsewhere, where the moment decides",
            minimum=1,
        ),
    ),
    ("finding_id",),
)


RUN = Table(
    "core_run",
    "run: what it was made from",
    (
        date("as_of_date", "as-of day of everything in the warehouse", required=True),
        text("mapping_name", "mapping that the ledger was read with", required=True, role=Role.CATEGORY),
        text(
            "data_hash",
            "hash of all facts known on the as-of day, whatever files they came in",
            required=True,
        ),
        integer("rows_in", "source rows read, those dated on or after the as-of day included", required=True),
        integer("rows_later", "facts dated on or after the as-of day; not used", required=True),
    ),
    ("as_of_date",),
)

RAW_TABLES: dict[str, Table] = by_name(
    (*(raw_table(table) for table in CANONICAL_TABLES.values()), RAW_FILE, RAW_QUARANTINE)
)
"""All ``raw_`` tables by name."""
