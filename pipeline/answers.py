"""Pure functions behind "Try it": from pasted headlines to tables of answers."""

import shlex
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.cache import RunRecord
from pipeline.inference import MAX_CHARACTERS

MAX_LINES = 1_000


def split_headlines(pasted: str) -> tuple[list[str], list[str]]:
    """The headlines of a text, one a line, and a remark on each thing that is left out or cut."""
    lines = [line.strip() for line in pasted.splitlines()]
    texts = [line for line in lines if line]
    remarks = []
    if blank := len(lines) - len(texts):
        remarks.append(f"Blank lines are left out: {blank:,}.")
    if len(texts) > MAX_LINES:
        remarks.append(
            f"Only the first {MAX_LINES:,} of {len(texts):,} headlines are classified; for more, "
            "python -m pipeline predict reads lines from standard input."
        )
        texts = texts[:MAX_LINES]
    if cut := sum(len(text) > MAX_CHARACTERS for text in texts):
        remarks.append(f"Longer than {MAX_CHARACTERS:,} characters and read only so far: {cut:,}.")
    return texts, remarks


def agreement(votes: np.ndarray, names: Sequence[str]) -> str:
    """In words, how models answer one headline; ``votes`` are class numbers, one a model."""
    counts = np.bincount(votes, minlength=len(names))
    if counts.max() == len(votes):
        return {1: "one model", 2: "both agree"}.get(len(votes), f"all {len(votes)} agree")
    order = np.argsort(-counts, kind="stable")
    return "≠ " + ", ".join(f"{counts[c]} {names[c]}" for c in order if counts[c])


def side_by_side(
    texts: Sequence[str], answers: Mapping[str, np.ndarray], names: Sequence[str]
) -> pd.DataFrame:
    """One row a headline: how far the models agree, the text, and each model's answer.

    Args:
        texts: the n headlines.
        answers: by role, probabilities of shape (n, k); at least one.
        names: of the k classes.
    """
    votes = np.stack([probabilities.argmax(axis=1) for probabilities in answers.values()], axis=1)
    table = pd.DataFrame({"Agreement": [agreement(row, names) for row in votes], "Headline": texts})
    for role, probabilities in answers.items():
        table[role] = [f"{names[row.argmax()]} {row.max():.0%}" for row in probabilities]
    return table


def of_one(position: int, answers: Mapping[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    """Every model's answer to one headline: a row a model, probabilities in percent."""
    rows = {role: 100 * probabilities[position] for role, probabilities in answers.items()}
    return pd.DataFrame(
        {
            "Model": role,
            "Answer": names[row.argmax()],
            "Confidence": row.max(),
            **dict(zip(names, row, strict=True)),
        }
        for role, row in rows.items()
    )


def to_csv(table: pd.DataFrame) -> bytes:
    """CSV in which no spreadsheet takes a text for a formula (OWASP: CSV injection)."""
    safe = table.copy()
    for column in safe.select_dtypes(exclude=["number", "bool"]):
        safe[column] = [
            f"'{value}" if str(value).startswith(("=", "+", "-", "@", "\t", "\r")) else value
            for value in safe[column]
        ]
    return safe.to_csv(index=False).encode()


def make_command(record: RunRecord, role: str) -> str:
    """The command that makes one model of a run: the run's own, narrowed to the role.

    A remark above it says which model that is and how large.
    """
    (size,) = [model.size_bytes for model in record.models if model.role == role]
    words = shlex.split(record.command)
    if words[:4] != ["python", "-m", "pipeline", "run"]:
        words = ["python", "-m", "pipeline", "run", "--family", record.family]
    if "--only" in words:
        start = words.index("--only")
        rest = [i for i in range(start + 1, len(words)) if words[i].startswith("--")]
        words[start : rest[0] if rest else None] = []
    if "--run" not in words:
        words += ["--run", record.run]
    return f"# {role}, {size / 1e6:.0f} MB\n" + shlex.join([*words, "--only", role])
