"""Windows of melodies: what the autoencoder reads and writes, [windows, steps] of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training.data.notes import Note
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.systems.notes.pieces import load_pieces
from cadenza_training.systems.notes.step_grid import HOLD, OFF, GridVoice, StepGrid

# A part is a melody where at most so many of its onsets are chords.
MOST_CHORDS = 0.05


def melody_grid(pitches: Sequence[int], steps_per_beat: int, tempo: int) -> StepGrid:
    """`pitches`: the lowest and the highest."""
    lowest, highest = pitches
    if not 0 <= lowest <= highest <= 127:
        raise UserError(f"codec.pitches is {list(pitches)}, expected two of 0 … 127, ascending")
    voice = GridVoice("melody", (HOLD, OFF, *range(lowest, highest + 1)))
    return StepGrid([voice], is_melody=True, steps_per_beat=steps_per_beat, tempo=tempo)


def sounding(grid: StepGrid, tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """The pitch that sounds at each step of each window, -1 for none: [windows, steps]."""
    symbols = grid.voices[0].symbols
    pitches = np.array([symbol if isinstance(symbol, int) else -1 for symbol in symbols])
    hold = grid.voices[0].index(HOLD)
    heard = np.full(tokens.shape, -1, dtype=np.int64)
    now = np.full(len(tokens), -1, dtype=np.int64)
    for step in range(tokens.shape[1]):
        now = np.where(tokens[:, step] == hold, now, pitches[tokens[:, step]])
        heard[:, step] = now
    return heard


def is_melody(notes: Iterable[Note]) -> bool:
    onsets = [note.onset_beats for note in notes]
    return len(onsets) > 0 and 1.0 - len(set(onsets)) / len(onsets) <= MOST_CHORDS


def windows_of_part(
    grid: StepGrid, notes: Sequence[Note], steps: int, least_notes: int
) -> NDArray[np.int64]:
    """A window from every beat on, as a piece of its own: what sounds there already begins there.

    Windows with fewer notes than `least_notes`, or that are silent for half of their time, are left
    out, and so are those with pitches that the grid does not have.
    """
    voice = grid.voices[0]
    known = {symbol for symbol in voice.symbols if isinstance(symbol, int)}
    tokens = grid.encode(notes)
    outside = np.zeros(len(tokens) + 1, dtype=np.int64)
    for note in notes:
        if note.pitch not in known:
            start = int(note.onset_beats * grid.ticks_per_beat)
            end = int((note.onset_beats + note.duration_beats) * grid.ticks_per_beat) + 1
            outside[max(0, start) : end] += 1
    starts = range(0, len(tokens) - steps + 1, grid.ticks_per_beat)
    starts = [start for start in starts if not outside[start : start + steps].any()]
    if not starts:
        return np.empty((0, steps), dtype=np.int64)
    hold, off = voice.index(HOLD), voice.index(OFF)
    heard = sounding(grid, tokens[None])[0]
    windows = np.stack([tokens[start : start + steps] for start in starts])
    for window, start in zip(windows, starts, strict=True):
        if window[0] == hold and heard[start] >= 0:
            window[0] = voice.index(int(heard[start]))
        elif window[0] == off:
            window[0] = hold
    notes_in = ((windows != hold) & (windows != off)).sum(axis=1)
    sounds = (sounding(grid, windows) >= 0).mean(axis=1)
    return windows[(notes_in >= least_notes) & (sounds > 0.5)]


@dataclass(frozen=True)
class Melodies:
    """Windows, [windows, steps], and the piece that each is from."""

    tokens: NDArray[np.int64]
    names: tuple[str, ...]

    def chosen(self, places: NDArray[np.int64]) -> Melodies:
        return Melodies(self.tokens[places], tuple(self.names[place] for place in places))

    def without_repeats(self) -> Melodies:
        """Each window once, in their order."""
        _, first = np.unique(self.tokens, axis=0, return_index=True)
        return self.chosen(np.sort(first))

    def spread(self, most: int) -> Melodies:
        """At most so many, at even distances."""
        count = min(len(self.tokens), most)
        return self.chosen(np.arange(count) * len(self.tokens) // max(1, count))


def load_melodies(
    prepared: PreparedSet, split: str, grid: StepGrid, steps: int, least_notes: int
) -> Melodies:
    """The windows of the first part of every piece whose first part is a melody."""
    found = [np.empty((0, steps), dtype=np.int64)]
    names: list[str] = []
    for piece in load_pieces(prepared, split):
        notes = [note for note in piece.notes if note.voice == 0]
        if is_melody(notes):
            windows = windows_of_part(grid, notes, steps, least_notes)
            found.append(windows)
            names += [piece.file] * len(windows)
    return Melodies(np.concatenate(found), tuple(names))
