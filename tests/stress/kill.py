"""Kill a run with kill -9 at random moments. In the end, it must equal an undisturbed run.

A short run spends most of its time on importing torch. So the runs are forks of one process that
has imported everything and done nothing yet.
"""

import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from pipeline.__main__ import main
from pipeline.recipes.families import FAMILIES
from pipeline.results import storage
from pipeline.results.records import ModelRecord
from tests.brief import brief

COMMAND = ("run", "--family", "toy", "--only", "tiny-int8")
EPOCHS = 3
"""Epochs of every training; what is learned does not matter here."""
# A kill waits until this stage is being made. None: it does not wait for a stage.
STAGES = ("checkpoints", "logits", "weights", "weights, written", "artifact", "evaluation", "cache")
MOMENTS = (None, *STAGES)
# Mean seconds between kills: less than a run takes, so that it is killed several times.
PAUSE = 3.0


class Reader(threading.Thread):
    """Reads the cache as a dashboard does. What was there once must never be gone or broken."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.looks, self.faults, self.done = folder, 0, [], threading.Event()
        self.roles: set[str] = set()

    def run(self) -> None:
        while not self.done.wait(0.005):
            runs, problems = storage.list_runs(self.folder)
            roles = {role for run in runs for role in run.by_role}
            self.faults += problems
            if not roles >= self.roles:
                self.faults.append(f"{sorted(self.roles - roles)} gone")
            self.roles |= roles
            self.looks += 1


def start(folder: Path) -> int:
    """Start a run in a fork, with its output in a file; return the fork's process id."""
    pid = os.fork()
    # The fork gets a group of its own, so that its measuring process is killed with it. Both make
    # the group, since either may be the first to need it.
    os.setpgid(pid, pid)
    if pid:
        return pid
    log = os.open(folder / ".log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    status = 1
    with contextlib.suppress(BaseException):
        status = main([*COMMAND, "--cache", str(folder)])
    os._exit(status)


def ended(pid: int) -> int | None:
    """A fork's exit status; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def kill_once(folder: Path, moment: str | None, wait: float) -> tuple[str, int | None]:
    """Start a run, and kill it ``wait`` seconds after the stage ``moment`` has begun.

    Returns:
        The stage that was being made; the exit status if the run ended before the kill, else None.
    """
    pid, begun = start(folder), time.monotonic() if moment is None else None
    try:
        while (status := ended(pid)) is None:
            if begun is None and stage(folder) == moment:
                begun = time.monotonic()
            if begun is not None and time.monotonic() - begun >= wait:
                break
            time.sleep(0.002)
        return stage(folder), status
    finally:  # if this trial is stopped, the run is stopped, too
        if status is None:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def stage(folder: Path) -> str:
    """The stage that is being made now: that of the innermost draft that exists."""
    names = [path.name for path in folder.glob(".work/.draft-*")]
    if any(folder.glob(".new-*")):
        return "cache"
    if any(folder.glob(".work/toy-checkpoints/*/.draft-*")):
        return "checkpoints"
    kinds = ("logits", "weights", "artifact", "evaluation")
    kind = next((kind for kind in kinds for name in names if f"-{kind}-" in name), "between")
    written = kind == "weights" and any("-weights-" in n and n.endswith(".cleared") for n in names)
    return "weights, written" if written else kind


def outcome(folder: Path) -> dict[str, object]:
    """Everything of a run that must not depend on how often it was killed."""
    run = storage.read_run(folder / "toy")
    figures = {}
    for role, model in run.by_role.items():
        figures |= {f"{role}'s {name}": value for name, value in settled(model).items()}
    return figures | run.record.files


def settled(model: ModelRecord) -> dict[str, object]:
    """A model's figures except the timed ones."""
    timed = ("cost", "measured_on", "training")
    learned = vars(model.training).items() if model.training else ()
    return {name: value for name, value in vars(model).items() if name not in timed} | {
        f"training: {name}": value for name, value in learned if "seconds" not in name
    }


def leftovers(folder: Path) -> list[str]:
    """Drafts that nobody will ever finish."""
    patterns = (".new-*", ".old-*", ".work/.draft-*", ".work/toy-checkpoints/*/.draft-*")
    return [str(path.relative_to(folder)) for p in patterns for path in folder.glob(p)]


def run(times: int, seed: int) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as main() has it, before torch

    random.seed(seed)
    FAMILIES["toy"] = brief(FAMILIES["toy"], EPOCHS)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        (root / "undisturbed").mkdir()
        began = time.monotonic()
        _, status = kill_once(root / "undisturbed", None, float("inf"))
        life = time.monotonic() - began
        if status:
            sys.exit((root / "undisturbed" / ".log").read_text())
        expected = outcome(root / "undisturbed")
        hits, runs, looks, faults = Counter(), 0, 0, []
        while sum(hits.values()) < times:
            runs += 1
            folder = root / f"run-{runs}"
            folder.mkdir()
            reader = Reader(folder)
            reader.start()
            status = None
            while status is None and sum(hits.values()) < times:
                moment = random.choice(MOMENTS)
                wait = random.expovariate(1 / (PAUSE if moment is None else 0.02))
                where, status = kill_once(folder, moment, wait)
                if status is None:
                    hits[where] += 1
                    print(f"{sum(hits.values())}: {where}", file=sys.stderr, flush=True)
            if status is None:
                _, status = kill_once(folder, None, float("inf"))
            reader.done.set()
            reader.join()
            looks += reader.looks
            faults += reader.faults + leftovers(folder)
            if status:
                faults.append((folder / ".log").read_text()[-2000:])
            else:
                found = outcome(folder)
                faults += [f"{key} differs" for key in expected if found.get(key) != expected[key]]
    print(f"| {times} kills, {runs} runs of {life:.0f} s | |\n|---|--:|")
    for where, count in hits.most_common():
        print(f"| killed at: {where} | {count} |")
    print(f"| looks of a reader at the cache | {looks:,} |\n| faults | {len(faults)} |")
    print("\n".join(dict.fromkeys(faults)))
    return bool(faults)
