"""The command that makes one model of a run."""

import shlex

from pipeline.results.figures import TrainingRecord
from pipeline.results.records import RunRecord


def make_command(record: RunRecord, role: str) -> str:
    """The command that makes one model of a run: the run's own command with ``--only`` this role.

    For a joined model it is the command that adds the model to the run. A remark above the command
    says the model's role, its size, and the training time if it is known.
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
    """ ", 12 minutes of training"; empty if the record has no time."""
    seconds = training and training.seconds_since_last_start
    if not seconds:
        return ""
    if seconds < 90:
        return f", {seconds:.0f} seconds of training"
    if seconds < 5_400:
        return f", {seconds / 60:.0f} minutes of training"
    return f", {seconds / 3600:.1f} hours of training"
