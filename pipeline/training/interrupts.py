"""Stopping a training without losing what it has learned since its last checkpoint."""

import os
import signal
from types import FrameType, TracebackType

from transformers import TrainerCallback

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SAID = b"\nstopping: the step under way is ended and saved; once more to stop at once\n"


class StopAtCheckpoint(TrainerCallback):
    """A first SIGTERM or ctrl-C lets the step under way end and saves it; a second stops at once.

    A context manager: within it, signals are taken; KeyboardInterrupt leaves it once the
    checkpoint is written. In other threads than the main one, which can't take signals, it does
    nothing.
    """

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "StopAtCheckpoint":
        self._before = {}
        try:
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._ask)
        except ValueError:  # not the main thread
            self._before = {}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self.asked and error is None:  # it came after the last checkpoint
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, _SAID)  # the signal may have come in the middle of a print

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if self.asked:
            control.should_save = True

    def on_save(self, args, state, control, **kwargs) -> None:
        if self.asked:
            raise KeyboardInterrupt
