"""What every codec of notes offers: notes become tokens and tokens notes.

The vocabularies, and the order in which a moment is written, are stated in FORMAT.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cadenza_training.data.notes import Note

DEFAULT_TEMPO = 120
DEFAULT_MAXIMUM_NOTE_BEATS = 16
# After so many choices without any time passing, one tick passes.
CHOICES_WITHOUT_TIME = 256


@dataclass(frozen=True)
class TokenRange:
    """The tokens that may come at a place: `count` of them from `first` on."""

    first: int
    count: int


class NoteCodec(ABC):
    """A vocabulary, and how notes are written in it. Onsets are taken in quarter notes."""

    kind: ClassVar[str]
    vocabulary_size: int
    ticks_per_beat: int
    # Beats a minute.
    tempo: int = DEFAULT_TEMPO
    maximum_note_beats: int = DEFAULT_MAXIMUM_NOTE_BEATS
    # The piece's last token, where the vocabulary has one.
    end_token: int | None = None
    # What step 0 is fed where it has none.
    first_token: int = 0

    @property
    def start_token(self) -> int:
        """What step 0 is fed."""
        return self.first_token if self.end_token is None else self.end_token

    @abstractmethod
    def encode(self, notes: Sequence[Note]) -> NDArray[np.int64]:
        """A piece as tokens, the end included where there is one."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> list[Note]:
        """What tokens play, however a network strung them together."""

    @abstractmethod
    def beats(self, tokens: Sequence[int]) -> float:
        """Quarter notes that pass while the tokens are played."""

    @abstractmethod
    def transposition(self, semitones: int) -> NDArray[np.int64]:
        """The token that each token becomes; itself where it holds no pitch, or where the pitch
        that it would become is not in the vocabulary."""

    @abstractmethod
    def configuration(self) -> dict[str, object]:
        """The entry `codec` of a model file."""

    @property
    def choices_per_step(self) -> int:
        """Tokens that make one step of the grid; a token of a codec without grid stands alone."""
        return 1

    @property
    def has_grid(self) -> bool:
        """Whether every step lasts as long, so that conditions can follow its number."""
        return True

    @property
    def ranges(self) -> tuple[TokenRange, ...]:
        """What may come at the places of a step, in their order."""
        return (TokenRange(0, self.vocabulary_size),)

    def traits(self) -> NDArray[np.float32]:
        """[vocabulary, traits]: 1 where a token has a trait that others may share, else 0. Where a
        codec knows of no traits there are no columns."""
        return np.zeros((self.vocabulary_size, 0), dtype=np.float32)

    def _common(self) -> dict[str, object]:
        """The keys that all codecs of notes share."""
        return {"tempo": self.tempo, "maximum_note_beats": self.maximum_note_beats}

    def _note(self, start: int, end: int, pitch: int, velocity: int, voice: int = 0) -> Note:
        """From ticks; no note is longer than the codec allows."""
        end = min(end, start + self.maximum_note_beats * self.ticks_per_beat)
        onset, duration = start / self.ticks_per_beat, (end - start) / self.ticks_per_beat
        seconds = 60.0 / self.tempo
        return Note(onset * seconds, duration * seconds, onset, duration, pitch, velocity, voice)


def closest_pitch(pitch: int, known: Collection[int]) -> int:
    """The pitch itself where it is known, else the nearest in another octave, else the nearest of
    all; the lower of two."""
    if pitch in known:
        return pitch
    octaves = [other for other in known if (other - pitch) % 12 == 0]
    return min(octaves or known, key=lambda other: (abs(other - pitch), other))


def tick_of(beats: float, ticks_per_beat: int) -> int:
    """The nearest tick; halves go up, so that equal rhythms are equal everywhere."""
    return int(np.floor(beats * ticks_per_beat + 0.5))
