"""What a run says while it works, on standard error, where it does not mix with results."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from pipeline import processes


def say(line: str) -> None:
    """A line of progress, of the first process alone where there are several."""
    if processes.is_first():
        print(line, file=sys.stderr, flush=True)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """A block of work of unknown length: said once, with a clock that runs on a terminal."""
    if not sys.stderr.isatty():
        say(what)
    quiet = None if processes.is_first() else True  # None: unless on a terminal
    done = threading.Event()
    with tqdm(bar_format=f"{what}, {{elapsed}}", leave=True, disable=quiet) as clock:

        def tick() -> None:
            while not done.wait(1):
                clock.refresh()

        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            done.set()
            ticking.join()
