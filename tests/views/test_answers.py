"""Jobs and tables of answers, by hand."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest

from pipeline.inference.classifier import Answers
from pipeline.results.figures import TrainingRecord
from tests import synthetic
from views import answers, downloads, pasted_texts, run_command
from views.job import CHUNK, Job

NAMES = ["World", "Sports"]
GIVEN = {
    "a": np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], np.float32),
    "b": np.array([[0.6, 0.4], [0.9, 0.1], [0.8, 0.2]], np.float32),
    "c": np.array([[0.6, 0.4], [0.9, 0.1], [0.1, 0.9]], np.float32),
}
TEXTS = ["x", "y", "z"]


class Fake:
    def __init__(self):
        self.asked = []

    def answer(self, texts):
        self.asked.append(list(texts))
        return Answers(np.full((len(texts), 2), 0.5, np.float32), np.arange(len(texts)) % 2)


# --- headlines ----------------------------------------------------------------------------------


def test_lines_and_remarks():
    texts, remarks = pasted_texts.split_headlines(" a \r\n\nb\x85c\rd\n" + "x" * 10_001 + "\n")
    assert texts == ["a", "b\x85c", "d", "x" * 10_001]
    assert remarks == [
        "Blank lines are left out: 1.",
        "Longer than 10,000 characters and read only so far: 1.",
    ]


def test_too_many_lines_are_cut_with_a_word():
    texts, (remark,) = pasted_texts.split_headlines("coach\n" * 10_000 + "one more\n" * 1_000_000)
    assert texts == ["coach"] * 10_000
    assert "python -m pipeline classify" in remark
    assert pasted_texts.split_headlines("coach\n" * 10_000)[1] == []


# --- jobs ---------------------------------------------------------------------------------------


def job_of(count: int, *roles: str) -> Job:
    job = Job([str(i) for i in range(count)])
    for role in roles:
        job.prepare(role, "files", 2)
    return job


def test_models_take_turns_until_all_is_done():
    job, fakes, turns = job_of(CHUNK + 1, "a", "b"), {"a": Fake(), "b": Fake()}, []
    while role := job.next(["a", "b"]):
        turns.append(role)
        job.step(role, fakes[role])
    assert turns == ["a", "b", "a", "b"]
    assert [text for chunk in fakes["a"].asked for text in chunk] == job.texts
    assert job.done(["a", "b"]) == CHUNK + 1
    assert job.share(["a", "b"]) == 1
    assert job.parts["a"].members[:3].tolist() == [0, 1, 0]
    assert job.milliseconds("a") > 0


def test_a_job_is_gone_on_with_where_it_stopped():
    job, fake = job_of(2 * CHUNK, "a"), Fake()
    job.step("a", fake)
    assert (job.done(["a"]), job.share(["a"])) == (CHUNK, 0.5)
    assert job.answers(["a"])["a"].shape == (CHUNK, 2)
    job.prepare("a", "files", 2)
    job.prepare("b", "files", 2)  # a model that is asked for later catches up
    assert job.next(["a", "b"]) == "b"
    assert job.done(["a", "b"]) == 0
    assert job.share(["a", "b"]) == 0.25
    job.step("a", fake)
    assert len(fake.asked) == 2


def test_answers_of_other_files_are_dropped():
    job = job_of(1, "a")
    job.step("a", Fake())
    job.prepare("a", "other files", 2)
    assert job.next(["a"]) == "a"


def test_a_chunk_that_is_done_twice_counts_once():
    job = job_of(2 * CHUNK, "a")

    class Interrupted(Fake):
        def answer(self, texts):
            if not self.asked:  # as if the next run of the script did the same chunk meanwhile
                self.asked.append(texts)
                job.step("a", self)
            return super().answer(texts)

    job.step("a", Interrupted())
    assert job.parts["a"].done == CHUNK


def test_no_headline_is_done_at_once():
    job = job_of(0, "a")
    assert job.next(["a"]) is None
    assert job.share(["a"]) == 1


# --- tables -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        ([1], "Sports"),
        ([1, 1], "both say Sports"),
        ([1, 1, 1], "all 3 say Sports"),
        ([0, 1, 1], "≠ 2 Sports, 1 World"),
        ([1, 0], "≠ 1 World, 1 Sports"),
    ],
)
def test_agreement_in_words(votes, said):
    assert answers.agreement(np.array(votes), NAMES) == said


def test_side_by_side():
    table = answers.side_by_side(TEXTS, GIVEN, NAMES)
    assert table["Agreement"].tolist() == [
        "all 3 say World",
        "≠ 2 World, 1 Sports",
        "≠ 2 World, 1 Sports",
    ]
    assert table["a"].tolist() == ["World 90%", "Sports 80%", "World 70%"]
    assert answers.differ(GIVEN).tolist() == [False, True, True]


def test_one_headline_with_a_model_that_is_still_to_answer():
    table = answers.of_one(1, {"a": GIVEN["a"], "b": GIVEN["b"][:1]}, NAMES)
    assert table["Answer"].tolist() == ["Sports", "…"]
    assert table["Confidence"][0] == pytest.approx(80)
    assert table.loc[1, ["Confidence", "0", "1"]].isna().all()


def test_by_model():
    table = answers.by_model(GIVEN, NAMES)
    # a agrees with 2 + 0 + 1 of the others' 6 answers, b with 2 + 1 + 1, c with 2 + 1 + 0.
    assert table["Agrees"].tolist() == pytest.approx([50, 100 * 4 / 6, 50])
    assert table["0"].tolist() == [2, 3, 2]
    assert table["1"].tolist() == [1, 0, 1]
    assert answers.by_model({"a": GIVEN["a"]}, NAMES)["Agrees"].isna().all()
    nothing = answers.by_model({role: p[:0] for role, p in GIVEN.items()}, NAMES)
    assert nothing.drop(columns="Model").isna().all(axis=None)


def test_by_model_where_the_classes_are_known():
    labels = np.array([0, 1, 1, 0])  # the last headline is still to be answered
    table = answers.by_model(GIVEN, NAMES, labels)
    assert "Right" not in answers.by_model(GIVEN, NAMES)
    expected = [100 * (p.argmax(1) == labels[:3]).mean() for p in GIVEN.values()]
    assert table["Right"].tolist() == pytest.approx(expected)
    assert len(set(expected)) > 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"Nano": 1}, "Nano says Sports"),
        ({"Nano": 1, "Tiny": 1}, "Both models say Sports"),
        ({"Nano": 1, "Tiny": 1, "Mini": 1}, "All 3 models say Sports"),
        ({"Nano": 1, "Tiny": 0}, "Nano says Sports; Tiny says World"),
        ({"Nano": 1, "Tiny": 0, "Mini": 0}, "2 of 3 models say World; Nano says Sports"),
        (
            {"Nano": 1, "Tiny": 1, "Mini": 0, "Base": 0},
            "2 of 4 models say Sports; Mini and Base say World",
        ),
        (
            {"a": 0, "b": 0, "c": 0, "d": 0, "e": 0, **dict.fromkeys("wxyz", 1)},
            "5 of 9 models say World; 4 say Sports",
        ),
    ],
)
def test_a_sentence_says_who_answers_what(said, sentence):
    assert answers.sentence(said, NAMES) == sentence


def test_a_sentence_about_three_answers():
    names = ["World", "Sports", "Business"]
    said = {"a": 2, "b": 2, "c": 0, "d": 1}
    assert answers.sentence(said, names) == (
        "2 of 4 models say Business; c says World, d says Sports"
    )
    assert answers.sentence({"a": 2, "c": 0, "d": 1}, names) == (
        "a says Business; c says World; d says Sports"
    )


def test_what_is_downloaded():
    texts = ["=1+1", "y", "z", "not yet answered"]
    table = downloads.to_download(texts, GIVEN, NAMES, "headline")
    assert list(table)[:5] == ["headline", "models_differ", "a", "a World", "a Sports"]
    assert table["a Sports"].tolist() == pytest.approx([0.1, 0.8, 0.3])
    assert table["a"].tolist() == ["World", "Sports", "World"]
    assert (
        downloads.to_csv(table)
        .decode("utf-8-sig")
        .splitlines()[1]
        .startswith('"\'=1+1",False,"World",0.9,0.1')
    )
    assert downloads.to_download(["x"], {}, NAMES).empty


def test_of_many_classes_the_likeliest_three_are_downloaded():
    names = [f"class {place}" for place in range(77)]
    one = np.full((1, 77), 0.1 / 74)
    one[0, [5, 70, 3]] = 0.5, 0.3, 0.1
    table = downloads.to_download(["x"], {"text": one, "other": one}, names)
    assert list(table) == ["text", "models_differ"] + [
        f"{role}{end}" for role in ("text", "other") for end in ("", " p", *MORE)
    ]
    assert table.iloc[0, 2:8].tolist() == ["class 5", 0.5, "class 70", 0.3, "class 3", 0.1]


MORE = (" 2nd", " p 2nd", " 3rd", " p 3rd")


def test_a_table_of_many_classes_has_no_column_for_each():
    names = [f"class {place}" for place in range(77)]
    given = {"a": np.eye(77)[[5, 5]], "b": np.eye(77)[[5, 9]]}
    one = answers.of_one(0, given, names)
    assert list(one) == ["Model", "Answer", "Confidence", "2nd", "p 2nd", "3rd", "p 3rd"]
    assert list(answers.by_model(given, names)) == ["Model", "Agrees"]
    counts = answers.by_class(given, names).set_index("Class")
    assert counts.loc["class 5"].tolist() == [2, 1]
    assert counts.sum().tolist() == [2, 2]


def test_csv_holds_no_formula():
    table = pd.DataFrame(
        {"=x": ["=1+1", "+1", "-1", "@x", "\tx", "＝1", "fine;=1"], "number": -1.0}
    )
    lines = downloads.to_csv(table).decode("utf-8-sig").splitlines()
    assert lines[0] == '"\'=x","number"'
    cells = ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "'＝1", "fine;=1"]
    assert lines[1:] == [f'"{cell}",-1.0' for cell in cells]


@pytest.mark.parametrize(
    ("training", "said"),
    [
        (None, "# minilm, 91 MB"),
        ({"seconds_since_last_start": 42.4}, "# minilm, 91 MB, 42 seconds of training"),
        ({"seconds_since_last_start": 720}, "# minilm, 91 MB, 12 minutes of training"),
        ({"seconds_since_last_start": 7812.6}, "# minilm, 91 MB, 2.2 hours of training"),
        ({"seconds_since_last_start": None}, "# minilm, 91 MB"),
    ],
)
def test_a_command_says_what_it_makes_and_how_long_that_takes(tmp_path, training, said):
    record = synthetic.write_run(tmp_path / "cache").record
    trained = training and TrainingRecord(rows=900, **training)
    models = [dataclasses.replace(model, training=trained) for model in record.models]
    record = dataclasses.replace(record, models=models)
    assert run_command.make_command(record, "minilm").splitlines()[0] == said


def test_a_download_opens_in_excel_with_its_letters_and_figures():
    table = pd.DataFrame({"headline": ["Zürich; Café"], "World": [0.25], "rows": [1000]})
    content = downloads.to_csv(table)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig") == '"headline","World","rows"\n"Zürich; Café",0.25,1000\n'
    german = downloads.to_csv(table, decimal_comma=True)
    assert german.startswith(b"\xef\xbb\xbf")
    read = pd.read_csv(io.BytesIO(german), sep=";", decimal=",", encoding="utf-8-sig")
    pd.testing.assert_frame_equal(read, table)


@pytest.mark.parametrize(
    ("locale", "comma"),
    [
        *(("de", True), ("de-DE", True), ("pt_BR", True), ("sr-Latn-RS", True)),
        *(("de-CH", False), ("en-US", False), ("es-MX", False), ("", False), (None, False)),
    ],
)
def test_whose_spreadsheets_write_a_decimal_comma(locale, comma):
    assert downloads.writes_comma(locale) == comma
