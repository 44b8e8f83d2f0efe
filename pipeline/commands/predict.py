"""Classify headlines of the command line or of standard input."""

import argparse
import sys

import pandas as pd

from pipeline.commands.common import Verbs, cache_option, named_runs
from pipeline.errors import PipelineError


def add(verbs: Verbs) -> None:
    """Add the verb to the command line."""
    options = verbs.add_parser("predict", parents=[cache_option()], help="classify headlines")
    options.set_defaults(act=predict_headlines)
    options.add_argument("headlines", nargs="*", help="by default, lines of standard input")
    options.add_argument("--run", metavar="NAME", help="only models of this run")
    options.add_argument("--model", nargs="+", metavar="ROLE", help="only these models")


def predict_headlines(options: argparse.Namespace) -> int:
    """Classify headlines with every model that has its artifact at hand."""
    from pipeline.inference import encoders
    from pipeline.inference.classifier import Classifier

    headlines = options.headlines or [line.rstrip("\n") for line in sys.stdin]
    texts = [text for text in headlines if text.strip()]
    if len(texts) < len(headlines):
        left_out = len(headlines) - len(texts)
        print(f"note: {left_out} blank lines are left out", file=sys.stderr)
    if not texts:
        raise PipelineError('nothing to classify; give headlines: predict "headline" …')
    asked = [
        (run, role, folder)
        for run in named_runs(options.cache, options.run)
        for role in run.by_role
        if (folder := run.artifact(role)) and role in (options.model or run.by_role)
    ]
    if not asked:
        raise PipelineError(
            "no such model has its artifact at hand; python -m pipeline status lists them"
        )
    for run, role, folder in asked:
        encoders.check_labels(folder, role, run.labels)
    answers = [Classifier(folder).predict_proba(texts) for _, _, folder in asked]
    table = pd.DataFrame(
        {
            "headline": text if len(text) <= 60 else text[:59] + "…",
            "run": run.name,
            "model": role,
            "label": run.labels[probabilities[number].argmax()],
            "probability": probabilities[number].max(),
        }
        for number, text in enumerate(texts)
        for (run, role, _), probabilities in zip(asked, answers, strict=True)
    )
    print(table.to_string(index=False, float_format="{:.3f}".format))
    return 0
