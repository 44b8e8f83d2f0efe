"""Files that people upload, whole and broken."""

import gzip
import io
import zipfile

import pytest

from pipeline.data import uploads
from pipeline.errors import PipelineError

TEXT = "Café’s profit\nالكأس 🎉\n"


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "0" * 1_000_000)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_as_it_is(encoding):
    assert uploads.decode(TEXT.encode(encoding)) == (TEXT, [])


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_of_either_order(mark):
    encoding = "utf-16-le" if mark == b"\xff\xfe" else "utf-16-be"
    assert uploads.decode(mark + TEXT.encode(encoding))[0] == TEXT


def test_anything_else_is_latin_1_with_a_remark():
    text, (remark,) = uploads.decode("Café’s … £5".encode("cp1252"))
    assert text == "Café’s … £5"
    assert "Latin-1" in remark


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b" \n\r\n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"text\nco\0ach\n", "null bytes"),
        ("coach".encode("utf-32"), "null bytes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 4, "control characters"),
        (zipped(), "zip archive"),
        (gzip.compress(b"coach\n" * 99), "gzip archive"),
        (b"\xff\xfeabc", "UTF-16"),
        (b"\xef\xbb\xbf\xff\xff", "UTF-8"),
        (b"a" * (uploads.MAX_BYTES + 1), "larger than 10 MB"),
    ],
)
def test_what_is_no_text_is_said_in_a_line(data, said):
    with pytest.raises(PipelineError, match=said) as caught:
        uploads.decode(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators(separator):
    table, remarks = uploads.read_csv(f"id{separator}text\r\n1{separator}coach\r\n", 10)
    assert table.to_dict("list") == {"id": ["1"], "text": ["coach"]}
    assert remarks == []


def test_quotes_commas_and_line_breaks_in_fields():
    table, _ = uploads.read_csv('id,text\n1,"a, ""b""\nc"\n\n2,d\n', 10)
    assert table["text"].tolist() == ['a, "b"\nc', "d"]
    assert uploads.column(table, "text") == 'a, "b" c\nd'


def test_numbers_and_missing_values_stay_as_they_are_written():
    assert uploads.read_csv("text\n007\nNA\n1e5\n", 10)[0]["text"].tolist() == ["007", "NA", "1e5"]


def test_without_a_header():
    table, _ = uploads.read_csv('"3","title","story"\n"1","a","b"\n', 10, header=False)
    assert list(table) == ["column 1", "column 2", "column 3"]
    assert len(table) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 fields where the first has 2"),
        ("a,b\n1\n", "line 2: 1 fields"),
        ('a,b\n1,"2\n', "can't be read as CSV"),
        ("a" * 1_000_001 + "\nb\n", "can't be read as CSV"),
        (",".join("a" * 101) + "\n", "more than 100 columns"),
        ("a,b\n", "no row below its header"),
    ],
)
def test_broken_tables_are_said_in_a_line(text, said):
    with pytest.raises(PipelineError, match=said) as caught:
        uploads.read_csv(text, 10)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("header", [True, False])
def test_blank_lines_alone_are_no_table(header):
    with pytest.raises(PipelineError, match="no row"):
        uploads.read_csv("\n\r\n\n", 10, header)


@pytest.mark.parametrize(("rows", "kept", "remarks"), [(10, 10, 0), (11, 10, 1), (50, 10, 1)])
def test_more_rows_than_are_read(rows, kept, remarks):
    table, said = uploads.read_csv("text\n" + "coach\n" * rows, 10)
    assert len(table) == kept
    assert len(said) == remarks
    assert all("python -m pipeline classify" in remark for remark in said)


def test_names_are_made_unique():
    names = ["text", "", "text", "text (2)", "a\nb", "x" * 99]
    made = uploads.unique_names(names)
    assert made == ["text", "column 2", "text (2)", "text (2) (2)", "a b", "x" * 60]


def test_the_likely_column():
    table, _ = uploads.read_csv("id,Title,TEXT\n1,a,b\n", 10)
    assert uploads.likely_column(table) == "TEXT"
    table, _ = uploads.read_csv("id,what\n1,coach wins\n", 10)
    assert uploads.likely_column(table) == "what"


def test_a_column_that_is_not_there():
    table, _ = uploads.read_csv("a\nb\n", 10)
    with pytest.raises(PipelineError, match="no column 'text'"):
        uploads.column(table, "text")
