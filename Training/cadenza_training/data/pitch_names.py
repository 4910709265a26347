"""The pitch, and the velocity, that a file's name tells.

A name is read in words, which anything but letters, digits, #, ♯ and ♭ separates:

- a note name: a letter A to G, then #, ♯ or s for a sharp, b or ♭ for a flat, then the octave:
  C4 and c4 are MIDI number 60, A#3 and As3 are 58, Bb2 is 46, C-1 is 0;
- else a MIDI number: a word of two or three digits, 10 … 127.

The velocity is a word v100, vel100 or velocity100, or a dynamic: ppp, pp, p, mp, mf, f, ff, fff.
A name that tells two different pitches tells none.
"""

from __future__ import annotations

import re

from cadenza_training.data.sources import find_in_path
from cadenza_training.data.unusable import UnusableError

SEMITONES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "s": 1, "b": -1, "♭": -1}
# Eight steps of equal width up to 126.
DYNAMICS = {"ppp": 16, "pp": 32, "p": 48, "mp": 64, "mf": 80, "f": 96, "ff": 112, "fff": 126}

_NOTE_NAME = re.compile(r"(?<![A-Za-z0-9])([A-Ga-g])([#♯s]|[b♭])?(-1|[0-9])(?![A-Za-z0-9#♯♭])")
_NUMBER = re.compile(r"(?<![A-Za-z0-9.])([0-9]{2,3})(?![A-Za-z0-9])")
_VELOCITY = re.compile(r"(?<![A-Za-z0-9])v(?:el(?:ocity)?)?([0-9]{1,3})(?![A-Za-z0-9])", re.I)
_WORD = re.compile(r"[A-Za-z0-9]+")


def pitch_of(name: str, pattern: str = "") -> int:
    """The MIDI number; `name` has no suffix. With a pattern, of the first group that it finds."""
    if pattern:
        found = find_in_path(pattern, name, "audio.pitch_pattern")
        if not found:
            raise UnusableError(f"no pitch: audio.pitch_pattern finds nothing in {name}")
        name = found
    pitches = {_midi_number(*match.groups()) for match in _NOTE_NAME.finditer(name)}
    if not pitches:
        numbers = {int(match.group(1)) for match in _NUMBER.finditer(name)}
        pitches = {number for number in numbers if 10 <= number <= 127}
    if pattern and not pitches and name.isdigit():
        pitches = {int(name)}
    if not pitches:
        raise UnusableError(f"no pitch: {name} has no note name such as A#3 and no MIDI number")
    if len(pitches) > 1:
        numbers = ", ".join(str(pitch) for pitch in sorted(pitches))
        raise UnusableError(
            f"no pitch: {name} could be any of {numbers}; audio.pitch_pattern says where to look"
        )
    (pitch,) = pitches
    if not 0 <= pitch <= 127:
        raise UnusableError(f"no pitch: {name} says {pitch}, which is not a MIDI number 0 … 127")
    return pitch


def velocity_of(name: str) -> int | None:
    found = {int(match.group(1)) for match in _VELOCITY.finditer(name)}
    found = {velocity for velocity in found if 1 <= velocity <= 127}
    if not found:
        words = {word.lower() for word in _WORD.findall(name)}
        found = {DYNAMICS[word] for word in words & DYNAMICS.keys()}
    return found.pop() if len(found) == 1 else None


def _midi_number(letter: str, accidental: str | None, octave: str) -> int:
    semitone = SEMITONES[letter.lower()] + ACCIDENTALS[accidental or ""]
    # MIDI number 60 is C4, so that number 0 is C-1.
    return 12 * (int(octave) + 1) + semitone


def pitch_name(number: int) -> str:
    """A MIDI number's name with a sharp where it has one: 60 is C4, 61 is C#4."""
    names = {semitone: letter.upper() for letter, semitone in SEMITONES.items()}
    octave, semitone = divmod(number, 12)
    letter = names.get(semitone) or f"{names[semitone - 1]}#"
    return f"{letter}{octave - 1}"
