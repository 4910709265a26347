"""Notes as rows of three fields, pitch, velocity and interval, as FORMAT.md's `note_matrix` says.

A field is a number of 0 … 1, or a class. Pitches and velocities are MIDI's, intervals are in ticks
of 1 ms at tempo 120, 500 a beat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training.configuration import build
from cadenza_training.data.notes import Note
from cadenza_training.errors import UserError

TICKS_PER_BEAT = 500
FIELD_NAMES = ("pitch", "velocity", "interval")
PITCH, VELOCITY, INTERVAL = range(3)


@dataclass(frozen=True)
class PitchOptions:
    range: tuple = (0, 127)
    classes: bool = False


@dataclass(frozen=True)
class VelocityOptions:
    range: tuple = (1, 127)
    # 0: a number.
    classes: int = 0


@dataclass(frozen=True)
class IntervalOptions:
    maximum_milliseconds: int = 4000
    # 0: a number.
    classes: int = 0


@dataclass(frozen=True)
class CodecOptions:
    """The entry `codec` of a model file."""

    kind: str = "note_matrix"
    pitch: dict | None = None
    velocity: dict | None = None
    interval: dict | None = None
    tempo: int = 120
    maximum_note_beats: int = 16


class NoteMatrixCodec:
    kind = "note_matrix"

    def __init__(self, entry: Mapping) -> None:
        """`entry`: `codec` of a model file, or of a configuration."""
        options = build(CodecOptions, entry, "codec")
        if options.kind != self.kind:
            raise UserError(f'codec.kind is "{options.kind}", expected "{self.kind}"')
        self.pitch = build(PitchOptions, options.pitch or {}, "codec.pitch")
        self.velocity = build(VelocityOptions, options.velocity or {}, "codec.velocity")
        self.interval = build(IntervalOptions, options.interval or {}, "codec.interval")
        self.tempo = options.tempo
        self.maximum_note_beats = options.maximum_note_beats
        _check_range("pitch", self.pitch.range, 0)
        _check_range("velocity", self.velocity.range, 1)
        if not 0 <= self.velocity.classes <= 127:
            raise UserError(f"codec.velocity.classes is {self.velocity.classes}, expected 1 … 127")
        if self.interval.classes and not 2 <= self.interval.classes <= 1024:
            raise UserError(f"codec.interval.classes is {self.interval.classes}, expected 2 … 1024")
        if self.interval.maximum_milliseconds < 1:
            raise UserError(
                f"codec.interval.maximum_milliseconds is {self.interval.maximum_milliseconds}, "
                "expected 1 or more"
            )

    @property
    def class_counts(self) -> tuple[int, int, int]:
        """Of each field; 0 for a number."""
        lowest, highest = self.pitch.range
        pitches = highest - lowest + 1 if self.pitch.classes else 0
        return pitches, self.velocity.classes, self.interval.classes

    def configuration(self) -> dict[str, object]:
        """Its entry in a model file."""
        pitch: dict[str, object] = {"range": list(self.pitch.range)}
        velocity: dict[str, object] = {"range": list(self.velocity.range)}
        interval: dict[str, object] = {"maximum_milliseconds": self.interval.maximum_milliseconds}
        if self.pitch.classes:
            pitch["classes"] = True
        if self.velocity.classes:
            velocity["classes"] = self.velocity.classes
        if self.interval.classes:
            interval["classes"] = self.interval.classes
        return {
            "kind": self.kind,
            "tempo": self.tempo,
            "maximum_note_beats": self.maximum_note_beats,
            "pitch": pitch,
            "velocity": velocity,
            "interval": interval,
        }

    def rows(self, notes: Sequence[Note]) -> NDArray[np.int64]:
        """[notes, 3]: pitch, velocity, ticks since the note before; the first one's are counted
        from the piece's beginning. Notes of one moment ascend in pitch, a pitch that two parts
        strike at once is one note, the louder."""
        struck: dict[tuple[int, int], int] = {}
        for note in notes:
            place = (int(np.floor(note.onset_beats * TICKS_PER_BEAT + 0.5)), note.pitch)
            struck[place] = max(note.velocity, struck.get(place, 0))
        places = sorted(struck)
        ticks = np.array([tick for tick, _ in places], dtype=np.int64)
        pitches = np.array([pitch for _, pitch in places], dtype=np.int64)
        velocities = np.array([struck[place] for place in places], dtype=np.int64)
        return np.stack([pitches, velocities, np.diff(ticks, prepend=0)], axis=1)

    def normalised(self, rows: NDArray[np.integer]) -> NDArray[np.float64]:
        """Every field as a number of 0 … 1, whether the model has classes or not: what errors are
        measured in."""
        values = np.empty(rows.shape, dtype=np.float64)
        for field, (lowest, highest) in (
            (PITCH, self.pitch.range),
            (VELOCITY, self.velocity.range),
        ):
            values[:, field] = (rows[:, field] - lowest) / (highest - lowest)
        values[:, INTERVAL] = np.sqrt(rows[:, INTERVAL] / self.interval.maximum_milliseconds)
        return np.clip(values, 0.0, 1.0)

    def elements(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """What the network reads and predicts: a class as a whole number, a number as it is."""
        elements = self.normalised(rows)
        lowest, highest = self.pitch.range
        if self.pitch.classes:
            elements[:, PITCH] = np.clip(rows[:, PITCH], lowest, highest) - lowest
        lowest, highest = self.velocity.range
        if self.velocity.classes:
            inside = np.clip(rows[:, VELOCITY], lowest, highest)
            elements[:, VELOCITY] = (
                (inside - lowest) * self.velocity.classes // (highest - lowest + 1)
            )
        if self.interval.classes:
            scaled = elements[:, INTERVAL] * (self.interval.classes - 1)
            elements[:, INTERVAL] = np.floor(scaled + 0.5)
        return elements.astype(np.float32)

    def class_values(self, field: int) -> NDArray[np.float64]:
        """What each class of a field means, as a number of 0 … 1: the opposite of `elements`."""
        count = self.class_counts[field]
        classes = np.arange(count)
        if field == PITCH:
            return classes / (count - 1)
        if field == INTERVAL:
            return classes / (count - 1)
        lowest, highest = self.velocity.range
        velocities = (2 * classes + 1) * (highest - lowest + 1) // (2 * count)
        return velocities / (highest - lowest)

    def first(self) -> NDArray[np.float32]:
        """What step 0 is fed: the middle of both ranges, and no interval. As numbers ½, ½, 0; as
        classes those of the values nearest from below."""
        middle = [sum(self.pitch.range) // 2, sum(self.velocity.range) // 2, 0]
        elements = self.elements(np.array([middle]))[0]
        for field in (PITCH, VELOCITY):
            if self.class_counts[field] == 0:
                elements[field] = 0.5
        return elements


def _check_range(name: str, limits: tuple, least: int) -> None:
    is_whole = len(limits) == 2 and all(type(limit) is int for limit in limits)
    if not is_whole or not least <= limits[0] < limits[1] <= 127:
        raise UserError(
            f"codec.{name}.range is {list(limits)}, expected [lowest, highest] of {least} … 127"
        )
