"""Classify texts of the command line or of standard input."""

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
"""Characters of a text that the table shows."""


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
        help="one model or several (all that have their artifact at hand)",
    )


def predict_texts(options: argparse.Namespace) -> int:
    """Classify texts with every model of a run that has its artifact at hand."""
    if options.texts and not "".join(options.texts).strip():
        raise PipelineError(_NOTHING)
    run = named_run(options.cache, options.run) if options.run else default_run(options.cache)
    roles, words = _roles_and_texts(options, run)
    # Said before standard input is waited for.
    texts = _texts(_arguments(words)) if words else []
    models = _models(run, roles)
    noun = declarations.of_run(run.record.data, run.record.toy).noun
    texts = texts or _texts(_lines_of_standard_input(noun))
    print(_table(run, models, texts, noun).to_string(index=False, float_format="{:.3f}".format))
    return 0


def _roles_and_texts(options: argparse.Namespace, run: Run) -> tuple[list[str], list[str]]:
    """The models and the texts that words of the command line are.

    Texts may follow ``--model ROLE``, and so may more roles: with ``--model``, a word that is a
    role of the run is one, but for the words after ``--``.
    """
    before = len(options.texts) - options.after_dashes
    words, texts = options.texts[:before], options.texts[before:]
    if not options.model:
        return [], words + texts
    roles = [word for word in words if word in run.by_role]
    return [*options.model, *roles], [word for word in words if word not in run.by_role] + texts


def _models(run: Run, asked: list[str]) -> dict[str, Path]:
    """By role, the artifacts of the models that are asked for."""
    found = {role: folder for role in run.by_role if (folder := run.artifact(role))}
    if not found:
        raise PipelineError(
            f"no model of {run.name} has its artifact at hand; python -m pipeline status lists "
            "all, --run NAME takes another run's"
        )
    for role in asked:
        if role not in found:
            raise PipelineError(
                f"run {run.name} has no model {role!r} at hand; there are {', '.join(found)}"
            )
    return {role: found[role] for role in dict.fromkeys(asked or found)}


def _arguments(words: list[str]) -> list[str]:
    """Words of the command line; bytes of another encoding than the console's are decoded."""

    def text(word: str, number: int) -> str:
        try:
            return decode(word.encode("utf-8", "surrogateescape"), f"text {number}")
        except UnicodeEncodeError:  # no bytes that a console gave
            return word

    return [text(word, number) for number, word in enumerate(words, start=1)]


def _lines_of_standard_input(noun: str) -> list[str]:
    """Its lines, whatever their ends: CR, LF or CRLF."""
    content = decode(console.read_standard_input(noun), "standard input")
    # Texts that were joined have marks in between.
    return [line.removeprefix("\ufeff") for line in StringIO(content, newline=None)]


def _texts(lines: list[str]) -> list[str]:
    """The texts without blank ones, which are counted on standard error."""
    lines = [line.rstrip("\r\n") for line in lines]
    texts = [line for line in lines if line.strip()]
    if len(texts) < len(lines):
        print(f"note: {len(lines) - len(texts)} blank lines are left out", file=sys.stderr)
    if not texts:
        raise PipelineError(_NOTHING)
    return texts


def _table(run: Run, models: dict[str, Path], texts: list[str], noun: str) -> pd.DataFrame:
    """A row for each text and model, text after text; ``noun`` heads the texts."""
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
