"""The checkpoints of a training on disk: the last two and the best weights, each with its checksum."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from windrow.files import remove, write_json, written_beside
from windrow.shards.manifest import file_checksum

KEPT = 2


@dataclass(frozen=True)
class Checkpoints:
    """The files of one training in a directory of their own.

    A file is written beside its place, flushed and renamed; then the list names it with its checksum. So the list
    never names a file that is not whole, whenever the writer is killed.
    """

    directory: Path

    @property
    def index(self) -> Path:
        """The list of files and checksums."""
        return self.directory / "checkpoints.json"

    def entries(self) -> dict[str, Any]:
        """`last`, in the order of their steps, and `best`; empty if there is no list or it is damaged."""
        try:
            content = json.loads(self.index.read_text(encoding="utf-8"))
            return {"last": list(content["last"]), "best": content.get("best")}
        except FileNotFoundError:
            return {"last": [], "best": None}
        except (ValueError, KeyError, TypeError):
            self._warn(f"{self.index} is damaged; the training begins anew")
            return {"last": [], "best": None}

    def write_last(self, step: int, write: Callable[[Path], None]) -> None:
        """Let `write` make the checkpoint of a step; the one before it stays, older ones go."""
        entry = self._written(f"step-{step:09d}.ckpt", write) | {"step": step}
        found = self.entries()
        kept = [*[one for one in found["last"] if one["step"] < step][-(KEPT - 1) :], entry]
        write_json(self.index, found | {"last": kept})
        for path in self.directory.glob("step-*.ckpt"):
            if path.name not in {one["file"] for one in kept}:
                remove(path)

    def write_best(self, epoch: int, weights: dict[str, torch.Tensor]) -> None:
        """Keep the weights of the best epoch so far."""
        found = self.entries()
        known = (found["best"] or {}).get("file")
        # an epoch that is repeated goes beside its first try, which stays whole until the list names the other
        name = next(name for end in ("", "-again") if (name := f"best-{epoch:05d}{end}.ckpt") != known)
        entry = self._written(name, lambda path: torch.save(weights, path)) | {"epoch": epoch}
        write_json(self.index, found | {"best": entry})
        for path in self.directory.glob("best-*.ckpt"):
            if path.name != entry["file"]:
                remove(path)

    def read_best(self) -> dict[str, torch.Tensor]:
        """The weights of the best epoch."""
        weights: dict[str, torch.Tensor] = torch.load(
            self.directory / self.entries()["best"]["file"], map_location="cpu", weights_only=True
        )
        return weights

    def last(self, *, quiet: bool = False) -> Path | None:
        """The newest checkpoint that is whole; a damaged one is passed over, with a warning."""
        for entry in reversed(self.entries()["last"]):
            path = self.directory / str(entry["file"])
            if self._whole(entry):
                return path
            if not quiet:
                self._warn(f"{path} is damaged or gone; going back to the checkpoint before it")
        return None

    def best_is_whole(self, *, quiet: bool = False) -> bool:
        """Whether the best weights, if there are any yet, are whole."""
        entry = self.entries()["best"]
        if entry is None or self._whole(entry):
            return True
        if not quiet:
            self._warn(f"{self.directory / entry['file']} is damaged or gone; the training begins anew")
        return False

    def step_of_last(self) -> int | None:
        """The step of the newest checkpoint that is whole."""
        path = self.last(quiet=True)
        return None if path is None else int(path.stem.partition("-")[2])

    def _written(self, name: str, write: Callable[[Path], None]) -> dict[str, Any]:
        path = self.directory / name
        with written_beside(path, durable=True) as beside:
            write(beside)
            checksum = file_checksum(beside)
        return {"file": name, "crc32c": checksum}

    def _whole(self, entry: dict[str, Any]) -> bool:
        try:
            return file_checksum(self.directory / str(entry["file"])) == str(entry["crc32c"])
        except OSError:
            return False

    def _warn(self, text: str) -> None:
        print(f"warning: {text}", file=sys.stderr, flush=True)
