"""Models in memory: each loaded once, however many ask at once, and dropped past a budget."""

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
    """What was loaded, by key; the least recently used go first when it is more than the budget.

    Safe to call from several threads: who asks for what another thread is loading waits for it,
    who asks for anything else does not. What is dropped lives on as long as somebody uses it.
    """

    def __init__(self, budget: int) -> None:
        """Keep up to ``budget`` bytes; the one asked for last is kept whatever it takes."""
        self.budget = budget
        self._lock = threading.Lock()
        self._models: OrderedDict[Hashable, tuple[Future, int]] = OrderedDict()

    def get(self, key: Hashable, size: int, load: Callable[[], Model]) -> Model:
        """The model under ``key``, of about ``size`` bytes; what ``load`` raises is raised."""
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
                with self._lock:  # to be tried again by the next who asks
                    if self._models.get(key, (None,))[0] is future:
                        del self._models[key]
                future.set_exception(error)
        return future.result()

    def bytes(self) -> int:
        """What all that is kept takes, about."""
        return sum(size for _, size in self._models.values())

    def __contains__(self, key: Hashable) -> bool:
        return key in self._models


def budget() -> int:
    """Bytes that models may take: the environment's MODEL_MEMORY_MB, in 10^6 bytes.

    By default a quarter of the memory that this process may take, and at least 1000 MB if that is
    no more than half of it.

    Raises:
        PipelineError: it is no number above zero.
    """
    said = os.environ.get(BUDGET)
    if said is None:
        memory = hardware.available_memory()
        least = LEAST_MB * 10**6
        return max(min(least, memory // 2), memory // 4) or least
    if not said.isascii() or not said.isdigit() or int(said) == 0:
        raise PipelineError(f"{BUDGET} is {said!r} where a number of megabytes is expected")
    return int(said) * 10**6
