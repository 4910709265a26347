"""Draws the spectrograms of sound files, a few to a row, as one small PNG.

python -m cadenza_training.draw_spectrograms notes/*.wav --output notes.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

import librosa
import matplotlib
import numpy as np
import soundfile
from PIL import Image

matplotlib.use("Agg")
from matplotlib import pyplot

FLOOR_DECIBELS = -80.0


def draw(paths: list[Path], output: Path, columns: int, highest_hertz: float) -> None:
    rows = -(-len(paths) // columns)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(2.6 * columns, 1.9 * rows), squeeze=False, sharey=True
    )
    for axes in grid.flat[len(paths) :]:
        axes.axis("off")
    for axes, path in zip(grid.flat, paths, strict=False):
        sound, rate = soundfile.read(path, dtype="float32")
        magnitudes = np.abs(librosa.stft(sound, n_fft=1024, hop_length=128))
        decibels = librosa.amplitude_to_db(magnitudes, ref=np.max, top_db=-FLOOR_DECIBELS)
        axes.imshow(
            decibels,
            origin="lower",
            aspect="auto",
            cmap="magma",
            vmin=FLOOR_DECIBELS,
            vmax=0.0,
            extent=(0.0, len(sound) / rate, 0.0, rate / 2000.0),
        )
        axes.set_ylim(0.0, highest_hertz / 1000.0)
        axes.set_title(path.stem, fontsize=7)
        axes.tick_params(labelsize=6)
    for axes in grid[:, 0]:
        axes.set_ylabel("kHz", fontsize=7)
    for axes in grid[-1]:
        axes.set_xlabel("seconds", fontsize=7)
    figure.tight_layout()
    figure.savefig(output, dpi=80)
    pyplot.close(figure)
    # 64 colours are enough here, and make a small file.
    Image.open(output).convert("RGB").quantize(64).save(output, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sounds", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--highest-hertz", type=float, default=8000.0)
    arguments = parser.parse_args()
    draw(arguments.sounds, arguments.output, arguments.columns, arguments.highest_hertz)


if __name__ == "__main__":
    main()
