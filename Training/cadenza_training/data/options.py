"""What `prepare` can be told: the keys of its configuration files.

A configuration is TOML with these keys, the nested classes as tables: `seed = 7`, `[audio]`,
`[[instruments]]`. Every key may be left out; one that is not here is refused by name.
"""

from __future__ import annotations

import difflib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass

from cadenza_training.errors import UserError

LAYOUTS = ("audio", "manifest", "nsynth", "midi", "maestro", "chorales", "soundfont", "mixed")
NOTES_LAYOUTS = ("midi", "maestro", "chorales")


@dataclass(frozen=True)
class AudioOptions:
    # Hz.
    sample_rate: int = 16000
    # "peak", "rms" or "none".
    normalise: str = "peak"
    # What the peak or the root mean square is brought to, full scale being 1; 0: 0.8 for the peak,
    # 0.1 for the root mean square.
    level: float = 0.0
    # Sound begins, and ends, where it first, and last, exceeds this: decibels relative to the
    # peak of the recording. 0: not trimmed.
    trim_start_decibels: float = -40.0
    trim_end_decibels: float = -60.0
    fade_in_seconds: float = 0.002
    fade_out_seconds: float = 0.010
    # After trimming. What is shorter is rejected, what is longer is cut; 0: as long as it is.
    minimum_seconds: float = 0.1
    maximum_seconds: float = 0.0
    # "" for none, "folders", or a regular expression on the path within the source.
    instruments_from: str = ""
    # Reads the pitch, and the velocity where it is there, from the file's name.
    pitch_from_name: bool = False
    # A regular expression on the file's name, its first group the pitch, when the rules of
    # `pitch_names` do not find it.
    pitch_pattern: str = ""
    # Semitones by which training may transpose; a manifest's instruments have their own.
    maximum_transposition: int = 0


@dataclass(frozen=True)
class NotesOptions:
    # A note lasts until the sustain pedal (controller 64) is lifted, or its key is struck again.
    sustain_pedal: bool = False
    # The notes of channel 10, which General MIDI gives to percussion.
    percussion: bool = False
    minimum_notes: int = 1


@dataclass(frozen=True)
class InstrumentSelection:
    """Which rows of a manifest make one instrument."""

    label: str = ""
    # Values of the manifest's column `instrument`.
    sources: tuple[str, ...] = ()
    # A recording counts when its path has one of these texts; empty: all do.
    path_contains: tuple[str, ...] = ()
    minimum_pitch: int = 0
    maximum_pitch: int = 127
    maximum_transposition: int = 0
    # The files to validate on; empty: a share of them is chosen.
    held_out: tuple[str, ...] = ()
    attribution: str = ""


@dataclass(frozen=True)
class NSynthOptions:
    # What the set's instruments are: "family" or "instrument".
    label: str = "family"
    # What stays on one side: "instrument", or "note" for every file by itself.
    split_by: str = "instrument"
    # Empty: all.
    families: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    velocities: tuple[int, ...] = ()
    minimum_pitch: int = 0
    maximum_pitch: int = 127
    # Notes, chosen by the seed; 0: all.
    maximum_per_family: int = 0


@dataclass(frozen=True)
class Program:
    """One program of a soundfont as one instrument of an NSynth family."""

    # As MIDI sends it, 0 … 127: one less than General MIDI's printed lists say.
    program: int = -1
    bank: int = 0
    family: str = ""
    # "acoustic", "electronic" or "synthetic", NSynth's three.
    source: str = "acoustic"
    minimum_pitch: int = 0
    maximum_pitch: int = 127


@dataclass(frozen=True)
class SoundFontOptions:
    minimum_pitch: int = 24
    maximum_pitch: int = 84
    # Semitones from one rendered pitch to the next.
    pitch_step: int = 1
    # NSynth's five.
    velocities: tuple[int, ...] = (25, 50, 75, 100, 127)
    held_seconds: float = 3.0
    total_seconds: float = 4.0
    # Of the soundfont: who made it, and its licence, for the manifest and the model's card.
    attribution: str = ""
    licence: str = ""
    # FluidSynth's master gain. Levels between notes are kept in the NSynth-shaped folder.
    gain: float = 1.0
    # Only these of the programs below; empty: all.
    only_programs: tuple[int, ...] = ()
    programs: tuple[Program, ...] = ()


@dataclass(frozen=True)
class ChoralesOptions:
    # Quarter notes that one step of the grid lasts; 0: as the file's name says (quarter, 8th,
    # 16th).
    beats_per_step: float = 0.0
    # Quarter notes a minute: the grids have no tempo.
    tempo: float = 100.0
    velocity: int = 80


@dataclass(frozen=True)
class PrepareOptions:
    layout: str = ""
    name: str = ""
    description: str = ""
    # Where the material is from, and the licence that a model made from it has.
    data: str = ""
    license: str = ""
    seed: int = 2016
    # Processes; 0: as many as there are processors, at most 8.
    workers: int = 0
    # Shares of the recordings or pieces, where the layout itself does not say.
    validation_share: float = 0.1
    test_share: float = 0.0
    # What stays on one side: "file", "folder", or a regular expression on the path.
    group_by: str = "file"
    audio: AudioOptions = field(default_factory=AudioOptions)
    notes: NotesOptions = field(default_factory=NotesOptions)
    nsynth: NSynthOptions = field(default_factory=NSynthOptions)
    soundfont: SoundFontOptions = field(default_factory=SoundFontOptions)
    chorales: ChoralesOptions = field(default_factory=ChoralesOptions)
    instruments: tuple[InstrumentSelection, ...] = ()


def build_options(values: Mapping[str, object], where: str) -> PrepareOptions:
    options = _build(PrepareOptions, values, where, "")
    _check(options, where)
    return options


def _build(kind: type, values: object, where: str, prefix: str) -> typing.Any:  # noqa: ANN401
    if not isinstance(values, Mapping):
        raise UserError(f'{where}: "{prefix.rstrip(".")}" must be a table of keys')
    types_by_name = typing.get_type_hints(kind)
    for key in values:
        if key not in types_by_name:
            close = difflib.get_close_matches(str(key), types_by_name, n=1)
            hint = f'did you mean "{prefix}{close[0]}"?' if close else _known(types_by_name)
            raise UserError(f'{where}: unknown key "{prefix}{key}"; {hint}')
    return kind(
        **{
            key: _convert(types_by_name[key], value, where, f"{prefix}{key}")
            for key, value in values.items()
        }
    )


def _known(names: Mapping[str, object]) -> str:
    return "known are " + ", ".join(names)


def _convert(kind: typing.Any, value: object, where: str, key: str) -> object:  # noqa: ANN401
    if is_dataclass(kind):
        return _build(kind, value, where, f"{key}.")
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        items = value if isinstance(value, (list, tuple)) else [value]
        return tuple(
            _convert(element, item, where, f"{key}[{index}]") for index, item in enumerate(items)
        )
    # TOML's `1` is a number as good as `1.0`; true is not a number.
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
        raise UserError(f'{where}: "{key}" is {value!r}, expected {names[kind]}')
    return value


def _check(options: PrepareOptions, where: str) -> None:
    audio, soundfont = options.audio, options.soundfont
    _one_of(where, "layout", options.layout, ("", *LAYOUTS))
    _one_of(where, "audio.normalise", audio.normalise, ("peak", "rms", "none"))
    _one_of(where, "nsynth.label", options.nsynth.label, ("family", "instrument"))
    _one_of(where, "nsynth.split_by", options.nsynth.split_by, ("instrument", "note"))
    _between(where, "audio.sample_rate", audio.sample_rate, 1000, 384000)
    _between(where, "audio.level", audio.level, 0.0, 1.0)
    _between(where, "audio.trim_start_decibels", audio.trim_start_decibels, -120.0, 0.0)
    _between(where, "audio.trim_end_decibels", audio.trim_end_decibels, -120.0, 0.0)
    _between(where, "audio.fade_in_seconds", audio.fade_in_seconds, 0.0, 60.0)
    _between(where, "audio.fade_out_seconds", audio.fade_out_seconds, 0.0, 60.0)
    _between(where, "audio.minimum_seconds", audio.minimum_seconds, 0.0, 1e6)
    _between(where, "audio.maximum_seconds", audio.maximum_seconds, 0.0, 1e6)
    if 0.0 < audio.maximum_seconds < audio.minimum_seconds:
        raise UserError(
            f"{where}: audio.maximum_seconds ({audio.maximum_seconds:g}) is less than "
            f"audio.minimum_seconds ({audio.minimum_seconds:g})"
        )
    _between(where, "audio.maximum_transposition", audio.maximum_transposition, 0, 24)
    _between(where, "validation_share", options.validation_share, 0.0, 0.9)
    _between(where, "test_share", options.test_share, 0.0, 0.9)
    if options.validation_share + options.test_share > 0.9:
        raise UserError(f"{where}: validation_share and test_share together leave too little")
    _between(where, "workers", options.workers, 0, 256)
    _between(where, "notes.minimum_notes", options.notes.minimum_notes, 1, 1_000_000)
    _between(where, "chorales.tempo", options.chorales.tempo, 1.0, 1000.0)
    _between(where, "chorales.beats_per_step", options.chorales.beats_per_step, 0.0, 16.0)
    _between(where, "chorales.velocity", options.chorales.velocity, 1, 127)
    _between(where, "soundfont.total_seconds", soundfont.total_seconds, 0.05, 60.0)
    _between(where, "soundfont.held_seconds", soundfont.held_seconds, 0.01, soundfont.total_seconds)
    _between(where, "soundfont.gain", soundfont.gain, 0.01, 10.0)
    _between(where, "soundfont.pitch_step", soundfont.pitch_step, 1, 24)
    if not soundfont.velocities:
        raise UserError(f"{where}: soundfont.velocities is empty")
    for velocity in soundfont.velocities:
        _between(where, "soundfont.velocities", velocity, 1, 127)
    for entry in (soundfont, options.nsynth, *soundfont.programs, *options.instruments):
        _pitch_range(where, entry.minimum_pitch, entry.maximum_pitch)
    for program in soundfont.programs:
        _between(where, "soundfont.programs.program", program.program, 0, 127)
        _between(where, "soundfont.programs.bank", program.bank, 0, 127)
    labels = [instrument.label for instrument in options.instruments]
    for instrument in options.instruments:
        if not instrument.label or not instrument.sources:
            raise UserError(f"{where}: every entry of [[instruments]] needs a label and sources")
        if labels.count(instrument.label) > 1:
            raise UserError(f'{where}: two instruments have the label "{instrument.label}"')
        _between(where, "maximum_transposition", instrument.maximum_transposition, 0, 24)


def _one_of(where: str, key: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        expected = ", ".join(text for text in allowed if text)
        raise UserError(f'{where}: {key} is "{value}", expected one of {expected}')


def _between(where: str, key: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise UserError(f"{where}: {key} is {value:g}, expected {lowest:g} … {highest:g}")


def _pitch_range(where: str, lowest: int, highest: int) -> None:
    if not 0 <= lowest <= highest <= 127:
        raise UserError(
            f"{where}: pitches {lowest} … {highest} are not a range of MIDI numbers 0 … 127"
        )
