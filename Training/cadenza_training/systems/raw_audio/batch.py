"""What a network reads and predicts in one step of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Time-major codes [time, batch], the conditions [batch], and which losses count."""

    # The codes one step late, perhaps with noise.
    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]
    mask: NDArray[np.float32]
    instruments: NDArray[np.int64]
    pitches: NDArray[np.int64]
    # Columns that start anew: a recurrent network's state is zero there.
    starts: NDArray[np.bool_]

    @staticmethod
    def empty(frames: int, columns: int, silence: int) -> Batch:
        return Batch(
            inputs=np.full((frames, columns), silence, dtype=np.int64),
            targets=np.full((frames, columns), silence, dtype=np.int64),
            mask=np.zeros((frames, columns), dtype=np.float32),
            instruments=np.zeros(columns, dtype=np.int64),
            pitches=np.zeros(columns, dtype=np.int64),
            starts=np.ones(columns, dtype=np.bool_),
        )

    def tensor(self, name: str, device: torch.device) -> Tensor:
        return torch.from_numpy(getattr(self, name)).to(device, non_blocking=True)
