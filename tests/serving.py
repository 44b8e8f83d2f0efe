"""A server of models in a process of its own, on a free port."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import pipelines


@dataclass
class Server:
    """A server that answers at ``url``."""

    url: str
    process: subprocess.Popen

    def wait(self, timeout: float = 60) -> tuple[int, str]:
        """Wait for its end; return the exit status and what it wrote to standard error."""
        _, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, errors


@contextlib.contextmanager
def serve(cache: Path, *arguments: str) -> Iterator[Server]:
    """Run ``python -m pipeline serve`` on a cache until the block ends."""
    process = pipelines.start("serve", "--port", "0", "--cache", cache, *arguments)
    try:
        told = []
        while not (found := re.search(r"POST (http://\S+)/ asks", "".join(told))):
            told.append(process.stdout.readline())
            assert told[-1], process.communicate()
        yield Server(found[1], process)
    finally:
        process.kill()
        process.communicate()
