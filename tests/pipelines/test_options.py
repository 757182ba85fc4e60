"""Options that several verbs share."""

import typer

from pipelines.command_line.app import app


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
