"""Headlines from the command line and from standard input, in any encoding of consoles."""

import io
import os
import subprocess
import sys

import pytest

from pipeline.__main__ import main
from pipeline.data.declarations import BANKING77
from tests import pipelines, synthetic


@pytest.fixture
def predict(cache_folder, capsys):
    """Runs the verb and returns the headline and model of every line of its table."""

    def run(*arguments):
        assert main(["predict", "--cache", str(cache_folder), *arguments]) == 0
        header, *lines = capsys.readouterr().out.splitlines()
        assert header.split() == ["headline", "run", "model", "label", "probability"]
        return [(" ".join(words[:-4]), words[-3]) for words in map(str.split, lines)]

    return run


@pytest.mark.parametrize(
    ("arguments", "headlines", "models"),
    [
        (["coach"], ["coach"], ["minilm", "tiny-int8"]),
        (["--model", "minilm", "coach"], ["coach"], ["minilm"]),
        (["coach", "--model", "minilm"], ["coach"], ["minilm"]),
        (["cup", "--run", "synthetic", "a b", "--model", "minilm"], ["cup", "a b"], ["minilm"]),
        (["--model", "tiny-int8", "oil", "--model", "minilm"], ["oil"], ["tiny-int8", "minilm"]),
        (["--model", "minilm", "--model", "minilm", "oil"], ["oil"], ["minilm"]),
        (["oil", "--model", "minilm", "--", "-x", "--run"], ["oil", "-x", "--run"], ["minilm"]),
        (["oil", "--model", "tiny-int8", "minilm"], ["oil"], ["tiny-int8", "minilm"]),
        (["--model", "tiny-int8", "minilm", "oil", "cup"], ["oil", "cup"], ["tiny-int8", "minilm"]),
        (["--model", "minilm", "--", "tiny-int8"], ["tiny-int8"], ["minilm"]),
        (["tiny-int8"], ["tiny-int8"], ["minilm", "tiny-int8"]),
        (["-5", "--model", "minilm", "-7 degrees"], ["-5", "-7 degrees"], ["minilm"]),
    ],
)
def test_options_and_headlines_in_any_order(predict, arguments, headlines, models):
    assert predict(*arguments) == [(text, role) for text in headlines for role in models]


def test_an_unknown_option_is_a_usage_error(cache_folder, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["predict", "oil", "--cache", str(cache_folder), "--modle", "minilm"])
    assert stop.value.code == 2
    assert "unrecognized arguments: --modle" in capsys.readouterr().err


def test_the_run_that_is_meant_is_ag_news_largest(predict, cache_folder, capsys):
    synthetic.write_run(cache_folder, "a-toy", family="toy", rows=4000)
    synthetic.write_run(cache_folder, "larger", rows=1600)
    (cache_folder / "broken").mkdir()
    assert main(["predict", "oil", "--cache", str(cache_folder)]) == 0
    said = capsys.readouterr()
    assert {line.split()[1] for line in said.out.splitlines()[1:]} == {"larger"}
    assert "warning: " in said.err
    assert "broken" in said.err


def test_a_model_that_is_not_at_hand(cache_folder, capsys):
    assert main(["predict", "oil", "--model", "teacher", "--cache", str(cache_folder)]) == 1
    error = capsys.readouterr().err
    assert "run synthetic has no installed model 'teacher'; there are minilm, tiny-int8" in error


def test_a_runs_texts_have_its_own_noun(cache_folder, capsys):
    synthetic.write_run(cache_folder, "intents", labels=("balance", "card"), data_set=BANKING77)
    arguments = ["predict", "lost", "--run", "intents", "--cache", str(cache_folder)]
    assert main(arguments) == 0
    assert capsys.readouterr().out.split()[0] == "question"


LINES = "Zürich bank\nTōkyō cup\n"


@pytest.mark.parametrize(
    ("content", "headlines"),
    [
        (LINES.encode(), ["Zürich bank", "Tōkyō cup"]),
        (LINES.replace("\n", "\r\n").encode("utf-8-sig"), ["Zürich bank", "Tōkyō cup"]),
        (LINES.replace("\n", "\r\n").encode("utf-16"), ["Zürich bank", "Tōkyō cup"]),
        (LINES.encode("utf-16-le"), ["Zürich bank", "Tōkyō cup"]),
        (LINES.replace("\n", "\r").encode(), ["Zürich bank", "Tōkyō cup"]),
        ("Zürich bank\r\n".encode("cp1252"), ["Zürich bank"]),
        ("\ufeffoil\n\ufeffcup".encode(), ["oil", "cup"]),  # two files, each with a byte order mark
    ],
)
def test_standard_input_of_any_encoding(predict, monkeypatch, content, headlines):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert [text for text, _ in predict("--model", "minilm")] == headlines


def test_bytes_that_are_no_text_are_named(cache_folder, monkeypatch, capsys):
    content = "Zürich\nTōkyō\n".encode() + b"oil \xff\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert main(["predict", "--cache", str(cache_folder)]) == 1
    error = capsys.readouterr().err
    assert "standard input can't be read as UTF-8: byte 0xff in line 3" in error


@pytest.mark.parametrize("stdin", [None, io.TextIOWrapper(io.BytesIO(b"\n \n"))])
def test_no_headline_at_all(cache_folder, monkeypatch, capsys, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    assert main(["predict", "--cache", str(cache_folder)]) == 1
    assert "nothing to classify" in capsys.readouterr().err


def test_arguments_in_another_encoding_than_the_consoles(predict):
    assert predict("Z\udcfcrich bank", "--model", "minilm") == [("Zürich bank", "minilm")]


def test_what_would_move_the_cursor_is_not_printed(predict):
    said = predict("oil\x1b[2J and\tmore\x9b", "--model", "minilm")
    assert said == [("oil\ufffd[2J and more\ufffd", "minilm")]


@pytest.mark.parametrize(
    ("environment", "shown"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "Z\xfcrich \\u5317\\u4eac".encode("cp1252")),
        (
            {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
            b"Z\\xfcrich \\u5317\\u4eac",
        ),
    ],
)
def test_output_never_fails_on_a_character(cache_folder, environment, shown):
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "predict", "--cache", cache_folder, "--model", "minilm"],
        input="Zürich 北京\n".encode(),
        capture_output=True,
        cwd=pipelines.ROOT,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout
