"""The codec `waveform` of decoders: a frame is one sample."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class WaveformOptions:
    kind: str
    # What the network's lowest and highest number mean: the samples -1 and 1.
    range: tuple[float, ...] = (-1.0, 1.0)

    hop = 1
    numbers = 1


class WaveformCodec:
    def __init__(self, options: WaveformOptions, sample_rate: int) -> None:
        self.options = options
        self.sample_rate = sample_rate

    def configuration(self) -> dict[str, object]:
        configuration: dict[str, object] = {"kind": "waveform", "sample_rate": self.sample_rate}
        if tuple(self.options.range) != (-1.0, 1.0):
            configuration["range"] = list(self.options.range)
        return configuration

    def play(self, frames: Tensor, pitches: Tensor, count: int) -> Tensor:
        """[batch, count] of frames [batch, count or more, 1]; `pitches` are for codecs that have
        them."""
        lowest, highest = self.options.range
        return 2.0 * (frames[:, :count, 0] - lowest) / (highest - lowest) - 1.0
