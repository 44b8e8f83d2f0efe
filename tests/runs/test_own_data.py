"""Users' own texts on the command line: what a run on them is called and records."""

import random
import re

import pandas as pd
import pytest

from pipeline.__main__ import main
from pipeline.data import declarations, loading
from pipeline.data.loading import Asked
from pipeline.results import report
from pipeline.results.storage import read_run
from tests import pipelines, synthetic
from tests.pipelines import write_data

NAMES = ("refund, late", 'say "hi"', "👩‍🔬 lab", "عالم", "世界", "plain", "it's")
FILLERS = ("the", "of", "and", "in", "was", "with", "please")


@pytest.fixture
def own(tmp_path):
    """A file of seven classes, each with its own words. It has more rows than a toy run uses."""
    generator, rows = random.Random(1), []
    for row in range(3000):
        place = row % len(NAMES)
        words = [f"word{place}x{generator.randrange(12)}" for _ in range(3)]
        words += generator.sample(FILLERS, 4)
        rows.append({"sentence": " ".join(words), "category": NAMES[place]})
    path = tmp_path / "my own.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture
def asked(monkeypatch):
    """Name, corpus, command and checkpoints of each requested run. No run is made."""
    calls = []

    def note(family, corpus, request, folders):
        calls.append((request.name, corpus, request.command, folders.checkpoints))

    monkeypatch.setattr("pipeline.runs.execution.run", note)
    return calls


CALLS = {
    "--family toy": ("toy", "toy", ""),
    "--family toy --data OWN": ("my-own-toy", "my-own", " --data FILE"),
    "--family toy --dataset agnews --data NEWS": (
        "agnews-toy",
        "agnews",
        " --dataset agnews --data DIR",
    ),
    "--family mpnet --data NEWS": ("mpnet", "agnews", " --data DIR"),
    "--family mpnet --data NEWS --train-rows 40": (
        "mpnet-40",
        "agnews",
        " --train-rows 40 --data DIR",
    ),
    "--family bert --data OWN --text sentence --label category": (
        "my-own-bert",
        "my-own",
        " --data FILE --text sentence --label category",
    ),
    "--family bert --data OWN --run mine": ("mine", "my-own", " --data FILE --run mine"),
}


@pytest.mark.parametrize("call", CALLS)
def test_names_and_commands_of_runs(call, asked, own, tmp_path):
    news = write_data(tmp_path / "news", 80, 40)
    places = {"OWN": str(own), "NEWS": str(news)}
    arguments = [places.get(word, word) for word in call.split()]
    assert main(["run", *arguments, "--cache", str(tmp_path / "cache")]) == 0
    ((name, corpus, command, checkpoints),) = asked
    expected, data_set, flags = CALLS[call]
    assert (name, corpus.data_set.name) == (expected, data_set)
    assert command == f"python -m pipeline run --family {call.split()[1]}{flags}"
    # Toy checkpoints take their vocabulary from their data.
    if "toy" in call:
        assert checkpoints.name.startswith("toy-checkpoints")
        assert (checkpoints.name == "toy-checkpoints") == (data_set == "toy")


def test_what_a_run_says_of_its_data_is_read_back(cache_folder):
    run = read_run(cache_folder / "synthetic")
    assert run.record.on_agnews
    assert "94.0, 438" in report.markdown(run)
    known = declarations.BANKING77
    other = synthetic.write_run(cache_folder, "other", labels=("a", "b"), data_set=known)
    found = declarations.of_run(read_run(other.folder).record.data, toy=False)
    assert (found.noun, found.license, found.redistributable) == ("question", "cc-by-4.0", True)
    assert found.labels == ("a", "b")
    assert not other.record.on_agnews
    assert not found.reported
    assert "94.0, 438" not in report.markdown(other)


EVERY_KIND = (
    "minilm",
    "dynamic",
    "static",
    "tiny-qat",
    "tiny-int4",
    "nano",
    "tfidf",
    "cascade-small",
)
"""One role for every way of making a model. A run makes their parents, too."""


@pytest.mark.slow
def test_every_kind_of_model_learns_own_texts(own, tmp_path, capsys, brief_families):
    cache = tmp_path / "cache"
    arguments = ("--family", "toy", "--data", own, "--cache", cache)
    done = pipelines.call("run", *arguments, "--only", *EVERY_KIND)
    assert done.returncode == 0, done.stderr
    run = read_run(cache / "my-own-toy")
    assert run.labels == sorted(NAMES)
    assert set(EVERY_KIND) <= set(run.by_role)
    rows = run.record.data.rows
    assert (rows["train"] + rows["validation"], rows["test"]) == (400, 300)
    for role in ("teacher", "minilm", "nano", "tfidf"):
        assert run.by_role[role].metrics.accuracy > 0.9, role
    assert not any(model.headlines for model in run.record.models)
    assert main(["verify", "my-own-toy", "--data", str(own), "--cache", str(cache)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"tfidf: \d+ predictions recomputed", said)
    assert main(["predict", "word1x3 word1x4 please", "--cache", str(cache)]) == 0
    assert NAMES[1] in capsys.readouterr().out
    known = declarations.of_run(run.record.data, toy=True)
    again = loading.load(Asked(str(own), known, again=rows))
    assert again.fingerprint == run.record.data.fingerprint
