"""How long onnxruntime's threads should spin for work before they sleep.

    python -m tests.experiments.spinning RUN ROLE ROLE …

Each setting has a process with all of these models. It is stopped while others have their turn. The
table shows the time of one text if the same model is asked repeatedly, the time of all models if
they are asked in turn, and how long cores are busy after a run. Texts are the project's own
headlines, and rows made of them. It keeps two cores busy for three minutes.
"""

import argparse
import multiprocessing
import os
import signal
import time
from collections import defaultdict
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

import onnxruntime as ort

from pipeline.bench import timings
from pipeline.evaluation import scoring
from pipeline.hardware import available_threads
from pipeline.inference import encoders
from pipeline.inference.graph import GRAPH, SPIN_US
from pipeline.results.storage import CACHE, read_run

TURNS, BLOCK = 41, 10
SETTINGS = {
    "as onnxruntime comes": {},
    "asleep once a run ends": {"session.force_spinning_stop": "1"},
    "never spinning": {"session.intra_op.allow_spinning": "0"},
    **{
        f"{microseconds} µs" + ", as deployed" * (microseconds == SPIN_US): {
            "session.intra_op.spin_duration_us": str(microseconds)
        }
        for microseconds in (50, 200, 500, 1000)
    },
}


def session(folder: Path, settings: dict[str, str]) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if settings:
        options.intra_op_num_threads = available_threads()
    for name, value in settings.items():
        options.add_session_config_entry(name, value)
    return ort.InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])


def serve(folders: list[Path], settings: dict[str, str], orders: Connection) -> None:
    """Answer (models, texts) with seconds of each text and model, and of spinning afterwards."""
    models = [(session(folder, settings), encoders.read(folder)[1]) for folder in folders]
    while True:
        asked, texts = orders.recv()
        seconds = []
        for text in texts:
            for number in asked:
                opened, encoder = models[number]
                started = time.perf_counter()
                opened.run(["logits"], encoder.feeds([text]))
                seconds.append(time.perf_counter() - started)
        before = time.process_time()
        time.sleep(0.06)
        orders.send((seconds, time.process_time() - before))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("roles", metavar="ROLE", nargs="+")
    options = parser.parse_args()
    run = read_run(CACHE / options.run)
    folders = [run.artifact(role) for role in options.roles]
    if None in folders:
        parser.error(f"of {run.name}, {', '.join(options.roles)} have to be installed")
    kinds = {
        "row": timings.headlines(timings.LENGTHS, TURNS * BLOCK),
        "headline": scoring.short_headlines(TURNS * BLOCK),
    }
    everyone = list(range(len(folders)))
    cases = {
        f"{kind}, {name}": (asked, texts)
        for kind, texts in kinds.items()
        for name, asked in {
            **{f"`{role}`": [number] for number, role in enumerate(options.roles)},
            **({"in turn": everyone} if len(everyone) > 1 else {}),
        }.items()
    }
    context = multiprocessing.get_context("spawn")
    servers = {}
    for name, settings in SETTINGS.items():
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(folders, settings, theirs), daemon=True)
        process.start()
        servers[name] = process, ours
    seconds = defaultdict(list)
    for turn in range(TURNS):
        for case, (asked, texts) in cases.items():
            for name, (process, orders) in servers.items():
                os.kill(process.pid, signal.SIGCONT)
                orders.send((asked, texts[turn * BLOCK : (turn + 1) * BLOCK]))
                took, spun = orders.recv()
                os.kill(process.pid, signal.SIGSTOP)
                if turn:  # the first turn warms up
                    rows = zip(*[iter(took)] * len(asked), strict=True)
                    seconds[name, case] += map(sum, rows)
                    seconds[name, "after"].append(spun)
    for process, _ in servers.values():
        process.kill()
    print(f"| threads spin, ms | {' | '.join(cases)} | busy after a run |")
    print(f"|---|{'--:|' * (len(cases) + 1)}")
    for name in SETTINGS:
        cells = [f"{median(seconds[name, case]) * 1e3:.2f}" for case in (*cases, "after")]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
