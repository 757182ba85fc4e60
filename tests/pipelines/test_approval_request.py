"""What a blocked run remembers of its decisions store: enough to recognise it, no password."""

import datetime as dt
import json

import pytest

from pipelines import approval
from pipelines.resources import Run
from segmentation.domain.errors import GateBlockedError, UsageError

URL = "postgresql://ar:s3cret@db/decisions?sslpassword=hidden"


@pytest.fixture
def describe(monkeypatch, tmp_path):
    monkeypatch.setattr(approval, "hash_decisions", lambda *_: "hash")
    monkeypatch.setattr(Run, "load_as_of", lambda _: dt.date(2026, 3, 2))
    monkeypatch.chdir(tmp_path)
    return lambda url: approval.describe_request(
        Run(ledger="x", mapping="canonical", data_root="root", as_of="2026-03-02", decisions_url=url),
        "inputs",
    )


def test_no_password_is_written(describe):
    words = json.dumps(describe(URL))
    assert "s3cret" not in words
    assert "hidden" not in words
    assert "db/decisions" in words


def test_the_same_store_is_recognised_with_its_password_and_another_is_refused(describe):
    request = describe(URL)
    changed = URL.replace("s3cret", "changed")
    assert approval._find_store(request, changed) == changed
    for other in ("", "postgresql://ar:s3cret@other/decisions", "decisions.sqlite"):
        with pytest.raises(UsageError, match="another decisions store") as refused:
            approval._find_store(request, other)
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("given", ["kept.sqlite", "sqlite:///kept.sqlite"])
def test_a_file_is_found_again_from_any_folder(describe, monkeypatch, tmp_path, given):
    request = describe(given)
    monkeypatch.chdir("/")
    assert approval._find_store(request, "") == f"sqlite:///{tmp_path}/kept.sqlite"


def test_the_file_in_the_data_root_moves_with_it(describe):
    assert approval._find_store(describe(""), "") == ""
    with pytest.raises(UsageError):
        approval._find_store(describe(""), "kept.sqlite")


def test_a_request_that_does_not_say_which_store_is_not_approved():
    with pytest.raises(GateBlockedError):
        approval._find_store({"decisions_url": URL}, URL)
