"""How fast, against what: ratios taken side by side, with a check of the answers beside each.

Peers are asked in turns, so that what else the machine does falls on all alike, and a figure is the
median of its turns. Rows are validation rows, or else made of the project's own headlines; one at a
time, headlines of 8 to 20 words are asked as well.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from pipeline import hardware, strict
from pipeline.bench.peers import Peer
from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.evaluation import scoring
from pipeline.inference.graph import BATCH_SIZE
from pipeline.progress import say
from pipeline.recipes.families import FAMILIES
from pipeline.results.figures import Conditions
from pipeline.results.storage import Run, rewrite_run
from pipeline.runs import plan, stage_folders

GROUPS = {"teacher": ("teacher", "dynamic"), "minilm": ("minilm", "minilm-int8")}
"""Trained role → roles of its artifacts, in floating point and in int8; others have no peers."""
STUDENT = "minilm-int8"
"""Classifies whole files, as the smallest model does."""
LENGTHS = (2, 6, 3, 5, 4)
"""Headlines that are joined to texts, in turn: of about 48 tokens in the mean, as AG News's."""
BLOCK = 10
"""Texts that a peer is asked one after another before it is the next one's turn."""
BATCHES = 8
"""Of one turn of many texts."""
LONGEST = 300.0
"""Seconds that a file may take to classify."""
PYTORCH = ("transformers", "torch.ao")
"""Kinds of peers that run a model's weights, not its artifact."""
TITLES = {
    "transformers": "transformers' pipeline",
    "torch.ao": "the same, torch.ao int8",
    "onnxruntime": "onnxruntime, default settings",
    "ours": "ours",
    "encoding": "tokenization alone",
}


@dataclass(frozen=True)
class Contestant:
    """One row of a table."""

    group: str
    role: str
    kind: str
    folder: Path

    @property
    def title(self) -> str:
        return f"{TITLES[self.kind]}, `{self.role}`"


def headlines(joined: Sequence[int], count: int) -> list[str]:
    """Texts of the project's own headlines, each of as many as ``joined`` says in turn.

    All of one text are of one class.
    """
    table = pd.read_csv(data_sets.TOY)
    by_class = [part["text"].tolist() for _, part in table.groupby("label")]
    texts, taken = [], [0] * len(by_class)
    for number in range(count):
        label, size = number % len(by_class), joined[number % len(joined)]
        own = by_class[label]
        texts.append(". ".join(own[(taken[label] + i) % len(own)] for i in range(size)))
        taken[label] += size
    return texts


def contestants(run: Run, work: Path | None) -> tuple[list[Contestant], list[str]]:
    """Who can be timed, and a line on each who can't be."""
    found: list[Contestant] = []
    missing: list[str] = []
    for group, roles in GROUPS.items():
        if group not in run.by_role:
            missing.append(f"{run.name} has no {group}")
            continue
        weights = _weights(run, group, work)
        if weights:
            found += [Contestant(group, group, kind, weights) for kind in PYTORCH]
        else:
            missing.append(f"no weights of {group} at hand: give --work; left out: PyTorch")
        for role in roles:
            artifact = run.artifact(role) if role in run.by_role else None
            if not artifact:
                missing.append(f"no artifact of {role} at hand")
                continue
            kinds = ("onnxruntime", "ours", *(("encoding",) if role == roles[-1] else ()))
            found += [Contestant(group, role, kind, artifact) for kind in kinds]
    compared = {role for roles in GROUPS.values() for role in roles}
    for role in run.by_role:
        if role not in compared and (artifact := run.artifact(role)):
            found.append(Contestant(role, role, "ours", artifact))
    return found, missing


def _weights(run: Run, role: str, work: Path | None) -> Path | None:
    """Folder of a trained model's weights, where ``run`` keeps it."""
    family = FAMILIES.get(run.record.family)
    if not work or not family:
        return None
    prints = plan.fingerprints(family, run.by_role[role].inputs).get(role)
    if not prints or not prints.weights:
        return None
    folder = stage_folders.folder(work, f"{family.name}-{role}-weights", prints.weights)
    return folder if folder.is_dir() else None


def compare(
    people: Sequence[Contestant],
    max_length: int,
    orders: Sequence[Sequence[str]],
    batch_size: int,
    turns: int,
    block: int = 1,
) -> list[dict]:
    """Ask everyone the same in turns.

    Args:
        people: who is asked; the first of a group is what the others' answers are checked against.
        max_length: tokens of a text that are read.
        orders: of each call, its texts, from the first on again when all are done.
        batch_size: texts in a batch.
        turns: of which the first warms up and is not counted.
        block: calls in one turn.

    Returns:
        Of each, in the order given: group, role, peer, ms (median of a call), p95_ms, same_labels
        (share) and greatest_difference (of a probability), both against the first of the group.
    """
    seconds: list[list[float]] = [[] for _ in people]
    answers: list[list[np.ndarray]] = [[] for _ in people]
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(p.kind, p.folder, max_length)) for p in people]
        for turn in range(turns):
            # Another one begins each turn, so that nobody always comes after the same one.
            for place in np.roll(np.arange(len(peers)), -turn):
                peer = peers[place]
                calls = range(turn * block, (turn + 1) * block)
                with peer.turn():
                    found = [peer.ask(orders[call % len(orders)], batch_size) for call in calls]
                if turn:
                    seconds[place] += [took for took, _ in found]
                    answers[place] += [probabilities for _, probabilities in found]
    rows = []
    for person, took, own in zip(people, seconds, answers, strict=True):
        first = next(place for place, other in enumerate(people) if other.group == person.group)
        expected, actual = np.concatenate(answers[first]), np.concatenate(own)
        row: dict[str, Any] = {"group": person.group, "role": person.role, "peer": person.kind}
        row |= {"title": person.title, "ms": median(took) * 1e3, "calls": len(took)}
        row |= {"mean_ms": float(np.mean(took)) * 1e3}
        row |= {"p95_ms": float(np.percentile(took, 95)) * 1e3}
        if person.kind != "encoding":
            row["same_labels"] = float((expected.argmax(1) == actual.argmax(1)).mean())
            row["greatest_difference"] = float(np.abs(expected - actual).max())
        rows.append(row)
    return rows


def growth(artifact: Path, texts: Sequence[str], counts: Iterable[int]) -> list[dict]:
    """Seconds and peak memory of ``bulk.classify`` on so many rows, each in a process apart.

    Rows are ``texts``, over and over. Files that would take over ``LONGEST`` are left out.
    """
    rows: list[dict] = []
    for count in sorted(counts):
        if rows and count * rows[-1]["seconds"] / rows[-1]["rows"] > LONGEST:
            break
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "in.txt")
            with source.open("w", encoding="utf-8") as file:
                for number in range(count):
                    file.write(" ".join(texts[number % len(texts)].split()) + "\n")
            process = subprocess.run(
                [sys.executable, "-m", "pipeline.bench.growth", source, artifact.resolve()],
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).resolve().parent.parent.parent,
            )
        if process.returncode:
            raise PipelineError("classifying ended with its message above")
        rows.append({"rows": count, **json.loads(process.stdout)})
    return rows


def bench(
    run: Run, work: Path | None, texts: Sequence[str] | None, turns: int, counts: Sequence[int]
) -> dict:
    """All tables of one run, with what they were taken on, ready for JSON.

    Args:
        run: whose models are timed.
        work: folder of its weights, for the peers in PyTorch.
        texts: to classify; by default the project's own headlines.
        turns: of ``BLOCK`` texts each, one at a time.
        counts: rows of the files that are classified.
    """
    people, missing = contestants(run, work)
    if not people:
        raise PipelineError(f"nothing of {run.name} can be timed: {'; '.join(missing)}")
    for line in missing:
        say(f"note: {line}")
    max_length = _max_length(run)
    texts, conditions = _texts(texts)
    result = {"run": run.name, "missing": missing, **conditions}
    say(f"one text, {turns} turns of {BLOCK} rows and as many of {BLOCK} headlines")
    count = turns * BLOCK
    kinds = {"one": texts[:count], "headline": scoring.short_headlines(count)}
    result["latency"] = {
        person.role: {"load_ms": scoring.load_ms(person.folder, texts[0])}
        for person in people
        if person.kind == "ours"
    }
    for kind, prefix in (("one", ""), ("headline", "headline_")):
        singles = [[text] for text in kinds[kind]]
        timed = compare(people, max_length, singles, 1, turns, BLOCK)
        result[kind] = [row for row in timed if row["group"] in GROUPS]
        for row in timed:
            if row["peer"] == "ours":
                result["latency"][row["role"]] |= {
                    f"{prefix}{name}_ms": round(row[column], 3)
                    for name, column in (("mean", "mean_ms"), ("p50", "ms"), ("p95", "p95_ms"))
                }
    asked = (turns - 1) * BLOCK
    said = scoring.texts_of_latency(asked, asked, result["texts"])
    result["latency_texts"] = f"{said}, in turns with all models"
    many = [person for person in people if person.kind != "encoding" and person.group in GROUPS]
    few = max(3, turns // 4)
    say(f"{BATCHES} batches of {BATCH_SIZE}, {few} turns")
    order = texts[: BATCHES * BATCH_SIZE]
    result["many"] = compare(many, max_length, [order], BATCH_SIZE, few)
    result |= {"many_texts": len(order), "batch_size": BATCH_SIZE}
    if counts:
        at_hand = _artifacts(run)
        smallest = min(at_hand, key=lambda role: run.by_role[role].size_bytes)
        result["growth"] = {}
        for role in dict.fromkeys([STUDENT, smallest]):
            if role in at_hand:
                say(f"{role}: files of {', '.join(f'{count:,}' for count in counts)} rows")
                result["growth"][role] = growth(at_hand[role], texts, counts)
    return result


def _artifacts(run: Run) -> dict[str, Path]:
    """By role, the artifacts that are in this clone."""
    return {role: folder for role in run.by_role if (folder := run.artifact(role))}


def _max_length(run: Run) -> int:
    """Tokens of a text that a run's models read."""
    family = FAMILIES.get(run.record.family)
    return family.max_length if family else 128


def _texts(texts: Sequence[str] | None) -> tuple[Sequence[str], dict]:
    """What is classified, by default the project's own headlines; and where, when and on what."""
    return texts or headlines(LENGTHS, 1000), {
        "texts": "validation rows" if texts else "rows of the project's own headlines",
        "measured_on": {**hardware.conditions(), "threads": hardware.available_threads()},
    }


def time_evaluation(run: Run, texts: Sequence[str] | None, rows: int, turns: int) -> dict:
    """The table of evaluation: every model at hand on many texts, beside a loop in file order.

    Args:
        run: whose models are timed.
        texts: to classify; by default the project's own headlines.
        rows: of ``texts``, how many.
        turns: of which the first warms up.
    """
    at_hand = _artifacts(run)
    if not at_hand:
        raise PipelineError(f"no model of {run.name} is at hand")
    people = [
        Contestant(role, role, kind, folder)
        for role, folder in at_hand.items()
        for kind in ("onnxruntime", "ours")
    ]
    texts, conditions = _texts(texts)
    order = texts[:rows]
    say(f"{len(at_hand)} models on {len(order):,} rows, {turns} turns")
    timed = compare(people, _max_length(run), [order], BATCH_SIZE, turns)
    return {"evaluation": {"rows": len(order), "models": timed, **conditions}}


def time_training(run: Run, corpus: data_sets.Corpus, checkpoints: Path | None, rows: int) -> dict:
    """The table of training, in both ways side by side, at the rates that the run chose."""
    from pipeline.bench.training import EPOCHS, compare  # torch is not needed for all the rest

    family = FAMILIES.get(run.record.family)
    models = [run.by_role[role] for role in EPOCHS if role in run.by_role]
    rates = {
        model.role: model.training.rate
        for model in models
        if model.training and model.training.rate is not None
    }
    if not family or set(rates) != set(EPOCHS):
        raise PipelineError(f"training is timed of a run that has {' and '.join(EPOCHS)}")
    return {"training": compare(family, corpus, checkpoints, rates, rows)}


def store(run: Run, result: dict) -> Run:
    """Write the tables into the run, and the latencies to its models if all were timed.

    If some were not, their latencies could not be compared with the others' any more. Predictions
    and throughput keep what they were taken on.
    """
    models, timed = run.record.models, result.get("latency", {})
    if timed and set(timed) != set(run.by_role):
        say("note: not all models are at hand, so the run keeps the latencies that it has")
    elif timed:
        taken_on = result["measured_on"] | {"texts": result["latency_texts"]}
        latency = strict.read(Conditions, taken_on)
        models = [
            replace(
                model,
                cost=replace(model.cost, **timed[model.role]),
                measured_on=replace(model.measured_on, latency=latency),
            )
            for model in models
        ]
    return rewrite_run(run, replace(run.record, models=models, bench=run.record.bench | result))
