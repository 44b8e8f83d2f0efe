"""Classify texts from the command line or from standard input."""

import argparse
import sys
from io import StringIO
from pathlib import Path

import pandas as pd

from pipeline import console
from pipeline.commands.common import Verbs, cache_option, default_run, named_run
from pipeline.data import declarations
from pipeline.data.text_encoding import decode
from pipeline.errors import PipelineError
from pipeline.results.storage import Run

_NOTHING = 'nothing to classify; give a text: predict "text" …'
_WIDTH = 60
"""The most characters of a text that the table shows."""


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser("predict", parents=[cache_option()], help="classify texts")
    options.set_defaults(act=predict_texts)
    options.add_argument(
        "texts",
        nargs="*",
        metavar="TEXT",
        help="before, between and after the options; by default, lines of standard input",
    )
    options.add_argument(
        "--run", metavar="NAME", help="of which run (AG News's with the most training rows)"
    )
    options.add_argument(
        "--model",
        action="append",
        metavar="ROLE",
        help="one model or several (all that are installed)",
    )


def predict_texts(options: argparse.Namespace) -> int:
    """Classify texts with some models of a run, by default all that are installed."""
    if options.texts and not "".join(options.texts).strip():
        raise PipelineError(_NOTHING)
    run = named_run(options.cache, options.run) if options.run else default_run(options.cache)
    roles, words = _roles_and_texts(options, run)
    # Both may raise an error, so they run before the program waits for standard input.
    texts = _texts(_arguments(words)) if words else []
    models = _models(run, roles)
    noun = declarations.of_run(run.record.data, run.record.toy).noun
    texts = texts or _texts(_lines_of_standard_input(noun))
    print(_table(run, models, texts, noun).to_string(index=False, float_format="{:.3f}".format))
    return 0


def _roles_and_texts(options: argparse.Namespace, run: Run) -> tuple[list[str], list[str]]:
    """Divide the words of the command line into roles and texts.

    Texts and more roles may follow ``--model ROLE``. So with ``--model``, a word that is a role of
    the run counts as a role, unless it comes after ``--``.
    """
    before = len(options.texts) - options.after_dashes
    words, texts = options.texts[:before], options.texts[before:]
    if not options.model:
        return [], words + texts
    roles = [word for word in words if word in run.by_role]
    return [*options.model, *roles], [word for word in words if word not in run.by_role] + texts


def _models(run: Run, asked: list[str]) -> dict[str, Path]:
    """The artifacts of the models that the user asks for, by role; by default all installed."""
    found = {role: folder for role in run.by_role if (folder := run.artifact(role))}
    if not found:
        raise PipelineError(
            f"no model of {run.name} is installed; python -m pipeline status lists "
            "all, --run NAME takes another run's"
        )
    for role in asked:
        if role not in found:
            raise PipelineError(
                f"run {run.name} has no installed model {role!r}; there are {', '.join(found)}"
            )
    return {role: found[role] for role in dict.fromkeys(asked or found)}


def _arguments(words: list[str]) -> list[str]:
    """The words of the command line, decoded even if they are not in the console's encoding."""

    def text(word: str, number: int) -> str:
        try:
            return decode(word.encode("utf-8", "surrogateescape"), f"text {number}")
        except UnicodeEncodeError:  # a surrogate that stands for no byte
            return word

    return [text(word, number) for number, word in enumerate(words, start=1)]


def _lines_of_standard_input(noun: str) -> list[str]:
    """The lines of standard input, which may end with CR, LF or CRLF."""
    content = decode(console.read_standard_input(noun), "standard input")
    # Files that were joined have a byte order mark at the start of each.
    return [line.removeprefix("\ufeff") for line in StringIO(content, newline=None)]


def _texts(lines: list[str]) -> list[str]:
    """The lines that are not blank. The number of blank lines is printed on standard error."""
    lines = [line.rstrip("\r\n") for line in lines]
    texts = [line for line in lines if line.strip()]
    if len(texts) < len(lines):
        print(f"note: {len(lines) - len(texts)} blank lines are left out", file=sys.stderr)
    if not texts:
        raise PipelineError(_NOTHING)
    return texts


def _table(run: Run, models: dict[str, Path], texts: list[str], noun: str) -> pd.DataFrame:
    """A table with a row for each text and model; the column of the texts is called ``noun``."""
    from pipeline.inference import encoders
    from pipeline.inference.classifier import Classifier

    for role, folder in models.items():
        encoders.check_labels(folder, role, run.labels)
    answers = [Classifier(folder).predict_proba(texts) for folder in models.values()]
    return pd.DataFrame(
        {
            noun: console.shown(text, _WIDTH),
            "run": run.name,
            "model": role,
            "label": run.labels[probabilities[number].argmax()],
            "probability": probabilities[number].max(),
        }
        for number, text in enumerate(texts)
        for role, probabilities in zip(models, answers, strict=True)
    )
