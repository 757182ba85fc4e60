"""What cannot be understood is refused in one paragraph, and the last snapshot stays current."""

import fcntl

import polars as pl
import pytest

from pipelines.command_line.app import run_command
from segmentation.domain.errors import ExitCode
from segmentation.domain.room_tables import AUDIT_VERDICT
from segmentation.publish.reader import open_current

pytestmark = pytest.mark.slow

HEADER = "doc_id,cust_number,posting_date,due_date,clear_date,amount,currency\n"


def write_flat_ledger(path, customers=40, invoices=12):
    lines = [HEADER]
    for customer in range(customers):
        for number in range(invoices):
            month, year = number % 12 + 1, 2024
            late = (customer * 7 + number * 3) % 25 - 5
            due = f"{year}-{month:02d}-20"
            cleared = pl.Series([due]).str.to_date().dt.offset_by(f"{late}d").item().isoformat()
            paid = cleared if cleared < "2024-12-01" else ""
            lines.append(
                f"D{customer:03d}{number:02d},{customer:05d},{year}-{month:02d}-01,{due},{paid},{100 + number}.50,EUR\n"
            )
    path.write_text("".join(lines))


@pytest.fixture(scope="module")
def published_flat(run, tmp_path_factory):
    """Data root with a snapshot from a small flat ledger, and the ledger."""
    folder = tmp_path_factory.mktemp("flat")
    ledger = folder / "ledger.csv"
    write_flat_ledger(ledger)
    assert run(ledger, folder / "root") == 0
    return ledger, folder / "root"


@pytest.fixture(scope="module")
def run(quick_settings):
    def run_ledger(ledger, root, *more, mapping="b2b_ledger", settings=quick_settings):
        words = ["run", "--ledger", ledger, "--mapping", mapping, "--data-root", root, "--settings", settings]
        return run_command([str(word) for word in [*words, *more]])

    return run_ledger


def truncate(text):
    return text[: len(text) - 30]


def use_semicolons(text):
    return text.replace(",", ";")


def say_nothing(_text):
    return ""


def serve_error_page(_text):
    return "<!DOCTYPE html>\n<html><body><h1>502 Bad Gateway</h1></body></html>\n"


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (truncate, "cut off"),
        (use_semicolons, "delimiter"),
        (say_nothing, "empty"),
        (serve_error_page, "web page"),
    ],
)
def test_a_bad_file_is_refused_and_the_last_snapshot_stays(
    run, published_flat, tmp_path, capsys, spoil, words
):
    ledger, root = published_flat
    before = open_current(root).id
    bad = tmp_path / "export.csv"
    bad.write_text(spoil(ledger.read_text()))
    assert run(bad, root) == ExitCode.INPUT_REFUSED
    message = capsys.readouterr().err
    assert words in message
    assert "export.csv" in message
    assert "Traceback" not in message
    assert open_current(root).id == before


def test_a_mapping_with_a_typo_names_the_nearest_word(run, published_flat, tmp_path, capsys):
    ledger, root = published_flat
    mapping = tmp_path / "mine.yaml"
    mapping.write_text(
        "name: mine\nsource_system: mine\nfiles:\n  - filename: '*.csv'\n    tables:\n      invoice:\n"
        "        invoice_id: doc_id\n        custommer_id: cust_number\n"
    )
    assert run(ledger, root, mapping=mapping) == ExitCode.USAGE
    message = capsys.readouterr().err
    assert "custommer_id" in message
    assert "customer_id" in message.replace("custommer_id", "")
    assert run(ledger, root, mapping="b2b_legder") == ExitCode.USAGE
    assert "b2b_ledger" in capsys.readouterr().err


def test_a_column_that_the_file_lacks_is_named_with_the_nearest(run, published_flat, tmp_path, capsys):
    ledger, root = published_flat
    other = tmp_path / "export.csv"
    other.write_text(ledger.read_text().replace("clear_date", "cleared_date", 1))
    assert run(other, root) == ExitCode.INPUT_REFUSED
    message = capsys.readouterr().err
    assert "clear_date" in message
    assert "cleared_date" in message


def test_a_data_root_that_cannot_be_written_is_named(run, published_flat, tmp_path, capsys):
    ledger, _ = published_flat
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    assert run(ledger, blocked / "root") == ExitCode.USAGE
    assert str(blocked / "root") in capsys.readouterr().err


def test_a_wrong_date_or_setting_is_refused_before_any_work(run, published_flat, tmp_path, capsys):
    ledger, root = published_flat
    assert run(ledger, root, "--as-of", "31-10-2026") == ExitCode.USAGE
    assert "YYYY-MM-DD" in capsys.readouterr().err
    settings = tmp_path / "settings.yaml"
    settings.write_text("risk:\n  leafs: 3\n")
    assert run(ledger, root, settings=settings) == ExitCode.USAGE
    assert "leaves" in capsys.readouterr().err


def test_a_second_run_at_the_same_time_is_told_to_wait(run, published_flat, capsys):
    ledger, root = published_flat
    with (root / "run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert run(ledger, root, "--as-of", "2024-11-01") == ExitCode.USAGE
    assert "Another run" in capsys.readouterr().err


def test_a_blocking_verdict_forbids_publication(run, published_flat, capsys, monkeypatch):
    ledger, root = published_flat
    before = open_current(root).id

    def judge(_audit, _settings):
        row = {"verdict": "block", "statement": "Group A is labelled more often.", "settings_hash": "0"}
        return AUDIT_VERDICT.conform(pl.DataFrame([row]))

    monkeypatch.setattr("segmentation.fairness.gate.judge_audit", judge)
    assert run(ledger, root, "--as-of", "2024-11-01") == ExitCode.GATE_BLOCKED
    message = capsys.readouterr().err
    assert "Group A is labelled more often." in message
    assert "stays current" in message
    assert open_current(root).id == before


def test_an_error_inside_the_audit_forbids_publication(run, published_flat, capsys, monkeypatch):
    ledger, root = published_flat
    before = open_current(root).id

    def fail(*_arguments):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("segmentation.fairness.ledger_audit.audit_bias", fail)
    assert run(ledger, root, "--as-of", "2024-11-01") == ExitCode.GATE_BLOCKED
    assert "could not be completed" in capsys.readouterr().err
    assert open_current(root).id == before


def test_a_changed_file_in_the_snapshot_is_an_integrity_failure(published_flat, tmp_path, capsys):
    import shutil

    _, root = published_flat
    copy = tmp_path / "root"
    shutil.copytree(root, copy, symlinks=True)
    assert run_command(["verify", "--data-root", str(copy)]) == 0
    target = open_current(copy).path / "out_recommendations.parquet"
    target.chmod(0o644)
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 1
    target.write_bytes(data)
    assert run_command(["verify", "--data-root", str(copy)]) == ExitCode.INTEGRITY
    assert "out_recommendations.parquet" in capsys.readouterr().err
