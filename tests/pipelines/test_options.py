"""Options that several verbs share."""

import datetime as dt

import pytest
import typer

from pipelines.command_line import service_verbs
from pipelines.command_line.app import app, run_command
from pipelines.days import refuse_coming_day
from pipelines.execution import run_pipeline
from pipelines.resources import Run
from segmentation.domain.errors import ExitCode, UsageError
from segmentation.publish.decision_database import read_location


def test_every_verb_finds_the_decisions_store_where_the_others_do():
    """A run and its approval must not read two stores because one of them asked the environment only."""
    verbs = typer.main.get_command(app).commands
    asked = {
        name: option.envvar
        for name, verb in verbs.items()
        for option in verb.params
        if "--decisions" in option.opts
    }
    assert {"run", "feed", "approve", "dashboard", "dagster"} <= asked.keys()
    assert set(asked.values()) == {"SEGMENTATION_DECISIONS"}


def test_the_dashboard_opens_the_store_that_was_named_and_shows_its_password_to_nobody(monkeypatch, tmp_path):
    """It runs in a folder of its own, where a relative path would be another database; words show in ``ps``."""
    started = []
    monkeypatch.setattr(
        service_verbs, "_serve", lambda words, environment, _: started.append((words, environment))
    )
    monkeypatch.chdir(tmp_path)
    for named in ("sqlite:///d.sqlite", "postgresql://anna:s3cret@127.0.0.1:1/decisions"):
        assert run_command(["dashboard", "--data-root", "d", "--decisions", named]) == 0
    (_, file), (words, server) = started
    assert read_location(file["SEGMENTATION_DECISIONS"]).database == str(tmp_path / "d.sqlite")
    assert read_location(server["SEGMENTATION_DECISIONS"]).password == "s3cret"
    assert "s3cret" not in " ".join(words)


@pytest.mark.parametrize("verb", ["run", "feed", "approve", "dagster"])
def test_a_mistyped_store_is_refused_and_not_made(verb, monkeypatch, tmp_path, capsys):
    missing = tmp_path / "decisionz.sqlite"
    monkeypatch.setattr(service_verbs, "_serve", lambda *_: None)
    more = {
        "approve": ["S", "--by", "Ann", "--reason", "x", "--until", "2026-01-01"],
        "dagster": [],
    }.get(verb, ["--ledger", str(tmp_path), "--mapping", "canonical"])
    words = [verb, *more, "--data-root", str(tmp_path / "root")]
    for named in (str(missing), f"sqlite:///{missing}"):
        assert run_command([*words, "--decisions", named]) == ExitCode.USAGE
        assert "There is no decisions store here" in capsys.readouterr().err
    monkeypatch.setenv("SEGMENTATION_DECISIONS", str(missing))
    assert run_command(words) == ExitCode.USAGE
    assert not missing.exists()


def test_a_run_takes_no_day_that_has_begun_nowhere(tmp_path):
    """Published as of a year that was mistyped, every later delivery would be one of the past."""
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    refuse_coming_day(None, tomorrow)
    refuse_coming_day(tomorrow, tomorrow - dt.timedelta(days=1))
    ledger = tmp_path / "invoice.csv"
    ledger.touch()
    with pytest.raises(UsageError, match="has not come yet"):
        run_pipeline(Run(ledger=str(ledger), data_root=str(tmp_path / "root"), as_of="2962-10-22"))
