"""What people accepted leaves only when every gate still allows it, on the ledger as it then is."""

import csv
import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest

from pipelines.command_line.app import run_command
from pipelines.settings_file import hash_settings
from segmentation.domain.errors import ExitCode
from segmentation.domain.settings import Settings
from segmentation.ledger.shrinkage import DeliveryAccount, write_account
from segmentation.publish.decisions import DecisionStore
from segmentation.publish.reader import open_current
from tests.snapshot_factory import AS_OF, publish_example

LAWFUL = dt.datetime.combine(AS_OF + dt.timedelta(days=1), dt.time(10), dt.UTC)
"""Within the window of the step."""


@pytest.fixture
def accepted(tmp_path):
    """A data root in which a person accepted the step for customer C001."""
    publish_example(tmp_path, settings_hash=hash_settings(Settings()))
    snapshot = open_current(tmp_path)
    row = snapshot.read_table("out_recommendations").filter(customer_id="C001").row(0, named=True)
    with DecisionStore.for_data_root(tmp_path) as store:
        store.record_decision(snapshot, row, "accept", decided_by="Ann", decided_at=LAWFUL, after=None)
    return tmp_path, row


def write_ledger(folder, *, paid: bool):
    """The ledger as it now is: one overdue invoice of C001, paid this morning or not."""
    folder.mkdir()
    learned = f"{AS_OF}T06:00:00Z"
    due = AS_OF - dt.timedelta(days=20)
    tables = {
        "customer": [{"customer_id": "C001", "party_type": "legal_person", "country": "BE", "observed_at": learned}],
        "invoice": [{"invoice_id": "I1", "customer_id": "C001", "document_type": "invoice", "issue_date": due, "due_date": due,
                     "amount": "900.00", "currency": "EUR", "observed_at": learned}],
    }  # fmt: skip
    if paid:
        tables["payment"] = [{"payment_id": "P1", "customer_id": "C001", "value_date": AS_OF, "amount": "900.00", "currency": "EUR", "observed_at": learned}]  # fmt: skip
        tables["allocation"] = [{"allocation_id": "A1", "payment_id": "P1", "invoice_id": "I1", "amount": "900.00", "allocated_at": AS_OF, "observed_at": learned}]  # fmt: skip
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def run_feed(root, ledger, moment, out, *more):
    words = ["feed", "--ledger", str(ledger), "--mapping", "canonical", "--data-root", str(root), *more]
    return run_command([*words, "--now", moment.isoformat(), "--out", str(out)])


def test_a_step_leaves_with_its_message_while_the_debt_stands(accepted, tmp_path, capsys):
    root, row = accepted
    out = tmp_path / "steps.jsonl"
    assert run_feed(root, write_ledger(tmp_path / "ledger", paid=False), LAWFUL, out) == ExitCode.DONE
    assert "1 of 1 decided step(s) may be carried out now" in capsys.readouterr().out
    step = json.loads(out.read_text(encoding="utf-8"))
    assert (step["recommendation_id"], step["message_text"]) == (
        row["recommendation_id"],
        row["message_text"],
    )


def test_a_payment_between_approval_and_sending_holds_the_step_back(accepted, tmp_path, capsys):
    root, _ = accepted
    out = tmp_path / "steps.jsonl"
    assert run_feed(root, write_ledger(tmp_path / "ledger", paid=True), LAWFUL, out) == ExitCode.DONE
    shown = " ".join(capsys.readouterr().out.split())
    assert "0 of 1 decided step(s)" in shown
    assert "held back (nothing open)" in shown
    assert out.read_text(encoding="utf-8") == ""


def test_a_step_does_not_leave_before_its_window_opens(accepted, tmp_path, capsys):
    root, row = accepted
    ledger, out = write_ledger(tmp_path / "ledger", paid=False), tmp_path / "steps.jsonl"
    second = dt.timedelta(seconds=1)
    assert run_feed(root, ledger, row["window_start_at"] - second, out) == ExitCode.DONE
    shown = " ".join(capsys.readouterr().out.split())
    assert "0 of 0 decided step(s) may be carried out now" in shown
    assert "1 more begin(s) later, the first at 2026-03-03 08:00 UTC" in shown
    assert out.read_text(encoding="utf-8") == ""
    assert run_feed(root, ledger, row["window_start_at"], out) == ExitCode.DONE
    assert "later" not in capsys.readouterr().out
    assert json.loads(out.read_text(encoding="utf-8"))["customer_id"] == "C001"


def test_a_moment_is_understood_in_any_zone(accepted, tmp_path):
    root, _ = accepted
    ledger, out = write_ledger(tmp_path / "ledger", paid=False), tmp_path / "steps.jsonl"
    brussels = LAWFUL.astimezone(ZoneInfo("Europe/Brussels"))
    assert run_feed(root, ledger, brussels, out) == ExitCode.DONE
    assert json.loads(out.read_text(encoding="utf-8"))["customer_id"] == "C001"


def test_a_fact_of_a_day_that_has_not_come_is_not_taken_for_the_newest(accepted, tmp_path, capsys):
    root, _ = accepted
    ledger = write_ledger(tmp_path / "ledger", paid=False)
    invoices = ledger / "invoice.csv"
    row = invoices.read_text(encoding="utf-8").splitlines()[1]
    later = row.replace("I1", "I2").replace(str(AS_OF), str(AS_OF + dt.timedelta(days=200)))
    with invoices.open("a", encoding="utf-8") as stream:
        stream.write(f"{later}\n")
    assert run_feed(root, ledger, LAWFUL, tmp_path / "steps.jsonl") == ExitCode.DONE
    assert "held back (quarantined rows)" in " ".join(capsys.readouterr().out.split())


def test_at_night_nothing_leaves(accepted, tmp_path, capsys):
    root, _ = accepted
    night = LAWFUL.replace(hour=19)  # an hour later where the customer is
    run_feed(root, write_ledger(tmp_path / "ledger", paid=False), night, tmp_path / "steps.jsonl")
    assert "held back (closed hours)" in " ".join(capsys.readouterr().out.split())


def test_a_moment_without_zone_is_usage(accepted, tmp_path):
    words = ["feed", "--ledger", str(tmp_path), "--mapping", "canonical", "--data-root", str(accepted[0])]
    assert run_command([*words, "--now", "2026-03-02T09:00"]) == ExitCode.USAGE


@pytest.fixture
def yesterdays(tmp_path):
    """A file that an earlier call wrote."""
    out = tmp_path / "steps.jsonl"
    out.write_text('{"action": "reminder"}\n', encoding="utf-8")
    return out


def test_a_silent_feed_empties_the_file(accepted, tmp_path, yesterdays, capsys):
    root, _ = accepted
    late = LAWFUL + dt.timedelta(days=30)
    assert run_feed(root, write_ledger(tmp_path / "ledger", paid=False), late, yesterdays) == ExitCode.DONE
    assert "may not be relied on" in " ".join(capsys.readouterr().out.split())
    assert yesterdays.read_text(encoding="utf-8") == ""


def test_a_feed_that_fails_leaves_no_earlier_file_behind(accepted, tmp_path, yesterdays):
    root, _ = accepted
    assert run_feed(root, tmp_path / "nothing", LAWFUL, yesterdays) != ExitCode.DONE
    assert not yesterdays.exists()


def test_a_delivery_that_shrank_is_refused(accepted, tmp_path, yesterdays, capsys):
    root, _ = accepted
    before = DeliveryAccount("canonical", AS_OF + dt.timedelta(days=1), {"core_invoice": 100}, {})
    write_account(root, before)
    ledger = write_ledger(tmp_path / "ledger", paid=False)
    assert run_feed(root, ledger, LAWFUL, yesterdays) == ExitCode.INPUT_REFUSED
    assert "The delivery shrank" in " ".join(capsys.readouterr().err.split())
    assert not yesterdays.exists()


def test_a_delivery_that_contradicts_its_own_balance_list_is_refused(accepted, tmp_path, yesterdays):
    root, _ = accepted
    ledger = write_ledger(tmp_path / "ledger", paid=False)
    (ledger / "stated_balance.csv").write_text(
        f"customer_id,currency,stated_date,bucket,open_amount,observed_at\nC001,EUR,{AS_OF},,12.00,{AS_OF}T06:00:00Z\n",
        encoding="utf-8",
    )
    assert run_feed(root, ledger, LAWFUL, yesterdays) == ExitCode.GATE_BLOCKED
    assert not yesterdays.exists()


def test_gates_are_those_of_the_run(accepted, tmp_path, yesterdays, capsys):
    root, _ = accepted
    ledger = write_ledger(tmp_path / "ledger", paid=False)
    other = tmp_path / "settings.yaml"
    other.write_text("treatment: {cool_down_days: 30}\n", encoding="utf-8")
    words = ("--settings", str(other))
    assert run_feed(root, ledger, LAWFUL, yesterdays, *words) == ExitCode.USAGE
    assert "made with other settings" in " ".join(capsys.readouterr().err.split())
    assert not yesterdays.exists()
