"""Any data set: every source, names of every kind, and a line for each thing that is wrong."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from pipeline.data import data_sets, declarations, hub, labels, loading, remarks
from pipeline.data.declarations import AGNEWS, BANKING77, TOY
from pipeline.data.loading import Asked
from pipeline.data.reader import Form
from pipeline.data_record import DataRecord
from pipeline.errors import PipelineError
from pipeline.recipes.families import FAMILIES
from tests.pipelines import write_data

NAMES = {
    2: ("no", "yes"),
    7: ("a, b", 'say "it"', "C", "C++", "عالم", "世界", "👩‍🔬"),
    77: tuple(f"class {number:02}" for number in range(77)),
}


def table(names, rows_each=10, written=None):
    """``rows_each`` texts of each class, all different. ``written`` are labels instead of names."""
    rows = [
        {"text": f"text {row} of {place}", "label": label}
        for row in range(rows_each)
        for place, label in enumerate(written or names)
    ]
    return pd.DataFrame(rows)


def write(path, names=NAMES[2], rows_each=10, written=None):
    frame = table(names, rows_each, written)
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(path, index=False)
    return path


def load(path, **asked):
    return loading.load(Asked(str(path), **asked))


def recorded(corpus):
    """What a run records of its data."""
    declaration = declarations.entry(corpus.data_set)
    labels = list(corpus.labels)
    return DataRecord("x", "0" * 64, labels, False, {}, 42, declaration=declaration)


def sizes(corpus):
    return {name: len(rows) for name, rows in corpus.splits().items()}


@pytest.mark.parametrize("count", NAMES)
def test_a_single_file_is_split_by_class(tmp_path, count):
    path = write(tmp_path / "my data.csv", NAMES[count])
    corpus, again = load(path), load(path)
    assert corpus.labels == tuple(sorted(NAMES[count]))
    assert sizes(corpus) == {"train": 8 * count, "validation": count, "test": count}
    for rows in corpus.splits().values():
        assert set(np.bincount(rows.labels)) == {len(rows) // count}
        place = rows.rows.tolist()
        frame = pd.read_csv(path)
        assert rows.texts == frame["text"][place].tolist()
        assert [corpus.labels[label] for label in rows.labels] == frame["label"][place].tolist()
    taken = np.concatenate([rows.rows for rows in corpus.splits().values()])
    assert sorted(taken) == list(range(10 * count))
    assert corpus.fingerprint == again.fingerprint
    assert (corpus.data_set.name, corpus.data_set.noun) == ("my-data", "text")


def test_classes_of_three_rows_give_each_split_one(tmp_path):
    corpus = load(write(tmp_path / "few.csv", NAMES[77], rows_each=3))
    assert sizes(corpus) == {"train": 77, "validation": 77, "test": 77}


def test_a_rare_class_is_in_every_split(tmp_path):
    frame = pd.concat([table(("a",), 400), table(("b",), 3).assign(text=["x", "y", "z"])])
    frame.to_csv(tmp_path / "rare.csv", index=False)
    corpus = load(tmp_path / "rare.csv")
    assert all((rows.labels == 1).sum() == 1 for rows in corpus.splits().values())
    assert any("macro-F1" in line for line in remarks.remarks(corpus))


def test_a_folders_own_splits_are_used(tmp_path):
    for name, rows in (("train", 10), ("dev", 4), ("test", 6)):
        write(tmp_path / "my" / f"{name}.csv", rows_each=rows)
    corpus = load(tmp_path / "my")
    assert sizes(corpus) == {"train": 20, "validation": 8, "test": 12}
    assert sizes(load(tmp_path / "my", train_rows=10)) == sizes(corpus) | {"train": 10}
    (tmp_path / "my" / "dev.csv").unlink()
    assert sizes(load(tmp_path / "my")) == {"train": 18, "validation": 2, "test": 12}
    (tmp_path / "my" / "test.csv").unlink()
    assert sizes(load(tmp_path / "my")) == {"train": 16, "validation": 2, "test": 2}
    (tmp_path / "my" / "train.csv").rename(tmp_path / "my" / "reviews.csv")
    assert sizes(load(tmp_path / "my")) == {"train": 16, "validation": 2, "test": 2}


def test_test_rows_of_another_file(tmp_path):
    test = write(tmp_path / "held-out.csv", rows_each=5)
    corpus = load(write(tmp_path / "my.csv"), test=str(test))
    assert sizes(corpus) == {"train": 18, "validation": 2, "test": 10}


def test_the_hubs_layout_names_its_classes(tmp_path):
    """Parquet files of the datasets library store the names of their label numbers."""
    folder = tmp_path / "data"
    folder.mkdir()
    features = Features({"text": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    for split in ("train", "test"):
        rows = table(("neg", "pos"), written=(0, 1))
        part = Dataset.from_pandas(rows, features=features, preserve_index=False)
        part.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    assert load(tmp_path).labels == ("neg", "pos")
    # Without that metadata, the numbers are the names.
    for path in folder.iterdir():
        pq.write_table(pq.read_table(path).replace_schema_metadata(), path)
    assert load(tmp_path).labels == ("0", "1")
    assert pa.__version__


@pytest.fixture
def on_the_hub(monkeypatch):
    """Puts splits on a fake Hub and returns the list of requested names and configurations."""
    asked = []

    def put(**splits):
        features = Features(
            {
                "idx": Value("int64"),
                "query": Value("string"),
                "intent": ClassLabel(names=["a", "b"]),
            }
        )
        sets = DatasetDict()
        for name, rows_each in splits.items():
            rows = table(("a", "b"), rows_each, written=(0, 1))
            rows = rows.rename(columns={"text": "query", "label": "intent"})
            rows.insert(0, "idx", range(len(rows)))
            sets[name] = Dataset.from_pandas(rows, features=features, preserve_index=False)
        monkeypatch.setattr(
            "datasets.load_dataset", lambda *arguments: asked.append(arguments) or sets
        )
        monkeypatch.setattr(hub, "_answers", lambda: True)
        return asked

    return put


def test_a_name_on_the_hub(on_the_hub):
    asked = on_the_hub(train=10, validation=5, test=5, unsupervised=3)
    corpus = load("somebody/intents:small")
    assert asked == [("somebody/intents", "small")]
    assert (corpus.labels, corpus.name) == (("a", "b"), "somebody/intents:small")
    assert sizes(corpus) == {"train": 20, "validation": 10, "test": 10}
    assert corpus.train.texts[0] == "text 0 of 0"
    assert corpus.data_set.name == "intents-small"


def test_the_hub_may_have_one_split_alone(on_the_hub):
    on_the_hub(train=10)
    assert sizes(load("somebody/intents")) == {"train": 16, "validation": 2, "test": 2}
    on_the_hub(test=10)
    with pytest.raises(PipelineError, match="no split called train"):
        load("somebody/intents")


def test_numbers_have_the_names_that_somebody_gives(tmp_path):
    path = write(tmp_path / "my.csv", NAMES[7], written=range(7))
    assert load(path).labels == tuple(map(str, range(7)))
    assert load(path, labels=NAMES[7]).labels == NAMES[7]
    from_one = write(tmp_path / "from-one.csv", NAMES[7], written=range(1, 8))
    corpus = load(from_one, labels=NAMES[7])
    assert corpus.labels[corpus.train.labels[0]] == NAMES[7][int(corpus.train.texts[0][-1])]


@pytest.mark.parametrize("name", ["names.json", "names.txt"])
def test_files_of_class_names(tmp_path, name):
    path = tmp_path / name
    text = json.dumps(NAMES[7]) if name.endswith("json") else "\n".join([*NAMES[7], ""])
    path.write_text(text, "utf-8")
    assert labels.read_names(path) == NAMES[7]
    for content in ("[1, 2]", '["a"', '{"a": 1}', "a"):
        path.write_text(content if name.endswith("json") else "a", "utf-8")
        with pytest.raises(PipelineError, match=name):
            labels.read_names(path)


def test_floats_and_numbers_are_the_same_labels(tmp_path):
    path = write(tmp_path / "my.csv", written=("1.0", "2"))
    assert load(path).labels == ("1", "2")


def test_agnews_is_known_by_its_classes_in_a_folder(tmp_path):
    folder = write_data(tmp_path / "news", 80, 40)
    said = []
    corpus = loading.load(Asked(str(folder)), said.append)
    assert corpus.data_set is AGNEWS
    assert corpus.fingerprint == data_sets.load(folder).fingerprint
    assert any("taken for it; --labels names other" in line for line in said)
    assert load(folder, data_set=AGNEWS).fingerprint == corpus.fingerprint
    fewer = load(folder, train_rows=40)
    assert fewer.fingerprint == data_sets.load(folder, 40).fingerprint
    # A single file, or other class names, is the user's own data set.
    for path, names in ((folder / "train.csv", None), (folder, ("a", "b", "c", "d"))):
        own = load(path, labels=names)
        assert own.data_set not in declarations.DECLARED.values()
        assert own.labels == (names or ("0", "1", "2", "3"))


def test_without_a_source_the_toy_data_are_at_hand():
    corpus = loading.load(Asked(data_set=TOY, family=FAMILIES["toy"]))
    assert corpus.fingerprint == data_sets.load(toy=True).fingerprint
    again = loading.load(Asked(data_set=TOY, again={"train": 270, "validation": 30, "test": 100}))
    assert again.fingerprint == corpus.fingerprint


def test_banking77_is_declared(tmp_path):
    for split, rows in (("train", 10), ("test", 4)):
        path = write(tmp_path / "b" / f"{split}.csv", NAMES[77], rows)
        frame = pd.read_csv(path).rename(columns={"label": "category"})
        frame.assign(label="one", text=frame["text"]).to_csv(path, index=False)
    corpus = load(tmp_path / "b", data_set=BANKING77)
    assert corpus.labels == NAMES[77]
    assert (corpus.data_set.noun, corpus.data_set.redistributable) == ("question", True)
    with pytest.raises(PipelineError, match="has 2 classes; BANKING77 has 77"):
        load(_folder(tmp_path / "c"), data_set=BANKING77, label="label")
    (tmp_path / "b" / "test.csv").unlink()
    with pytest.raises(PipelineError, match=r"no test rows in .*; BANKING77 has its own"):
        load(tmp_path / "b", data_set=BANKING77)


def _folder(folder):
    for split in ("train", "test"):
        write(folder / f"{split}.csv")
    return folder


@pytest.mark.parametrize("count", NAMES)
def test_a_toy_run_takes_few_rows_of_many_and_finds_them_again(tmp_path, count):
    path = write(tmp_path / "long.csv", NAMES[count], rows_each=12_000 // count)
    corpus = load(path, family=FAMILIES["toy"])
    rows = sizes(corpus)
    assert rows["train"] + rows["validation"] == max(400, 6 * count)
    assert rows["test"] == 1000
    assert set(corpus.train.labels) == set(corpus.validation.labels) == set(range(count))
    known = declarations.of_run(recorded(corpus), toy=True)
    assert load(path, data_set=known, again=rows).fingerprint == corpus.fingerprint


def test_columns_that_somebody_named_are_read_again(tmp_path):
    frame = table(("a", "b")).rename(columns={"text": "said", "label": "kind"})
    frame.assign(title="the same", other="x").to_csv(tmp_path / "my.csv", index=False)
    corpus = load(tmp_path / "my.csv", form=Form(("said",)), label="kind")
    known = declarations.of_run(recorded(corpus), toy=False)
    again = load(tmp_path / "my.csv", data_set=known, again=sizes(corpus))
    assert again.fingerprint == corpus.fingerprint
    assert again.train.texts[0].startswith("text")


def test_older_runs_are_on_agnews_or_the_invented_headlines():
    data = DataRecord("x", "0" * 64, list(AGNEWS.labels), True, {}, 42)
    assert declarations.of_run(data, toy=False) is AGNEWS
    assert declarations.of_run(data, toy=True) is TOY


def spoiled(change):
    """A function that writes a file of two classes, changed by ``change``."""

    def make(folder):
        frame = table(("a", "b"))
        path = folder / "my.csv"
        change(frame).to_csv(path, index=False)
        return path

    return make


def with_texts(*texts):
    return spoiled(lambda f: f.assign(text=[*texts, *f["text"][len(texts) :]]))


def test_of(change):
    def make(folder):
        write(folder / "my" / "train.csv", ("a", "b"))
        change(table(("a", "b"))).to_csv(folder / "my" / "test.csv", index=False)
        return folder / "my"

    return make


test_of.__test__ = False

WRONG = {
    "no label": (
        spoiled(lambda f: f[["text"]].assign(when=1, where=2)),
        {},
        "has columns text, when, where; it needs text,label.*--text and --label name them",
    ),
    "no text": (
        spoiled(lambda f: f.assign(amount=5, text=7).rename(columns={"text": "price"})),
        {},
        "no column that could be the text among price, label, amount; name it with --text",
    ),
    "no such column": (
        spoiled(lambda f: f),
        {"label": "kind"},
        "has no column 'kind'; it has text",
    ),
    "one column for both": (spoiled(lambda f: f), {"label": "text"}, "can't be text and label"),
    "few rows": (
        spoiled(lambda f: f.assign(label=["c"] * 2 + f["label"].tolist()[2:])),
        {},
        r"fewer than 3 rows of 'c' \(2\); each class needs 3",
    ),
    "one class": (spoiled(lambda f: f.assign(label="a")), {}, "one class, 'a', in column 'label'"),
    "many classes": (
        spoiled(lambda f: pd.concat([table(range(201))])),
        {},
        "201 classes in column 'label'; there may be 2 to 200 .--label names another",
    ),
    "unknown label in test": (
        test_of(lambda f: f.replace({"label": {"b": "c"}})),
        {},
        "test.csv: row 2 has label 'c', which no training row has; theirs are a, b",
    ),
    "one empty text": (with_texts("x", " "), {}, "row 2 has no text; leave it out"),
    "empty texts": (with_texts("x", " ", "y", ""), {}, "row 2 has no text, and 1 more have none"),
    "no label in a row": (
        spoiled(lambda f: f.assign(label=[None, *f["label"][1:]])),
        {},
        "row 1 has no label; leave it out",
    ),
    "too few names": (spoiled(lambda f: f), {"labels": ("x", "y", "z")}, "--labels has 3: x, y, z"),
    "nothing there": (lambda folder: folder / "none", {}, "no data folder at .*none, no file"),
    "no such file": (lambda folder: Path("some/none.csv"), {}, "no data folder at some/none.csv"),
    "names on two lines": (
        spoiled(lambda f: f.replace({"label": {"b": "b\nc"}})),
        {},
        "not of one line",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(tmp_path, case):
    make, asked, message = WRONG[case]
    with pytest.raises(PipelineError, match=message) as error:
        load(make(tmp_path), **asked)
    assert "\n" not in str(error.value)


def test_what_makes_figures_doubtful_is_counted(tmp_path):
    frame = table(("a", "b"), 100)
    frame.loc[2, "text"] = frame.loc[0, "text"]
    frame.loc[3, "text"] = frame.loc[0, "text"]  # a row of the other class
    folder = tmp_path / "my"
    folder.mkdir()
    frame.to_csv(folder / "train.csv", index=False)
    test = table(("a",), 4).assign(text=[frame["text"][150], "new", "newer", "newest"])
    test.to_csv(folder / "test.csv", index=False)
    said = []
    corpus = loading.load(Asked(str(folder), labels=("a", "b")), said.append)
    assert any("the test rows have none of b" in line for line in said)
    lines = "\n".join(remarks.remarks(corpus))
    assert "rows repeat an earlier one word for word" in lines
    assert "1 have another label" in lines
    assert "1 of 4 test rows stand among the training rows word for word" in lines
    assert "macro-F1" not in lines
    assert not remarks.remarks(load(write(tmp_path / "fine.csv")))


@pytest.mark.parametrize(
    ("rows", "longer", "said"),
    [
        (100, 1, ""),
        (100, 2, "2 % of the training texts"),
        (40_000, 40_000, "100 % of the training"),
    ],
)
def test_texts_that_are_longer_than_models_read_are_counted(rows, longer, said):
    texts = ["x" * (128 + (row < longer)) for row in range(rows)]
    line = remarks.cut(texts, lambda some: [len(text) for text in some], 128, "bert")
    assert line.startswith(said)
    assert bool(line) == bool(said)
