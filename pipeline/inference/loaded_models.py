"""Models kept in memory: each is loaded once, and old ones are dropped above a budget."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from pipeline import hardware
from pipeline.errors import PipelineError

BUDGET = "MODEL_MEMORY_MB"
LEAST_MB = 1000

Model = TypeVar("Model")


class Loaded(Generic[Model]):
    """Loaded models by key. Above the budget, the least recently used ones are dropped first.

    It is safe to call from several threads. A thread that asks for a model which another thread is
    loading waits for it; threads that ask for other models do not wait. A dropped model stays in
    memory as long as something still uses it.
    """

    def __init__(self, budget: int) -> None:
        """Keep models of up to ``budget`` bytes; the last requested one is kept at any size."""
        self.budget = budget
        self._lock = threading.Lock()
        self._models: OrderedDict[Hashable, tuple[Future, int]] = OrderedDict()

    def get(self, key: Hashable, size: int, load: Callable[[], Model]) -> Model:
        """Return the model under ``key``, of about ``size`` bytes; call ``load`` if it is not here.

        Errors that ``load`` raises are passed on.
        """
        with self._lock:
            mine = key not in self._models
            if mine:
                self._models[key] = Future(), size
            self._models.move_to_end(key)
            future, _ = self._models[key]
            while len(self._models) > 1 and self.bytes() > self.budget:
                self._models.popitem(last=False)
        if mine:
            try:
                future.set_result(load())
            except BaseException as error:
                with self._lock:  # so that the next call tries again
                    if self._models.get(key, (None,))[0] is future:
                        del self._models[key]
                future.set_exception(error)
        return future.result()

    def bytes(self) -> int:
        """The approximate size of all models that are kept."""
        return sum(size for _, size in self._models.values())

    def __contains__(self, key: Hashable) -> bool:
        return key in self._models


def budget() -> int:
    """How many bytes models may use: the environment variable MODEL_MEMORY_MB, in 10^6 bytes.

    The default is a quarter of the memory that this process may use. If that is less than 1000 MB,
    it is 1000 MB, but not more than half of the memory.

    Raises:
        PipelineError: the variable is not a whole number above zero.
    """
    said = os.environ.get(BUDGET)
    if said is None:
        memory = hardware.available_memory()
        least = LEAST_MB * 10**6
        return max(min(least, memory // 2), memory // 4) or least
    if not said.isascii() or not said.isdigit() or int(said) == 0:
        raise PipelineError(f"{BUDGET} is {said!r} where a number of megabytes is expected")
    return int(said) * 10**6
