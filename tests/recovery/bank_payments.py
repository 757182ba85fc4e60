"""A simulated ledger as a bank shows it: payments without customer and allocation, with references and noise."""

import random
from datetime import UTC, date, datetime

import polars as pl

from segmentation.domain.core_tables import CANONICAL_TABLES, QUARANTINE
from segmentation.ledger.as_known import as_known
from segmentation.simulator.settings import WorldSettings
from segmentation.simulator.world import simulate_world

AS_OF = date(2026, 11, 1)
_GREETINGS = ["thank you", "betaling", "paiement", "ref klant 4711", "order 88123", "tel 02 555 12 34", ""]


def simulate_books(customers, seed):
    """The simulated ledger with everything in it, as known on the last day."""
    world = simulate_world(WorldSettings(customer_count=customers, seed=seed))
    source = {"source_system": pl.lit("simulated"), "source_id": pl.lit("simulated:1")}
    facts = {
        name: table.conform(world.ledger[name[5:]].with_columns(**source))
        if name[5:] in world.ledger
        else table.empty()
        for name, table in CANONICAL_TABLES.items()
    }
    return as_known(facts | {"core_quarantine": QUARANTINE.empty()}, AS_OF)


def belgian(number):
    digits = f"{number:010d}"
    return f"{digits}{int(digits) % 97 or 97:02d}"


def mistype(text, chance):
    """Replace one digit by another."""
    places = [place for place, sign in enumerate(text) if sign.isdigit()]
    place = chance.choice(places)
    other = chance.choice([digit for digit in "0123456789" if digit != text[place]])
    return text[:place] + other + text[place + 1 :]


class Bank:
    """Turns the payments of the books into what a statement says of them; the truth is kept apart."""

    def __init__(self, books, seed):
        self.chance = random.Random(seed)
        self.books = books
        self.invoices = {row["invoice_id"]: row for row in books["core_invoice"].iter_rows(named=True)}
        debts = sorted(key for key, row in self.invoices.items() if row["document_type"] != "credit_note")
        self.mistaken = set()
        """Payments of which the payer wrote something wrong."""
        self.references = {key: belgian(1000 + 7 * number) for number, key in enumerate(debts)}
        self.taken_back = {}
        """Payment that each return takes back."""
        self.debts = {}
        for key in debts:
            self.debts.setdefault(self.invoices[key]["customer_id"], []).append(key)
        customers = books["core_customer"]["customer_id"].sort().to_list()
        names = dict(books["core_customer"].select("customer_id", "name").rows())
        # one in fifty shares its name with somebody, one in thirty pays through an accountant of several
        self.names = {
            key: "Example Twins" if self.chance.random() < 0.02 else names[key] or f"Customer {key}"
            for key in customers
        }
        self.accounts = {
            key: "BE00ACCOUNTANT" + str(self.chance.randint(1, 3))
            if self.chance.random() < 1 / 30
            else f"BE{number:014d}"
            for number, key in enumerate(customers)
        }

    def statement(self):
        """Return the ledger as a bank's customer has it, and (payment, invoice) as it was meant."""
        used = self.books["core_allocation"].filter(
            pl.col("payment_id").is_not_null() & (pl.col("amount") > 0)
        )
        meant = {}
        for payment, invoice in (
            used.sort("payment_id", "invoice_id").select("payment_id", "invoice_id").rows()
        ):
            meant.setdefault(payment, []).append(invoice)
        rows, sayings = [], {}
        for row in self.books["core_payment"].filter(pl.col("reversal_of").is_null()).iter_rows(named=True):
            said = self.say(row, meant.get(row["payment_id"], []))
            sayings[row["payment_id"]] = said
            rows.append(row | said | {"customer_id": None})
        for row in (
            self.books["core_payment"].filter(pl.col("reversal_of").is_not_null()).iter_rows(named=True)
        ):
            # the bank passes on the order that it takes back, not which entry that was
            self.taken_back[row["payment_id"]] = row["reversal_of"]
            kept = ("end_to_end_id", "structured_reference", "payer_account")
            said = {key: value for key, value in sayings[row["reversal_of"]].items() if key in kept}
            rows.append(row | said | {"customer_id": None, "reversal_of": None})
        payments = CANONICAL_TABLES["core_payment"]
        invoices = self.books["core_invoice"].with_columns(
            pl.col("invoice_id").replace_strict(self.references, default=None).alias("remittance_reference")
        )
        customers = self.books["core_customer"].with_columns(
            pl.col("customer_id").replace_strict(self.names).alias("name"),
            pl.lit(datetime(2020, 1, 1, tzinfo=UTC)).alias("observed_at"),
        )
        ledger = dict(self.books) | {
            "core_customer": customers,
            "core_invoice": invoices,
            "core_payment": payments.conform(pl.DataFrame(rows, schema=payments.polars_schema)),
            "core_allocation": self.books["core_allocation"].filter(pl.col("payment_id").is_null()),
        }
        return ledger, meant

    def say(self, payment, invoices):
        """What the statement says of a payment that was meant for these invoices."""
        chance, say = self.chance, {}
        customer = self.invoices[invoices[0]]["customer_id"] if invoices else payment["customer_id"]
        if customer is not None and chance.random() < 0.9:
            say["payer_account"] = self.accounts[customer]
        if customer is not None and chance.random() < 0.8:
            say["payer_name"] = self.names[customer].upper()
        if not invoices:
            return say
        if payment["method"] == "direct_debit":
            return say | {"end_to_end_id": invoices[0] if len(invoices) == 1 else "NOTPROVIDED"}
        ways = [
            (0.30, self.quote_reference),
            (0.04, self.mistype_reference),
            (0.06, self.write_reference),
            (0.26, self.write_numbers),
            (0.04, self.mistype_numbers),
            (0.03, self.write_another_number),
            (0.02, self.quote_another_reference),
            (0.25, self.write_nothing_of_use),
        ]
        way = chance.choices([way for _, way in ways], [weight for weight, _ in ways])[0]
        if way.__name__.startswith(("mistype", "write_another", "quote_another")):
            self.mistaken.add(payment["payment_id"])
        return say | way(payment, customer, invoices)

    def quote_reference(self, _, __, invoices):
        if len(invoices) > 1:
            return self.write_numbers(_, __, invoices)
        return {"structured_reference": self.references[invoices[0]]}

    def mistype_reference(self, _, __, invoices):
        return {"structured_reference": mistype(self.references[invoices[0]], self.chance)}

    def write_reference(self, _, __, invoices):
        if len(invoices) > 1:
            return self.write_numbers(_, __, invoices)
        digits = self.references[invoices[0]]
        marked = f"+++{digits[:3]}/{digits[3:7]}/{digits[7:]}+++"
        return {"remittance_text": f"{marked} {self.chance.choice(_GREETINGS)}"}

    def write_numbers(self, _, __, invoices):
        return {"remittance_text": self.write([self.spell(invoice) for invoice in invoices])}

    def mistype_numbers(self, _, __, invoices):
        return {"remittance_text": self.write([mistype(invoice, self.chance) for invoice in invoices])}

    def write_another_number(self, payment, customer, _):
        return {"remittance_text": self.write([self.other(customer, payment)])}

    def quote_another_reference(self, payment, customer, _):
        return {"structured_reference": self.references[self.other(customer, payment)]}

    def write_nothing_of_use(self, _, __, ___):
        return {"remittance_text": self.chance.choice(_GREETINGS) or None}

    def other(self, customer, payment):
        """Any invoice that the customer had by then, often an old one."""
        had = [
            key for key in self.debts[customer] if self.invoices[key]["issue_date"] < payment["value_date"]
        ]
        return self.chance.choice(had)

    def spell(self, invoice):
        letters, digits = invoice[:1], invoice[1:]
        return self.chance.choice([invoice, f"{letters}-{digits}", f"{letters} {digits}", invoice.lower()])

    def write(self, numbers):
        text = self.chance.choice([", ", " ", " + ", " / "]).join(numbers)
        return f"{self.chance.choice(_GREETINGS)} {text} {self.chance.choice(_GREETINGS)}".strip()
