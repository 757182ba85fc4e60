"""A file that a verb writes is whole or not there, and what lies behind a path is respected."""

import os
import subprocess
import sys
import threading

import pytest

from pipelines.command_line.output import remove_output, write_output, write_text
from segmentation.domain.errors import UsageError


def fill_the_disk(place):
    place.write_text("half a li")
    raise OSError("No space left on device (os error 28)")  # as polars says it: no number, no strerror


def test_what_cannot_be_written_leaves_nothing_torn(tmp_path):
    out = tmp_path / "out" / "steps.jsonl"
    with pytest.raises(UsageError, match="No space left on device"):
        write_output(out, fill_the_disk)
    assert list(out.parent.iterdir()) == []
    write_text(out, "whole")
    with pytest.raises(UsageError):
        write_output(out, fill_the_disk)
    assert [path.read_text() for path in out.parent.iterdir()] == ["whole\n"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    target, link = tmp_path / "elsewhere" / "steps.jsonl", tmp_path / "steps.jsonl"
    target.write_text("yesterday")
    link.symlink_to(target)
    remove_output(link)
    assert link.is_symlink()
    assert not target.exists()
    write_text(link, "today")
    assert link.is_symlink()
    assert target.read_text() == "today\n"


def test_a_pipe_is_written_to_and_stays(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    remove_output(pipe)
    write_text(pipe, "today")
    reader.join(timeout=10)
    assert read == ["today\n"]
    assert pipe.is_fifo()


def test_standard_output_is_written_to_wherever_it_leads(tmp_path):
    words = "from pipelines.command_line.output import *; out = Path('/dev/stdout'); remove_output(out); write_text(out, 'today')"
    with (tmp_path / "shown").open("w") as shown:
        subprocess.run([sys.executable, "-c", words], check=True, stdout=shown)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["today\n"]


def test_a_folder_is_refused_in_words(tmp_path):
    with pytest.raises(UsageError, match="Is a directory"):
        write_text(tmp_path, "today")
