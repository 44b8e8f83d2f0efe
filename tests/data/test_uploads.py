"""Files that people upload, whole and broken."""

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data import uploads
from pipeline.data.reader import Form
from pipeline.errors import PipelineError

TEXT = "Café’s profit\nالكأس 🎉\n"


def texts(name, content, **form):
    return list(uploads.open_upload(name, content, Form(**form)).texts())


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        # With a fixed date, so that all workers of the tests collect the same parameters.
        archive.writestr(zipfile.ZipInfo("a.csv"), "0" * 1_000_000, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def parquet(texts) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"text": texts}), file, compression="zstd", use_dictionary=False)
    return file.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_unicode_is_read_as_it_is(encoding):
    assert texts("a.txt", TEXT.encode(encoding)) == TEXT.splitlines()


def test_a_guessed_encoding_is_said():
    file = uploads.open_upload("a.txt", "Café’s … £5".encode("cp1252"))
    assert list(file.texts()) == ["Café’s … £5"]
    assert file.summary() == "read 1 line, Windows-1252"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"", "a.csv is empty"),
        ("a.csv", b" \n\r\n\t", "is empty"),
        ("a.csv", b"\xef\xbb\xbf", "is empty"),
        ("a.csv", b"text\nco\0ach\n", "line 2 holds a null byte"),
        ("a.txt", "coach".encode("utf-32"), "null byte"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 4, "control characters"),
        ("a.csv", zipped(), "zip archive"),
        ("a.zip", zipped(), "an archive; unpack it"),
        ("a.xlsx", zipped(), "save the sheet as CSV"),
        ("a.pdf", b"%PDF-1.4", "not a .csv, .tsv, .txt, .jsonl, .json or .parquet file"),
        ("a.txt.gz", gzip.compress(b"coach\n" * 99, mtime=0)[:-3], "a damaged gzip file"),
        ("a.txt", b"\xff\xfeabc", "UTF-16"),
        ("a.txt", b"\xef\xbb\xbf\xff\xff", "UTF-8"),
        ("a.txt", b"a" * (uploads.MAX_BYTES + 1), "larger than 10 MB"),
        ("a.txt.gz", gzip.compress(b"a" * (uploads.MAX_BYTES + 1), mtime=0), "larger than 10 MB"),
        ("a.parquet", parquet(["a" * uploads.MAX_BYTES, "a"]), "larger than 10 MB unpacked"),
        ("a.parquet", b"PAR1 and no more", "can't be read"),
        ("a.csv", parquet(["a"]), "a parquet file; name it so"),
    ],
)
def test_what_can_not_be_used_is_said_in_a_line(name, data, said):
    with pytest.raises(PipelineError, match=said) as caught:
        texts(name, data)
    assert "\n" not in str(caught.value)


def test_a_file_may_be_packed():
    assert texts("a.csv.gz", gzip.compress(b"text\ncoach\n", mtime=0)) == ["coach"]
    # Also if its name does not say so.
    assert texts("a.csv", gzip.compress(b"text\ncoach\n", mtime=0)) == ["coach"]


def test_without_a_header():
    content = b'"3","title","story"\n"1","a","b"\n'
    file = uploads.open_upload("a.csv", content, Form(header=False))
    assert file.table.names == ("column 1", "column 2", "column 3")
    assert list(file.texts()) == ["title story", "a b"]


def test_columns_that_are_chosen():
    content = b"id,text,other\n1,coach,oil\n"
    assert texts("a.csv", content) == ["coach"]
    assert texts("a.csv", content, columns=("other",)) == ["oil"]
    assert texts("a.csv", content, columns=("3", "text")) == ["oil coach"]
    with pytest.raises(PipelineError, match="no column 'title'; it has id, text, other"):
        texts("a.csv", content, columns=("title",))
