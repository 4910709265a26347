"""Note ons, note offs, time shifts and velocities: Oore et al. 2018, Huang et al. 2018.

A moment is written as its note offs in ascending pitch, then its note ons in ascending pitch, each
after a velocity token where its class is another than before, then time shifts, longest first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cadenza_training.data.notes import Note
from cadenza_training.systems.notes.note_codec import (
    CHOICES_WITHOUT_TIME,
    DEFAULT_MAXIMUM_NOTE_BEATS,
    DEFAULT_TEMPO,
    NoteCodec,
    closest_pitch,
    tick_of,
)

# 10 ms at 120 beats a minute.
TICKS_PER_BEAT = 50
# Before the first velocity token.
FIRST_VELOCITY = 64


class PerformanceEvents(NoteCodec):
    kind = "performance_events"

    def __init__(
        self,
        *,
        pitches: tuple[int, int] = (0, 127),
        time_shifts: int = 100,
        velocities: int = 32,
        end: bool = False,
        tempo: int = DEFAULT_TEMPO,
        maximum_note_beats: int = DEFAULT_MAXIMUM_NOTE_BEATS,
    ) -> None:
        self.lowest, self.highest = pitches
        self.time_shifts = time_shifts
        self.velocities = velocities
        self.tempo = tempo
        self.maximum_note_beats = maximum_note_beats
        self.ticks_per_beat = TICKS_PER_BEAT
        count = self.highest - self.lowest + 1
        self.first_off = count
        self.first_shift = 2 * count
        self.first_velocity = self.first_shift + time_shifts
        self.vocabulary_size = self.first_velocity + velocities + end
        self.end_token = self.vocabulary_size - 1 if end else None
        self.first_token = self.first_velocity - 1

    @staticmethod
    def from_configuration(codec: Mapping) -> PerformanceEvents:
        keys = ("time_shifts", "velocities", "end", "tempo", "maximum_note_beats")
        options = {key: codec[key] for key in keys if key in codec}
        return PerformanceEvents(pitches=tuple(codec.get("pitches", (0, 127))), **options)

    @property
    def has_grid(self) -> bool:
        return False

    def configuration(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "pitches": [self.lowest, self.highest],
            "time_shifts": self.time_shifts,
            "velocities": self.velocities,
            "end": self.end_token is not None,
            **self._common(),
        }

    def velocity_class(self, velocity: int) -> int:
        return (velocity - 1) * self.velocities // 127

    def velocity_of(self, number: int) -> int:
        """The middle of a class."""
        return 1 + (2 * number + 1) * 127 // (2 * self.velocities)

    def encode(self, notes: Sequence[Note]) -> NDArray[np.int64]:
        ons: dict[int, dict[int, int]] = defaultdict(dict)
        offs: dict[int, set[int]] = defaultdict(set)
        for pitch, spans in self._spans(notes).items():
            for start, end, velocity in spans:
                ons[start][pitch] = velocity
                offs[end].add(pitch)
        tokens: list[int] = []
        now, velocity_class = 0, self.velocity_class(FIRST_VELOCITY)
        for moment in sorted(set(ons) | set(offs)):
            tokens += self._shifts(moment - now)
            now = moment
            tokens += [self.first_off + pitch - self.lowest for pitch in sorted(offs[moment])]
            for pitch, velocity in sorted(ons[moment].items()):
                if self.velocity_class(velocity) != velocity_class:
                    velocity_class = self.velocity_class(velocity)
                    tokens.append(self.first_velocity + velocity_class)
                tokens.append(pitch - self.lowest)
        if self.end_token is not None:
            tokens.append(self.end_token)
        return np.array(tokens, dtype=np.int64)

    def _spans(self, notes: Sequence[Note]) -> dict[int, list[tuple[int, int, int]]]:
        """Start, end and velocity of each pitch's notes, which do not overlap: a pitch that begins
        again ends what sounded, and of two that begin at once the longer one stays."""
        known = range(self.lowest, self.highest + 1)
        by_pitch: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
        for note in notes:
            starts = by_pitch[closest_pitch(note.pitch, known)]
            start = tick_of(note.onset_beats, TICKS_PER_BEAT)
            end = tick_of(note.onset_beats + note.duration_beats, TICKS_PER_BEAT)
            latest, loudest = starts.get(start, (start + 1, 1))
            starts[start] = (max(latest, end), max(loudest, note.velocity))
        spans: dict[int, list[tuple[int, int, int]]] = {}
        for pitch, starts in by_pitch.items():
            order = sorted(starts)
            spans[pitch] = [
                (start, min(starts[start][0], following), starts[start][1])
                for start, following in zip(order, [*order[1:], math.inf], strict=True)
            ]
        return spans

    def _shifts(self, ticks: int) -> list[int]:
        longest = self.first_velocity - 1
        tokens = [longest] * (ticks // self.time_shifts)
        if ticks % self.time_shifts:
            tokens.append(self.first_shift + ticks % self.time_shifts - 1)
        return tokens

    def decode(self, tokens: Sequence[int]) -> list[Note]:
        notes: list[Note] = []
        sounding: dict[int, tuple[int, int]] = {}
        now, velocity, idle = 0, FIRST_VELOCITY, 0

        def end(pitch: int) -> None:
            if pitch in sounding:
                start, loudness = sounding.pop(pitch)
                if now > start:
                    notes.append(self._note(start, now, pitch, loudness))

        for token in map(int, tokens):
            if token == self.end_token:
                break
            idle += 1
            if token >= self.first_velocity:
                velocity = self.velocity_of(token - self.first_velocity)
            elif token >= self.first_shift:
                now += token - self.first_shift + 1
                idle = 0
            elif token >= self.first_off:
                end(token - self.first_off + self.lowest)
            else:
                end(token + self.lowest)
                sounding[token + self.lowest] = (now, velocity)
            if idle == CHOICES_WITHOUT_TIME:
                now += 1
                idle = 0
        for pitch in list(sounding):
            end(pitch)
        return sorted(notes, key=lambda note: (note.onset_beats, note.pitch))

    def transposition(self, semitones: int) -> NDArray[np.int64]:
        table = np.arange(self.vocabulary_size)
        pitches = np.arange(self.first_off)
        moved = pitches + semitones
        moved = np.where((moved >= 0) & (moved < self.first_off), moved, pitches)
        table[: self.first_off] = moved
        table[self.first_off : self.first_shift] = self.first_off + moved
        return table

    def beats(self, tokens: Sequence[int]) -> float:
        shifts = [
            int(token) - self.first_shift + 1
            for token in tokens
            if self.first_shift <= token < self.first_velocity
        ]
        return sum(shifts) / TICKS_PER_BEAT
