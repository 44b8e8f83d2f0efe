"""Access to the Hugging Face Hub, with a quick check whether it answers."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import PipelineError, one_line

TIMEOUT_SECONDS = 5
CONFIG = "config.json"


class NotAtHandError(PipelineError):
    """Something is neither on this machine nor available from the Hub."""


@contextlib.contextmanager
def reachable(name: str, instead: str) -> Iterator[None]:
    """Guard a block that reads ``name`` from the Hub, or from the cache if the Hub is silent.

    The Hub's clients retry for minutes. One short request before the block avoids that.

    Args:
        name: the name of a checkpoint or a data set.
        instead: the option that users can use instead, for messages.

    Raises:
        NotAtHandError: the Hub does not answer (within ``TIMEOUT_SECONDS`` per try) and ``name`` is
            not in the local cache, or the Hub refuses it.
    """
    silent = not _answers()
    # Libraries read the variable when they are imported, which may have happened already.
    if silent:
        os.environ["HF_HUB_OFFLINE"] = "1"
        _tell_loaded_libraries()
    try:
        yield
    except (OSError, ValueError, RuntimeError, ConnectionError) as error:
        if silent:
            raise NotAtHandError(
                f"the Hugging Face Hub does not answer and {name} is not in its local cache; "
                f"check the network, or use {instead}"
            ) from error
        raise NotAtHandError(
            f"can't get {name} from the Hub: {one_line(error)}; check the name, or use {instead}"
        ) from error


def _answers() -> bool:
    """Whether the Hub answers a request, even with an error."""
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
    """Tell libraries that were imported before the variable was set to stay offline."""
    import sys

    for module in ("huggingface_hub.constants", "datasets.config"):
        if module in sys.modules:
            vars(sys.modules[module])["HF_HUB_OFFLINE"] = True


def find_checkpoint(name: str, checkpoints: Path | None) -> str:
    """Return where transformers should load a checkpoint from.

    Args:
        name: ``<org>/<name>``.
        checkpoints: a folder that may hold the checkpoint as ``checkpoints/<org>/<name>``.

    Returns:
        The checkpoint's folder, or ``name`` itself if the checkpoint must come from the Hub.

    Raises:
        PipelineError: ``checkpoints`` is not a folder, the checkpoint's folder holds no checkpoint,
            or the checkpoint lies one level too high or too low.
    """
    if checkpoints is None:
        return name
    if not checkpoints.is_dir():
        raise PipelineError(f"no folder at {checkpoints}, which --checkpoints names")
    place = checkpoints / name
    if (place / CONFIG).is_file():
        return str(place)
    owner, _, own = name.rpartition("/")
    if place.exists():
        # A download or an unpacked archive may have added a folder.
        deeper = sorted(path.parent for path in place.glob(f"*/{CONFIG}"))
        said = f"it has no {CONFIG}"
        if deeper:
            said = f"one lies a folder deeper, in {deeper[0]}; move its files up"
        raise PipelineError(f"{place} is no checkpoint: {said}")
    if (checkpoints / CONFIG).is_file():
        raise PipelineError(
            f"{checkpoints} is a checkpoint itself; --checkpoints takes the folder above, in which "
            f"it lies as {name}"
        )
    if (checkpoints / own / CONFIG).is_file():
        folder = checkpoints.resolve()
        above = f"give --checkpoints {folder.parent}"
        raise PipelineError(
            f"no checkpoint at {place}, but there is one at {checkpoints / own}: "
            f"{above if folder.name == owner else f'move it to {place}'}"
        )
    return name


def instead_of(name: str, checkpoints: Path | None) -> str:
    """The option to use if the Hub does not provide a checkpoint, for ``reachable``."""
    if checkpoints is None:
        return "--checkpoints DIR"
    return f"--checkpoints DIR (there is nothing at {checkpoints / name})"
