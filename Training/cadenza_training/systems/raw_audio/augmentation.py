"""How a take may differ from its recording, and how inputs may differ from targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training.errors import UserError


@dataclass(frozen=True)
class AugmentationOptions:
    # Recordings fill the gaps between recorded pitches: resampled by as many semitones as the
    # set allows for the instrument.
    transpose: bool = True
    # Resampled by up to this much more, either way, in every take: no two takes are alike.
    detune_cents: float = 0.0
    # Softer by up to this much.
    gain_decibels: float = 0.0
    # Half of the takes carry noise on what the network reads, never on what it predicts: when it
    # generates, it reads its own imperfect past (as in LPCNet, Valin and Skoglund 2019, section
    # 3.4). Normal, in code steps, its deviation drawn between 0 and this.
    input_noise: float = 0.0

    def check(self) -> None:
        for name in ("detune_cents", "gain_decibels", "input_noise"):
            if getattr(self, name) < 0.0:
                raise UserError(f"augmentation.{name} is {getattr(self, name)}, expected 0 or more")
        if self.detune_cents > 45.0:
            raise UserError(
                f"augmentation.detune_cents is {self.detune_cents}, expected at most 45: "
                "beyond half a semitone a take is nearer to another pitch than to its own"
            )


def with_noise(
    codes: NDArray[np.int64], levels: int, deviation: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    noise = np.rint(generator.normal(0.0, deviation, len(codes))).astype(np.int64)
    return np.clip(codes + noise, 0, levels - 1)


def draw_noise_deviation(options: AugmentationOptions, generator: np.random.Generator) -> float:
    """0 for half of the takes."""
    if options.input_noise == 0.0 or generator.random() < 0.5:
        return 0.0
    return float(generator.uniform(0.0, options.input_noise))
