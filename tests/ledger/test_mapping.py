"""Mappings say what they mean, and a typing error is shown where it stands."""

import pytest

from segmentation.domain.errors import ExitCode, UsageError
from segmentation.ledger.mapping import SourceMapping
from segmentation.ledger.mapping_files import load_mapping, mapping_names
from segmentation.ledger.near_words import nearest

GOOD = """\
name: mine
source_system: books
dialect:
  delimiter: ";"
  decimal_mark: ","
  thousands_mark: "."
  date_format: "%d/%m/%Y"
files:
  - filename: "*.csv"
    ignored: [Memo]
    tables:
      customer:
        distinct: true
        customer_id: Debtor
        observed_at: Date
      invoice:
        invoice_id: Number
        customer_id: Debtor
        document_type: {column: Kind, values: {F: invoice, C: credit_note}}
        issue_date: Date
        due_date: Due
        amount: Total
        currency: {constant: EUR}
        is_recurring: {column: Series, values: {Yes: "true", No: "false"}}
        observed_at: [Date, Booked]
"""


def load(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def refusal(tmp_path, old, new):
    assert old in GOOD
    with pytest.raises(UsageError) as error:
        load(tmp_path, GOOD.replace(old, new, 1))
    assert error.value.exit_code == ExitCode.USAGE
    return str(error.value)


ACCOUNTING = {"dynamics365", "erpnext", "exact_online", "odoo", "quickbooks", "sap", "sap_fbl5n", "xero"}
DOCUMENTS = {"camt053", "coda", "facturx", "mt940", "ubl"}


def test_the_mappings_that_ship_with_the_library_can_be_read():
    assert set(mapping_names()) == {
        "b2b_ledger",
        "canonical",
        "ibm_accounts_receivable",
        *ACCOUNTING,
        *DOCUMENTS,
    }
    for name in mapping_names():
        assert isinstance(load_mapping(name), SourceMapping)
        assert load_mapping(name).name == name


def test_words_of_yaml_stay_what_was_typed(tmp_path):
    invoice = load(tmp_path, GOOD).files[0].tables["invoice"][0]
    assert invoice.columns["is_recurring"].values == {"Yes": "true", "No": "false"}
    assert invoice.columns["observed_at"].source_columns == ("Date", "Booked")
    assert invoice.columns["currency"].constant == "EUR"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("dialect:", "dialekt:", ["'dialekt'", "did you mean 'dialect'", "line 3"]),
        ("  delimiter:", "  delimeter:", ["'delimeter'", "did you mean 'delimiter'", "line 4"]),
        ('decimal_mark: ","', 'decimal_mark: ";"', ["dialect.decimal_mark", "line 5"]),
        ('thousands_mark: "."', 'thousands_mark: ","', ["the same", "line 3"]),
        ('delimiter: ";"', "encoding: utf-9", ["unknown encoding 'utf-9'", "utf-8"]),
        ("    ignored:", "    ignore:", ["'ignore'", "did you mean 'ignored'", "line 10"]),
        ("      invoice:", "      invoices:", ["'invoices'", "did you mean 'invoice'", "line 16"]),
        (
            "        due_date: Due",
            "        duedate: Due",
            ["'duedate'", "did you mean 'due_date'", "line 21"],
        ),
        ("        due_date: Due\n", "", ["table 'invoice' must be given due_date", "line 16"]),
        ("{constant: EUR}", "{konstant: EUR}", ["'konstant'", "did you mean 'constant'", "line 23"]),
        ("{constant: EUR}", "{constant: EUR, column: Cur}", ["exactly one of", "line 23"]),
        ("due_date: Due", "due_date: [Due, Date]", ["due_date", "only observed_at", "line 21"]),
        ("name: mine\n", "", ["name is missing"]),
        ("source_system: books", "name: twice", ["'name'", "twice", "line 2"]),
        ("dialect:", "dialect: [", ["not valid YAML", "line"]),
        ("    ignored:", "    key: Number\n    ignored:", ["a file with a key needs a name", "line 10"]),
        ("    ignored:", "    version: Booked\n    ignored:", ["version needs a key", "line 10"]),
        ("distinct: true", "distinct: perhaps", ["distinct", "perhaps", "line 13"]),
    ],
)
def test_a_mistake_is_named_with_line_and_nearest_match(tmp_path, old, new, said):
    message = refusal(tmp_path, old, new)
    for words in ["mine.yaml", *said]:
        assert words in message


def test_an_unknown_mapping_is_named_with_the_nearest_match():
    with pytest.raises(UsageError, match="did you mean 'b2b_ledger'"):
        load_mapping("b2b-ledgr")
    with pytest.raises(UsageError, match="cannot be read"):
        load_mapping("no/such/file.yaml")


def test_nearest_ignores_case_and_separators():
    assert nearest("due date", ["DueDate", "Date"]) == "DueDate"
    assert nearest("zzz", ["DueDate"]) is None
