"""Helpers of the tests that run the pipeline: its command line, tiny checkpoints, small data."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import onnx
import pandas as pd

from pipeline.__main__ import main
from pipeline.data import data_sets
from pipeline.inference.sessions import uses_eight_bits

ROOT = Path(__file__).resolve().parent.parent

# Nothing listens there, so a test that asks the Hub fails at once.
NO_HUB = {"HF_ENDPOINT": "http://127.0.0.1:9"}

# Architecture and layers of the checkpoints that stand in for the published ones.
CHECKPOINTS = {
    "google-bert/bert-base-uncased": ("bert", 4),
    "distilbert/distilbert-base-uncased": ("distilbert", 2),
    "microsoft/MiniLM-L12-H384-uncased": ("bert", 2),
    "huawei-noah/TinyBERT_General_4L_312D": ("bert", 1),
    "sentence-transformers/all-mpnet-base-v2": ("mpnet", 12),
    "sentence-transformers/all-MiniLM-L6-v2": ("bert", 6),
}


def start(*arguments: str, module: str = "pipeline", **options) -> subprocess.Popen:
    """Start ``python -m pipeline`` in its own process, which can't reach the Hub."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **NO_HUB, **options.pop("env", {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def run(
    *arguments: str, text_in: str = "", timeout: float = 300, **options
) -> subprocess.CompletedProcess:
    """Like ``start``, with ``text_in`` as standard input; waits at most ``timeout`` seconds."""
    process = start(*arguments, **options)
    try:
        out, err = process.communicate(text_in, timeout=timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def call(*arguments: str, text_in: str = "") -> subprocess.CompletedProcess:
    """Like ``run``, but in this process, for tests that need no process of their own.

    This saves the import of torch, which takes longer than most commands.
    """
    out, err = io.StringIO(), io.StringIO()
    before = signal.getsignal(signal.SIGTERM)  # the command line sets it
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.object(sys, "stdin", io.StringIO(text_in)),
            mock.patch.dict(os.environ, NO_HUB),
        ):
            code = main([str(argument) for argument in arguments])
    finally:
        signal.signal(signal.SIGTERM, before)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def write_data(folder: Path, train_rows: int, test_rows: int) -> Path:
    """Write a data folder (``text,label``) of the project's own headlines, balanced by class."""
    headlines = pd.read_csv(data_sets.TOY)
    folder.mkdir(parents=True)
    for split, rows in (("train", train_rows), ("test", test_rows)):
        part = headlines[headlines["split"] == split].groupby("label").head(rows // 4)
        part[["text", "label"]].to_csv(folder / f"{split}.csv", index=False)
    return folder


def weight_bits(graph: Path) -> int:
    """Bits that the int8 weights of `graph` use: 8, or 7 if it was made without VNNI."""
    return 8 if uses_eight_bits(onnx.load(graph)) else 7
