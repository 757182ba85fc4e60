import pytest

from segmentation.domain.errors import InputRefusedError
from segmentation.ledger.readers import xml
from segmentation.ledger.readers.xml import find_all, line_of, parse_xml, text_at

BILLION = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>
<a>&c;</a>"""


def test_prefixes_do_not_matter():
    root = parse_xml(
        b'<x:a xmlns:x="urn:one">\n<x:b> one </x:b><y:b xmlns:y="urn:two">two</y:b></x:a>', "a.xml"
    )
    assert text_at(root, "missing", "b") == "one"
    assert [line_of(found) for found in find_all(root, "b")] == [2, 2]


def test_a_comment_is_no_part_of_a_value():
    assert text_at(parse_xml(b"<a><b>12<!-- 0 -->.5<?x y?>0</b></a>", "a.xml"), "b") == "12.50"


def test_an_entity_never_reads_a_file(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("do not tell")
    attack = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'.encode()
    with pytest.raises(InputRefusedError) as error:
        parse_xml(attack, "a.xml")
    assert "do not tell" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BILLION, "document type"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>', "document type"),
        (b"<a><b></a>", "not well-formed"),
        (b"id;amount\n1;2\n", "not well-formed"),
        (b" \n", "empty"),
        (b'<?xml version="1.0" encoding="utf-8"?><a>\xe9</a>', "not well-formed"),
        (b"<a>" * 1000 + b"</a>" * 1000, "not well-formed"),
    ],
)
def test_what_is_no_plain_xml_is_refused(data, message):
    with pytest.raises(InputRefusedError, match=message):
        parse_xml(data, "a.xml")


def test_the_line_of_a_break_is_told():
    with pytest.raises(InputRefusedError) as error:
        parse_xml(b"<a>\n<b>\n</a>", "a.xml")
    assert error.value.where == "a.xml, line 3"


def test_a_file_beyond_the_bound_is_not_parsed(monkeypatch):
    monkeypatch.setattr(xml, "MAX_BYTES", 3)
    with pytest.raises(InputRefusedError, match="at most 3"):
        parse_xml(b"<a/>", "a.xml")
