"""Voices on a grid: `melody_steps`, which has one, and `chorale_grid`.

A step is one token of each voice: go on, stop, or begin a pitch (or the piece's end, which only
the first voice has). A voice's tokens follow those of the voice before. To go on is one symbol,
"hold", or one for each pitch, "hold 60": the network then sees in every step what sounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cadenza_training.data.notes import Note
from cadenza_training.errors import UserError
from cadenza_training.systems.notes.note_codec import (
    DEFAULT_MAXIMUM_NOTE_BEATS,
    DEFAULT_TEMPO,
    NoteCodec,
    TokenRange,
    closest_pitch,
    tick_of,
)

HOLD = "hold"
OFF = "off"
END = "end"
DEFAULT_VELOCITY = 80
Symbol = str | int


def hold_of(pitch: int) -> str:
    """The symbol of a voice that goes on with `pitch`."""
    return f"{HOLD} {pitch}"


@dataclass(frozen=True)
class GridVoice:
    name: str
    symbols: tuple[Symbol, ...]

    def __post_init__(self) -> None:
        pitches = {symbol for symbol in self.symbols if isinstance(symbol, int)}
        words = {symbol for symbol in self.symbols if not isinstance(symbol, int)} - {END}
        if len(set(self.symbols)) != len(self.symbols) or words not in (
            {HOLD, OFF},
            {OFF, *map(hold_of, pitches)},
        ):
            raise UserError(
                f'voice "{self.name}": its symbols are each there once, "{OFF}" among them, and '
                f'"{HOLD}" or, for each pitch, "{hold_of(60)}"'
            )

    @property
    def holds_pitches(self) -> bool:
        """Whether each pitch has a "hold" of its own."""
        return HOLD not in self.symbols

    @staticmethod
    def pitch_of(symbol: Symbol) -> int | None:
        """The pitch that begins or is held; None of the other symbols."""
        if isinstance(symbol, int):
            return symbol
        _, _, pitch = symbol.partition(" ")
        return int(pitch) if pitch else None

    def moved(self, symbol: Symbol, semitones: int) -> Symbol:
        """The symbol so many semitones higher, whether there or not; one without a pitch stays."""
        pitch = self.pitch_of(symbol)
        if pitch is None:
            return symbol
        return pitch + semitones if isinstance(symbol, int) else hold_of(pitch + semitones)

    def index(self, symbol: Symbol) -> int:
        return self.symbols.index(symbol)

    def nearest(self, pitch: int) -> int:
        known = [symbol for symbol in self.symbols if isinstance(symbol, int)]
        if not known:
            raise UserError(f'voice "{self.name}" has no pitches')
        return closest_pitch(pitch, known)


class StepGrid(NoteCodec):
    kind = "chorale_grid"

    def __init__(
        self,
        voices: Sequence[GridVoice],
        *,
        is_melody: bool = False,
        steps_per_beat: int = 4,
        velocity: int = DEFAULT_VELOCITY,
        tempo: int = DEFAULT_TEMPO,
        maximum_note_beats: int = DEFAULT_MAXIMUM_NOTE_BEATS,
    ) -> None:
        self.voices = tuple(voices)
        self.is_melody = is_melody
        self.ticks_per_beat = steps_per_beat
        self.velocity = velocity
        self.tempo = tempo
        self.maximum_note_beats = maximum_note_beats
        counts = [len(voice.symbols) for voice in self.voices]
        self.offsets = [sum(counts[:index]) for index in range(len(counts))]
        self.vocabulary_size = sum(counts)
        for number, voice in enumerate(self.voices):
            if END in voice.symbols and number > 0:
                raise UserError(f'voice "{voice.name}": only the first voice has "{END}"')
        first = self.voices[0]
        self.end_token = first.index(END) if END in first.symbols else None
        self.first_token = self.offsets[-1] + self.voices[-1].index(OFF)

    @staticmethod
    def collected(codec: Mapping, pieces: Sequence[Sequence[Note]], *, is_melody: bool) -> StepGrid:
        """With the pitches between the lowest and the highest that each voice has in `pieces`."""
        names = ["melody"] if is_melody else list(codec.get("voices", ()))
        if not names:
            raise UserError("codec.voices is missing: the names of the voices, the highest first")
        voices = []
        for number, name in enumerate(names):
            pitches = {n.pitch for notes in pieces for n in notes if n.voice == number}
            if not pitches:
                raise UserError(f'no piece to train on has a note in voice {number}, "{name}"')
            span = range(min(pitches), max(pitches) + 1)
            symbols: list[Symbol] = [OFF] if codec.get("hold_pitches", False) else [HOLD, OFF]
            if codec.get("end", False) and number == 0:
                symbols.append(END)
            symbols += span
            if codec.get("hold_pitches", False):
                symbols += map(hold_of, span)
            voices.append(GridVoice(name, tuple(symbols)))
        return StepGrid(voices, is_melody=is_melody, **_options(codec))

    @staticmethod
    def from_configuration(codec: Mapping) -> StepGrid:
        if codec["kind"] == "melody_steps":
            voices = [GridVoice("melody", tuple(codec["symbols"]))]
            return StepGrid(voices, is_melody=True, **_options(codec))
        voices = [GridVoice(voice["name"], tuple(voice["symbols"])) for voice in codec["voices"]]
        return StepGrid(voices, **_options(codec))

    @property
    def choices_per_step(self) -> int:
        return len(self.voices)

    @property
    def ranges(self) -> tuple[TokenRange, ...]:
        return tuple(
            TokenRange(offset, len(voice.symbols))
            for offset, voice in zip(self.offsets, self.voices, strict=True)
        )

    def configuration(self) -> dict[str, object]:
        described: dict[str, object] = {
            "kind": "melody_steps" if self.is_melody else self.kind,
            "steps_per_beat": self.ticks_per_beat,
            "velocity": self.velocity,
            **self._common(),
        }
        if self.is_melody:
            return described | {"symbols": list(self.voices[0].symbols)}
        voices = [{"name": v.name, "symbols": list(v.symbols)} for v in self.voices]
        return described | {"voices": voices}

    def encode(self, notes: Sequence[Note]) -> NDArray[np.int64]:
        spans = [
            (note.voice, *self._steps(note), note.pitch)
            for note in notes
            if note.voice < len(self.voices)
        ]
        steps = max((end for _, _, end, _ in spans), default=0)
        rows = np.empty((steps, len(self.voices)), dtype=np.int64)
        for number, voice in enumerate(self.voices):
            # What is struck at a step, the highest of several, and what sounds until which step.
            struck = {
                start: (pitch, end)
                for start, pitch, end in sorted(
                    (start, pitch, end) for other, start, end, pitch in spans if other == number
                )
            }
            rings_until = sounding = 0
            for step in range(steps):
                symbol: Symbol = HOLD
                if step in struck:
                    pitch, rings_until = struck[step]
                    symbol = sounding = voice.nearest(pitch)
                elif voice.holds_pitches:
                    symbol = hold_of(sounding) if step < rings_until else OFF
                elif step > 0 and step == rings_until:
                    symbol = OFF
                rows[step, number] = self.offsets[number] + voice.index(symbol)
        tokens = rows.flatten()
        return tokens if self.end_token is None else np.append(tokens, self.end_token)

    def _steps(self, note: Note) -> tuple[int, int]:
        """The note's first step, and the step after its last."""
        start = tick_of(note.onset_beats, self.ticks_per_beat)
        end = tick_of(note.onset_beats + note.duration_beats, self.ticks_per_beat)
        return start, max(end, start + 1)

    def decode(self, tokens: Sequence[int]) -> list[Note]:
        notes: list[Note] = []
        sounding: dict[int, tuple[int, int]] = {}
        step = 0

        def end(number: int) -> None:
            if number in sounding:
                start, pitch = sounding.pop(number)
                notes.append(self._note(start, step, pitch, self.velocity, number))

        for index, token in enumerate(tokens):
            step, number = divmod(index, len(self.voices))
            if token == self.end_token:
                break
            voice = self.voices[number]
            symbol = voice.symbols[int(token) - self.offsets[number]]
            if number in sounding and symbol in (HOLD, hold_of(sounding[number][1])):
                continue
            if symbol != HOLD:
                end(number)
            pitch = voice.pitch_of(symbol)
            if pitch is not None:
                sounding[number] = (step, pitch)
        else:
            step = -(-len(tokens) // len(self.voices))
        for number in range(len(self.voices)):
            end(number)
        return sorted(notes, key=lambda note: (note.onset_beats, note.voice))

    def transposition(self, semitones: int) -> NDArray[np.int64]:
        table = np.arange(self.vocabulary_size)
        for offset, voice in zip(self.offsets, self.voices, strict=True):
            places = {symbol: place for place, symbol in enumerate(voice.symbols)}
            for symbol, place in places.items():
                table[offset + place] = offset + places.get(voice.moved(symbol, semitones), place)
        return table

    def traits(self) -> NDArray[np.float32]:
        """A token's voice, what it does, and its pitch and pitch class: voices sing the same
        notes."""
        named = []
        for number, voice in enumerate(self.voices):
            for symbol in voice.symbols:
                pitch = voice.pitch_of(symbol)
                traits: set[tuple[str, int | str]] = {("voice", number)}
                if pitch is None:
                    traits.add(("word", str(symbol)))
                else:
                    word = "begins" if isinstance(symbol, int) else HOLD
                    traits |= {("word", word), ("pitch", pitch), ("pitch class", pitch % 12)}
                named.append(traits)
        columns = sorted(set().union(*named), key=str)
        table = [[float(column in traits) for column in columns] for traits in named]
        return np.array(table, dtype=np.float32)

    def beats(self, tokens: Sequence[int]) -> float:
        return (len(tokens) // len(self.voices)) / self.ticks_per_beat


def _options(codec: Mapping) -> dict[str, int]:
    keys = ("steps_per_beat", "velocity", "tempo", "maximum_note_beats")
    return {key: codec[key] for key in keys if key in codec}
