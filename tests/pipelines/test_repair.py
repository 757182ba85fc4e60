"""What cannot be trusted is reported and blocks; a repaired delivery is loaded whole."""

from datetime import timedelta

import dagster as dg
import polars as pl
import pytest

from pipelines.assets.ledger import figures_do_not_contradict_each_other
from pipelines.command_line.app import run_command
from pipelines.resources import Run
from pipelines.run_facts import keep_account, read_ready_account, settle_account
from segmentation.domain.core_tables import LEDGER_TABLES, QUALITY
from segmentation.domain.errors import InputRefusedError
from segmentation.domain.hashing import hash_frame
from segmentation.ledger.loading import load_ledger

COUNT = 40


def invoices(spoilt=0):
    """Return invoices of which the last ``spoilt`` have an amount that is no number."""
    lines = [
        f"I{n},C{n},invoice,2026-01-05,2026-02-04,{'1o0' if n >= COUNT - spoilt else '100'}.00,EUR,2026-01-05T09:00:00Z"
        for n in range(COUNT)
    ]
    return "invoice_id,customer_id,document_type,issue_date,due_date,amount,currency,observed_at\n" + "".join(
        f"{line}\n" for line in lines
    )


def deliver(folder, spoilt=0, **more):
    customers = "customer_id,observed_at\n" + "".join(f"C{n},2026-01-01T00:00:00Z\n" for n in range(COUNT))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in ({"customer": customers, "invoice": invoices(spoilt)} | more).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def check(folder):
    return run_command(["check", "--ledger", str(folder), "--mapping", "canonical"])


def test_check_names_file_line_value_and_repair(tmp_path, capsys):
    assert check(deliver(tmp_path, spoilt=1)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "not a number: 1 row." in said
    assert "invoice.csv, line 41, amount: '1o0.00'" in said
    assert "decimal and thousands marks" in said


def test_check_reports_a_refused_delivery_before_it_refuses(tmp_path, capsys):
    assert check(deliver(tmp_path, spoilt=30)) == 3
    said = capsys.readouterr()
    assert "not a number: 30 rows." in " ".join(said.out.split())
    assert "30 of 40 rows cannot be loaded" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ["check"],
        ["backtest", "--from", "2026-01-01", "--until", "2026-02-01"],
        ["evaluate", "policy"],
    ],
    ids=lambda words: words[0],
)
def test_verbs_that_read_a_ledger_refuse_days_that_have_not_come_yet(words, tmp_path, capsys):
    # All of them: no gap shows that they are wrong.
    far = invoices().replace("2026-01-05T09", "2090-01-05T09")
    customers = "customer_id,observed_at\nC0,2090-01-01T00:00:00Z\n"
    deliver(tmp_path, invoice=far, customer=customers)
    assert run_command([*words, "--ledger", str(tmp_path), "--mapping", "canonical"]) == 3
    assert "day_in_the_future" in capsys.readouterr().err


def test_check_fails_when_the_balance_list_disagrees(tmp_path, capsys):
    listed = "customer_id,currency,stated_date,open_amount,observed_at\n" + "".join(
        f"C{n},EUR,2026-01-10,{'99.99' if n == 7 else '100'},2026-01-11T00:00:00Z\n" for n in range(COUNT)
    )
    assert check(deliver(tmp_path, stated_balance=listed)) == 4
    assert "C7 99.99 EUR on the list, 100.00 in the ledger" in capsys.readouterr().err
    assert check(deliver(tmp_path, stated_balance=listed.replace("99.99", "100"))) == 0


def test_a_corrected_file_brings_the_quarantined_rows_back(tmp_path):
    folder = deliver(tmp_path / "ledger", spoilt=2)
    before = load_ledger(folder, "canonical").ledger
    assert (before["core_invoice"].height, before["core_quarantine"].height) == (COUNT - 2, 2)
    deliver(folder)
    after = load_ledger(folder, "canonical").ledger
    assert (after["core_invoice"].height, after["core_quarantine"].height) == (COUNT, 0)
    clean = load_ledger(deliver(tmp_path / "clean"), "canonical").ledger
    for name in LEDGER_TABLES:
        assert hash_frame(after[name]) == hash_frame(clean[name]), name


@pytest.mark.parametrize("verdict", ["pass", "fail"])
def test_a_list_that_disagrees_blocks_publication(tmp_path, verdict):
    run = Run(ledger="ledger", data_root=str(tmp_path))
    row = {
        "check_name": "core_balances_agree_with_the_stated_list",
        "subject": "core_stated_balance",
        "rows_in": 1,
        "rows_loaded": 1,
        "rows_quarantined": 0,
        "verdict": verdict,
        "statement": "the list says otherwise for C7",
    }
    run.store(QUALITY, QUALITY.conform(pl.DataFrame([row])))
    result = figures_do_not_contradict_each_other(run)
    assert result.passed == (verdict == "pass")
    assert ("C7" in str(result.description)) == (verdict == "fail")
    assert result.severity == dg.AssetCheckSeverity.ERROR


def publish_account(run, facts, as_of):
    keep_account(run, facts, as_of)
    settle_account(run.root, read_ready_account(run.root))


def test_a_run_refuses_a_delivery_that_shrank_unless_told_to_accept_it(tmp_path):
    def run(**options):
        return Run(ledger="ledger", data_root=str(tmp_path), **options)

    whole = load_ledger(deliver(tmp_path / "whole"), "canonical")
    half = whole.ledger | {"core_invoice": whole.ledger["core_invoice"].head(COUNT // 2)}
    keep_account(run(), whole.ledger, whole.as_of)
    keep_account(run(), half, whole.as_of)  # the run before was blocked: nothing is compared with it
    publish_account(run(), whole.ledger, whole.as_of)
    with pytest.raises(InputRefusedError, match="had 40 rows"):
        keep_account(run(), half, whole.as_of)
    with pytest.raises(InputRefusedError, match="had 40 rows"):  # a refusal leaves the account as it was
        keep_account(run(), half, whole.as_of)
    keep_account(
        Run(ledger="ledger", data_root=str(tmp_path / "whole")), half, whole.as_of
    )  # another data root
    publish_account(run(accept_smaller=True), half, whole.as_of)
    keep_account(run(), half, whole.as_of)


def test_a_delivery_cut_off_at_an_earlier_day_is_refused_unless_that_day_was_asked_for(tmp_path):
    def run(**options):
        return Run(ledger="ledger", data_root=str(tmp_path), **options)

    whole = load_ledger(deliver(tmp_path / "whole"), "canonical")
    half = whole.ledger | {"core_invoice": whole.ledger["core_invoice"].head(COUNT // 2)}
    publish_account(run(), whole.ledger, whole.as_of)
    earlier = whole.as_of - timedelta(days=1)
    keep_account(run(as_of=str(earlier)), half, earlier)  # a look at the past
    with pytest.raises(InputRefusedError, match="had 40 rows"):
        keep_account(run(), half, earlier)
    publish_account(run(as_of=str(earlier), accept_smaller=True), half, earlier)
    keep_account(run(), half, earlier)
