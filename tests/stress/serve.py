"""Many clients on one server of models: no error, no mixed answers, a pace close to ``classify``.

The clients are in one process, and share the cores with the server. If other programs use the
machine, too, CPU seconds of server and clients together are a better measure than seconds.
"""

import http.client
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import psutil

from pipeline.data import data_sets
from pipeline.hardware import available_threads
from pipeline.inference import large_files
from pipeline.inference.classifier import Classifier
from pipeline.results import storage
from tests import serving

LEAST_SHARE = 0.7
"""The least share of the pace of ``classify``, which is measured just before and after."""
TOLERANCE = 1e-2
"""The largest difference of a probability. The rounding of 4-bit kernels depends on the size of the
batch, by up to 0.001 so far."""


@dataclass
class Load:
    """What the clients of a server measured."""

    texts: int = 0
    seconds: list[float] = field(default_factory=list)
    """Seconds of every request."""
    faults: list[str] = field(default_factory=list)
    elapsed: float = 0.0
    cpu_seconds: float = 0.0
    """CPU seconds of the server and the clients together."""
    most_mb: float = 0.0
    """The server's largest resident memory."""


class Client:
    """Asks one server for some texts at a time, over one connection, and checks the answers."""

    def __init__(self, url: str, path: str, labels: list[str], known: dict[str, list[float]]):
        """``known`` has the right probabilities of every text that it may ask for."""
        self.address, self.path = urlsplit(url), path
        self.labels, self.known, self.texts = labels, known, list(known)

    def run(self, until: float, size: int, seed: int, load: Load, lock: threading.Lock) -> None:
        """Ask ``size`` texts at a time until ``until``; then add the results to ``load``."""
        chosen, seconds, faults, answered = random.Random(seed), [], [], 0
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, 120)
        while time.monotonic() < until and not faults:
            texts = chosen.choices(self.texts, k=size)
            started = time.monotonic()
            try:
                faults += self.ask(connection, texts)
            except (OSError, http.client.HTTPException, ValueError) as error:
                faults.append(f"{type(error).__name__}: {error}")
            seconds.append(time.monotonic() - started)
            answered += size
        connection.close()
        with lock:
            load.texts += answered
            load.seconds += seconds
            load.faults += faults

    def ask(self, connection: http.client.HTTPConnection, texts: list[str]) -> list[str]:
        """Ask once; return what is wrong with the answer."""
        body = json.dumps({"inputs": texts if len(texts) > 1 else texts[0]})
        connection.request("POST", self.path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            return [f"{response.status}: {content.decode()}"]
        answer = json.loads(content)
        if len(answer) != len(texts):
            return [f"{len(answer)} answers to {len(texts)} texts"]
        faults = []
        for text, scores in zip(texts, answer, strict=True):
            given = {one["label"]: one["score"] for one in scores}
            expected = zip(self.labels, self.known[text], strict=True)
            if max(abs(given[name] - score) for name, score in expected) > TOLERANCE:
                faults.append(f"another text's answer to {text[:60]!r}: {given}")
        return faults


def bombard(
    served: serving.Server, client: Client, clients: int, seconds: float, size: int
) -> Load:
    """Let ``clients`` threads ask the server for ``seconds``."""
    load, lock, process = Load(), threading.Lock(), psutil.Process(served.process.pid)
    started, used = time.monotonic(), time.process_time() + cpu_seconds(process)
    threads = [
        threading.Thread(target=client.run, args=(started + seconds, size, seed, load, lock))
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            load.most_mb = max(load.most_mb, process.memory_info().rss / 1e6)
            thread.join(0.5)
    load.elapsed = time.monotonic() - started
    load.cpu_seconds = time.process_time() + cpu_seconds(process) - used
    return load


def cpu_seconds(process: psutil.Process) -> float:
    """CPU seconds that a process has used so far, on all cores."""
    times = process.cpu_times()
    return times.user + times.system


def classify_pace(folder: Path, texts: list[str], seconds: float) -> np.ndarray:
    """Texts per second and per CPU second that ``classify`` answers, over at least ``seconds``."""
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "texts.parquet", Path(place) / "answers.parquet"
        count, took = len(texts), 0.0
        while took < seconds:
            repeated = (texts * (count // len(texts) + 1))[:count]
            pd.DataFrame({"text": repeated}).to_parquet(source)
            started, used = time.monotonic(), time.process_time()
            large_files.classify(source, target, folder, workers=available_threads())
            took, used = time.monotonic() - started, time.process_time() - used
            if took < seconds:
                count = int(count * max(1.2 * seconds / took, 2))
        return np.array([count / took, count / used])


def run(
    clients: int, seconds: int, size: int, model: str, data: Path | None, cache: Path | None
) -> int:
    """Print the pace of server and ``classify``; 1 if there was a fault or the server is slow."""
    cache = cache or storage.CACHE
    (one,) = [r for r in storage.list_runs(cache)[0] if model in r.artifacts()]
    folder = one.artifacts()[model]
    texts = list(dict.fromkeys(data_sets.load(data).test.texts if data else headlines()))
    known = dict(zip(texts, Classifier(folder).predict_proba(texts).tolist(), strict=True))
    before = classify_pace(folder, texts, seconds / 4)
    with serving.serve(cache, "--run", one.name, "--model", model) as served:
        client = Client(served.url, f"/models/{model}", one.labels, known)
        load = bombard(served, client, clients, seconds, size)
    after = classify_pace(folder, texts, seconds / 4)
    pace = load.texts / np.array([load.elapsed, load.cpu_seconds])
    share, core_share = pace / ((before + after) / 2)
    p50, p95 = (1000 * np.percentile(load.seconds, percent) for percent in (50, 95))
    title = f"{clients} clients, {load.elapsed:.0f} s, {model}"
    print(f"| {title} | texts/s | share | texts/s of a core | share | p50 ms | p95 ms | MB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name, (wall, core) in {"before": before, "after": after}.items():
        print(f"| classify, {name} | {wall:.0f} | | {core:.0f} | | | | |")
    print(
        f"| serve, {size} texts a request | {pace[0]:.0f} | {share:.2f} | {pace[1]:.0f} "
        f"| {core_share:.2f} | {p50:.0f} | {p95:.0f} | {load.most_mb:.0f} |"
    )
    print(f"\n{len(load.seconds):,} requests, {len(load.faults)} faults")
    if share < LEAST_SHARE:
        load.faults.append(f"less than {LEAST_SHARE} of what classify reaches")
    print("\n".join(dict.fromkeys(load.faults)), file=sys.stderr)
    return bool(load.faults)


def headlines() -> list[str]:
    """The project's own headlines."""
    return pd.read_csv(data_sets.TOY)["text"].tolist()
