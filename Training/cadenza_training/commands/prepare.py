"""From recordings or scores to a prepared set, which fit, evaluate and card read.

A source's layout is found by what lies in it:

  audio      a folder of recordings, in any sub-folders: anything libsndfile reads, at any rate
  manifest   recordings of single notes and a manifest.csv: file, instrument, midi_pitch, …
  nsynth     examples.json and audio/*.wav; nsynth-train, -valid and -test together are the splits
  soundfont  a .sf2 file: an NSynth-shaped set is rendered with fluidsynth, and prepared
  midi       a folder of MIDI files, a piece each
  maestro    maestro-v*.csv or .json beside MIDI files, with its splits
  chorales   a JSON of pitch grids with train, valid and test, or `music21` for that package's
  mixed      (named by --layout or --config) sources of sound, each of its own layout, as one set

Recordings are mixed to mono, resampled, trimmed, levelled, faded and written as 16-bit FLAC. No
recording is on two sides, nor is the same sound under two names. What is left out is listed
with its reason in rejected.csv. The set appears at --output once it is complete.

  cadenza-train prepare Guitars --output prepared/guitars
  cadenza-train prepare Samples --instruments-from folders --pitch-from-name --output prepared/band
  cadenza-train prepare FluidR3_GM.sf2 --output prepared/general-midi

With --pitch-from-name, C4 (MIDI 60), A#3, As3 and Bb2 are read from file names, or else a MIDI
number of two or three digits; v100 or a dynamic such as mf is the velocity.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cadenza_training.configuration import override, read_toml
from cadenza_training.data.layouts import find_layout
from cadenza_training.data.options import (
    LAYOUTS,
    NOTES_LAYOUTS,
    PrepareOptions,
    build_options,
)
from cadenza_training.data.output_folder import part_of
from cadenza_training.data.prepare import prepare
from cadenza_training.data.report import report
from cadenza_training.errors import UserError

SUMMARY = "makes a set to train on from recordings or scores"
# What a layout is prepared with when no configuration is named.
LAYOUT_CONFIGURATIONS = {"soundfont": "prepare-soundfont"}
# Of a flag whose destination is a key of the configuration.
OPTION_PREFIX = "option "
# Options that read the paths of a folder of recordings; other layouts say the same themselves.
NAME_OPTIONS = ("instruments_from", "pitch_from_name", "pitch_pattern")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folders, or one file")
    parser.add_argument("--output", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--force", action="store_true", help="replace whatever is at --output")
    _option(parser, "--layout", "layout", choices=LAYOUTS)
    parser.add_argument(
        "--config", metavar="FILE.toml", help="a file, or one of the package's, as prepare-notes"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any key of the configuration, as --set audio.fade_in_seconds=0.005",
    )
    about = parser.add_argument_group("what it is")
    _option(about, "--name", "name", metavar="NAME", help="default: the output folder's")
    _option(about, "--description", "description", metavar="TEXT")
    _option(about, "--data-text", "data", metavar="TEXT", help="where the material is from")
    _option(about, "--license", "license", metavar="TEXT", help="of models made from it")
    sides = parser.add_argument_group("sides")
    _option(sides, "--validation-share", "validation_share", type=float, metavar="SHARE")
    _option(sides, "--test-share", "test_share", type=float, metavar="SHARE")
    _option(sides, "--seed", "seed", type=int)
    _option(
        sides,
        "--group-by",
        "group_by",
        metavar="file|folder|REGEX",
        help="what stays on one side: a regular expression is searched for in the path",
    )
    audio = parser.add_argument_group("audio")
    _option(audio, "--sample-rate", "audio.sample_rate", type=int, metavar="HZ")
    _option(audio, "--normalise", "audio.normalise", choices=("peak", "rms", "none"))
    _option(audio, "--level", "audio.level", type=float, help="full scale is 1")
    audio.add_argument("--trim", metavar="DECIBELS|none", help="for both ends, below the peak")
    _option(audio, "--minimum-seconds", "audio.minimum_seconds", type=float, metavar="SECONDS")
    _option(audio, "--maximum-seconds", "audio.maximum_seconds", type=float, metavar="SECONDS")
    _option(
        audio,
        "--instruments-from",
        "audio.instruments_from",
        metavar="folders|REGEX",
        help="sub-folders are instruments, or what the expression finds in the path",
    )
    _option(audio, "--pitch-from-name", "audio.pitch_from_name", action="store_const", const=True)
    _option(audio, "--pitch-pattern", "audio.pitch_pattern", metavar="REGEX")
    _option(
        audio,
        "--maximum-transposition",
        "audio.maximum_transposition",
        type=int,
        metavar="SEMITONES",
        help="by which training may transpose recordings",
    )
    notes = parser.add_argument_group("notes")
    _option(notes, "--sustain-pedal", "notes.sustain_pedal", action="store_const", const=True)
    _option(
        parser, "--workers", "workers", type=int, help="processes; default: processors, up to 8"
    )


def run(arguments: argparse.Namespace) -> None:
    options = read_options(arguments)
    prepared = prepare(
        [Path(source) for source in arguments.sources],
        options,
        arguments.output,
        force=arguments.force,
    )
    print(report(prepared))


def read_options(arguments: argparse.Namespace) -> PrepareOptions:
    """The configuration, changed by --set, changed by the flags."""
    values: dict[str, object] = {}
    where = "the command line"
    if arguments.config:
        where = f"{arguments.config} and the command line"
        values = read_toml(arguments.config)
    _change(values, arguments)
    layout = values.get("layout") or find_layout(
        [Path(source) for source in arguments.sources],
        (arguments.output, part_of(arguments.output)),
    )
    if not arguments.config and layout in LAYOUT_CONFIGURATIONS:
        values = read_toml(LAYOUT_CONFIGURATIONS[layout])
        _change(values, arguments)
    values["layout"] = layout
    options = build_options(values, where)
    _refuse_what_does_not_apply(arguments, options)
    return options


def _change(values: dict[str, object], arguments: argparse.Namespace) -> None:
    override(values, arguments.set)
    flags = {
        key.removeprefix(OPTION_PREFIX): value
        for key, value in vars(arguments).items()
        if key.startswith(OPTION_PREFIX) and value is not None
    }
    if arguments.trim is not None:
        decibels = _decibels(arguments.trim)
        flags |= {"audio.trim_start_decibels": decibels, "audio.trim_end_decibels": decibels}
    for key, value in flags.items():
        table, _, name = key.rpartition(".")
        target = values.setdefault(table, {}) if table else values
        # Where a file has written a value in place of a table, build_options says so.
        if isinstance(target, dict):
            target[name] = value


def _refuse_what_does_not_apply(arguments: argparse.Namespace, options: PrepareOptions) -> None:
    """A flag that would change nothing was meant for something else."""
    is_notes = options.layout in NOTES_LAYOUTS
    given = [key.removeprefix(OPTION_PREFIX) for key, value in vars(arguments).items() if value]
    for key in given:
        table, _, name = key.rpartition(".")
        is_for_others = name in NAME_OPTIONS and options.layout not in ("audio", "mixed")
        if (is_notes and table == "audio") or (not is_notes and table == "notes") or is_for_others:
            raise UserError(f"{key} has no meaning for the layout {options.layout}")
    if options.instruments and options.layout not in ("manifest", "mixed"):
        raise UserError(
            "[[instruments]] of the configuration select rows of a manifest, and have no meaning "
            f"for the layout {options.layout}"
        )


def _option(group: argparse._ActionsContainer, flag: str, key: str, **settings: object) -> None:
    """A flag that sets a key of the configuration, and nothing when it is not given."""
    if not settings.keys() & {"action", "choices"}:
        settings.setdefault("metavar", flag.lstrip("-").upper())
    group.add_argument(flag, dest=f"{OPTION_PREFIX}{key}", default=None, **settings)


def _decibels(text: str) -> float:
    if text == "none":
        return 0.0
    try:
        return float(text)
    except ValueError as error:
        raise UserError(f'--trim "{text}": expected decibels such as -40, or none') from error
