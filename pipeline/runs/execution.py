"""One execution of a family on one data set. The run is written after each role."""

import contextlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from transformers import TrainerCallback

from pipeline import files, hardware, processes
from pipeline.data import declarations, hub, near_duplicates
from pipeline.data.data_sets import SEED, Corpus
from pipeline.data_record import DataRecord
from pipeline.errors import PipelineError
from pipeline.models import networks
from pipeline.progress import say
from pipeline.recipes.roles import Family
from pipeline.results.records import SCHEMA, ModelRecord, RunRecord
from pipeline.results.run_writing import restore, write_run
from pipeline.results.storage import Run, read_run
from pipeline.results.texts import TEXTS, texts_frame
from pipeline.runs import lineage, plan
from pipeline.runs.fingerprinting import INT8_BITS
from pipeline.runs.model_record import model_record
from pipeline.runs.stages import Stages


@dataclass(frozen=True)
class Folders:
    """Where a run is made."""

    cache: Path
    """The folder of all runs."""
    work: Path
    """The folder of stages: weights, checkpoints, logits, artifacts, evaluations."""
    checkpoints: Path | None = None
    """The folder of pretrained checkpoints; None: they come from the Hub."""


@dataclass(frozen=True)
class Request:
    """What a run shall make."""

    name: str
    """The run's name."""
    command: str
    """The command line, for the record."""
    roles: list[str]
    pretrained_layers: bool = False
    """Students keep layers of their parent's checkpoint, not of its fine-tuned weights."""
    measure_again: bool = False
    """Measure the cost of every role again, even if it is done."""
    train_only: bool = False
    """Make weights and teachers' logits, but no artifacts and no evaluations, and write no run."""


def run(
    family: Family,
    corpus: Corpus,
    request: Request,
    folders: Folders,
    callbacks: tuple[TrainerCallback, ...] = (),
) -> Run | None:
    """Make the requested roles and the roles that they need; write each into the run once done.

    Stages that are done under the same fingerprint are not made again, and the run's other roles
    stay. A teacher that is needed only for its logits is not made if the work folder or the run
    has them.

    The first of several processes makes and writes everything and returns the run; the others
    help it to train, and return None. If the request is only to train, the first returns None, too.

    Args:
        family: the family whose models are made.
        corpus: the texts on which they are trained and tested.
        request: what is made.
        folders: where it is made.
        callbacks: added to every Trainer.

    Raises:
        PipelineError: a checkpoint can't be found, the run's name belongs to another family or
            other data, another run is at work, or a stage fails.
    """
    with contextlib.ExitStack() as held:
        if processes.is_first():
            held.enter_context(files.locked(folders.work))
            held.enter_context(files.locked(folders.cache / request.name))
            restore(folders.cache)
        processes.wait_for_all()  # until the first one has restored the run
        written = _existing(folders.cache / request.name, family, corpus)
        inputs = _recorded_identities(family, written)
        inputs |= {"data": corpus.fingerprint, INT8_BITS: str(hardware.int8_bits())}
        if request.pretrained_layers:
            inputs[lineage.LAYERS_FROM] = lineage.PRETRAINED
        for checkpoint in lineage.checkpoints(family, request.roles, inputs):
            inputs[checkpoint] = _identity(checkpoint, folders.checkpoints, inputs.get(checkpoint))
        stages = Stages(
            family, corpus, folders.work, folders.checkpoints, inputs, written, callbacks
        )
        roles = plan.roles_to_make(family, request.roles, inputs, stages.logits.has_all)
        stages.check_checkpoints(roles)
        processes.wait_for_all()  # until all processes have listed the same roles
        if not processes.is_first():
            for role in roles:
                stages.help_to_train(role)
            return None
        if request.train_only:
            _train(stages, roles)
            return None
        for number, role in enumerate(roles, start=1):
            say(f"[{number}/{len(roles)}] {role}")
            if request.measure_again:
                stages.measure_again(role)
            stages.make(role)
            record = model_record(stages, role)
            if not (written and _holds(written, record, request.measure_again)):
                written = _write(written, stages, record, request, folders.cache)
            say(
                f"[{number}/{len(roles)}] {role}: accuracy {record.metrics.accuracy:.4f} "
                f"on test, {record.size_bytes / 1e6:.1f} MB"
            )
        return written


def _train(stages: Stages, roles: list[str]) -> None:
    """Make the weights of the roles, and the teachers' logits that they learn from."""
    trained = [role for role in roles if lineage.makes_weights(stages.models[role])]
    for number, role in enumerate(trained, start=1):
        say(f"[{number}/{len(trained)}] {role}")
        stages.weights(role)
    say(f"{stages.work} has all that is trained; the same command without --train-only goes on")


def _recorded_identities(family: Family, existing: Run | None) -> dict[str, str]:
    """By name, the identity of each checkpoint that the run has recorded.

    With them, fingerprints of roles that were not requested are known, too. Examples are the
    teacher, with which students are compared, and its logits.
    """
    names = lineage.checkpoints(family, family.by_role(), {})
    # Parents come first in a run, and their identities take precedence: a student that is older
    # than its parent may have recorded another one.
    records = reversed(existing.record.models if existing else [])
    return {name: r.inputs[name] for r in records for name in names if name in r.inputs}


def _identity(checkpoint: str, folder: Path | None, recorded: str | None) -> str:
    """A checkpoint's identity; the recorded one if the checkpoint is not available here."""
    try:
        return networks.checkpoint_identity(checkpoint, folder)
    except hub.NotAtHandError:
        if recorded is None:
            raise
        return recorded


def _existing(folder: Path, family: Family, corpus: Corpus) -> Run | None:
    """The run in a folder; None if there is no such folder.

    Raises:
        PipelineError: the run has another family or other data, so nothing can be added to it.
    """
    if not folder.exists():
        return None
    run = read_run(folder)
    same_data = corpus.is_named(run.record.data.fingerprint, run.record.schema)
    if run.record.family != family.name or not same_data:
        raise PipelineError(
            f"{folder} holds family {run.record.family} on {run.record.data.name}, whose "
            "fingerprint is not that of these data; name this run with --run, or delete that folder"
        )
    return run


def _holds(run: Run, record: ModelRecord, cost: bool) -> bool:
    """Whether a run has exactly this record, its artifact and its texts, in the newest schema.

    Costs are compared only with ``cost``, since ``bench`` may have timed the model meanwhile.
    """
    stored = run.by_role.get(record.role)
    if not (stored and run.artifact(record.role) and _has_texts(run)):
        return False
    compared = replace(stored, artifact={})
    if not cost:
        compared = replace(compared, cost=record.cost, measured_on=record.measured_on)
    return run.record.schema == SCHEMA and compared == record


def _has_texts(run: Run) -> bool:
    """Whether a run has the texts of its test rows, or must not have them."""
    known = declarations.of_run(run.record.data, run.record.toy)
    return TEXTS in run.record.files or not known.is_passed_on


def _near_duplicates(existing: Run | None, corpus: Corpus) -> dict[str, int]:
    """The counts by split. The run's own are reused, since its data are the same."""
    known = existing.record.data.near_duplicates if existing else None
    held_out = {"validation": corpus.validation.texts, "test": corpus.test.texts}
    return known or near_duplicates.near_duplicates(corpus.train.texts, held_out)


def _write(
    existing: Run | None, stages: Stages, record: ModelRecord, request: Request, cache: Path
) -> Run:
    """Write the run with one model added or replaced, and return it."""
    records = {**(existing.by_role if existing else {}), record.role: record}
    kept = [role for role in records if role != record.role]
    predictions = {role: existing.all_predictions(role) for role in kept} if existing else {}
    artifacts = existing.artifacts() if existing else {}
    # Only logits that today's recipe learns from are kept, not those of an older teacher.
    stored = existing.all_logits() if existing else {}
    logits = {key: stored[key] for key in stages.logits.learned() if key in stored}
    logits |= stages.logits.at_hand([record.role])
    # Roles that the family no longer has come last: an older version made them.
    in_order = [role for role in dict.fromkeys([*stages.models, *kept]) if role in records]
    corpus = stages.corpus
    return write_run(
        cache,
        RunRecord(
            run=request.name,
            family=stages.family.name,
            toy=stages.family.toy,
            command=request.command,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            data=DataRecord(
                name=corpus.name,
                fingerprint=corpus.fingerprint,
                labels=list(corpus.labels),
                title_first=corpus.title_first,
                rows={split: len(rows) for split, rows in corpus.splits().items()},
                seed=SEED,
                near_duplicates=_near_duplicates(existing, corpus),
                declaration=declarations.entry(corpus.data_set),
            ),
            models=[records[role] for role in in_order],
            files={},
            bench=existing.record.bench if existing else {},
            logits={f"{fingerprint[:16]}.safetensors": fingerprint for fingerprint in logits},
        ),
        {**predictions, record.role: stages.predictions(record.role)},
        {**artifacts, record.role: stages.artifact(record.role)},
        logits,
        texts_frame(corpus.test.rows, corpus.test.texts) if corpus.data_set.is_passed_on else None,
    )
