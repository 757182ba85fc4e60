"""Errors read as one paragraph; settings refuse what they do not know."""

from typing import get_args

import pytest
from pydantic import ValidationError

from segmentation.domain.errors import GateBlockedError, InputRefusedError, IntegrityError, UsageError
from segmentation.domain.settings import GroupAttribute, Settings
from segmentation.fairness.groups import SOURCES


@pytest.mark.parametrize(
    ("error", "code"), [(UsageError, 2), (InputRefusedError, 3), (GateBlockedError, 4), (IntegrityError, 5)]
)
def test_each_error_has_its_exit_code_and_one_paragraph(error, code):
    raised = error("The file is empty.", where="a.csv, line 1", remedy="Export it again.")
    assert raised.exit_code == code
    assert str(raised) == "The file is empty (a.csv, line 1). Export it again."


def test_settings_are_frozen_and_closed():
    with pytest.raises(ValidationError):
        Settings.model_validate({"sede": 1})
    with pytest.raises(ValidationError):
        Settings().seed = 2
    with pytest.raises(ValidationError):
        Settings.model_validate({"segments": {"structural_prob": 0.4}})


def test_settings_survive_a_round_trip():
    settings = Settings.model_validate({"treatment": {"annoyance_cost": "0.75"}})
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"treatment": {"default_timezone": "Europe/Brusels"}}, "IANA"),
        ({"treatment": {"open_hour": 20, "close_hour": 8}}, "before close_hour"),
        ({"treatment": {"open_hour": 9, "close_hour": 9}}, "before close_hour"),
        ({"treatment": {"jurisdiction": ""}}, "jurisdiction"),
        ({"fairness": {"attributes": ["shoe_size"]}}, "age_band"),
        ({"fairness": {"attributes": []}}, "attributes"),
        ({"fairness": {"attributes": ["sex", "sex"]}}, "more than once: sex"),
        ({"treatment": {"promise_grace_days": 5}}, "set both"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_a_run(given, told):
    with pytest.raises(ValidationError, match=told):
        Settings.model_validate(given)


def test_every_attribute_that_settings_allow_has_a_source():
    assert set(get_args(GroupAttribute)) == set(SOURCES)


def test_the_grace_of_promises_can_be_changed_for_all():
    days = {"promise_grace_days": 5}
    settings = Settings.model_validate({"segments": days, "treatment": days})
    assert settings.treatment.promise_grace_days == settings.segments.promise_grace_days == 5
