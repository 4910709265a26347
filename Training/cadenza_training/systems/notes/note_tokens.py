"""Each distinct note or chord is a class: Agarwal and Balhara; Ibreighith.

A token is one step of the grid: the set of pitches that begin there, which end where the next step
begins. The table of chords is collected from the pieces to train on; a chord that is not in it is
written as the nearest one that is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from cadenza_training.data.notes import Note
from cadenza_training.errors import UserError
from cadenza_training.systems.notes.note_codec import (
    DEFAULT_MAXIMUM_NOTE_BEATS,
    DEFAULT_TEMPO,
    NoteCodec,
    tick_of,
)

END = "end"
MOST_PITCHES = 16
DEFAULT_VELOCITY = 80
Chord = tuple[int, ...]


def chords_of(notes: Sequence[Note], steps_per_beat: int) -> list[Chord]:
    """The pitches that begin at each step, ascending."""
    struck: dict[int, set[int]] = defaultdict(set)
    for note in notes:
        struck[tick_of(note.onset_beats, steps_per_beat)].add(note.pitch)
    steps = max(struck, default=-1) + 1
    return [tuple(sorted(struck[step])) for step in range(steps)]


class NoteTokens(NoteCodec):
    kind = "note_tokens"

    def __init__(
        self,
        tokens: Sequence[Chord | str],
        *,
        steps_per_beat: int = 2,
        velocity: int = DEFAULT_VELOCITY,
        tempo: int = DEFAULT_TEMPO,
        maximum_note_beats: int = DEFAULT_MAXIMUM_NOTE_BEATS,
    ) -> None:
        self.tokens = tuple(tokens)
        self.ticks_per_beat = steps_per_beat
        self.velocity = velocity
        self.tempo = tempo
        self.maximum_note_beats = maximum_note_beats
        self.vocabulary_size = len(self.tokens)
        self.numbers = {token: number for number, token in enumerate(self.tokens)}
        self.end_token = self.numbers.get(END)
        self.first_token = self.numbers.get((), 0)
        self._nearest: dict[Chord, int] = {}
        # The known chords as rows of 128 pitches, to be compared with one that is not known.
        self._rows = np.zeros((self.vocabulary_size, 128), dtype=np.float32)
        for number, token in enumerate(self.tokens):
            if token != END:
                self._rows[number, list(token)] = 1.0
        self._sizes = self._rows.sum(axis=1)
        if self.end_token is not None:
            # Never the nearest: it is no chord.
            self._sizes[self.end_token] = np.inf

    @staticmethod
    def collected(codec: Mapping, pieces: Sequence[Sequence[Note]]) -> NoteTokens:
        """The chords that occur `minimum_count` times or more in `pieces`, the commonest first;
        at most `maximum_tokens` of them, the rest always."""
        steps_per_beat = codec.get("steps_per_beat", 2)
        counts: Counter[Chord] = Counter()
        for notes in pieces:
            counts.update(chords_of(notes, steps_per_beat))
        counts[()] += 1
        minimum = codec.get("minimum_count", 1)
        known = [
            chord
            for chord, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            if (count >= minimum and len(chord) <= MOST_PITCHES) or not chord
        ]
        tokens: list[Chord | str] = list(known[: codec.get("maximum_tokens", 65_535)])
        if () not in tokens:
            tokens[-1] = ()
        if codec.get("end", False):
            tokens.append(END)
        if len(tokens) < 2:
            raise UserError(f"no chord occurs {minimum} times: lower codec.minimum_count")
        return NoteTokens(tokens, **_options(codec))

    @staticmethod
    def from_configuration(codec: Mapping) -> NoteTokens:
        tokens = [token if token == END else tuple(token) for token in codec["tokens"]]
        return NoteTokens(tokens, **_options(codec))

    def configuration(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "steps_per_beat": self.ticks_per_beat,
            "velocity": self.velocity,
            **self._common(),
            "tokens": [token if token == END else list(token) for token in self.tokens],
        }

    def number_of(self, chord: Chord) -> int:
        """The token of a chord; of one that is not known, the token that the fewest pitches tell
        apart from it, the commonest of several."""
        if chord in self.numbers:
            return self.numbers[chord]
        if chord not in self._nearest:
            shared = self._rows[:, list(chord)].sum(axis=1)
            differences = self._sizes + len(chord) - 2 * shared
            self._nearest[chord] = int(differences.argmin())
        return self._nearest[chord]

    def encode(self, notes: Sequence[Note]) -> NDArray[np.int64]:
        numbers = [self.number_of(chord) for chord in chords_of(notes, self.ticks_per_beat)]
        if self.end_token is not None:
            numbers.append(self.end_token)
        return np.array(numbers, dtype=np.int64)

    def known_share(self, pieces: Sequence[Sequence[Note]]) -> float:
        """The share of the pieces' steps whose chord is in the table."""
        chords = [chord for notes in pieces for chord in chords_of(notes, self.ticks_per_beat)]
        return sum(chord in self.numbers for chord in chords) / max(1, len(chords))

    def decode(self, tokens: Sequence[int]) -> list[Note]:
        notes: list[Note] = []
        for step, number in enumerate(map(int, tokens)):
            if number == self.end_token:
                break
            notes += [
                self._note(step, step + 1, pitch, self.velocity) for pitch in self.tokens[number]
            ]
        return notes

    def transposition(self, semitones: int) -> NDArray[np.int64]:
        """A chord becomes the nearest one that is known."""
        return np.array(
            [
                number
                if token == END or not token
                else self.number_of(tuple(min(127, max(0, pitch + semitones)) for pitch in token))
                for number, token in enumerate(self.tokens)
            ]
        )

    def beats(self, tokens: Sequence[int]) -> float:
        played = sum(int(token) != self.end_token for token in tokens)
        return played / self.ticks_per_beat


def _options(codec: Mapping) -> dict[str, int]:
    keys = ("steps_per_beat", "velocity", "tempo", "maximum_note_beats")
    return {key: codec[key] for key in keys if key in codec}
