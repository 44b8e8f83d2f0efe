"""Reading data sets: both forms, the split, the fingerprint, and every kind of error."""

import shutil

import numpy as np
import pandas as pd
import pytest

from pipeline.data import data_sets
from pipeline.data.data_sets import Split
from pipeline.data.reader import Form
from pipeline.errors import PipelineError
from tests.pipelines import write_data


@pytest.fixture
def folder(tmp_path):
    return write_data(tmp_path / "news", 80, 40)


def _rewrite(folder, change):
    path = folder / "train.csv"
    frame = pd.read_csv(path)
    change(frame).to_csv(path, index=False)


def test_split_is_stratified_disjoint_and_the_same_every_time(folder):
    corpus, again = data_sets.load(folder), data_sets.load(folder)
    assert {name: len(split) for name, split in corpus.splits().items()} == {
        "train": 72,
        "validation": 8,
        "test": 40,
    }
    assert np.bincount(corpus.validation.labels).tolist() == [2, 2, 2, 2]
    assert not set(corpus.train.rows) & set(corpus.validation.rows)
    assert set(corpus.train.rows) | set(corpus.validation.rows) == set(range(80))
    assert corpus.validation.texts == again.validation.texts
    assert corpus.fingerprint == again.fingerprint


def test_rows_lead_back_to_the_file(folder):
    texts = pd.read_csv(folder / "train.csv")["text"]
    validation = data_sets.load(folder).validation
    assert validation.texts == [texts[row] for row in validation.rows]


def test_fewer_rows_are_drawn_by_class_and_test_stays_whole(folder):
    corpus = data_sets.load(folder, train_rows=40)
    assert (len(corpus.train), len(corpus.validation), len(corpus.test)) == (36, 4, 40)
    assert np.bincount(corpus.train.labels).tolist() == [9, 9, 9, 9]


def test_fingerprint_follows_texts_labels_and_rows(folder):
    prints = {data_sets.load(folder).fingerprint, data_sets.load(folder, train_rows=40).fingerprint}
    _rewrite(folder, lambda frame: frame.replace({"text": {frame["text"][0]: "Another headline"}}))
    prints.add(data_sets.load(folder).fingerprint)
    _rewrite(folder, lambda frame: frame.assign(label=frame["label"].to_numpy()[::-1]))
    prints.add(data_sets.load(folder).fingerprint)
    assert len(prints) == 4


def _corpus(labels=("a", "b"), title_first=True, **texts):
    """A corpus with two rows per split, one of each class. ``texts`` replaces those of a split."""
    splits = []
    for name in ("train", "validation", "test"):
        given = texts.get(name, ["one", "two"])
        splits.append(Split(given, np.arange(len(given)) % 2, np.arange(len(given))))
    return data_sets.Corpus("made", labels, title_first, *splits)


def test_fingerprint_covers_class_names_and_whether_titles_come_first():
    corpora = [
        _corpus(),
        _corpus(labels=("b", "a")),
        _corpus(labels=("a", "b", "c")),
        _corpus(labels=("ab", "c")),
        _corpus(labels=("a", "bc")),
        _corpus(title_first=False),
        _corpus(train=["one", "two", "one", "two"], validation=[]),
        _corpus(train=[], validation=["one", "two", "one", "two"]),
    ]
    assert len({corpus.fingerprint for corpus in corpora}) == len(corpora)
    assert _corpus().fingerprint == _corpus(labels=["a", "b"]).fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a\n1\tb", "c"], ["a", "b\n0\tc"]),  # a text that looks like two rows
        (["ab", "c"], ["a", "bc"]),
        (["a", ""], ["", "a"]),
        (["a", "b"], ["a\0", "b"]),
    ],
)
def test_no_text_can_look_like_others(one, other):
    assert _corpus(train=one).fingerprint != _corpus(train=other).fingerprint


def test_agnews_and_the_invented_headlines_name_their_classes(folder):
    for corpus in (data_sets.load(folder), data_sets.load(toy=True)):
        assert corpus.labels == ("World", "Sports", "Business", "Sci/Tech")
        assert corpus.title_first


NAMES = {
    "none": ((), "there are 0 labels"),
    "one": (("a",), "there are 1 labels; there may be 2 to 200"),
    "201": (tuple(f"class {n}" for n in range(201)), "there are 201 labels"),
    "twice": (("a", "b", "a"), "'a' stands twice"),
    "empty": (("a", ""), "is empty"),
    "blank": (("a", "\u3000 "), "is empty"),
    "no list": ("ab", "not a list of names"),
    "numbers": ((1, 2), "not a list of names"),
    "two lines": (("a", "b\nc"), "not of one line"),
    "half a character": (("a", "\ud800"), "not of one line"),
    "endless": (("a", "b" * 201), "longer than 200 characters"),
}


@pytest.mark.parametrize("case", NAMES)
def test_class_names_that_can_be_none_are_said_in_one_line(case):
    names, message = NAMES[case]
    with pytest.raises(PipelineError, match=message) as error:
        _corpus(labels=names)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("World", "世界", "мир", "عالم"),
        ("a,b", '"quoted"', "it's", "👩‍🔬", "<b>", "a|b"),
        tuple(f"class {n}" for n in range(200)),
    ],
)
def test_class_names_of_any_script_are_kept(names):
    assert _corpus(labels=names).labels == names


def test_a_label_without_a_name_is_refused():
    rows = Split(["one", "two"], np.array([0, 2]), np.arange(2))
    with pytest.raises(PipelineError, match=r"a test row has a label outside 0\.\.1"):
        data_sets.Corpus(
            "made", ("a", "b"), False, rows.take(np.array([0])), rows.take(np.array([], int)), rows
        )


@pytest.mark.parametrize("header", [True, ["Class Index", "Title", "Description"], False])
def test_both_forms_are_the_same_data(folder, tmp_path, header):
    zhang = tmp_path / "zhang"
    zhang.mkdir()
    for split in ("train", "test"):
        frame = pd.read_csv(folder / f"{split}.csv")
        words = frame["text"].str.split(" ", n=1, expand=True)
        three = pd.DataFrame({"c": frame["label"] + 1, "t": words[0], "d": words[1]})
        three.to_csv(zhang / f"{split}.csv", index=False, header=header)
    if header is True:
        # The columns are named c, t, d. Any header works if its first cell is no number.
        assert (zhang / "train.csv").read_text().startswith("c,t,d")
    assert data_sets.load(zhang).fingerprint == data_sets.load(folder).fingerprint


def test_columns_and_header_can_be_set(folder, tmp_path):
    odd = tmp_path / "odd"
    odd.mkdir()
    for split in ("train", "test"):
        frame = pd.read_csv(folder / f"{split}.csv")
        frame.insert(0, "title", frame["text"].str.upper())
        frame.to_csv(odd / f"{split}.csv", index=False)
    said = []
    corpus = data_sets.load(odd, form=Form(("text",)), say=said.append)
    assert (
        corpus.fingerprint == data_sets.load(folder).fingerprint != data_sets.load(odd).fingerprint
    )
    assert (
        "train.csv: read column 'text' of 3, 80 rows, with a header, labels in 'label'" in said[0]
    )
    with pytest.raises(PipelineError, match=r"train\.csv has 5 classes: 0, 1, 2, 3, label"):
        data_sets.load(odd, form=Form(("1,2",), header=False))


def test_test_rows_of_another_numbering_are_refused(folder):
    frame = pd.read_csv(folder / "test.csv")
    frame.assign(label=frame["label"] + 1).to_csv(folder / "test.csv", index=False)
    with pytest.raises(PipelineError, match=r"row \d+ has label '4', which no training row has"):
        data_sets.load(folder)


def _parts(folder, *names):
    table = pd.read_csv(folder / "train.csv")
    (folder / "train.csv").unlink()
    (folder / "data").mkdir()
    for number, name in enumerate(names):
        table.iloc[number :: len(names)].to_parquet(folder / "data" / name)


def test_numbered_parts_are_one_split(folder):
    texts = set(pd.read_csv(folder / "train.csv")["text"])
    _parts(folder, "train-00000-of-00002.parquet", "train-00001-of-00002.parquet")
    (folder / "test.csv").rename(folder / "data" / "test.csv")
    corpus = data_sets.load(folder)
    assert {*corpus.train.texts, *corpus.validation.texts} == texts


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["train-00000-of-00002.parquet"], "only 1 of 2 parts"),
        (["train.parquet", "TRAIN.pq"], "several files of the same rows"),
    ],
)
def test_files_of_a_split_that_are_not_one_whole_are_named(folder, names, said):
    _parts(folder, *names)
    with pytest.raises(PipelineError, match=said):
        data_sets.load(folder)


def test_the_toy_data_are_the_projects_own(tmp_path):
    corpus = data_sets.load(toy=True)
    assert {name: len(split) for name, split in corpus.splits().items()} == {
        "train": 270,
        "validation": 30,
        "test": 100,
    }
    assert np.bincount(corpus.test.labels).tolist() == [25] * 4
    assert len({text.lower() for s in corpus.splits().values() for text in s.texts}) == 400


def _without(name):
    return lambda folder: (folder / name).unlink()


def _train(text):
    return lambda folder: (folder / "train.csv").write_bytes(text)


WRONG = {
    "folder": (shutil.rmtree, "no data folder at"),
    "file": (_without("test.csv"), "no test.csv in"),
    "empty file": (_train(b""), "train.csv is empty"),
    "header only": (_train(b"text,label\n"), "no rows under its header"),
    "column": (
        _train(b"text,when,where\na b,1,2\n"),
        "has columns text, when, where; it needs text,label",
    ),
    "label too large": (
        _train(b"text,label\na,0\nb,4\n"),
        "2 classes: 0, 4; AG News has 4: World, Sports, Business, Sci/Tech, written as names, "
        "or 0 to 3, or 1 to 4; of 0 to 3 it lacks 1, 2, 3 and has '4' in row 2",
    ),
    "negative label": (_train(b"text,label\na,-1\n"), "1 class: -1;"),
    "label that is a word": (
        _train(b"text,label\na,World\n"),
        "of names it lacks Sports, Business, Sci/Tech",
    ),
    "label that is a fraction": (_train(b"text,label\na,0.5\n"), "1 class: 0.5;"),
    "class 0 in Zhang's form": (_train(b"0,a,b\n"), "1 class: 0;"),
    "blank text": (_train(b"text,label\na,0\n  ,1\n"), "row 2 has no text"),
    "ragged": (_train(b"text,label\na,0\nb,1,2,3\n"), "line 3: 4 fields where the first has 2"),
    "no text at all": (_train(b"text,label\n\xff\xfe\x00,0\n"), "line 2 holds a null byte"),
    "too few rows": (
        _train(b"text,label\na,0\nb,1\nc,2\nd,3\n"),
        "the validation tenth would be 0",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(folder, case):
    spoil, message = WRONG[case]
    spoil(folder)
    with pytest.raises(PipelineError) as error:
        data_sets.load(folder)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("rows", [-5, 0, 3, 79, 1000])
def test_impossible_numbers_of_rows(folder, rows):
    with pytest.raises(PipelineError, match="--train-rows would be"):
        data_sets.load(folder, train_rows=rows)
