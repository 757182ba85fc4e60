"""The features as a page for readers, written from their definitions: ``make docs`` writes docs/features.md.

Belongs here: Markdown. Does not belong here: what a feature means (``definitions``).
"""

from collections.abc import Iterable

from segmentation.features.definitions import FEATURES
from segmentation.features.feature import Feature
from segmentation.features.reasons import REASON_SENTENCES


def render_feature_table(features: Iterable[Feature] = FEATURES) -> str:
    """Return the features as Markdown, one table for each reason group, in order of definition."""
    chosen = tuple(features)
    parts = []
    for group, sentence in REASON_SENTENCES.items():
        members = [feature for feature in chosen if feature.reason_group is group]
        if not members:
            continue
        rows = [
            f"| `{f.name}` | {f.unit} | {f.window} | {f.description} | {f.null_rule} | {f.scope} |"
            for f in members
        ]
        parts.append(
            "\n".join(
                [
                    f"### {group}",
                    "",
                    sentence,
                    "",
                    "| feature | unit | window | meaning | null | about |",
                    "|---|---|---|---|---|---|",
                    *rows,
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


_HEAD = """# Features

What is known about a customer and an instalment at one moment: a table for each of the reasons by which
predictions are explained. Written from `src/segmentation/features/definitions.py` by `make docs`.

**Known at the start of the day.** A fact counts at moment t when it was learned (`observed_at`) before the
day t began, 00:00 UTC. What is learned on the day itself, in whatever order, counts from the next day on: an
invoice that is issued and one that is paid on the same day do not see each other.

**Two moments, one code.** Each instalment at its issue (`feat_instalment_at_issue`: training, backtest), and
every open instalment and customer on the as-of day (`feat_open_instalment`, `feat_customer`: scoring). The last
column says which tables have a feature: *customer* all three, *instalment* the first two, *open_instalment*
only the second.

**Instalments agreed after the issue** are not known before. Until the day of the agreement the whole invoice is
open, on its own due date; from then on its instalments are, each looked at from that day, as money that was
issued before.

**Corrections** count from the day after the one on which they were learned; until then every feature is what it was
before them. The ledger keeps superseded versions of what features read (`core_superseded_invoice`, `_instalment`,
`_payment`, `_allocation`, `_contact_event`, `_contact_outcome`, `_promise_to_pay`, `_payment_plan`, `_dispute` and
`_customer`). Disputes, promises and plans are counted version by version; where anything else was corrected, a customer
is told once for each era between two corrections, from its rows as they were known at the end of that era. An
instalment's own amount, terms, due date and customer at its issue are those that were known first, on the day on which
it was learned.

Left as they are: a row is dated by its version, so that a corrected invoice or dispute counts in windows of days as one
of the day of its correction, from that day on; and a value that a row told before its day (a dispute recorded today as
closed next week), changed by a later version, is taken for corrected on the day of that version. The time that eras take
grows with the corrections of a customer times its rows: a million invoices of heavy-tailed customers take 2.5 seconds
without corrections, 8 when one invoice in a thousand was corrected, and 34 seconds and 5 GB when one in a hundred was.

**Late** is an instalment paid after its due date, written off, or overdue and unpaid. What was known by then to
be the supplier's doing (an upheld dispute, an invoice that never arrived or awaits approval) is left out.
Amounts are compared within one currency: the invoice's own or, for a customer, the most frequent one.

"""


def render_page() -> str:
    """Return docs/features.md."""
    return _HEAD + render_feature_table()
