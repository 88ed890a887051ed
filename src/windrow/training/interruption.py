"""Signals that ask a training to save and end, agreed on by all its processes."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

import torch
import torch.distributed

from windrow.launch import WARNING, warned_early

SIGNALS = (signal.SIGTERM, WARNING, signal.SIGINT)


class Interruption:
    """Whether to end and whether to save, the same on all ranks.

    A signal may reach one rank alone, and clocks differ: after each step the ranks exchange both, on the processor and
    not on the device, so that nothing waits for it.
    """

    def __init__(self, minutes: float) -> None:
        self.signal = ""
        self.warned = False
        self.seconds = 60 * minutes
        self._saved = time.monotonic()
        # Lightning takes SIGTERM before `listen` and gives it back before `close`: what was there earlier counts
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        self._group: Any = None

    def listen(self) -> None:
        """Take the signals over, and open a way between the ranks."""
        for number in SIGNALS:
            signal.signal(number, self._note)
        if warned_early():
            self._note(WARNING, None)
        if torch.distributed.is_initialized() and torch.distributed.get_world_size() > 1:
            self._group = torch.distributed.new_group(backend="gloo")

    def close(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def saved(self) -> None:
        """A checkpoint was written just now."""
        self._saved = time.monotonic()

    def agree(self) -> tuple[bool, bool]:
        """Whether any rank was asked to end, and whether it is time to save; `warned` becomes the same on all."""
        late = time.monotonic() - self._saved > self.seconds
        flags = torch.tensor([bool(self.signal), late, self.warned], dtype=torch.int32)
        if self._group is not None:
            torch.distributed.all_reduce(flags, op=torch.distributed.ReduceOp.MAX, group=self._group)
        ending, saving, warned = flags.tolist()
        self.warned = bool(warned)
        if ending and not self.signal:
            self.signal = "a signal to another process"
        return bool(ending), bool(saving)

    def _note(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and self.signal:
            raise KeyboardInterrupt  # who asks twice will not wait
        self.signal = signal.Signals(number).name
        self.warned |= number == WARNING
