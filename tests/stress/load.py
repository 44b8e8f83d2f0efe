"""Many sessions on one dashboard: no error, nothing mixed up, time and memory bounded."""

import asyncio
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from pipeline.results import storage as caches
from tests import walk
from tests.stress.session import Session

PAGES = ["compare", "confusion", "errors", "calibration", "about"]
# Shortest and longest time from an answer to a session's next question, as shares of the mean.
THINK = (0.5, 1.5)
ALONE = 6
"""Questions of each kind that measure the time without load."""
TIMES_SLOWER, MOST_MB = 5, 1500
EXAMPLES = pd.read_csv(walk.ROOT / "pipeline" / "data" / "headlines.csv")["text"].tolist()

Times = dict[str, list[float]]


async def ask(session: Session, kind: str, times: Times) -> None:
    """Do one thing as a visitor does, and note the seconds that it took."""
    started = time.monotonic()
    if kind in PAGES:
        await session.look(kind)
    else:
        most = {"paste": 10, "paste many": 200, "upload": 200}[kind]
        headlines = random.sample(EXAMPLES, random.randint(most // 10, most) - 1)
        headlines.insert(0, f"{session.marker} wins the cup")
        if kind == "upload":  # by a link, in a tab of its own
            async with Session(session.port) as tab:
                tab.marker = session.marker
                await tab.upload(headlines)
                session.faults += tab.faults
        else:
            await session.paste(headlines)
        kind = "paste" if kind == "paste many" else kind
    times[kind].append(time.monotonic() - started)


async def visit(port: int, until: float, think: float, times: Times, faults: list[str]) -> None:
    """One visitor, who does random things with pauses between them, and stays to the end."""
    await asyncio.sleep(random.uniform(0, think * THINK[1]))
    async with Session(port) as session:
        while time.monotonic() < until:
            kind = random.choice([*PAGES, "paste", "paste many", "upload"])
            try:
                await ask(session, kind, times)
            except Exception as error:
                faults.append(f"{kind}: {type(error).__name__}: {error}")
                return
            await asyncio.sleep(think * random.uniform(*THINK))
        faults += session.faults


async def watch(server: psutil.Process, until: float) -> list[tuple[float, float]]:
    """Return, for every second, the seconds left and the server's resident memory in MB."""
    seen = []
    while (left := until - time.monotonic()) > 0:
        seen.append((left, server.memory_info().rss / 1e6))
        await asyncio.sleep(1)
    return seen


async def trial(port: int, server: psutil.Process, sessions: int, seconds: int, think: float):
    """Times alone, times under load, faults, and memory."""
    alone, loaded, faults = defaultdict(list), defaultdict(list), []
    async with Session(port) as session:
        kinds = [*PAGES, "paste", "paste many", "upload"]
        for kind in kinds:  # loads models and reads files
            await ask(session, kind, defaultdict(list))
        for kind in kinds * ALONE:
            await ask(session, kind, alone)
        faults += session.faults
    until = time.monotonic() + seconds
    memory, *_ = await asyncio.gather(
        watch(server, until),
        *(visit(port, until, think, loaded, faults) for _ in range(sessions)),
    )
    return alone, loaded, faults, memory


def copy_shipped(folder: Path) -> Path:
    """Copy the cache as a clone has it, without the large models that were made here."""
    command = ["git", "ls-files", "-z", str(caches.CACHE)]
    names = subprocess.run(command, cwd=walk.ROOT, capture_output=True, check=True, text=True)
    for name in filter(None, names.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(walk.ROOT / name, folder / name)
    return folder / caches.CACHE.name


def run(sessions: int, seconds: int, think: float, cache: Path | None) -> int:
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        cache = cache.absolute() if cache else copy_shipped(Path(folder))
        with walk.serve(cache, log) as address:
            (server,) = psutil.Process().children()
            port = int(address.rsplit(":", 1)[1])
            alone, loaded, faults, memory = asyncio.run(
                trial(port, server, sessions, seconds, think)
            )
        if "Traceback" in log.read_text():
            faults.append(log.read_text()[-3000:])
    title = f"{sessions} sessions, {seconds} s, a question every {think:g} s"
    print(f"| {title} | times | alone, p95 s | p95 s | times slower |")
    print("|---|--:|--:|--:|--:|")
    for kind in alone:
        if loaded[kind]:
            one, many = np.percentile(alone[kind], 95), np.percentile(loaded[kind], 95)
            print(f"| {kind} | {len(loaded[kind])} | {one:.2f} | {many:.2f} | {many / one:.1f} |")
            if many > TIMES_SLOWER * one:
                faults.append(f"{kind} is more than {TIMES_SLOWER} times slower")
    last = [mb for left, mb in memory if left <= 120]
    early, late = np.median(last[: len(last) // 4]), np.median(last[-(len(last) // 4) :])
    print(f"\nMemory: {max(mb for _, mb in memory):.0f} MB at most; over the last two minutes")
    print(f"from {early:.0f} to {late:.0f} MB. Faults: {len(faults)}")
    if max(last) > MOST_MB:
        faults.append(f"it took more than {MOST_MB} MB")
    print("\n".join(dict.fromkeys(faults)), file=sys.stderr)
    return bool(faults)
