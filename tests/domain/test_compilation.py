"""Machine code is kept for exactly the sources that it was made from."""

from segmentation.domain.compilation import digest_sources


def test_machine_code_is_made_anew_when_a_module_beside_a_compiled_one_changes(tmp_path):
    room, plain = tmp_path / "room", tmp_path / "plain"
    room.mkdir()
    plain.mkdir()
    (room / "kernel.py").write_text("@compiled(signature)\ndef run(): ...\n")
    (room / "constants.py").write_text("SIZE = 1\n")
    (plain / "words.py").write_text("NAME = 'a'\n")
    first = digest_sources(tmp_path)
    (plain / "words.py").write_text("NAME = 'b'\n")
    assert digest_sources(tmp_path) == first
    (room / "constants.py").write_text("SIZE = 2\n")
    assert digest_sources(tmp_path) != first
