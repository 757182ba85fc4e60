"""Options that several verbs share."""

import typer

from pipelines.command_line import service_verbs
from pipelines.command_line.app import app, run_command
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
