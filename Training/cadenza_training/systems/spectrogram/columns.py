"""Sound as columns of a short-time Fourier transform, scaled as the codec `spectrogram` has them
(FORMAT.md): a log magnitude and a phase, or its step since the column before, for each bin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.errors import UserError
from cadenza_training.spectrogram import transform

PHASES = ("phase", "instantaneous_frequency")


@dataclass(frozen=True)
class SpectrogramCodec:
    frame_size: int = 1024
    hop: int = 256
    # Natural logarithms of the magnitudes that -1 and 1 stand for.
    magnitude: tuple = (-8.0, 6.0)
    phase: str = "phase"
    # Of one element of the network.
    columns: int = 1
    kind: str = "spectrogram"

    def check(self) -> None:
        if self.kind != "spectrogram":
            raise UserError(f'codec.kind is "{self.kind}", expected "spectrogram"')
        size = self.frame_size
        if size < 16 or size & (size - 1) or size % self.hop or not 2 <= size // self.hop <= 16:
            raise UserError(
                f"codec.frame_size is {size} and codec.hop {self.hop}, expected a power of two and "
                "a half to a sixteenth of it"
            )
        if self.phase not in PHASES:
            raise UserError(f'codec.phase is "{self.phase}", expected {" or ".join(PHASES)}')
        if len(self.magnitude) != 2 or not self.magnitude[0] < self.magnitude[1]:
            raise UserError("codec.magnitude is not two numbers, ascending")
        if not 1 <= self.columns <= 1024:
            raise UserError(f"codec.columns is {self.columns}, expected 1 … 1,024")

    @property
    def column_numbers(self) -> int:
        return self.frame_size

    @property
    def element_numbers(self) -> int:
        return self.column_numbers * self.columns

    def configuration(self, sample_rate: int) -> dict[str, object]:
        """The entry `codec` of a model file."""
        entry: dict[str, object] = {
            "kind": self.kind,
            "sample_rate": sample_rate,
            "frame_size": self.frame_size,
            "hop": self.hop,
            "magnitude": list(self.magnitude),
            "phase": self.phase,
        }
        return entry if self.columns == 1 else entry | {"columns": self.columns}

    @staticmethod
    def from_configuration(entry: dict) -> SpectrogramCodec:
        return SpectrogramCodec(
            frame_size=entry["frame_size"],
            hop=entry["hop"],
            magnitude=tuple(entry["magnitude"]),
            phase=entry["phase"],
            columns=entry.get("columns", 1),
        )

    def silence(self) -> Tensor:
        """A column of the lowest magnitude, and of phase 0."""
        return torch.tensor([-1.0, 0.0]).repeat(self.frame_size // 2)

    def of_section(self, samples: NDArray[np.float32], first: int, count: int) -> Tensor:
        """Columns `first` … `first + count - 1` of a recording, [count, numbers]; before its first
        column and after its end lies silence."""
        # One more before them, whose phase the first one steps from.
        begin = (first - 1) * self.hop - self.frame_size // 2
        length = count * self.hop + self.frame_size
        section = np.zeros(length, dtype=np.float32)
        source = samples[max(0, begin) : max(0, begin + length)]
        section[max(0, -begin) :][: len(source)] = source
        # `transform` puts half a frame of silence before what it is given.
        padded = torch.from_numpy(section)[None]
        spectrum = transform(
            torch.cat([torch.zeros(1, self.frame_size // 2), padded], dim=1),
            self.frame_size,
            self.hop,
            count + 1 + self.frame_size // self.hop,
        )[0, :, self.frame_size // self.hop :].t()
        lowest, highest = self.magnitude
        logarithms = spectrum.abs().clamp(min=math.exp(lowest)).log()
        scaled = (2.0 * (logarithms - lowest) / (highest - lowest) - 1.0).clamp(max=1.0)
        angles = spectrum.angle()
        if self.phase == "instantaneous_frequency":
            if first <= 0:
                # Before column 0 the phase is 0.
                angles[: 1 - first] = 0.0
            steps = angles.diff(dim=0)
            phases = torch.remainder(steps + math.pi, 2.0 * math.pi) - math.pi
        else:
            phases = angles[1:]
        return torch.stack([scaled[1:], phases / math.pi], dim=-1).flatten(1)

    def column_count(self, samples: int) -> int:
        return -(-samples // self.hop)

    def sound_of(self, columns: Tensor) -> NDArray[np.float32]:
        """The sound of columns [count, numbers], `hop` samples of each: inverse transforms under
        the window, added up, and divided by the squares of the windows that there are."""
        numbers = columns.float().clamp(-1.0, 1.0).reshape(len(columns), -1, 2)
        lowest, highest = self.magnitude
        magnitudes = (lowest + (numbers[..., 0] + 1.0) / 2.0 * (highest - lowest)).exp()
        angles = math.pi * numbers[..., 1]
        if self.phase == "instantaneous_frequency":
            angles = torch.remainder(angles.double().cumsum(dim=0), 2.0 * math.pi).float()
        spectrum = functional.pad(torch.polar(magnitudes, angles), (0, 1))
        window = torch.hann_window(self.frame_size)
        frames = torch.fft.irfft(spectrum, self.frame_size) * window
        length = (len(columns) - 1) * self.hop + self.frame_size

        def added(rows: Tensor) -> Tensor:
            folded = functional.fold(
                rows.t()[None], (1, length), (1, self.frame_size), stride=(1, self.hop)
            )
            return folded.flatten()

        heard = slice(self.frame_size // 2, self.frame_size // 2 + len(columns) * self.hop)
        weights = added(window.square().expand(len(columns), -1))
        return (added(frames)[heard] / weights[heard]).clamp(-1.0, 1.0).numpy()
