"""One execution of a family on one data set: role after role, the run written as it grows."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from pipeline import models, plan, processes, stages
from pipeline.cache import Run, read_run, restore, write_run
from pipeline.data import SEED, Corpus
from pipeline.errors import PipelineError
from pipeline.maker import Maker
from pipeline.progress import say
from pipeline.records import ModelRecord, RunRecord
from pipeline.roles import Family


def run(
    family: Family,
    corpus: Corpus,
    roles: list[str],
    *,
    name: str,
    cache: Path,
    work: Path,
    command: str,
    checkpoints: Path | None = None,
    measure_again: bool = False,
    callbacks: tuple = (),
) -> Run | None:
    """Make ``roles`` (parents first) and write each into ``cache/<name>/`` as it is done.

    Of several processes the first makes and writes everything and gives the run; the others help
    it to train, and give None.

    What is done already under the same fingerprint is taken as it is; the run's other roles stay.
    With ``measure_again`` every one of ``roles`` is timed anew, whatever is done.

    Raises:
        PipelineError: a checkpoint can't be had, the run's name is taken by other data, another
            run is at work, or a stage found something wrong.
    """
    identities = {
        checkpoint: models.checkpoint_identity(checkpoint, checkpoints)
        for checkpoint in plan.checkpoints(family, roles)
    }
    inputs = {"data": corpus.fingerprint, **identities}
    maker = Maker(family, corpus, work, checkpoints, inputs, callbacks)
    if not processes.is_first():
        for role in roles:
            maker.help_to_train(role)
        return None
    with stages.locked(work), stages.locked(cache / name):
        restore(cache)
        written = _existing(cache / name, family, corpus)
        for number, role in enumerate(roles, start=1):
            say(f"[{number}/{len(roles)}] {role}")
            if measure_again:
                maker.measure_again(role)
            record = maker.record(role)
            if not (written and _holds(written, record, measure_again)):
                written = _write(written, maker, record, cache, name, command)
            say(
                f"[{number}/{len(roles)}] {role}: accuracy {record.metrics['accuracy']:.4f} "
                f"on test, {record.size_bytes / 1e6:.1f} MB"
            )
    return written


def _existing(folder: Path, family: Family, corpus: Corpus) -> Run | None:
    """The run that stands under this name, if it can be added to."""
    if not folder.exists():
        return None
    run = read_run(folder)
    if run.record.family != family.name or run.record.data["fingerprint"] != corpus.fingerprint:
        raise PipelineError(
            f"{folder} holds family {run.record.family} on {run.record.data['name']} with other "
            "rows than these; name this run with --run, or delete that folder"
        )
    return run


def _holds(run: Run, record: ModelRecord, cost: bool) -> bool:
    """Whether a run has this very record, and the artifact with it.

    With ``cost``, what it costs is compared too: ``bench`` may have timed the model since.
    """
    stored = run.by_role.get(record.role)
    if not (stored and run.artifact(record.role)):
        return False
    newer = {} if cost else {"cost": record.cost, "measured_on": record.measured_on}
    return replace(stored, artifact={}, **newer) == record


def _write(
    existing: Run | None, maker: Maker, record: ModelRecord, cache: Path, name: str, command: str
) -> Run:
    """The run with one model added or replaced."""
    records = {**(existing.by_role if existing else {}), record.role: record}
    kept = [role for role in records if role != record.role]
    predictions = {role: existing.all_predictions(role) for role in kept}
    artifacts = {role: path for role in kept if (path := existing.artifact(role))}
    corpus = maker.corpus
    return write_run(
        cache,
        RunRecord(
            run=name,
            family=maker.family.name,
            toy=maker.family.toy,
            command=command,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            data={
                "name": corpus.name,
                "fingerprint": corpus.fingerprint,
                "labels": list(corpus.labels),
                "title_first": corpus.title_first,
                "rows": {split: len(rows) for split, rows in corpus.splits().items()},
                "seed": SEED,
            },
            models=[records[role] for role in maker.models if role in records],
            files={},
            bench=existing.record.bench if existing else {},
        ),
        {**predictions, record.role: maker.predictions(record.role)},
        {**artifacts, record.role: maker.artifact(record.role)},
    )
