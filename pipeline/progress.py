"""Messages of a run while it works, on standard error, so that they do not mix with results."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from pipeline import processes


def say(line: str) -> None:
    """Print a line of progress. Only the first of several processes prints it."""
    if processes.is_first():
        print(line, file=sys.stderr, flush=True)


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Announce a block of work of unknown length. A terminal also shows a running clock."""
    if not sys.stderr.isatty():
        say(what)
    quiet = None if processes.is_first() else True  # None: quiet unless on a terminal
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
