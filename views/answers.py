"""Behind "Try it": from headlines to tables of answers, a chunk at a time."""

import csv
import io
import shlex
import time
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.analysis.budget import join
from pipeline.data.uploads import cut_remark
from pipeline.inference.classifier import Classifier
from pipeline.inference.graph import MAX_CHARACTERS
from pipeline.results.figures import TrainingRecord
from pipeline.results.records import RunRecord

MAX_HEADLINES = 10_000
# What spreadsheets take for the start of a formula, in East Asian widths too.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
# Models that a sentence names; of more, it says how many.
_NAMED = 3
# One batch: the longest that Stop has to wait for.
CHUNK = 32


def split_headlines(pasted: str) -> tuple[list[str], list[str]]:
    """The headlines of a text, one a line, and a remark on each thing that is left out or cut."""
    # Lazily: a text may hold millions of lines.
    return keep_headlines(io.StringIO(pasted, newline=None), "Blank lines")


def keep_headlines(lines: Iterable[str | None], blanks: str) -> tuple[list[str], list[str]]:
    """The headlines that are classified, and a remark on each thing that is left out or cut.

    Args:
        lines: the headlines; only the first ``MAX_HEADLINES`` that hold text are read.
        blanks: what those without text are called.
    """
    blank = 0
    texts: list[str] = []
    remarks: list[str] = []
    for line in lines:
        if not (text := (line or "").strip()):
            blank += 1
        elif len(texts) < MAX_HEADLINES:
            texts.append(text)
        else:
            remarks.append(cut_remark(MAX_HEADLINES))
            break
    if blank:
        remarks.append(f"{blanks} are left out: {blank:,}.")
    if cut := sum(len(text) > MAX_CHARACTERS for text in texts):
        remarks.append(f"Longer than {MAX_CHARACTERS:,} characters and read only so far: {cut:,}.")
    return texts, remarks


@dataclass
class Part:
    """What one model has answered so far."""

    identity: Hashable
    """Of the model's files: answers of other files are not kept."""
    probabilities: np.ndarray
    """Shape (n, k); rows from ``done`` on hold nothing yet."""
    members: np.ndarray
    """Shape (n,): which member of a cascade answered; 0 of any other model."""
    done: int = 0
    seconds: float = 0.0
    """Spent answering, without loading the model."""
    problem: str = ""
    """Why the model can't be asked, if it can't."""


@dataclass
class Job:
    """Headlines that several models answer in chunks, so that it can be stopped and gone on with.

    An interrupted script may still be at a chunk as its successor starts on the same one: to do
    a chunk twice is a waste and does no harm.
    """

    texts: list[str]
    stopped: bool = False
    parts: dict[str, Part] = field(default_factory=dict)

    def prepare(self, role: str, identity: Hashable, classes: int) -> None:
        """Make room for a model's answers; those of other files under its name are dropped."""
        if role not in self.parts or self.parts[role].identity != identity:
            shape = (len(self.texts), classes)
            self.parts[role] = Part(
                identity, np.zeros(shape, np.float32), np.zeros(len(self.texts), np.int64)
            )

    def next(self, roles: Sequence[str]) -> str | None:
        """The model whose turn it is: that with the fewest answers, the first of equals."""
        role = min(roles, key=lambda role: self.parts[role].done)
        return role if self.parts[role].done < len(self.texts) else None

    def step(self, role: str, classifier: Classifier) -> None:
        """Let one model answer its next chunk."""
        part = self.parts[role]
        first, last = part.done, min(part.done + CHUNK, len(self.texts))
        start = time.perf_counter()
        found = classifier.answer(self.texts[first:last])
        part.probabilities[first:last], part.members[first:last] = found
        if part.done < last:
            part.seconds += time.perf_counter() - start
            part.done = last

    def done(self, roles: Sequence[str]) -> int:
        """How many headlines every one of the models has answered: the first so many."""
        return min((self.parts[role].done for role in roles), default=0)

    def share(self, roles: Sequence[str]) -> float:
        """How much of the work is done, in 0..1."""
        total = len(roles) * len(self.texts)
        return sum(self.parts[role].done for role in roles) / total if total else 1.0

    def answers(self, roles: Sequence[str]) -> dict[str, np.ndarray]:
        """By role, probabilities of shape (m, k) of the m headlines that all have answered."""
        done = self.done(roles)
        return {role: self.parts[role].probabilities[:done] for role in roles}

    def milliseconds(self, role: str) -> float:
        """One model's time for a headline, on average."""
        part = self.parts[role]
        return 1000 * part.seconds / max(part.done, 1)


def agreement(votes: np.ndarray, names: Sequence[str]) -> str:
    """In words, what models answer to one headline; ``votes`` are class numbers, one a model."""
    counts = np.bincount(votes, minlength=len(names))
    if counts.max() == len(votes):
        who = {1: "", 2: "both say "}.get(len(votes), f"all {len(votes)} say ")
        return who + names[int(counts.argmax())]
    order = np.argsort(-counts, kind="stable")
    return "≠ " + ", ".join(f"{counts[c]} {names[c]}" for c in order if counts[c])


def sentence(said: Mapping[str, int], names: Sequence[str]) -> str:
    """What models answer to one text: "4 of 5 models say Business; Nano says Sports".

    Args:
        said: by a model's name, the number of the class that it answers; not empty.
        names: of the classes.
    """
    by_class: dict[int, list[str]] = {}
    for model, answer in said.items():
        by_class.setdefault(answer, []).append(model)
    # The most votes first; the models' order decides between equals.
    first, *others = sorted(by_class.items(), key=lambda item: -len(item[1]))
    (answer, models), total = first, len(said)
    if not others:
        who = {1: f"{models[0]} says", 2: "Both models say"}.get(total, f"All {total} models say")
        return f"{who} {names[answer]}"
    if len(models) == 1:
        return "; ".join(_say(voters, names[place]) for place, voters in by_class.items())
    rest = ", ".join(_say(voters, names[place]) for place, voters in others)
    return f"{len(models)} of {total} models say {names[answer]}; {rest}"


def _say(models: Sequence[str], answer: str) -> str:
    """ "Nano says Sports", "Nano and Tiny say Sports", "5 say Sports"."""
    if len(models) > _NAMED:
        return f"{len(models)} say {answer}"
    return f"{join(models)} {'says' if len(models) == 1 else 'say'} {answer}"


def votes_of(answers: Mapping[str, np.ndarray]) -> np.ndarray:
    """Class numbers, shape (n, models), from probabilities of shape (n, k) by role."""
    return np.stack([probabilities.argmax(axis=1) for probabilities in answers.values()], axis=1)


def differ(answers: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether the models differ on a headline, bool of shape (n,)."""
    votes = votes_of(answers)
    return (votes != votes[:, :1]).any(axis=1)


def side_by_side(
    texts: Sequence[str], answers: Mapping[str, np.ndarray], names: Sequence[str]
) -> pd.DataFrame:
    """One row a headline: how far the models agree, the text, and each model's answer.

    Args:
        texts: the n headlines.
        answers: by role, probabilities of shape (n, k); without any, only texts are shown.
        names: of the k classes.
    """
    if not answers:
        return pd.DataFrame({"Agreement": "…", "Headline": list(texts)})
    # Thousands of headlines share a few dozen patterns of votes.
    patterns, which = np.unique(votes_of(answers), axis=0, return_inverse=True)
    words = np.array([agreement(votes, names) for votes in patterns], dtype=object)
    table = pd.DataFrame({"Agreement": words[which], "Headline": list(texts)})
    for role, probabilities in answers.items():
        top, classes = probabilities.max(axis=1), probabilities.argmax(axis=1)
        table[role] = [f"{names[c]} {p:.0%}" for c, p in zip(classes, top, strict=True)]
    return table


def of_one(position: int, answers: Mapping[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    """Every model's answer to one headline: a row a model, probabilities in percent.

    Columns of classes are named by position, as a class may be called as another column is.
    A model with fewer answers than that (none, while it loads) has an empty row.
    """
    rows = []
    for role, probabilities in answers.items():
        row = {"Model": role, "Answer": "…", "Confidence": np.nan}
        row |= dict.fromkeys(map(str, range(len(names))), np.nan)
        if position < len(probabilities):
            percent = 100 * probabilities[position].astype(float)
            row |= {"Answer": names[percent.argmax()], "Confidence": percent.max()}
            row |= {str(place): share for place, share in enumerate(percent)}
        rows.append(row)
    return pd.DataFrame(rows)


def by_model(
    answers: Mapping[str, np.ndarray], names: Sequence[str], labels: np.ndarray | None = None
) -> pd.DataFrame:
    """One row a model: headlines called each class, and how often the other models say the same.

    Columns of classes are named by position, as a class may be called as another column is.
    "Agrees" is in percent: over all headlines and all other models, the share of equal answers;
    NaN for a model that is alone. Without headlines, everything is NaN. "Right", in percent too,
    is there where the true classes are known: ``labels``, of shape (n,).
    """
    votes = votes_of(answers)
    rows = []
    for position, role in enumerate(answers):
        own, others = votes[:, [position]], np.delete(votes, position, axis=1)
        counts = np.bincount(own[:, 0], minlength=len(names)) if len(own) else [np.nan] * len(names)
        agrees = 100 * (others == own).mean() if others.size else np.nan
        row = {"Model": role, "Agrees": agrees}
        if labels is not None:
            row["Right"] = 100 * (own[:, 0] == labels[: len(own)]).mean() if len(own) else np.nan
        rows.append(row | {str(place): count for place, count in enumerate(counts)})
    return pd.DataFrame(rows)


def to_download(
    texts: Sequence[str], given: Mapping[str, np.ndarray], names: Sequence[str]
) -> pd.DataFrame:
    """What is downloaded: a row a headline; each model's answer and all its probabilities.

    Args:
        texts: the headlines, at least as many as were answered.
        given: by role, probabilities of shape (n, k) of the first n headlines.
        names: of the k classes.
    """
    votes = votes_of(given) if given else np.empty((0, 0), int)
    table = {
        "headline": list(texts[: len(votes)]),
        "models_differ": (votes != votes[:, :1]).any(axis=1),
    }
    for position, (role, probabilities) in enumerate(given.items()):
        table[role] = np.array(names, dtype=object)[votes[:, position]]
        for number, name in enumerate(names):
            table[f"{role} {name}"] = probabilities[:, number].round(4)
    return pd.DataFrame(table)


# Languages whose spreadsheets read 0,5 for a half and separate cells by semicolons; and places
# where the same languages write 0.5.
_COMMA_LANGUAGES = (
    " az be bg bs ca cs da de el es et eu fi fr gl hr hu hy id is it ka kk ky lt lv mk nb nl nn no "
    "pl pt ro ru sk sl sq sr sv tr uk uz vi "
)
_POINT_REGIONS = " CH LI MX GT HN SV NI PA DO PR US "


def writes_comma(locale: str | None) -> bool:
    """Whether spreadsheets of a locale ("de-DE") read a comma as the decimal separator."""
    language, *more = (locale or "").replace("_", "-").split("-")
    elsewhere = any(f" {part.upper()} " in _POINT_REGIONS for part in more)
    return f" {language.lower()} " in _COMMA_LANGUAGES and not elsewhere


def to_csv(table: pd.DataFrame, decimal_comma: bool = False) -> bytes:
    """CSV that spreadsheets open as it is meant: letters, figures, and no formula.

    It starts with the mark by which Excel knows UTF-8. A text that starts like a formula has an
    apostrophe before it (OWASP: CSV injection). Texts are in quotes, so that a semicolon in the
    first of a row does not start a cell where semicolons separate them.

    Args:
        table: what is downloaded.
        decimal_comma: figures and separators as German Excel reads them: 0,5 and a semicolon.
    """

    def defused(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value

    safe = table.rename(columns=defused)
    for position, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):  # bool is one of them
            safe.isetitem(position, [defused(value) for value in safe.iloc[:, position]])
    text = safe.to_csv(
        index=False,
        quoting=csv.QUOTE_NONNUMERIC,
        lineterminator="\n",
        sep=";" if decimal_comma else ",",
        decimal="," if decimal_comma else ".",
    )
    return text.encode("utf-8-sig", "replace")


def make_command(record: RunRecord, role: str) -> str:
    """The command that makes one model of a run: the run's own, narrowed to the role.

    A remark above it says which model that is, how large, and how long its training took, where
    that is known.
    """
    (model,) = [model for model in record.models if model.role == role]
    remark = f"# {role}, {model.size_bytes / 1e6:.0f} MB{_training_time(model.training)}"
    if model.is_joined:
        source = model.checkpoint if model.settings.get("source") == "hub" else "DIR"
        words = ["python", "-m", "pipeline", "add", record.run, role, "--model", str(source)]
        words += [] if record.toy else ["--data", "DIR"]
        return f"{remark}\n{shlex.join(words)}"
    words = shlex.split(record.command)
    if words[:4] != ["python", "-m", "pipeline", "run"]:
        words = ["python", "-m", "pipeline", "run", "--family", record.family]
    if "--only" in words:
        start = words.index("--only")
        rest = [i for i in range(start + 1, len(words)) if words[i].startswith("--")]
        words[start : rest[0] if rest else None] = []
    if "--run" not in words:
        words += ["--run", record.run]
    return f"{remark}\n" + shlex.join([*words, "--only", role])


def _training_time(training: TrainingRecord | None) -> str:
    """ ", 12 minutes of training", or nothing where the record does not say."""
    seconds = training and training.seconds_since_last_start
    if not seconds:
        return ""
    if seconds < 90:
        return f", {seconds:.0f} seconds of training"
    if seconds < 5_400:
        return f", {seconds / 60:.0f} minutes of training"
    return f", {seconds / 3600:.1f} hours of training"
