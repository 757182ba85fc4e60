"""Errors read as one paragraph; settings refuse what they do not know."""

import pytest
from pydantic import ValidationError

from segmentation.domain.errors import GateBlockedError, InputRefusedError, IntegrityError, UsageError
from segmentation.domain.settings import Settings


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
