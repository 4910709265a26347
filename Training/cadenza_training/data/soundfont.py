"""An NSynth-shaped set rendered from a General MIDI soundfont by FluidSynth.

A program at one velocity is one MIDI file and one run of `fluidsynth`: its notes come one after the
other, each in a slot of its own that ends with All Sound Off and a silence, and are cut apart
afterwards.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import mido
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cadenza_training.data import nsynth
from cadenza_training.data.audio_processing import SILENCE_PEAK, to_pcm, write_sound
from cadenza_training.data.audio_set import AudioCollection
from cadenza_training.data.options import PrepareOptions, Program, SoundFontOptions
from cadenza_training.data.parallel import process_all
from cadenza_training.data.prepared_set import Rejection
from cadenza_training.data.sources import Source
from cadenza_training.errors import UserError

SOUNDFONT_SUFFIXES = (".sf2", ".sf3")
# NSynth's numbers for its families and kinds of source are places in these lists.
FAMILIES = (
    *("bass", "brass", "flute", "guitar", "keyboard", "mallet"),
    *("organ", "reed", "string", "synth_lead", "vocal"),
)
KINDS = ("acoustic", "electronic", "synthetic")
# Nobody has listened to these notes: none of NSynth's ten qualities is claimed.
QUALITIES = 10
# Rendered above the rate of the set and then resampled: FluidSynth's interpolation aliases.
RENDER_RATE = 48000
NSYNTH_RATE = 16000
# FluidSynth starts events on blocks of 64 samples: the slot begins a little before the note.
LEAD_MILLISECONDS = 5
SILENCE_MILLISECONDS = 100
BANK_SELECT = 0
ALL_SOUND_OFF = 120


@dataclass(frozen=True)
class Batch:
    """The notes of one program at one velocity."""

    program: Program
    velocity: int
    pitches: tuple[int, ...]

    @property
    def instrument(self) -> str:
        number = self.program.bank * 128 + self.program.program
        return f"{self.program.family}_{self.program.source}_{number:03d}"

    def name(self, pitch: int) -> str:
        return f"{self.instrument}-{pitch:03d}-{self.velocity:03d}"


def render(sources: Sequence[Source], options: PrepareOptions, folder: Path) -> AudioCollection:
    """Writes examples.json and audio/ into `folder`, and collects them as recordings."""
    if len(sources) != 1 or not sources[0].path.is_file():
        raise UserError(
            f"{sources[0].path}: expected one soundfont file, such as FluidR3_GM.sf2 "
            "(Debian package fluid-soundfont-gm)"
        )
    soundfont = sources[0].path
    _check_soundfont(soundfont)
    command = shutil.which("fluidsynth")
    if command is None:
        raise UserError(
            "fluidsynth is not on the PATH: it renders the soundfont (Debian package fluidsynth)"
        )
    rejected: list[Rejection] = []
    batches = _batches(options.soundfont, sources[0].name, rejected)
    (folder / nsynth.AUDIO_FOLDER).mkdir(parents=True)
    rendered = process_all(
        partial(
            _render_batch,
            command=command,
            soundfont=soundfont,
            folder=folder,
            options=options.soundfont,
        ),
        batches,
        options.workers,
        "run",
    )
    examples: dict[str, dict[str, object]] = {}
    for batch, sounding in zip(batches, rendered, strict=True):
        for pitch in batch.pitches:
            if pitch in sounding:
                examples[batch.name(pitch)] = _example(batch, pitch, len(examples))
            else:
                label = f"{sources[0].name}/{batch.name(pitch)}"
                rejected.append(Rejection(label, "silent: the soundfont has no sound there"))
    text = json.dumps(examples, indent=1)
    (folder / nsynth.EXAMPLES_FILE).write_text(text + "\n", encoding="utf-8")
    collection = nsynth.collect([Source(folder, sources[0].name)], options)
    collection.rejected.extend(rejected)
    collection.recordings = [
        replace(recording, licence=options.soundfont.licence) for recording in collection.recordings
    ]
    collection.attributions = {
        recording.instrument: options.soundfont.attribution for recording in collection.recordings
    }
    return collection


def _check_soundfont(path: Path) -> None:
    # A RIFF file of the form sfbk (SoundFont 2.04, section 5): FluidSynth renders silence, without
    # an error, where it cannot read one.
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    if head[:4] != b"RIFF" or head[8:12] != b"sfbk":
        raise UserError(f"{path} is not a soundfont: it does not begin as SoundFont 2 files do")


def _batches(options: SoundFontOptions, name: str, rejected: list[Rejection]) -> list[Batch]:
    programs = [
        program
        for program in options.programs
        if not options.only_programs or program.program in options.only_programs
    ]
    if not programs:
        raise UserError(
            "no program of the soundfont is asked for: the configuration needs "
            "[[soundfont.programs]] (as in prepare-soundfont), which only_programs selects from"
        )
    batches: list[Batch] = []
    for program in programs:
        for key, value, allowed in (
            ("family", program.family, FAMILIES),
            ("source", program.source, KINDS),
        ):
            if value not in allowed:
                raise UserError(
                    f'soundfont.programs: {key} of program {program.program} is "{value}", '
                    f"expected one of {', '.join(allowed)}"
                )
        for velocity in options.velocities:
            pitches = range(options.minimum_pitch, options.maximum_pitch + 1, options.pitch_step)
            batch = Batch(
                program,
                velocity,
                tuple(p for p in pitches if program.minimum_pitch <= p <= program.maximum_pitch),
            )
            if any(other.name(0) == batch.name(0) for other in batches):
                raise UserError(
                    f"soundfont.programs: {batch.instrument} at velocity {velocity} is there twice"
                )
            batches.append(batch)
            rejected.extend(
                Rejection(
                    f"{name}/{batch.name(pitch)}",
                    f"out of range: {batch.instrument} plays "
                    f"{program.minimum_pitch} … {program.maximum_pitch}",
                )
                for pitch in pitches
                if pitch not in batch.pitches
            )
    return [batch for batch in batches if batch.pitches]


def _render_batch(
    batch: Batch, command: str, soundfont: Path, folder: Path, options: SoundFontOptions
) -> set[int]:
    """Writes the notes and tells which of them sound."""
    score = folder / f"{batch.name(0)}.mid"
    sound = folder / f"{batch.name(0)}.rendered.wav"
    midi_score(batch, options).save(score)
    # No shell, no MIDI input, no audio device; reverberation and chorus off: a note is only itself.
    result = subprocess.run(
        [
            *(command, "-n", "-i", "-R", "0", "-C", "0", "-g", f"{options.gain:g}"),
            *("-r", str(RENDER_RATE), "-T", "wav", "-O", "float", "-F", str(sound)),
            *(str(soundfont), str(score)),
        ],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if result.returncode != 0 or not sound.is_file():
        said = (result.stderr or result.stdout).strip().splitlines()
        raise UserError(
            f"fluidsynth could not render {batch.instrument} of {soundfont}: "
            f"{said[-1] if said else f'exit status {result.returncode}'}"
        )
    sounding: set[int] = set()
    for pitch, samples in cut(sound, batch, options):
        if float(np.abs(samples).max(initial=0.0)) >= SILENCE_PEAK:
            sounding.add(pitch)
            target = folder / nsynth.AUDIO_FOLDER / f"{batch.name(pitch)}.wav"
            write_sound(target, to_pcm(samples), NSYNTH_RATE)
    score.unlink()
    sound.unlink()
    return sounding


def midi_score(batch: Batch, options: SoundFontOptions) -> mido.MidiFile:
    """One tick is one millisecond."""
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    track.append(mido.Message("control_change", control=BANK_SELECT, value=batch.program.bank))
    track.append(mido.Message("program_change", program=batch.program.program))
    held = round(options.held_seconds * 1000)
    total = round(options.total_seconds * 1000)
    silence = LEAD_MILLISECONDS
    for pitch in batch.pitches:
        track.append(mido.Message("note_on", note=pitch, velocity=batch.velocity, time=silence))
        track.append(mido.Message("note_off", note=pitch, velocity=0, time=held))
        track.append(
            mido.Message("control_change", control=ALL_SOUND_OFF, value=0, time=total - held)
        )
        silence = slot_milliseconds(options) - total
    # FluidSynth stops with the last event, and a little more must be there to be cut.
    track.append(mido.MetaMessage("end_of_track", time=slot_milliseconds(options) - total))
    return mido.MidiFile(type=0, ticks_per_beat=1000, tracks=[track])


def slot_milliseconds(options: SoundFontOptions) -> int:
    return LEAD_MILLISECONDS + round(options.total_seconds * 1000) + SILENCE_MILLISECONDS


def cut(
    sound: Path, batch: Batch, options: SoundFontOptions
) -> list[tuple[int, NDArray[np.float32]]]:
    """Each pitch with its note of `total_seconds`, mono, at NSynth's rate."""
    slot = slot_milliseconds(options) * RENDER_RATE // 1000
    rendered = round(options.total_seconds * RENDER_RATE)
    length = round(options.total_seconds * NSYNTH_RATE)
    notes: list[tuple[int, NDArray[np.float32]]] = []
    try:
        file = soundfile.SoundFile(sound)
    except soundfile.SoundFileError as error:
        raise UserError(f"{sound}, which fluidsynth wrote, cannot be read: {error}") from error
    with file:
        for index, pitch in enumerate(batch.pitches):
            # The last slot may end before its silence does.
            file.seek(min(index * slot, file.frames))
            stereo = file.read(rendered, dtype="float32", always_2d=True, fill_value=0.0)
            samples = soxr.resample(stereo.mean(axis=1), RENDER_RATE, NSYNTH_RATE)[:length]
            samples = np.pad(samples, (0, length - len(samples)))
            # What would be clipped is turned down by itself.
            notes.append((pitch, samples / max(1.0, float(np.abs(samples).max()))))
    return notes


def _example(batch: Batch, pitch: int, number: int) -> dict[str, object]:
    program = batch.program
    return {
        "note": number,
        "note_str": batch.name(pitch),
        "instrument": program.bank * 128 + program.program,
        "instrument_str": batch.instrument,
        "pitch": pitch,
        "velocity": batch.velocity,
        "sample_rate": NSYNTH_RATE,
        "qualities": [0] * QUALITIES,
        "qualities_str": [],
        "instrument_family": FAMILIES.index(program.family),
        "instrument_family_str": program.family,
        "instrument_source": KINDS.index(program.source),
        "instrument_source_str": program.source,
    }
