"""What holds for every accounting export: order of rows and repeated deliveries change no figure."""

import random
import shutil
from datetime import date
from importlib import import_module

import pytest

from tests.ledger.mappings import exports

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


def assert_as_without(folder, system, *of_the_export):
    """The ledger is the same as from the export alone, and every row is accounted for."""
    before, after = exports.load(exports.folder_of(system), system), exports.load(folder, system)
    exports.assert_same(
        exports.without_tables(before, *of_the_export), exports.without_tables(after, *of_the_export)
    )
    exports.assert_trusted(after)
    exports.assert_accounted(folder, system)
