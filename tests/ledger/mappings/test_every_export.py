"""What holds for every accounting export: order of rows and repeated deliveries change no figure."""

import csv
import random
import shutil
from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest

from tests.ledger.mappings import exports

pytestmark = pytest.mark.slow

SYSTEMS = ["dynamics365", "erpnext", "exact_online", "odoo", "quickbooks", "sap", "sap_fbl5n", "xero"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_shuffled_rows_delivered_twice_give_the_same_ledger(tmp_path, system):
    folder = tmp_path / system
    shutil.copytree(exports.folder_of(system), folder)
    rng = random.Random(7)
    for path in sorted(folder.iterdir()):
        header, *rows = path.read_text(encoding="utf-8").splitlines()
        for name in (path.name, f"again {path.name}"):
            rng.shuffle(rows)
            (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    assert_as_without(folder, system)


@pytest.mark.parametrize("system", sorted(set(SYSTEMS) - {"dynamics365"}))  # CustTransOpen is of one day
def test_an_earlier_export_beside_the_latest_changes_nothing(tmp_path, system):
    folder = tmp_path / system
    shutil.copytree(exports.folder_of(system), folder)
    import_module(f"tests.ledger.mappings.test_{system}").cut_back(date(2025, 4, 14), folder / "earlier")
    assert_as_without(folder, system, *(["core_stated_balance"] if system == "sap_fbl5n" else []))


RENAMED = {
    "odoo": ("res.partner.csv", "name"),
    "erpnext": ("Customer.csv", "customer_name"),
    "exact_online": ("Accounts.csv", "Name"),
    "quickbooks": ("Customer.csv", "DisplayName"),
    "sap": ("KNA1.csv", "NAME1"),
    "xero": ("Invoices.csv", "Contact.Name"),
}


@pytest.mark.parametrize("system", sorted(RENAMED))
def test_a_customer_renamed_between_two_exports_keeps_everything(tmp_path, system):
    """These exports have no moment of the change, so that the latest name cannot be told from the first."""
    file, column = RENAMED[system]
    shutil.copytree(exports.folder_of(system), tmp_path / system / "2025-04")
    exports.rewrite(
        exports.folder_of(system),
        tmp_path / system / "2025-05",
        {file: lambda row: row | {column: f"New {row[column]}"}},
        delimiter=";" if system == "sap" else ",",
    )
    before, after = exports.load(exports.folder_of(system), system), exports.load(tmp_path / system, system)
    assert exports.balances(after) == exports.balances(before)
    assert after.ledger["core_customer"].height == before.ledger["core_customer"].height
    exports.assert_trusted(after)


EDITED = {
    "odoo": ("account.move.csv", "id", "amount_total", "write_date", "2025-06-10 10:00:00"),
    "erpnext": ("Sales Invoice.csv", "name", "rounded_total", "modified", "2025-06-10 10:00:00.000000"),
    "exact_online": ("Receivables.csv", "ID", "PaymentReference", "Modified", "/Date(1749549600000)/"),
    "quickbooks": ("Invoice.csv", "Id", "TotalAmt", "MetaData.LastUpdatedTime", "2025-06-10T10:00:00-07:00"),
    "dynamics365": ("CustTrans.csv", "RecId", "AmountCur", "ModifiedDateTime", "2025-06-10 10:00:00.000"),
    "xero": ("Invoices.csv", "InvoiceID", "Total", "UpdatedDateUTC", "/Date(1749549600000+0000)/"),
}


@pytest.mark.parametrize("system", sorted(EDITED))
def test_what_was_edited_after_a_day_was_not_known_on_it(tmp_path, system):
    """The first document of the export is corrected on 10 June; April's export lies beside June's."""
    file, key, column, version, moment = EDITED[system]
    folder = exports.folder_of(system)
    shutil.copytree(folder, tmp_path / system / "2025-04")
    with (folder / file).open(encoding="utf-8") as text:
        first = next(csv.DictReader(text))[key]
    exports.rewrite(
        folder,
        tmp_path / system / "2025-06",
        {file: lambda row: row | {column: "7.77", version: moment} if row[key] == first else row},
    )
    before = exports.load(folder, system)
    then = exports.load(tmp_path / system, system, before.as_of)
    listed = "core_stated_balance"  # of the day of the latest export
    exports.assert_same(exports.without_tables(before, listed), exports.without_tables(then, listed))
    exports.assert_accounted(tmp_path / system, system)
    invoices = exports.load(tmp_path / system, system, date(2025, 6, 12)).ledger["core_invoice"]
    assert {Decimal("7.77"), "7.77"} & {*invoices["amount"], *invoices["remittance_reference"]}


def assert_as_without(folder, system, *of_the_export):
    """The ledger is the same as from the export alone, and every row is accounted for."""
    before, after = exports.load(exports.folder_of(system), system), exports.load(folder, system)
    exports.assert_same(
        exports.without_tables(before, *of_the_export), exports.without_tables(after, *of_the_export)
    )
    exports.assert_trusted(after)
    exports.assert_accounted(folder, system)
