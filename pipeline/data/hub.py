"""What may come from the Hugging Face Hub: found out quickly whether it answers."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import PipelineError, one_line

TIMEOUT_SECONDS = 5


@contextlib.contextmanager
def reachable(name: str, instead: str) -> Iterator[None]:
    """A block that reads ``name`` from the Hub, or from its local cache where the Hub is silent.

    The Hub's clients try again for minutes; one short question beforehand spares that.

    Raises:
        PipelineError: the Hub does not answer (within ``TIMEOUT_SECONDS`` a try) and the local
            cache does not hold ``name``, or the Hub refuses it.
    """
    silent = not _answers()
    # Read by the libraries when they are first imported, which is inside the block or before
    # it with the same answer.
    if silent:
        os.environ["HF_HUB_OFFLINE"] = "1"
        _tell_loaded_libraries()
    try:
        yield
    except (OSError, ValueError, RuntimeError, ConnectionError) as error:
        if silent:
            raise PipelineError(
                f"the Hugging Face Hub does not answer and {name} is not in its local cache; "
                f"check the network, or use {instead}"
            ) from error
        raise PipelineError(
            f"can't get {name} from the Hub: {one_line(error)}; check the name, or use {instead}"
        ) from error


def _answers() -> bool:
    """Whether the Hub answers a request, whatever its answer."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "TRUE", "YES", "ON"}:
        return False
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    try:
        with urlopen(Request(endpoint, method="HEAD"), timeout=TIMEOUT_SECONDS):
            return True
    except HTTPError:
        return True
    except (URLError, OSError, ValueError):
        return False


def _tell_loaded_libraries() -> None:
    """Make libraries that read the variable at import, and are imported already, go offline too."""
    import sys

    for module in ("huggingface_hub.constants", "datasets.config"):
        if module in sys.modules:
            sys.modules[module].HF_HUB_OFFLINE = True


def find_checkpoint(name: str, checkpoints: Path | None) -> str:
    """Where transformers shall read a checkpoint from.

    Args:
        name: ``<org>/<name>``.
        checkpoints: a folder that is looked through first, as ``checkpoints/<org>/<name>``.

    Returns:
        A folder's path, or the name itself where only the Hub can have it.
    """
    if checkpoints is not None:
        if not checkpoints.is_dir():
            raise PipelineError(f"no folder at {checkpoints}, which --checkpoints names")
        if (checkpoints / name / "config.json").is_file():
            return str(checkpoints / name)
    return name
