"""Files as users have them, by path and as uploads: the same texts from both, or one clear line.

``field/`` holds invented texts in file formats that public reports describe: ``files`` are
classified and uploaded, ``data`` are folders with labels.
"""

import codecs
import gzip
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data import data_sets, reader, sources, split_files, uploads
from pipeline.errors import PipelineError
from pipeline.inference import large_files
from pipeline.inference.classifier import Classifier

FIELD = Path(__file__).parent / "field"
FOUR = [
    "Envoys meet over border talks",
    "Keeper saves late penalty in cup tie",
    "Chipmaker lifts profit forecast",
    "New probe maps crater ice",
]
FILES: dict[str, list[str | None] | str] = {
    "Nachrichten – Größe 1.csv": FOUR,
    "binary.parquet": FOUR,
    "blank.txt": [None, None, None],
    "blankrows.csv": FOUR[:3],
    "bom.csv": FOUR,
    "categorical.parquet": FOUR,
    "dict.parquet": FOUR,
    "dup.csv": ["first column news of the cup"],
    "empty.csv": "is empty",
    "empty.txt": "holds no text",
    "header-only.csv": "holds no text",
    "headerless-quoted.csv": FOUR,
    "headerless.csv": FOUR,
    "headline-text.csv": [f"{text} Body of {row}" for row, text in enumerate(FOUR)],
    "headline_text-col.csv": FOUR,
    "ints.parquet": "holds int64, not texts",
    "kaggle-hard.csv": [
        "Big win at last Shares of the bank rose after its quarterly profit beat forecasts.",
        "Taking stock The striker scored twice as the home side won the cup final.",
        "Price of success A new chip and its software let phones run for a week, engineers say.",
    ],
    "kaggle.csv": [
        "Chipmaker lifts profit forecast Shares rose 4 percent in early trade.",
        "Keeper saves late penalty The away side, down to ten, held on.",
    ],
    "large.parquet": FOUR,
    "latin1.csv": ["Zürich bank lifts profit", "Café owners protest"],
    "nested.parquet": "holds struct<text: string>, not texts",
    "news.csv.gz": FOUR,
    "news.jsonl": FOUR,
    "news.tsv": FOUR,
    "news.zip": "is an archive; unpack it",
    "norows.parquet": "holds no text",
    "nulls.csv": [FOUR[0], None, None, FOUR[1]],
    "nulls.parquet": [FOUR[0], None, FOUR[1]],
    "numbers.csv": ["2024", "3.14", "1e5"],
    "pandas-index.parquet": FOUR,
    "quotes.csv": "line 3: text follows a closing quote",
    "ragged.csv": "line 3: 3 fields where the first has 2",
    "semi-excel.csv": [f"{text}, and more" for text in FOUR],
    "spaces.csv": FOUR,
    "title-article.csv": [f"{text} Body of {row}" for row, text in enumerate(FOUR)],
    "upper.CSV": FOUR,
    "utf16.csv": FOUR,
    "utf16.txt": FOUR,
    "zhang.csv": [
        "Chipmaker lifts profit forecast Shares rose 4 percent.",
        "Keeper saves late penalty The away side held on.",
    ],
}
WRONG_DATA = {
    "banking77": "has 1 class: 11; AG News has 4: World, Sports, Business, Sci/Tech",
    "bbc-named": "has 5 classes: business, entertainment, politics, sport, tech; AG News",
    "empty-texts": "row 6 has no text",
    "imbalanced": "can't draw the validation tenth by class",
    "label-1-3-shift": "3 classes: 1, 2, 3; .*; of 0 to 3 it lacks 0; of 1 to 4 it lacks 4",
    "na-texts": "row 1 has no text",
    "nul-bytes": "line 5 holds a null byte",
    "short-row": "line 61: 1 fields where the first has 2",
    "short-row-zhang": "line 61: 2 fields where the first has 3",
    "sst2": "has 2 classes: 0, 1; .* it lacks 2, 3;",
    "three-classes-finance": "has 3 classes: 0, 1, 2; .* of 0 to 3 it lacks 3;",
    "train-only": r"no test\.csv in",
    "two-classes-imdb": "has 2 classes: 0, 1; .* it lacks 2, 3;",
    "unquoted-commas": "line 2: 3 fields where the first has 2",
}
UNREADABLE = {"nul-bytes", "short-row", "short-row-zhang", "unquoted-commas"}
"""Cases of ``WRONG_DATA`` whose texts can't be read at all, whatever the labels are."""
ABSENT = {
    "class-missing-in-test": "no row of Sci/Tech; macro-F1",
    "one-class-test": "no row of World, Business, Sci/Tech; macro-F1",
    "one-row-test": "no row of Sports, Business, Sci/Tech; macro-F1",
}


@pytest.fixture
def classified(artifact, monkeypatch, tmp_path):
    """Classifies a file and returns the text of each row, None where the model was not asked."""
    asked = []
    predict = Classifier.predict_proba

    def note(self, texts, *rest):
        asked.extend(texts)
        return predict(self, texts, *rest)

    monkeypatch.setattr(Classifier, "predict_proba", note)

    def run(path):
        asked.clear()
        target = tmp_path / "out.parquet"
        large_files.classify(path, target, artifact, window=3)
        labels = pd.read_parquet(target)["label"]
        texts = iter(asked)
        return [next(texts) if there else None for there in labels.notna()]

    return run


def uploaded(path):
    file = uploads.open_upload(path.name, path.read_bytes())
    if not any(file.count()):
        raise PipelineError(f"{path.name} holds no text")
    return list(file.texts())


def refused(entrance, path, said):
    with pytest.raises(PipelineError, match=said) as caught:
        entrance(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_every_file_has_its_line():
    assert FILES.keys() == {path.name for path in (FIELD / "files").iterdir()}
    folders = {path.name for path in (FIELD / "data").iterdir()}
    assert (WRONG_DATA.keys() | ABSENT.keys()) <= folders


@pytest.mark.parametrize("name", FILES)
def test_files_give_the_same_texts_or_line_to_classify_and_upload(name, classified):
    path, expected = FIELD / "files" / name, FILES[name]
    for entrance in (classified, uploaded):
        if isinstance(expected, str):
            refused(entrance, path, expected)
        else:
            assert entrance(path) == expected


@pytest.mark.parametrize("folder", sorted((FIELD / "data").iterdir()), ids=lambda path: path.name)
def test_folders_give_the_same_texts_to_every_entrance(folder, classified):
    (train,) = split_files.find(folder, "train")
    if folder.name in WRONG_DATA:
        with pytest.raises(PipelineError, match=WRONG_DATA[folder.name]) as caught:
            data_sets.load(folder)
        assert "\n" not in str(caught.value)
        assert str(folder) in str(caught.value) or folder.name == "imbalanced"
        if folder.name in UNREADABLE:
            refused(classified, train, WRONG_DATA[folder.name])
            refused(uploaded, train, WRONG_DATA[folder.name])
        else:
            assert classified(train) == uploaded(train)
        return
    said = []
    corpus = data_sets.load(folder, say=said.append)
    rows = np.concatenate([corpus.train.rows, corpus.validation.rows])
    texts = [*corpus.train.texts, *corpus.validation.texts]
    in_order = [texts[place] for place in rows.argsort()]
    assert classified(train) == in_order == uploaded(train)
    labels = np.concatenate([corpus.train.labels, corpus.validation.labels])[rows.argsort()]
    if folder.name not in ("long80", "numeric-texts"):
        # Every text begins with one of four headlines, which tells its class.
        assert labels.tolist() == [
            next(place for place, start in enumerate(FOUR) if text.startswith(start))
            for text in in_order
        ]
    assert sum("read column" in line for line in said) == 2
    absent = [line for line in said if "has no row" in line]
    assert len(absent) == (folder.name in ABSENT)
    assert all(ABSENT[folder.name] in line for line in absent)


# --- the same rows in every form ----------------------------------------------------------------

TEXTS = [
    "Zürich bank, lifts profit",
    'The "Blues" win; again',
    "Café | owners\tprotest",
    "Ice on £",
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "marked", "cp1252"]


def encoded(text, encoding):
    if encoding == "marked":
        return codecs.BOM_UTF16_BE + text.encode("utf-16-be")
    return text.encode(encoding)


def as_csv(separator, end="\n", header=True, sep_line=False):
    rows = [["id", " text "]] if header else []
    rows += [[str(row), text] for row, text in enumerate(TEXTS)]
    quoted = [[row[0], '"' + row[1].replace('"', '""') + '"'] for row in rows]
    first = [f"sep={separator}"] if sep_line else []
    return end.join([*first, *(separator.join(row) for row in quoted), ""])


def texts_of(path):
    """The texts of a file, which must be the same by path and as an upload."""
    by_path = list(reader.open_texts(sources.from_path(path)).texts())
    assert list(uploads.open_upload(path.name, path.read_bytes()).texts()) == by_path
    return by_path


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_dialect_in_every_encoding(encoding, tmp_path):
    for separator in ",;\t|":
        for end in ("\n", "\r\n", "\r"):
            for more in ({}, {"header": False}, {"sep_line": True}):
                content = encoded(as_csv(separator, end, **more), encoding)
                path = tmp_path / ("in.tsv" if separator == "\t" else "in.csv")
                path.write_bytes(content)
                assert texts_of(path) == TEXTS, (separator, end, more)
    packed = tmp_path / "in.csv.gz"
    packed.write_bytes(gzip.compress(content, mtime=0))
    assert texts_of(packed) == TEXTS
    lines = tmp_path / "in.txt"
    for end in ("\n", "\r\n", "\r"):
        lines.write_bytes(encoded(end.join([*TEXTS, ""]), encoding))
        assert texts_of(lines) == TEXTS


JSON = {
    "lines": "\n".join(json.dumps({"id": 1, "text": text}) for text in TEXTS),
    "lines with gaps": "\r\n\r\n".join(json.dumps({"text": text}) for text in TEXTS) + "\r\n",
    "list": json.dumps([{"id": 1, "text": text} for text in TEXTS], indent=1),
    "list of texts": json.dumps(TEXTS),
    "columns": json.dumps({"id": [1, 2, 3, 4], "text": TEXTS}),
    "pandas": pd.DataFrame({"id": 1, "text": TEXTS}).to_json(),
    "wrapped": json.dumps({"version": 1, "data": [{"text": text} for text in TEXTS]}),
}


@pytest.mark.parametrize("form", JSON)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_json_in_every_form(form, encoding, tmp_path):
    kinds = [".json", ".json.gz"] + [".jsonl", ".ndjson"] * form.startswith("lines")
    for kind in kinds:
        path = tmp_path / f"in{kind}"
        content = encoded(JSON[form], encoding)
        path.write_bytes(gzip.compress(content, mtime=0) if kind.endswith(".gz") else content)
        assert texts_of(path) == TEXTS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"text": "a"}\n{"text": "b"\n{"text": "c"}', "line 3: Expecting"),
        ('[{"text": "a"}, ', "its list is never closed"),
        ('{"text": "a', "line 1: Unterminated string"),
        ("coach wins", "line 1: Expecting value"),
        ("[" * 100_000, "nest too deep"),
        ("[[1, 2], [3]]", "row 1 is a list"),
        ("[]", "holds no text"),
        ('{"text": 1}\n', "holds number, not texts"),
    ],
)
def test_json_that_is_none_is_said_in_a_line(content, said, tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text(content)
    refused(texts_of, path, said)


def test_json_is_read_a_value_at_a_time(tmp_path):
    path = tmp_path / "in.json"
    texts = [f"coach {'x' * (row % 7)} 💶" for row in range(30_000)]
    path.write_text(json.dumps([{"text": text} for text in texts], ensure_ascii=False))
    assert texts_of(path) == texts


TYPES = [
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()),
    *(pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.large_string())),
]


@pytest.mark.parametrize("kind", TYPES, ids=str)
@pytest.mark.parametrize("packed", [False, True])
def test_strings_of_every_type(kind, packed, tmp_path):
    path = tmp_path / ("in.parquet.gz" if packed else "in.parquet")
    plain = tmp_path / "plain.parquet"
    pq.write_table(pa.table({"text": pa.array([*TEXTS, None], pa.string()).cast(kind)}), plain)
    content = plain.read_bytes()
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    assert texts_of(path) == [*TEXTS, None]
