"""Bytes in every encoding of files and consoles, and bytes that are no text."""

import pytest

from pipeline.data import text_encoding
from pipeline.errors import PipelineError

LATIN = "Zürich bank’s profit\nCafé owners protest £5\n"
ANY_SCRIPT = {
    "latin": LATIN,
    "ascii": "Envoys meet over border talks\r\nKeeper saves penalty\r\n",
    "one word": "coach",
    "cyrillic": "Банк Цюриха сообщил о прибыли\nТренер доволен\n",
    "chinese": "一家银行公布利润\n教练对比赛感到满意,一切顺利\n",
    "arabic": "الكأس لنا\nالربح 🎉\n",
    "devanagari": "बैंक का मुनाफा बढ़ा\nकोच खुश है\n",
    "greek": "Η τράπεζα\rΤο κύπελλο\r",
}


@pytest.mark.parametrize("name", ANY_SCRIPT)
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "big-endian, marked"]
)
def test_unicode_of_any_script_is_read_with_and_without_a_mark(name, encoding):
    text = ANY_SCRIPT[name]
    if encoding == "big-endian, marked":
        content = b"\xfe\xff" + text.encode("utf-16-be")
    else:
        content = text.encode(encoding)
    assert text_encoding.decode(content, "in.txt") == text


def test_the_rest_is_windows_1252():
    assert text_encoding.decode(LATIN.encode("cp1252"), "in.txt") == LATIN
    assert text_encoding.find_encoding(lambda: [b"Z\xfcrich"], "in.txt") == "cp1252"
    assert text_encoding.name_of("cp1252") == "Windows-1252"


def test_nothing_is_an_empty_text():
    assert text_encoding.decode(b"", "in.txt") == ""
    assert text_encoding.decode(b"\xef\xbb\xbf", "in.txt") == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_characters_that_chunks_cut_are_read(encoding):
    text = LATIN * 3000
    content = text.encode(encoding)
    chunks = [content[at : at + 70_001] for at in range(0, len(content), 70_001)]
    found = text_encoding.find_encoding(lambda: chunks, "in.txt")
    assert content.decode(found) == text


BAD = {
    "null byte": (b"text\nco\0ach\n", "line 2 holds a null byte"),
    "null byte in UTF-8": ("Zürich\nco\0ach\n".encode(), "line 2 holds a null byte"),
    "null bytes at even places": (b"New probe\0maps ice\n" * 2, "line 1 holds a null byte"),
    "UTF-32": ("coach".encode("utf-32"), "null byte"),
    "no Windows-1252": (b"Z\xfcrich\r\nbank\x81\r\n", "as Windows-1252: byte 0x81 in line 2"),
    "damaged UTF-8": ("Zürich Köln\nBär\n".encode() + b"Z\xfcrich", "UTF-8: byte 0xfc in line 3"),
    "cut UTF-8 with a mark": (b"\xef\xbb\xbfa\n\xc3", "UTF-8: byte 0xc3 in line 2"),
    "odd UTF-16": (b"\xff\xfeabc", "UTF-16: byte 0x63 in line 1"),
    "picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 4, "control characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_text_is_one_line_that_names_where(name):
    content, said = BAD[name]
    with pytest.raises(PipelineError, match=said) as caught:
        text_encoding.decode(content, "in.txt")
    assert str(caught.value).startswith("in.txt ")
    assert "\n" not in str(caught.value)
