"""Codecs of notes by the kind that a configuration states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cadenza_training.data.notes import Note
from cadenza_training.errors import UserError
from cadenza_training.systems.notes.note_codec import NoteCodec
from cadenza_training.systems.notes.note_tokens import NoteTokens
from cadenza_training.systems.notes.performance_events import PerformanceEvents
from cadenza_training.systems.notes.step_grid import StepGrid

# What each codec's entry may hold in a recipe, beside `kind`; a model file's entry holds the
# vocabulary itself (`symbols`, `voices` with symbols, `tokens`) in the place of how to collect it.
COMMON_KEYS = {"tempo", "maximum_note_beats"}
KEYS = {
    "performance_events": {"pitches", "time_shifts", "velocities", "end"},
    "melody_steps": {"steps_per_beat", "velocity", "end", "hold_pitches", "symbols"},
    "chorale_grid": {"steps_per_beat", "velocity", "end", "hold_pitches", "voices"},
    "note_tokens": {
        "steps_per_beat",
        "velocity",
        "end",
        "minimum_count",
        "maximum_tokens",
        "tokens",
    },
}


def make_codec(codec: Mapping, pieces: Sequence[Sequence[Note]]) -> NoteCodec:
    """From a recipe's or a model file's entry; a vocabulary that it leaves out is collected from
    `pieces`, those to train on."""
    kind = codec.get("kind")
    if kind not in KEYS:
        raise UserError(f'codec.kind is "{kind}", expected one of {", ".join(sorted(KEYS))}')
    unknown = sorted(set(codec) - KEYS[kind] - COMMON_KEYS - {"kind"})
    if unknown:
        raise UserError(
            f'codec: unknown key "{unknown[0]}"; '
            f"{kind} has {', '.join(sorted(KEYS[kind] | COMMON_KEYS))}"
        )
    if kind == "performance_events":
        return PerformanceEvents.from_configuration(codec)
    if kind == "note_tokens":
        if "tokens" in codec:
            return NoteTokens.from_configuration(codec)
        return NoteTokens.collected(codec, pieces)
    voices = codec.get("voices", ())
    if "symbols" in codec or (voices and isinstance(voices[0], Mapping)):
        return StepGrid.from_configuration(codec)
    return StepGrid.collected(codec, pieces, is_melody=kind == "melody_steps")


def read_codec(codec: Mapping) -> NoteCodec:
    """From a model file, whose vocabulary is complete."""
    return make_codec(codec, ())
