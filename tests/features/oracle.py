"""The features, computed slowly and obviously: for each moment, look at all facts known before it.

Shares no code with the sweep, the paths or the tallies; only what was set against an instalment
comes from the ledger room, since that is the input.
"""

import datetime as dt
import math
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass

from segmentation.domain.movements import list_movements
from segmentation.ledger.movements import list_instalments, split_movements


@dataclass
class Owed:
    invoice: str
    number: int
    currency: str
    issue: dt.date
    enter: dt.date
    due: dt.date
    amount: int
    movements: list[tuple[dt.date, dt.date, str, int]]
    excused: list[dt.date]
    agreed: dt.date | None = None
    replaced: dt.date | None = None

    def balance(self, moment: dt.date) -> int:
        return self.amount - sum(a for known, _, _, a in self.movements if known < moment)

    def belief(self, moment: dt.date) -> tuple[dt.date, str] | None:
        """When and by what it was covered, by what was known before the moment."""
        if self.amount <= 0:
            return (self.enter, "nothing")
        known = [m for m in self.movements if m[0] < moment]
        if self.amount > sum(m[3] for m in known):
            return None
        dates = sorted({m[1] for m in known})
        covered = None
        for date in reversed(dates):
            if sum(m[3] for m in known if m[1] <= date) < self.amount:
                break
            covered = date
        by_kind = {
            kind: sum(m[3] for m in known if m[2] == kind) for kind in ("payment", "credit_note", "write_off")
        }
        return covered, max(by_kind, key=lambda kind: by_kind[kind])

    def believed_since(self, moment: dt.date) -> dt.date:
        """Day on which what is believed at the moment was learned."""
        belief = self.belief(moment)
        for known in sorted({m[0] for m in self.movements if m[0] < moment}, reverse=True):
            if self.belief(known) != belief:
                return known
        raise AssertionError("a belief comes from a movement")


class Oracle:
    """Answers what a feature is at a moment."""

    def __init__(self, ledger, operator=lambda known, moment: known < moment):
        self.before = operator
        self.ledger = ledger
        movements = defaultdict(list)
        for m in split_movements(list_instalments(ledger), list_movements(ledger)).to_dicts():
            movements[m["invoice_id"], m["instalment_number"]].append(m)
        contacts = {c["contact_id"]: c for c in ledger["core_contact_event"].to_dicts()}
        excused = defaultdict(list)
        for d in ledger["core_dispute"].to_dicts():
            if d["outcome"] == "upheld":
                excused[d["invoice_id"]].append(max(d["closed_at"], d["observed_at"].date()))
        for o in ledger["core_contact_outcome"].to_dicts():
            if o["code"] in ("not_received", "awaiting_approval"):
                invoice = contacts[o["contact_id"]]["invoice_id"]
                seen = max(o["observed_at"], contacts[o["contact_id"]]["observed_at"]).date()
                excused[invoice].append(max(o["recorded_at"].date(), seen))
        self.owed = defaultdict(list)
        self.by_key = {}
        agreed = self._recall_wholes(excused)
        for b in ledger["core_instalment_balance"].to_dicts():
            known = agreed.get(b["invoice_id"])
            enter = max(b["issue_date"], b["issued_known_date"], known or dt.date.min)
            key = (b["invoice_id"], b["instalment_number"])
            owed = Owed(
                *key,
                b["currency"],
                b["issue_date"],
                enter,
                b["due_date"],
                int(b["amount"] * 1000),
                [
                    (max(m["known_date"], enter), m["effective_date"], m["kind"], int(m["amount"] * 1000))
                    for m in movements[key]
                ],
                excused[b["invoice_id"]],
                agreed=known,
            )
            self.owed[b["customer_id"]].append(owed)
            self.by_key[key] = (b["customer_id"], owed)
        self.customer_of = {i["invoice_id"]: i["customer_id"] for i in ledger["core_invoice"].to_dicts()}
        self.invoice_seen = {i["invoice_id"]: i["observed_at"] for i in ledger["core_invoice"].to_dicts()}
        self.contacts = list(contacts.values())
        self.payments = {p["payment_id"]: p for p in ledger["core_payment"].to_dicts()}
        self.taken_back = [
            p for p in self.payments.values() if (p["reversal_of"] or p["reason_code"]) and p["amount"] < 0
        ]
        self.lines = defaultdict(list)
        for a in ledger["core_allocation"].to_dicts():
            self.lines[a["payment_id"]].append(a)

    def _recall_wholes(self, excused) -> dict[str, dt.date]:
        """Add the invoices whose instalments were agreed later, as they were before; return the days."""
        told = defaultdict(list)
        for i in self.ledger["core_instalment"].to_dicts():
            told[i["invoice_id"]].append(i["observed_at"].date())
        agreed = {}
        for b in self.ledger["core_invoice"].to_dicts():
            enter = max(b["issue_date"], b["observed_at"].date())
            number = b["invoice_id"]
            if number in told and max(told[number]) > enter:
                agreed[number] = max(told[number])
                whole = Owed(
                    *(
                        number,
                        0,
                        b["currency"],
                        b["issue_date"],
                        enter,
                        b["due_date"],
                        int(b["amount"] * 1000),
                    ),
                    [],
                    excused[number],
                    replaced=agreed[number],
                )
                self.owed[b["customer_id"]].append(whole)
                self.by_key[number, 0] = (b["customer_id"], whole)
        for m in list_movements(self.ledger).to_dicts():
            if m["known_date"] <= agreed.get(m["invoice_id"], dt.date.min):
                whole = self.by_key[m["invoice_id"], 0][1]
                known = max(m["known_date"], whole.enter)
                whole.movements.append((known, m["effective_date"], m["kind"], int(m["amount"] * 1000)))
        return agreed

    def customer(self, customer: str, t: dt.date, currency: str | None) -> dict:  # noqa: C901  one definition after the other
        history = [o for o in self.owed[customer] if o.enter < t and (o.replaced is None or o.replaced >= t)]
        issued = [o for o in self.owed[customer] if o.enter < t and o.agreed is None]
        if currency is None:
            counts = Counter(o.currency for o in issued)
            currency = min(counts, key=lambda c: (-counts[c], c)) if counts else "EUR"
        quarter, year = t - dt.timedelta(days=90), t - dt.timedelta(days=365)
        still_open = [o for o in history if o.belief(t) is None]
        overdue = [o for o in still_open if o.due < t]
        held = [o for o in history if not any(e < t for e in o.excused)]
        late_open = [o for o in overdue if o in held]
        outcomes = []
        for o in held:
            belief = o.belief(t)
            if belief is None or belief[1] in ("nothing", "credit_note"):
                continue
            delay = (belief[0] - o.due).days
            if belief[1] == "payment":
                outcomes.append((o.believed_since(t), belief[0], o.due, delay, False, _terms(o)))
            elif delay > 0:
                outcomes.append((o.believed_since(t), belief[0], o.due, delay, True, _terms(o)))
        paid = sorted(o for o in outcomes if not o[4])
        recent = [(o[0], o[1], o[3]) for o in paid[::-1][:12]]
        delays = [d for _, _, d in recent]

        def late_share(since):
            chosen = [o for o in outcomes if since is None or o[0] >= since]
            late = sum(1 for o in chosen if o[4] or o[3] > 0) + len(late_open)
            return (late + 0.6) / (len(chosen) + len(late_open) + 2)

        def mean_delay(since=None):
            chosen = [o[3] for o in paid if since is None or o[0] >= since]
            return statistics.fmean(chosen) if chosen else None

        def streak(is_late):
            length = 0
            for d in delays:
                if (d > 0) != is_late:
                    break
                length += 1
            return length

        same = [o for o in issued if o.currency == currency]
        mean_amount = sum(o.amount for o in same) / len(same) if same else None
        if not mean_amount:
            mean_amount = None
        open_sum = sum(o.balance(t) for o in still_open if o.currency == currency)
        overdue_sum = sum(o.balance(t) for o in overdue if o.currency == currency)
        weights = [0.75**j for j in range(len(delays))]
        all_delays = [o[3] for o in paid]
        late_days = [known for known, _, d in recent if d > 0]
        values = {
            "late_share": late_share(None),
            "late_365_share": late_share(year),
            "late_90_share": late_share(quarter),
            "late_30_days_share": (sum(d > 30 for d in all_delays) + 0.1) / (len(all_delays) + 2),
            "recent_late_share": sum(d > 0 for d in delays) / len(delays) if delays else None,
            "late_streak_count": streak(is_late=True),
            "prompt_streak_count": streak(is_late=False),
            "last_delay_days": delays[0] if delays else None,
            "last_3_delay_days": statistics.fmean(delays[:3]) if delays else None,
            "since_last_late_days": (t - max(late_days)).days if late_days else None,
            "mean_delay_days": mean_delay(),
            "mean_delay_365_days": mean_delay(year),
            "mean_delay_90_days": mean_delay(quarter),
            "median_delay_days": statistics.median(delays) if delays else None,
            "p80_delay_days": sorted(delays)[math.ceil(0.8 * len(delays) - 1e-9) - 1] if delays else None,
            "ewma_delay_days": sum(w * d for w, d in zip(weights, delays, strict=True)) / sum(weights)
            if delays
            else None,
            "spread_delay_days": statistics.stdev(all_delays) if len(all_delays) > 1 else None,
            "trend_delay_days": statistics.linear_regression(range(len(delays)), delays[::-1]).slope
            if len(delays) > 3
            else None,
            "shift_delay_days": None if mean_delay(quarter) is None else mean_delay(quarter) - mean_delay(),
            "open_count": len(still_open),
            "overdue_count": len(overdue),
            "open_amount_ratio": open_sum / mean_amount if mean_amount else None,
            "overdue_amount_ratio": overdue_sum / mean_amount if mean_amount else None,
            "overdue_amount_share": overdue_sum / open_sum if open_sum else None,
            "oldest_overdue_days": max(((t - o.due).days for o in overdue), default=0),
            "mean_overdue_days": statistics.fmean((t - o.due).days for o in overdue) if overdue else None,
            "pay_weekday_share": _mode_share(day.weekday() for _, day, _ in recent),
            "pay_month_day_share": _mode_share(day.day for _, day, _ in recent),
            "issued_count": len(issued),
            "outcome_count": len(outcomes) + len(late_open),
            "issued_90_count": sum(o.enter >= quarter for o in issued),
            "issued_365_count": sum(o.enter >= year for o in issued),
            "relation_days": (t - min(o.enter for o in issued)).days if issued else None,
            "since_invoice_days": (t - max(o.enter for o in issued)).days if issued else None,
            "since_payment_days": (t - recent[0][0]).days if recent else None,
        }
        self._recent = recent
        # terms below nil count as nil
        self._known_so = [(o[2].weekday(), o[5], o[4] or o[3] > 0) for o in outcomes] + [
            (o.due.weekday(), _terms(o), True) for o in late_open
        ]
        self._mean_amount = mean_amount
        year_amounts = [o.amount for o in same if o.enter >= year]
        self._mean_year = sum(year_amounts) / len(year_amounts) if year_amounts else None
        return values | self._events(customer, t, year)

    def _events(self, customer: str, t: dt.date, year: dt.date) -> dict:
        mine = self._of(customer)
        disputes = [(_known(d, "opened_at"), _known(d, "closed_at"), d) for d in mine["dispute"]]
        promises = [(_known(p, "made_at"), _known(p, "resolved_at"), p) for p in mine["promise_to_pay"]]
        plans = [(_known(p, "started_at"), _known(p, "ended_at"), p) for p in mine["payment_plan"]]
        notes = [_known(i, "issue_date") for i in mine["invoice"] if i["document_type"] == "credit_note"]
        failed = [
            max(_known(p, "value_date"), self._payer_since(p, customer, t))
            for p in self.taken_back
            if self._payer(p, t) == customer
        ]
        outbound = [c for c in mine["contact_event"] if c["direction"] == "outbound"]
        reminders = [c for c in outbound if _is_reminder(c)]
        reminded = [c["observed_at"].date() for c in reminders]
        replies = [max(c["replied_at"].date(), c["observed_at"].date()) for c in outbound if c["replied_at"]]
        answered = lapsed = 0
        for c in filter(_is_reminder, self.contacts):  # to whomever it was sent
            sent = c["sent_at"].date()
            last = sent + dt.timedelta(days=14)
            for o in self.owed[customer]:
                observed = max(c["observed_at"].date(), o.enter)
                if o.invoice != c["invoice_id"] or o.due >= sent or observed >= t:
                    continue
                if sent < (o.agreed or sent) or sent >= (o.replaced or dt.date.max):
                    continue
                paid = _paid(o, t)
                if paid and sent <= paid <= last:
                    answered += 1
                # not lapsed when it was known to be paid in time, on the day it would lapse or since
                lapse = max(last, observed)
                looks = [k + dt.timedelta(days=1) for k in {m[0] for m in o.movements} | {lapse}]
                ever = any((p := _paid(o, k)) and p <= last for k in looks if lapse < k <= t)
                lapsed += lapse < t and not ever and lapse < (o.replaced or dt.date.max)
        partial = 0
        for o in self.owed[customer]:
            for m in o.movements:
                after = o.amount - sum(x[3] for x in o.movements if x[0] <= m[0])
                is_new = o.agreed is None or m[0] > o.agreed
                partial += m[2] == "payment" and m[3] > 0 and after > 0 and year <= m[0] < t and is_new
        within = lambda days: sum(year <= d < t for d in days)  # noqa: E731
        open_now = lambda spans: sum(a < t and (b is None or max(a, b) >= t) for a, b, _ in spans)  # noqa: E731
        kept = sum(b is not None and b < t and p["status"] == "kept" for _, b, p in promises)
        broken = sum(b is not None and b < t and p["status"] in ("broken", "partial") for _, b, p in promises)
        contacts_known = self._has("contact_event", t)
        promises_known = self._has("promise_to_pay", t)
        before = lambda days: [d for d in days if d < t]  # noqa: E731
        return {
            "partial_payment_365_count": partial if self._has("allocation", t) else None,
            "dispute_365_count": within(a for a, _, _ in disputes) if self._has("dispute", t) else None,
            "open_dispute_count": open_now(disputes) if self._has("dispute", t) else None,
            "credit_note_365_count": within(notes) if self._has("invoice", t) else None,
            "promise_365_count": within(a for a, _, _ in promises) if promises_known else None,
            "open_promise_count": open_now(promises) if promises_known else None,
            "kept_promise_share": (kept + 1) / (kept + broken + 2) if promises_known else None,
            "running_plan_count": open_now(plans) if self._has("payment_plan", t) else None,
            "broken_plan_count": sum(b is not None and b < t and p["status"] == "broken" for _, b, p in plans)
            if self._has("payment_plan", t)
            else None,
            "failed_debit_365_count": within(failed) if self._has("payment", t) else None,
            "since_failed_debit_days": (t - max(before(failed))).days if before(failed) else None,
            "reminder_365_count": within(reminded) if contacts_known else None,
            "since_reminder_days": (t - max(before(reminded))).days if before(reminded) else None,
            "answered_reminder_share": (answered + 1) / (answered + lapsed + 2) if contacts_known else None,
            "reply_365_count": within(replies) if contacts_known else None,
        }

    def instalment(self, invoice: str, number: int, t: dt.date) -> dict:
        return self.about(*self.by_key[invoice, number], t)

    def about(self, customer: str, own: Owed, t: dt.date) -> dict:
        values = self.customer(customer, t, own.currency)
        month_end = (own.due.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
        angle = 2 * math.pi * own.due.day / month_end.day
        days = [day for _, day, _ in self._recent]
        on_weekday = [late for weekday, _, late in self._known_so if weekday == own.due.weekday()]
        on_terms = [late for _, terms, late in self._known_so if terms == _terms(own)]
        return values | {
            "same_weekday_late_share": (sum(on_weekday) + 0.6) / (len(on_weekday) + 2),
            "same_terms_late_share": (sum(on_terms) + 0.6) / (len(on_terms) + 2),
            "due_to_pay_weekday_days": (_mode(d.weekday() for d in days) - own.due.weekday()) % 7
            if days
            else None,
            "due_to_pay_month_day_days": (_mode(d.day for d in days) - own.due.day) % 31 if days else None,
            "amount_log10": math.log10(own.amount / 1000) if own.amount > 0 else None,
            "amount_ratio": own.amount / self._mean_amount if self._mean_amount else None,
            "amount_365_ratio": own.amount / self._mean_year if self._mean_year else None,
            "terms_days": (own.due - own.issue).days,
            "due_weekday": own.due.weekday(),
            "due_month_sine": math.sin(angle),
            "due_month_cosine": math.cos(angle),
        }

    def open_instalment(self, invoice: str, number: int, t: dt.date) -> dict:
        _, own = self.by_key[invoice, number]
        if own.agreed is not None and own.agreed >= t:
            number = 0
            _, own = self.by_key[invoice, 0]
        reminders = [
            c["observed_at"].date()
            for c in self.contacts
            if c["invoice_id"] == invoice and _is_reminder(c) and c["observed_at"].date() < t
        ]
        disputes = [
            d
            for d in self._rows("dispute")
            if d["invoice_id"] == invoice
            and _known(d, "opened_at") < t
            and (_known(d, "closed_at") is None or _known(d, "closed_at") >= t)
        ]
        promises = [
            p
            for p in self._rows("promise_to_pay")
            if p["invoice_id"] == invoice
            and _known(p, "made_at") < t
            and (_known(p, "resolved_at") is None or _known(p, "resolved_at") >= t)
        ]
        return self.instalment(invoice, number, t) | {
            "own_age_days": (t - own.issue).days,
            "own_overdue_days": (t - own.due).days,
            "own_covered_share": (own.amount - own.balance(t)) / own.amount,
            "own_reminder_count": len(reminders) if self._has("contact_event", t) else None,
            "own_since_reminder_days": (t - max(reminders)).days if reminders else None,
            "own_dispute_count": len(disputes) if self._has("dispute", t) else None,
            "own_promise_count": len(promises) if self._has("promise_to_pay", t) else None,
        }

    def open_keys(self, t: dt.date) -> list[tuple[str, int]]:
        return sorted(
            (invoice, max(number, 1))
            for (invoice, number), (_, o) in self.by_key.items()
            if o.enter < t and o.belief(t) is None and (o.replaced is None or o.replaced >= t)
        )

    def _payer(self, payment: dict, t: dt.date) -> str | None:
        """Whose a payment was known to be at a moment."""
        known = self.__dict__.setdefault("_payers", {})
        if (payment["payment_id"], t) not in known:
            known[payment["payment_id"], t] = self._find_payer(payment, t)
        return known[payment["payment_id"], t]

    def _find_payer(self, payment: dict, t: dt.date) -> str | None:
        if payment["customer_id"] or payment["observed_at"].date() >= t:
            return payment["customer_id"] if payment["observed_at"].date() < t else None
        lines = [
            (max(a["observed_at"], self.invoice_seen[a["invoice_id"]]).date(), a)
            for a in self.lines[payment["payment_id"]]
        ]
        seen = payment["observed_at"].date()
        for last in sorted({max(day, seen) for day, _ in lines if day < t}, reverse=True):
            left = Counter()
            for day, a in lines:
                if day <= last:
                    left[self.customer_of[a["invoice_id"]]] += a["amount"]
            owing = [customer for customer, amount in left.items() if amount]
            if owing:
                return owing[0] if len(owing) == 1 else None
        origin = payment
        while origin["reversal_of"]:
            origin = self.payments[origin["reversal_of"]]
        return None if origin is payment else self._payer(origin, t)

    def _payer_since(self, payment: dict, customer: str, t: dt.date) -> dt.date:
        """Last day at whose start the payment was not known to be of the customer."""
        while self._payer(payment, t - dt.timedelta(days=1)) == customer:
            t -= dt.timedelta(days=1)
        return t - dt.timedelta(days=1)

    def _of(self, customer: str) -> dict[str, list[dict]]:
        """Facts of the customer; those about an invoice were known when the invoice was known too."""
        groups = self.__dict__.setdefault("_groups", {})
        if not groups:
            for name in ("dispute", "promise_to_pay"):
                for r in self._rows(name):
                    seen = max(r["observed_at"], self.invoice_seen[r["invoice_id"]])
                    owner = self.customer_of[r["invoice_id"]]
                    groups.setdefault(owner, defaultdict(list))[name].append(r | {"observed_at": seen})
            for name in ("payment_plan", "invoice", "payment", "contact_event"):
                for r in self._rows(name):
                    groups.setdefault(r["customer_id"], defaultdict(list))[name].append(r)
        return groups.setdefault(customer, defaultdict(list))

    def _rows(self, name: str) -> list[dict]:
        cache = self.__dict__.setdefault("_cache", {})
        if name not in cache:
            cache[name] = self.ledger[f"core_{name}"].to_dicts()
        return cache[name]

    def _has(self, name: str, t: dt.date) -> bool:
        firsts = self.__dict__.setdefault("_firsts", {})
        if name not in firsts:
            firsts[name] = min((r["observed_at"].date() for r in self._rows(name)), default=None)
        return firsts[name] is not None and firsts[name] < t


def _terms(owed: Owed) -> int:
    """Days from issue to due date, within 0 and 255."""
    return min(max((owed.due - owed.issue).days, 0), 255)


def _paid(owed: Owed, moment: dt.date) -> dt.date | None:
    """Value date of the payment that was believed to cover it; none when excused by then."""
    belief = owed.belief(moment)
    is_replaced = owed.replaced is not None and owed.replaced < moment
    if is_replaced or belief is None or belief[1] != "payment" or any(e < moment for e in owed.excused):
        return None
    return belief[0]


def _is_reminder(contact: dict) -> bool:
    level = contact["dunning_level"]
    return contact["direction"] == "outbound" and (level is None or level >= 1)


def _known(row: dict, column: str) -> dt.date | None:
    return None if row[column] is None else max(row[column], row["observed_at"].date())


def _mode(values) -> int:
    counts = Counter(values)
    return min(counts, key=lambda v: (-counts[v], v))


def _mode_share(values) -> float | None:
    counts = Counter(values)
    return max(counts.values()) / sum(counts.values()) if counts else None
