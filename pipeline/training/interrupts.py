"""Stop a training without losing what it has learned since its last checkpoint."""

import os
import signal
from types import FrameType, TracebackType
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SAID = b"\nstopping: the step under way is ended and saved; once more to stop at once\n"


class StopAtCheckpoint(TrainerCallback):
    """On the first SIGTERM or ctrl-C, ends and saves the current step; on a second, stops at once.

    It is a context manager that handles signals inside its block. After the checkpoint is written,
    it raises KeyboardInterrupt. Outside the main thread it does nothing, because only the main
    thread can handle signals.
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
        if self.asked and error is None:  # the signal came after the last checkpoint
            raise KeyboardInterrupt

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, _SAID)  # the signal may have come in the middle of a print

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask for a checkpoint, if a signal came."""
        if self.asked:
            control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop, if a signal came."""
        if self.asked:
            raise KeyboardInterrupt
