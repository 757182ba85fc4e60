"""The verbs that look at results say what a person needs, and refuse what they cannot do."""

import re
import subprocess
import sys
from datetime import timedelta

import polars as pl
import pytest

from pipelines.command_line.app import run_command
from segmentation.domain.errors import ExitCode
from segmentation.domain.room_tables import ROOM_TABLES
from segmentation.domain.vocabulary import BlockCode
from segmentation.publish.assembly import assemble_tables
from segmentation.publish.reader import open_current
from segmentation.publish.writer import publish_snapshot
from tests.snapshot_factory import AS_OF, make_facts, make_frames

VERBS = (
    "demo",
    "run",
    "check",
    "backtest",
    "simulate",
    "explain",
    "verify",
    "export",
    "feed",
    "dashboard",
    "dagster",
)


def test_help_names_every_verb_and_exit_code(capsys):
    assert run_command(["--help"]) == 0
    shown = capsys.readouterr().out
    for verb in VERBS:
        assert verb in shown
    assert "4 a gate" in " ".join(shown.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert run_command([verb, "--help"]) == 0
    assert verb in capsys.readouterr().out


def test_an_unknown_verb_or_missing_option_is_usage(capsys):
    assert run_command(["publish"]) == ExitCode.USAGE
    assert run_command(["evaluate", "segments", "--seeds", "1"]) == ExitCode.USAGE
    assert run_command(["run", "--mapping", "canonical"]) == ExitCode.USAGE
    assert "--ledger" in capsys.readouterr().err


def test_nothing_published_says_what_to_run(tmp_path, capsys):
    assert run_command(["verify", "--data-root", str(tmp_path)]) == ExitCode.USAGE
    assert "run the pipeline" in capsys.readouterr().err


@pytest.mark.slow
def test_explain_shows_step_evidence_and_every_gate(published_sample, capsys):
    steps = open_current(published_sample).read_table("out_recommendations")
    blocked = steps.filter(pl.col("blocked_by").list.len() > 0).row(0, named=True)
    assert run_command(["explain", blocked["customer_id"], "--data-root", str(published_sample)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for code in BlockCode:
        assert code.replace("_", " ") in shown
    assert "closed" in shown
    assert "hypothesis" in shown


def _explain(root, customer_id, capsys, *options):
    """Return what explain prints about a customer: the sentences and, by gate, the rows of the table."""
    assert run_command(["explain", customer_id, "--data-root", str(root), *options]) == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")


@pytest.mark.usefixtures("wide_terminal")
def test_explain_shows_gates_of_channels_and_invoices(tmp_path, capsys):
    frames = make_frames()
    rows = [
        {
            "customer_id": "C001",
            "gate": "channel_not_permitted",
            "channel": "sms",
            "detail": "no text messages",
        },
        {"customer_id": "C001", "gate": "open_dispute", "invoice_id": "C001-009", "detail": "in [dispute]"},
    ]
    gates = pl.concat([frames["act_gate"], pl.DataFrame(rows)], how="diagonal_relaxed")
    frames["act_gate"] = ROOM_TABLES["act_gate"].conform(gates)
    publish_snapshot(assemble_tables(frames, AS_OF, None), tmp_path, make_facts())
    shown = _explain(tmp_path, "C001", capsys)
    assert "channel not permitted │ closed │ contact by sms │ no date known │ no text messages" in shown
    assert (
        "open dispute │ closed │ all contact about invoice C001-009 │ no date known │ in [dispute]" in shown
    )
    assert "insolvency │ open │ │ │ No insolvency is on record." in shown
    assert "What the law allows beside the invoice" in shown
    # A business owes the fixed sum; 34 days at 2.15 + 8 % on 510.50, cut to the cent: 4.82.
    assert "Invoice C001-009: costs of at most EUR 40.00, interest of EUR 4.82 until 2 March 2026" in shown
    assert "cool down │ closed │ all contact │ 2026-03-07 00:00 UTC │" in _explain(tmp_path, "C009", capsys)


@pytest.mark.usefixtures("wide_terminal")
def test_explain_shows_ids_as_they_are_whatever_marks_they_hold(tmp_path, capsys):
    ids = {"C001": "C[/1]:100:", "C001-009": "INV[/1]:100:"}
    frames = {
        name: frame.with_columns(pl.col(pl.String).replace(ids)) for name, frame in make_frames().items()
    }
    publish_snapshot(assemble_tables(frames, AS_OF, None), tmp_path, make_facts())
    shown = _explain(tmp_path, ids["C001"], capsys)
    assert "C[/1]:100:, as of the start of" in shown
    assert "Invoice INV[/1]:100:: " in shown


@pytest.mark.usefixtures("wide_terminal")
@pytest.mark.parametrize(
    ("channel", "level", "is_reminder"),
    [
        ("email", 1, True),
        ("letter", None, True),
        ("email", 3, True),
        ("email", 2, False),
        ("email", 0, False),
        ("phone", 1, False),
    ],
)
def test_only_a_message_that_starts_a_stage_uses_up_the_free_reminder(
    tmp_path, capsys, channel, level, is_reminder
):
    tables = _tables_with_a_contact(channel, level)
    publish_snapshot(tables, tmp_path, make_facts())
    shown = _explain(tmp_path, "C001", capsys)
    assert "by the pack be_consumer, Consumers in Belgium, version 2026.11" in shown
    assert ("EUR 7.50 for one more reminder" in shown) == is_reminder
    assert ("no costs before a first reminder" in shown) != is_reminder


@pytest.mark.usefixtures("wide_terminal")
def test_explain_takes_the_law_pack_of_the_settings(tmp_path, capsys):
    settings = tmp_path / "settings.yaml"
    settings.write_text("treatment: {jurisdiction: nl_consumer}", encoding="utf-8")
    publish_snapshot(_tables_with_a_contact("email", 1, party_type=None), tmp_path, make_facts())
    assert "by the pack strictest" in _explain(tmp_path, "C001", capsys)
    assert "by the pack nl_consumer" in _explain(tmp_path, "C001", capsys, "--settings", str(settings))


def _tables_with_a_contact(channel, level, party_type="consumer"):
    """Return published tables in which C001 was contacted thirty days ago, four days after the due date."""
    frames = make_frames()
    is_mine = pl.col("customer_id") == "C001"
    who = pl.when(is_mine).then(pl.lit(party_type)).otherwise("party_type").alias("party_type")
    frames["core_customer"] = frames["core_customer"].with_columns(who)
    contacts = frames["core_contact_event"]
    added = contacts.head(1).with_columns(
        pl.lit("K9").alias("contact_id"),
        pl.lit("C001").alias("customer_id"),
        pl.lit(None, pl.String).alias("invoice_id"),
        pl.lit(channel).alias("channel"),
        pl.lit(level, pl.Int64).alias("dunning_level"),
        pl.lit(AS_OF - timedelta(days=30)).cast(contacts["sent_at"].dtype).alias("sent_at"),
    )
    frames["core_contact_event"] = pl.concat([contacts, added])
    return assemble_tables(frames, AS_OF, None)


def test_explain_names_every_gate_whole_on_a_narrow_terminal(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    publish_snapshot(assemble_tables(make_frames(), AS_OF, None), tmp_path, make_facts())
    shown = _explain(tmp_path, "C009", capsys)
    assert [code for code in BlockCode if code.replace("_", " ") not in shown] == []


@pytest.mark.usefixtures("wide_terminal")
def test_explain_of_a_customer_without_a_recommendation_shows_why(tmp_path, capsys):
    frames = make_frames()
    mine = pl.col("customer_id") == "C012"
    for name in ("act_recommendation", "pred_instalment_risk"):
        frames[name] = frames[name].filter(~mine)
    row = {"customer_id": "C012", "gate": "nothing_open", "detail": "Nothing is open."}
    gates = pl.concat([frames["act_gate"], pl.DataFrame([row])], how="diagonal_relaxed")
    frames["act_gate"] = ROOM_TABLES["act_gate"].conform(gates)
    publish_snapshot(assemble_tables(frames, AS_OF, None), tmp_path, make_facts())
    shown = _explain(tmp_path, "C012", capsys)
    assert "Next step: none" in shown
    assert "nothing open │ closed │ all contact │ no date known │ Nothing is open." in shown


@pytest.mark.slow
def test_explain_of_an_unknown_customer_is_usage(published_sample, capsys):
    assert run_command(["explain", "nobody", "--data-root", str(published_sample)]) == ExitCode.USAGE
    assert "leading zeros" in capsys.readouterr().err


@pytest.mark.slow
def test_export_writes_every_table(published_sample, tmp_path):
    assert run_command(["export", "--out", str(tmp_path), "--data-root", str(published_sample)]) == 0
    for name, facts in open_current(published_sample).manifest.tables.items():
        assert pl.read_csv(tmp_path / f"{name}.csv", infer_schema=False).height == facts.row_count


def test_simulate_then_check(tmp_path, capsys):
    assert (
        run_command(["simulate", "--customers", "30", "--seed", "3", "--out", str(tmp_path / "world")]) == 0
    )
    assert run_command(["check", "--ledger", str(tmp_path / "world"), "--mapping", "canonical"]) == 0
    assert "rows" in capsys.readouterr().out


def test_simulate_switches(tmp_path, capsys):
    words = ["simulate", "--customers", "30", "--out", str(tmp_path)]
    assert run_command([*words, "--homogeneous", "--no-contacts", "--bias", "labels:language=fr:0.8"]) == 0
    assert pl.read_csv(tmp_path / "contact_event.csv", infer_schema=False).is_empty()
    assert pl.read_csv(tmp_path / "truth" / "customer.csv", infer_schema=False).height == 30
    assert run_command([*words, "--bias", "lables:language=fr"]) == ExitCode.USAGE
    example = re.search(r"labels:sex=\S+", capsys.readouterr().err)[0].rstrip(".")
    assert run_command([*words, "--bias", example]) == 0
    assert run_command([*words, "--bias", "labels:sex=f"]) == ExitCode.USAGE
    assert "Choose one of F, M" in capsys.readouterr().err


def test_help_answers_at_once_because_it_imports_nothing_heavy():
    command = [sys.executable, "-X", "importtime", "-m", "pipelines.command_line.app", "--help"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    assert "pipelines.command_line" in imported
    assert not imported & {"dagster", "lightgbm", "numba", "scipy", "sklearn", "streamlit"}


def test_debug_shows_the_traceback(tmp_path):
    from segmentation.domain.errors import UsageError

    with pytest.raises(UsageError):
        run_command(["--debug", "verify", "--data-root", str(tmp_path)])
