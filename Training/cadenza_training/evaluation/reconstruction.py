"""How near a decoder with an encoder comes to held-out recordings that it has encoded: spectral
distance at several resolutions, beside that of the training set's mean spectrogram."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from cadenza_training.evaluation.asked_conditions import settings_for
from cadenza_training.evaluation.decoder_player import DecoderPlayer
from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.report import Table
from cadenza_training.evaluation.sound_files import SoundFile, spread
from cadenza_training.systems.latent_audio.spectral_loss import (
    FRAME_SIZES,
    magnitudes,
    spectral_distance,
)

MOST_REFERENCES = 100
# Of each instrument, for the mean.
MOST_TRAINING = 60


@dataclass(frozen=True)
class Reconstructions:
    """By instrument: the distances of each recording, from its reconstruction and from the mean."""

    distances: dict[str, list[tuple[float, float]]]

    def mean(self, column: int) -> float:
        rows = [row for rows in self.distances.values() for row in rows]
        return float(np.mean([row[column] for row in rows]))

    def table(self) -> Table:
        rows = [
            (label or "not known", len(found), *(float(x) for x in np.mean(found, axis=0)))
            for label, found in sorted(self.distances.items())
        ]
        count = sum(len(found) for found in self.distances.values())
        rows.append(("all", count, self.mean(0), self.mean(1)))
        return Table(
            "reconstruction",
            "Spectral distance of reconstructions of held-out notes",
            ("instrument", "notes", "reconstructed", "mean spectrogram of the training set"),
            tuple(rows),
        )


def reconstruct(
    model: Path, references: Sequence[SoundFile], training: Sequence[SoundFile]
) -> Reconstructions:
    player = DecoderPlayer(model)
    if player.network.encoder is None:
        raise NotDefinedError("the model has no encoder")
    frames = player.clip_frames
    means: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = {}
    distances: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for file in tqdm(spread(references, MOST_REFERENCES), desc="reconstructing", unit="file"):
        if file.instrument not in means:
            same = [other for other in training if other.instrument == file.instrument]
            means[file.instrument] = mean_spectrograms(
                [_clip(other, player) for other in spread(same, MOST_TRAINING)]
            )
        real = _clip(file, player)
        settings = settings_for(file, player.conditions, model)
        ours = player.reconstruct(real, settings)
        distances[file.instrument].append(
            (
                float(spectral_distance(_row(ours[:frames]), _row(real))),
                distance_from_mean(_row(real), means[file.instrument]),
            )
        )
    return Reconstructions(dict(distances))


def mean_spectrograms(
    clips: Sequence[NDArray[np.floating]],
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """At each resolution the means of the magnitudes and of their logarithms, each the best
    constant answer to one half of the distance, or near it."""
    if not clips:
        raise NotDefinedError("no training set was named")
    sums: list[list[torch.Tensor]] = []
    for clip in clips:
        spectra = [magnitudes(_row(clip), size)[0] for size in FRAME_SIZES]
        each = [[spectrum, spectrum.log()] for spectrum in spectra]
        if not sums:
            sums = each
        else:
            sums = [
                [a + b for a, b in zip(*pair, strict=True)] for pair in zip(sums, each, strict=True)
            ]
    return [(one / len(clips), other / len(clips)) for one, other in sums]


def distance_from_mean(
    real: torch.Tensor, means: Sequence[tuple[torch.Tensor, torch.Tensor]]
) -> float:
    total = 0.0
    for size, (linear, logarithm) in zip(FRAME_SIZES, means, strict=True):
        spectrum = magnitudes(real, size)[0]
        total += float((spectrum - linear).abs().mean())
        total += float((spectrum.log() - logarithm).abs().mean())
    return total


def _clip(file: SoundFile, player: DecoderPlayer) -> NDArray[np.float32]:
    """Its beginning, as long as a clip, filled up with silence."""
    samples, _ = file.read(player.sample_rate)
    kept = samples[: player.clip_frames].astype(np.float32)
    return np.pad(kept, (0, player.clip_frames - len(kept)))


def _row(samples: NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(samples, dtype=np.float32))[None]
