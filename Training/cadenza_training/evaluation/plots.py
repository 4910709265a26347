"""Reference and generated side by side, as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import librosa
import matplotlib
import numpy as np
from numpy.typing import NDArray

from cadenza_training.evaluation.sound_files import Sound

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

FLOOR_DECIBELS = -80.0
MOST_ROWS = 4
SIDES = ("reference", "generated")


def draw_waveform(axes: Axes, samples: NDArray[np.floating], sample_rate: int) -> None:
    axes.plot(np.arange(len(samples)) / sample_rate, samples, linewidth=0.4)
    axes.set_xlim(0.0, len(samples) / sample_rate)
    axes.set_ylim(-1.0, 1.0)
    axes.set_xlabel("seconds", fontsize=7)


def draw_spectrogram(axes: Axes, samples: NDArray[np.floating], sample_rate: int) -> None:
    """Decibels below the loudest, 0 to 4 kHz or what there is."""
    padded = np.pad(samples, (0, max(0, 1024 - len(samples))))
    magnitudes = np.abs(librosa.stft(padded, n_fft=1024, hop_length=128))
    axes.imshow(
        librosa.amplitude_to_db(magnitudes, ref=np.max, top_db=-FLOOR_DECIBELS),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=FLOOR_DECIBELS,
        vmax=0.0,
        extent=(0.0, len(padded) / sample_rate, 0.0, sample_rate / 2000.0),
    )
    axes.set_ylim(0.0, min(4.0, sample_rate / 2000.0))
    axes.set_xlabel("seconds", fontsize=7)
    axes.set_ylabel("kHz", fontsize=7)


def companions(reference: Sequence[Sound], generated: Sequence[Sound]) -> list[tuple[Sound, Sound]]:
    """For up to four references spread over the set, or one of each instrument that was generated
    where there are more, the generated sound that answers it, or else that of its instrument
    nearest in pitch."""
    places = np.linspace(0, len(reference) - 1, min(MOST_ROWS, len(reference))).round().tolist()
    labels = {sound.file.instrument for sound in generated}
    by_label: dict[str, list[int]] = {}
    for place, sound in enumerate(reference):
        if sound.file.instrument in labels:
            by_label.setdefault(sound.file.instrument, []).append(place)
    if len(by_label) > MOST_ROWS:
        places = [found[len(found) // 2] for _, found in sorted(by_label.items())]

    def strangeness(sound: Sound, original: Sound) -> tuple[bool, bool, int]:
        asked, given = original.file.midi_pitch, sound.file.midi_pitch
        distance = 128 if asked is None or given is None else abs(asked - given)
        return (
            sound.file.answers != original.name,
            sound.file.instrument != original.file.instrument,
            distance,
        )

    return [
        (original, min(generated, key=lambda sound: strangeness(sound, original)))
        for original in (reference[int(place)] for place in places)
    ]


def draw_sounds(reference: Sequence[Sound], generated: Sequence[Sound], folder: Path) -> list[str]:
    """waveforms.png and spectrograms.png."""
    pairs = companions(reference, generated)
    names = []
    for name, draw in (("waveforms", draw_waveform), ("spectrograms", draw_spectrogram)):
        figure, grid = pyplot.subplots(
            len(pairs), 2, figsize=(8.0, 2.0 * len(pairs)), squeeze=False
        )
        for row, pair in zip(grid, pairs, strict=True):
            for axes, side, sound in zip(row, SIDES, pair, strict=True):
                draw(axes, sound.samples, sound.sample_rate)
                axes.set_title(f"{side}: {sound.name}", fontsize=7)
                axes.tick_params(labelsize=6)
        names.append(_save(figure, folder / f"{name}.png"))
    return names


def draw_histograms(
    counts: Sequence[tuple[str, NDArray[np.integer], NDArray[np.integer], int]],
    path: Path,
) -> str:
    """For each of (label, reference, generated, first value) two histograms side by side, as shares
    of their set."""
    figure, grid = pyplot.subplots(
        len(counts), 2, figsize=(8.0, 2.2 * len(counts)), squeeze=False, sharex="row", sharey="row"
    )
    for row, (label, *sides, first) in zip(grid, counts, strict=True):
        used = np.flatnonzero(sides[0] + sides[1])
        for axes, side, values in zip(row, SIDES, sides, strict=True):
            axes.bar(np.arange(len(values)) + first, values / max(1, values.sum()), width=0.9)
            axes.set_title(side, fontsize=7)
            axes.set_xlabel(label, fontsize=7)
            axes.tick_params(labelsize=6)
            if len(used) > 0:
                axes.set_xlim(used[0] + first - 1.5, used[-1] + first + 1.5)
        row[0].set_ylabel("share", fontsize=7)
    return _save(figure, path)


def draw_melodies(
    melodies: Sequence[tuple[str, NDArray[np.floating]]], beats: float, path: Path
) -> str:
    """One below the other: a title, and rows of onset, duration and pitch, in beats."""
    figure, grid = pyplot.subplots(
        len(melodies), 1, figsize=(6.0, 1.2 * len(melodies)), squeeze=False, sharex=True
    )
    for axes, (title, notes) in zip(grid[:, 0], melodies, strict=True):
        axes.barh(notes[:, 2], notes[:, 1], left=notes[:, 0], height=0.9, edgecolor="white")
        axes.set_title(title, fontsize=8)
        axes.set_ylabel("MIDI pitch", fontsize=7)
        axes.tick_params(labelsize=7)
    grid[-1, 0].set_xlim(0.0, beats)
    grid[-1, 0].set_xlabel("beats", fontsize=8)
    return _save(figure, path)


def draw_piano_rolls(
    rolls: Sequence[tuple[str, NDArray[np.floating], str, NDArray[np.floating]]], path: Path
) -> str:
    """For each of (title, reference, title, generated), rows of onset, duration and pitch, in
    beats: the first 32 beats."""
    figure, grid = pyplot.subplots(
        len(rolls), 2, figsize=(8.0, 2.0 * len(rolls)), squeeze=False, sharey="row"
    )
    for row, (*reference, generated_title, generated) in zip(grid, rolls, strict=True):
        sides = (reference, (generated_title, generated))
        for axes, side, (title, notes) in zip(row, SIDES, sides, strict=True):
            shown = notes[notes[:, 0] < notes[0, 0] + 32.0]
            axes.barh(shown[:, 2], shown[:, 1], left=shown[:, 0], height=0.9)
            axes.set_title(f"{side}: {title}", fontsize=7)
            axes.set_xlabel("beats", fontsize=7)
            axes.tick_params(labelsize=6)
        row[0].set_ylabel("MIDI pitch", fontsize=7)
    return _save(figure, path)


def draw_composer(
    notes: NDArray[np.floating],
    losses: dict[str, tuple[list[float], list[float]]],
    loss_axis: str,
    path: Path,
) -> None:
    """A generated piece, rows of onset, duration (beats), pitch and voice, a colour for each voice;
    and, where there are losses, their curves: name to (places, values)."""
    rows = 2 if losses else 1
    figure, grid = pyplot.subplots(rows, 1, figsize=(7.0, 2.6 * rows), squeeze=False)
    roll = grid[0, 0]
    for number in np.unique(notes[:, 3]):
        voice = notes[notes[:, 3] == number]
        roll.barh(
            voice[:, 2], voice[:, 1], left=voice[:, 0], height=0.9, label=f"voice {number:.0f}"
        )
    if len(np.unique(notes[:, 3])) > 1:
        roll.legend(fontsize=6, ncols=4)
    roll.set_xlabel("beats", fontsize=7)
    roll.set_ylabel("MIDI pitch", fontsize=7)
    for name, (places, values) in losses.items():
        grid[1, 0].plot(places, values, label=name, linewidth=0.9)
    if losses:
        grid[1, 0].set_xlabel(loss_axis, fontsize=7)
        grid[1, 0].set_ylabel("loss", fontsize=7)
        grid[1, 0].legend(fontsize=7)
    for axes in grid[:, 0]:
        axes.tick_params(labelsize=6)
    _save(figure, path)


def draw_model(
    samples: NDArray[np.floating],
    sample_rate: int,
    losses: dict[str, tuple[list[float], list[float]]],
    loss_axis: str,
    path: Path,
) -> None:
    """A generated sample's waveform and spectrogram and, where there are losses, their curves:
    name to (places, values)."""
    rows = 3 if losses else 2
    figure, grid = pyplot.subplots(rows, 1, figsize=(7.0, 2.2 * rows))
    draw_waveform(grid[0], samples, sample_rate)
    draw_spectrogram(grid[1], samples, sample_rate)
    for name, (places, values) in losses.items():
        grid[2].plot(places, values, label=name, linewidth=0.9)
    if losses:
        grid[2].set_xlabel(loss_axis, fontsize=7)
        grid[2].set_ylabel("loss", fontsize=7)
        grid[2].legend(fontsize=7)
    for axes in grid:
        axes.tick_params(labelsize=6)
    _save(figure, path)


def _save(figure: pyplot.Figure, path: Path) -> str:
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path.name
