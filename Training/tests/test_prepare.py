"""`cadenza-train prepare`: every layout, what is rejected, what is on which side."""

from __future__ import annotations

import csv
import json
import os
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from cadenza_training import cli
from cadenza_training.data import audio_set
from cadenza_training.data.audio_processing import process, to_pcm
from cadenza_training.data.chorales import grid_notes
from cadenza_training.data.midi_file import TempoMap, read_midi
from cadenza_training.data.notes import Note, read_notes
from cadenza_training.data.options import (
    AudioOptions,
    ChoralesOptions,
    NotesOptions,
    Program,
    SoundFontOptions,
    build_options,
)
from cadenza_training.data.pitch_names import pitch_of, velocity_of
from cadenza_training.data.prepared_set import Instrument, NotesEntry, PreparedSet, Rejection
from cadenza_training.data.soundfont import Batch, midi_score, slot_milliseconds
from cadenza_training.data.split import SplitItem, split
from cadenza_training.data.unusable import UnusableError
from cadenza_training.errors import UserError


def sine(
    pitch: float, seconds: float = 0.5, rate: int = 16000, amplitude: float = 0.5
) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return amplitude * np.sin(2.0 * np.pi * 440.0 * 2.0 ** ((pitch - 69.0) / 12.0) * time)


def write_sound(path: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)
    return path


def prepare(*words: object) -> int:
    return cli.main(["prepare", *map(str, words)])


def prepared(output: Path, *words: object) -> PreparedSet:
    assert prepare(*words, "--output", output) == 0
    return PreparedSet.read(output)


def rejected(prepared_set: PreparedSet) -> dict[str, str]:
    with (prepared_set.folder / "rejected.csv").open(encoding="utf-8", newline="") as file:
        return {row["source"]: row["reason"] for row in csv.DictReader(file)}


def refusal(capsys: pytest.CaptureFixture, *words: object) -> str:
    """The sentence that a command ends with."""
    assert prepare(*words) == 1
    return capsys.readouterr().err


def main_frequency(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 17))
    return float(np.argmax(spectrum)) * rate / (1 << 17)


# ---- Sound ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("a.wav", 44100, 1), ("b.flac", 48000, 2), ("c.aiff", 8000, 3), ("d.ogg", 16000, 1)],
)
def test_any_rate_and_any_channels_become_mono_at_one_rate(
    tmp_path: Path, name: str, rate: int, channels: int
) -> None:
    samples = sine(69, 0.6, rate)
    write_sound(tmp_path / "in" / name, np.stack([samples] * channels, axis=1), rate)
    result = prepared(tmp_path / "out", tmp_path / "in")
    (entry,) = result.entries
    written, written_rate = soundfile.read(result.path(entry))
    assert (written_rate, written.ndim) == (16000, 1)
    assert soundfile.info(result.path(entry)).subtype == "PCM_16"
    assert main_frequency(written, 16000) == pytest.approx(440.0, abs=0.5)
    assert np.abs(written).max() == pytest.approx(0.8, abs=1e-3)
    assert entry.seconds == pytest.approx(0.6, abs=0.01)
    assert entry.seconds == len(written) / 16000
    assert entry.source == f"in/{name}"


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([sine(69), -sine(69)], axis=1)
    write_sound(tmp_path / "in" / "opposite.wav", stereo)
    write_sound(tmp_path / "in" / "tone.wav", sine(60))
    result = prepared(tmp_path / "out", tmp_path / "in")
    assert [entry.source for entry in result.entries] == ["in/tone.wav"]
    assert rejected(result)["in/opposite.wav"].startswith("silent")


def test_trimming_keeps_a_fade_before_the_onset_and_after_the_end() -> None:
    rate = 1000
    options = AudioOptions(
        sample_rate=rate,
        normalise="none",
        trim_start_decibels=-20.0,
        trim_end_decibels=-40.0,
        fade_in_seconds=0.010,
        fade_out_seconds=0.020,
        minimum_seconds=0.0,
    )
    samples = np.zeros(1000, dtype=np.float32)
    # A whisper of -26 dB is before the onset by -20 dB; one of -34 dB is not after the end by -40.
    samples[100:300] = 0.05 * np.tile([1.0, -1.0], 100)
    samples[300:500] = np.tile([1.0, -1.0], 100)
    samples[500:600] = 0.02 * np.tile([1.0, -1.0], 50)
    result = process(samples, rate, options)
    assert len(result) == (600 + 20) - (300 - 10)
    assert result[0] == 0.0
    assert np.abs(result[10:210]).tolist() == [1.0] * 200


def test_an_offset_is_removed_when_it_is_large() -> None:
    options = AudioOptions(normalise="none", trim_start_decibels=0.0, trim_end_decibels=0.0)
    wave = sine(69, 1.0).astype(np.float32)
    shifted = process(wave + np.float32(0.2), 16000, options)
    assert abs(float(shifted.mean())) < 1e-4
    kept = process(wave + np.float32(0.001), 16000, options)
    assert float(kept.mean()) == pytest.approx(0.001, abs=1e-4)


def test_levels() -> None:
    wave = sine(69, 1.0, amplitude=0.1).astype(np.float32)
    by_peak = process(wave, 16000, AudioOptions(normalise="peak", level=0.25))
    assert float(np.abs(by_peak).max()) == pytest.approx(0.25, rel=1e-6)
    by_mean = process(wave, 16000, AudioOptions(normalise="rms", level=0.2))
    assert float(np.sqrt(np.mean(by_mean.astype(np.float64) ** 2))) == pytest.approx(0.2, rel=1e-5)
    # A root mean square of 0.9 would take the peak of a sine to 1.27.
    limited = process(wave, 16000, AudioOptions(normalise="rms", level=0.9))
    assert float(np.abs(limited).max()) == pytest.approx(0.99, rel=1e-6)
    untouched = process(wave, 16000, AudioOptions(normalise="none"))
    assert float(np.abs(untouched).max()) == pytest.approx(0.1, rel=1e-3)


def test_sixteen_bits_round_and_clip() -> None:
    samples = np.array([0.0, 1.6 / 32768, -1.6 / 32768, 1.5, -1.5], dtype=np.float32)
    assert to_pcm(samples).tolist() == [0, 2, -2, 32767, -32768]


def test_what_cannot_be_used_is_listed_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    source = tmp_path / "in"
    write_sound(source / "good.wav", sine(60))
    write_sound(source / "deep" / "good too.wav", sine(61))
    write_sound(source / "silent.wav", np.zeros(8000))
    write_sound(source / "short.wav", sine(60, 0.05))
    write_sound(source / "empty.wav", np.zeros(0))
    whole = write_sound(source / "whole.flac", sine(62)).read_bytes()
    (source / "broken.flac").write_bytes(whole[: len(whole) // 2])
    (source / "noise.wav").write_bytes(b"this is not a sound")
    soundfile.write(source / "infinite.wav", np.full(8000, np.inf), 16000, subtype="FLOAT")
    (source / "phone.m4a").write_bytes(b"\0" * 100)
    (source / "notes.txt").write_text("no sound, and passed over")
    (source / "._good.wav").write_bytes(b"a Macintosh left this")
    result = prepared(tmp_path / "out", source)
    sources = {entry.source for entry in result.entries}
    assert sources == {"in/good.wav", "in/deep/good too.wav", "in/whole.flac"}
    kinds = {name: reason.partition(":")[0] for name, reason in rejected(result).items()}
    assert kinds == {
        "in/silent.wav": "silent",
        "in/short.wav": "too short",
        "in/empty.wav": "empty",
        "in/broken.flac": "unreadable",
        "in/noise.wav": "unreadable",
        "in/infinite.wav": "unreadable",
        "in/phone.m4a": "not a format that libsndfile reads",
    }
    told = capsys.readouterr().out
    assert "3 recordings" in told
    assert "rejected: 7" in told
    assert "3  unreadable" in told
    assert {path.name for path in result.folder.iterdir()} == {
        *("set.json", "manifest.csv", "rejected.csv", "train", "validation", "test")
    }
    assert sorted(path.name for path in (tmp_path).iterdir()) == ["in", "out"]


def test_long_recordings_are_cut(tmp_path: Path) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60, 2.0))
    result = prepared(tmp_path / "out", tmp_path / "in", "--maximum-seconds", 0.75)
    assert [entry.seconds for entry in result.entries] == [0.75]


@pytest.mark.parametrize("trim", ["none", "-30"])
def test_trim_flag(tmp_path: Path, trim: str) -> None:
    silence = np.zeros(4000)
    write_sound(tmp_path / "in" / "a.wav", np.concatenate([silence, sine(60, 0.5), silence]))
    result = prepared(tmp_path / "out", tmp_path / "in", f"--trim={trim}")
    expected = 1.0 if trim == "none" else 0.512
    assert result.entries[0].seconds == pytest.approx(expected, abs=0.003)


def test_the_same_set_whatever_the_workers(tmp_path: Path) -> None:
    for number in range(20):
        rate = (16000, 22050)[number % 2]
        write_sound(tmp_path / "in" / f"{number}.wav", sine(50 + number, 0.3, rate), rate)
    (tmp_path / "in" / "bad.wav").write_bytes(b"bad")

    def everything(workers: int) -> dict[str, bytes]:
        output = tmp_path / f"out{workers}"
        options = ("--workers", workers, "--name", "tones", "--test-share", 0.1)
        prepared(output, tmp_path / "in", *options)
        return {
            str(path.relative_to(output)): path.read_bytes()
            for path in output.rglob("*")
            if path.is_file()
        }

    alone = everything(1)
    assert len(alone) == 20 + 3
    assert everything(3) == alone


# ---- Sides ----------------------------------------------------------------------------------


def test_the_same_sound_under_two_names_is_on_one_side(tmp_path: Path) -> None:
    for number in range(12):
        samples = to_pcm(np.concatenate([np.zeros(500), sine(50 + number)]))
        write_sound(tmp_path / "in" / f"{number}.wav", samples)
        # After a longer silence, on two channels, in another container.
        copy = np.concatenate([np.zeros(1000, dtype=np.int16), samples])
        write_sound(tmp_path / "in" / f"copy of {number}.flac", np.stack([copy, copy], axis=1))
    result = prepared(tmp_path / "out", tmp_path / "in", "--validation-share", 0.4)
    sides: dict[str, set[str]] = {}
    for entry in result.entries:
        sides.setdefault(Path(entry.source).stem.split()[-1], set()).add(entry.split)
    assert len(sides) == 12
    assert all(len(found) == 1 for found in sides.values())
    assert len(result.split("validation")) == 10


@pytest.mark.parametrize("group_by", ["folder", r"(take\d)"])
def test_groups_stay_together(tmp_path: Path, group_by: str) -> None:
    for take in range(8):
        for part in range(3):
            write_sound(tmp_path / "in" / f"take{take}" / f"{part}.wav", sine(40 + take * 3 + part))
    result = prepared(
        tmp_path / "out", tmp_path / "in", "--group-by", group_by, "--validation-share", 0.3
    )
    held_out = {Path(entry.source).parent.name for entry in result.split("validation")}
    trained = {Path(entry.source).parent.name for entry in result.split("train")}
    assert len(held_out) == 2
    assert len(trained) == 6
    assert not held_out & trained


def test_no_group_and_no_content_is_on_two_sides_over_others() -> None:
    # a and b share their content, b and c their group: all three belong together.
    items = [SplitItem("a", "1", "x"), SplitItem("b", "2", "x"), SplitItem("c", "2", "y")]
    items += [SplitItem(f"{n}", f"{n}", f"{n}") for n in range(30)]
    for seed in range(20):
        sides = split(items, validation_share=0.3, test_share=0.2, seed=seed).sides
        assert len(set(sides[:3])) == 1
        assert (sides.count("validation"), sides.count("test")) == (10, 7)


def test_what_is_held_out_by_name_is_not_trained_on_under_another() -> None:
    items = [
        SplitItem("a", "a", "x", fixed="train"),
        SplitItem("b", "b", "x", fixed="test"),
        SplitItem("c", "c", "y", fixed="train"),
    ]
    result = split(items, validation_share=0.5, test_share=0.5, seed=0)
    assert result.sides == ["", "test", "train"]
    assert result.conflicts == {0: "b"}


def test_every_pitch_stays_within_reach_of_training() -> None:
    # Two of each even pitch, one of each odd one.
    pitches = [*range(40, 60), *range(40, 60, 2)]
    items = [
        SplitItem(f"{number}", f"{number}", f"{number}", "flute", pitch)
        for number, pitch in enumerate(pitches)
    ]
    for seed in range(20):
        sides = split(items, validation_share=0.2, test_share=0.0, seed=seed).sides
        trained = {item.pitch for item, side in zip(items, sides, strict=True) if side == "train"}
        assert trained == set(range(40, 60))
        assert sides.count("validation") == 6
    # With a semitone of transposition, neighbours stand in for each other, but for the range's end.
    reach = {"flute": Instrument("flute", 40, 59, 1)}
    for seed in range(20):
        alone = items[:20]
        sides = split(
            alone, validation_share=0.2, test_share=0.0, seed=seed, instruments=reach
        ).sides
        trained = {item.pitch for item, side in zip(alone, sides, strict=True) if side == "train"}
        assert sides.count("validation") == 4
        assert all({p - 1, p, p + 1} & trained for p in range(40, 60))


def test_one_recording_a_pitch_gives_some_up_to_validate_on() -> None:
    items = [SplitItem(f"{p}", f"{p}", f"{p}", "flute", p) for p in range(40, 60)]
    sides = split(items, validation_share=0.1, test_share=0.1, seed=1).sides
    assert (sides.count("validation"), sides.count("test")) == (2, 2)


def test_sides_change_little_when_files_are_added() -> None:
    def held_out(count: int) -> set[str]:
        items = [SplitItem(f"{n}", f"{n}", f"{n}") for n in range(count)]
        sides = split(items, validation_share=0.1, test_share=0.0, seed=5).sides
        return {item.source for item, s in zip(items, sides, strict=True) if s == "validation"}

    assert len(held_out(100)) == 10
    assert len(held_out(100) & held_out(110)) >= 8


def test_a_single_recording_is_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    result = prepared(tmp_path / "out", tmp_path / "in")
    assert [entry.split for entry in result.entries] == ["train"]
    assert "nothing is held out to validate on" in capsys.readouterr().out


# ---- Names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pitch"),
    [
        ("C4", 60),
        ("piano_A#3_01", 58),
        ("piano As3 f", 58),
        ("Bb2", 46),
        ("gb4-soft", 66),
        ("a2_f_rr1", 45),
        ("C-1", 0),
        ("sax_were-054-0232", 54),
        ("kick 36 v100", 36),
        ("60", 60),
        ("C4 60", 60),
    ],
)
def test_pitches_in_names(name: str, pitch: int) -> None:
    assert pitch_of(name) == pitch


@pytest.mark.parametrize("name", ["piano", "C4 and E4", "guitar_060-064", "take 1", "ABC4", "G9s"])
def test_names_that_tell_no_pitch(name: str) -> None:
    with pytest.raises(UnusableError, match="no pitch"):
        pitch_of(name)


def test_a_pattern_tells_where_the_pitch_is() -> None:
    assert pitch_of("guitar_060-064", r"-(\d+)$") == 64
    assert pitch_of("x9y", r"x(\d)y") == 9
    with pytest.raises(UnusableError, match="finds nothing"):
        pitch_of("guitar", r"-(\d+)$")


@pytest.mark.parametrize(
    ("name", "velocity"),
    [("C4_v100", 100), ("C4 vel7", 7), ("C4_velocity127", 127), ("C4_mf", 80), ("C4", None)],
)
def test_velocities_in_names(name: str, velocity: int | None) -> None:
    assert velocity_of(name) == velocity


def test_folders_are_instruments_and_names_pitches(tmp_path: Path) -> None:
    for instrument, lowest in (("flute", 60), ("tuba", 36)):
        for pitch in range(lowest, lowest + 6):
            for velocity in (50, 100):
                name = f"{instrument}/sub/{pitch}_v{velocity}.wav"
                samples = sine(pitch, 0.3) + 0.001 * velocity * sine(pitch + 12, 0.3)
                write_sound(tmp_path / "in" / name, samples)
    write_sound(tmp_path / "in" / "flute" / "nobody knows.wav", sine(70))
    result = prepared(
        tmp_path / "out",
        *(tmp_path / "in", "--instruments-from", "folders", "--pitch-from-name"),
        *("--maximum-transposition", 1),
    )
    assert result.description.instruments == (
        Instrument("flute", 60, 65, 1),
        Instrument("tuba", 36, 41, 1),
    )
    assert rejected(result)["in/flute/nobody knows.wav"].startswith("no pitch")
    assert len(result.entries) == 24
    for entry in result.entries:
        samples, rate = soundfile.read(result.path(entry))
        expected = 440.0 * 2.0 ** ((entry.midi_pitch - 69) / 12)
        assert main_frequency(samples, rate) == pytest.approx(expected, rel=0.01)
        assert entry.instrument in entry.source
        assert f"v{entry.velocity}" in entry.source
    assert {entry.instrument for entry in result.split("validation")} == {"flute", "tuba"}


def test_the_range_of_an_instrument_is_what_training_reaches(tmp_path: Path) -> None:
    for pitch in range(60, 66):
        write_sound(tmp_path / "bells" / f"{pitch}.wav", sine(pitch, 0.2))
    lowest = {0: set(), 1: set()}
    for seed in range(8):
        for reach in (0, 1):
            result = prepared(
                tmp_path / "out",
                *(tmp_path / "bells", "--pitch-from-name", "--maximum-transposition", reach),
                *("--workers", 1, "--seed", seed, "--validation-share", 0.3),
            )
            trained = {entry.midi_pitch for entry in result.split("train")}
            (instrument,) = result.description.instruments
            assert len(trained) == 4
            if reach == 0:
                assert instrument.minimum_pitch == min(trained)
                assert instrument.maximum_pitch == max(trained)
            else:
                assert (instrument.minimum_pitch, instrument.maximum_pitch) == (60, 65)
            lowest[reach].add(min(trained))
    # The lowest was held out at least once.
    assert all(len(found) > 1 for found in lowest.values())


def test_pitches_alone_make_one_instrument(tmp_path: Path) -> None:
    for pitch in (60, 62):
        write_sound(tmp_path / "bells" / f"{pitch}.wav", sine(pitch))
    result = prepared(
        tmp_path / "out", tmp_path / "bells", "--pitch-from-name", "--validation-share", 0
    )
    assert result.description.instruments == (Instrument("bells", 60, 62),)


# ---- Manifest -------------------------------------------------------------------------------

MANIFEST_CONFIGURATION = """
layout = "manifest"
name = "two"
license = "CC0-1.0"
data = "made by the test"

[[instruments]]
label = "guitar"
attribution = "somebody"
sources = ["guitar_a", "guitar_b"]
path_contains = ["loud"]
minimum_pitch = 60
maximum_pitch = 64
maximum_transposition = 2
held_out = ["61.wav", "66.wav"]

[[instruments]]
label = "horn"
sources = ["horn"]
"""


def make_manifest(folder: Path) -> Path:
    rows = ["file,instrument,midi_pitch,lovel,hivel,source_path,licence"]
    for pitch in (55, 58, 60, 61, 63, 66, 67):
        write_sound(folder / f"{pitch}.wav", sine(pitch))
        source = "guitar_a" if pitch % 2 else "guitar_b"
        rows.append(f"{pitch}.wav,{source},{pitch},64,,x/loud {pitch}.wav,CC0-1.0")
    write_sound(folder / "soft.wav", sine(62))
    rows.append("soft.wav,guitar_a,62,,,x/soft.wav,CC0-1.0")
    for pitch in range(40, 44):
        write_sound(folder / f"horn{pitch}.wav", sine(pitch))
        rows.append(f"horn{pitch}.wav,horn,{pitch},,40,,")
    rows += ["gone.wav,horn,50,,,,", "bad.wav,horn,high,,,,", "other.wav,drum,50,,,,"]
    write_sound(folder / "other.wav", sine(50))
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder.parent / "two.toml").write_text(MANIFEST_CONFIGURATION, encoding="utf-8")
    return folder


def test_manifest_with_a_selection(tmp_path: Path) -> None:
    source = make_manifest(tmp_path / "in")
    result = prepared(tmp_path / "out", source, "--config", tmp_path / "two.toml")
    assert result.description.name == "two"
    assert result.description.license == "CC0-1.0"
    assert result.description.instruments == (
        Instrument("guitar", 60, 64, 2, "somebody"),
        Instrument("horn", 0, 127, 0),
    )
    guitar = {e.midi_pitch: e.split for e in result.entries if e.instrument == "guitar"}
    assert guitar == {
        58: "train",
        60: "train",
        61: "validation",
        63: "train",
    }
    horn = [entry for entry in result.entries if entry.instrument == "horn"]
    assert [entry.split for entry in horn].count("validation") == 1
    assert {entry.velocity for entry in horn} == {20}
    assert {e.velocity for e in result.entries if e.instrument == "guitar"} == {96}
    kinds = {name: reason.partition(":")[0] for name, reason in rejected(result).items()}
    assert kinds == {
        "in/55.wav": "out of range",
        # Held out, and not in the range as it was recorded.
        "in/66.wav": "out of range",
        "in/67.wav": "out of range",
        "in/soft.wav": "not asked for",
        "in/other.wav": "not asked for",
        "in/gone.wav": "missing",
        "in/manifest.csv line 15": "not a row of a manifest",
    }


def test_manifest_without_a_selection(tmp_path: Path) -> None:
    source = make_manifest(tmp_path / "in")
    result = prepared(tmp_path / "out", source)
    assert result.description.labels == ("drum", "guitar_a", "guitar_b", "horn")


def test_a_held_out_file_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    source = make_manifest(tmp_path / "in")
    text = MANIFEST_CONFIGURATION.replace('"61.wav"', '"99.wav"')
    (tmp_path / "two.toml").write_text(text, encoding="utf-8")
    words = (source, "--config", tmp_path / "two.toml", "--output", tmp_path / "out")
    assert "holds out 99.wav for guitar" in refusal(capsys, *words)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "out.part").exists()


def test_the_shipped_selection_of_notes_is_a_configuration() -> None:
    from cadenza_training.configuration import read_toml

    options = build_options(read_toml("prepare-notes"), "prepare-notes")
    assert [instrument.label for instrument in options.instruments] == [
        *("alto_saxophone", "trumpet", "spanish_guitar", "electric_piano", "electric_bass")
    ]
    assert sum(len(instrument.held_out) for instrument in options.instruments) == 9


# ---- NSynth ---------------------------------------------------------------------------------


def make_nsynth(folder: Path, instruments: Sequence[tuple[str, str, int]]) -> Path:
    examples = {}
    for family, kind, number in instruments:
        instrument = f"{family}_{kind}_{number:03d}"
        for pitch in (48, 60):
            for velocity in (50, 100):
                name = f"{instrument}-{pitch:03d}-{velocity:03d}"
                overtone = 0.02 * number + 0.0001 * velocity
                samples = sine(pitch, 0.3) + overtone * sine(pitch + 12, 0.3)
                write_sound(folder / "audio" / f"{name}.wav", samples)
                examples[name] = {
                    "note": len(examples),
                    "pitch": pitch,
                    "velocity": velocity,
                    "sample_rate": 16000,
                    "instrument_str": instrument,
                    "instrument_family_str": family,
                    "instrument_source_str": kind,
                    "qualities": [0] * 10,
                }
    (folder / "examples.json").write_text(json.dumps(examples), encoding="utf-8")
    return folder


def test_nsynth_of_one_folder_is_split_by_instrument(tmp_path: Path) -> None:
    instruments = [("guitar", "acoustic", n) for n in range(5)]
    instruments += [("organ", "electronic", n + 10) for n in range(5)]
    source = make_nsynth(tmp_path / "in", instruments)
    result = prepared(tmp_path / "out", source, "--validation-share", 0.2)
    assert result.description.instruments == (
        Instrument("guitar", 48, 60),
        Instrument("organ", 48, 60),
    )
    sides: dict[str, set[str]] = {}
    for entry in result.entries:
        name = Path(entry.source).name.split("-")[0]
        sides.setdefault(name, set()).add(entry.split)
        assert f"-{entry.midi_pitch:03d}-{entry.velocity:03d}" in entry.source
    assert len(sides) == 10
    assert all(len(found) == 1 for found in sides.values())
    assert len(result.split("validation")) == 8


def test_nsynth_of_three_folders_has_its_own_splits(tmp_path: Path) -> None:
    make_nsynth(tmp_path / "all" / "nsynth-train", [("guitar", "acoustic", n) for n in range(3)])
    make_nsynth(tmp_path / "all" / "nsynth-valid", [("guitar", "acoustic", 7)])
    # The family is in no recording to train on.
    make_nsynth(
        tmp_path / "all" / "nsynth-test", [("guitar", "acoustic", 8), ("reed", "synthetic", 9)]
    )
    result = prepared(tmp_path / "out", tmp_path / "all")
    assert [len(result.split(side)) for side in ("train", "validation", "test")] == [12, 4, 4]
    assert all("nsynth-valid" in entry.source for entry in result.split("validation"))
    reasons = rejected(result)
    assert len(reasons) == 4
    assert all(reason.startswith("nothing to train on: reed") for reason in reasons.values())


def test_nsynth_filters(tmp_path: Path) -> None:
    source = make_nsynth(
        tmp_path / "in",
        [("guitar", "acoustic", n) for n in range(4)]
        + [("guitar", "electronic", 5), ("organ", "acoustic", 6)],
    )
    examples = json.loads((source / "examples.json").read_text(encoding="utf-8"))
    examples["odd"] = {"pitch": 60}
    examples["guitar_acoustic_000-060-099"] = {**examples["guitar_acoustic_000-060-100"]}
    (source / "examples.json").write_text(json.dumps(examples), encoding="utf-8")
    result = prepared(
        tmp_path / "out",
        *(source, "--set", 'nsynth.families=["guitar"]', "--set", "nsynth.sources=acoustic"),
        *("--set", "nsynth.velocities=[100]", "--set", "nsynth.minimum_pitch=50"),
        *("--set", "nsynth.maximum_per_family=3", "--validation-share=0"),
    )
    assert len(result.entries) == 3
    assert {(e.instrument, e.midi_pitch, e.velocity) for e in result.entries} == {
        ("guitar", 60, 100)
    }
    reasons = rejected(result)
    assert reasons["in/odd"] == "not an example of NSynth: velocity is None, expected 0 … 127"
    assert reasons["in/guitar_acoustic_000-060-099"].startswith("missing")
    assert reasons["in/organ_acoustic_006-060-100"] == "not asked for: family organ"
    assert "not asked for: more than 3 notes of guitar" in reasons.values()
    assert len(reasons) == 6 * 4 + 2 - 3


# ---- Soundfont ------------------------------------------------------------------------------

# Plays a sine for every note, with a release of half a second after its end that only All Sound
# Off ends; nothing for pitch 27. As the real one, it renders silence for a broken score.
FAKE_FLUIDSYNTH = """#!{python}
import sys
import mido, numpy, soundfile
words = sys.argv[1:]
rate = int(words[words.index("-r") + 1])
target, score = words[words.index("-F") + 1], words[-1]
assert words[words.index("-R") + 1] == "0" and words[words.index("-C") + 1] == "0"
now, level, notes, sounding = 0.0, 0.0, [], {{}}
for message in mido.MidiFile(score):
    now += message.time
    if message.type == "program_change":
        level = (message.program + 1) / 128
    elif message.type == "note_on" and message.velocity > 0:
        sounding[message.note] = [now, None, message.note, message.velocity]
        notes.append(sounding[message.note])
    elif message.type == "control_change" and message.control == 120:
        for note in notes:
            note[1] = min(note[1] or now, now) if note[1] is None or note[1] > now else note[1]
    elif message.type in ("note_on", "note_off"):
        sounding[message.note][1] = now + 0.5
sound = numpy.zeros((int(now * rate), 2), dtype=numpy.float32)
for start, end, pitch, velocity in notes:
    if pitch == 27:
        continue
    first, last = int(start * rate), min(int(end * rate), len(sound))
    time = numpy.arange(last - first) / rate
    wave = level * velocity / 127 * numpy.sin(2 * numpy.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
    sound[first:last] += wave[:, None].astype(numpy.float32)
soundfile.write(target, sound, rate, format="WAV", subtype="FLOAT")
"""


@pytest.fixture
def fake_fluidsynth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "commands"
    folder.mkdir()
    command = folder / "fluidsynth"
    command.write_text(FAKE_FLUIDSYNTH.format(python=sys.executable), encoding="utf-8")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return command


def fake_soundfont(folder: Path) -> Path:
    path = folder / "tones.sf2"
    path.write_bytes(b"RIFF\0\0\0\0sfbkLIST")
    return path


SOUNDFONT_SETTINGS = (
    *("--set", "soundfont.velocities=[64, 127]", "--set", "soundfont.minimum_pitch=26"),
    *("--set", "soundfont.maximum_pitch=60", "--set", "soundfont.total_seconds=0.4"),
    *("--set", "soundfont.held_seconds=0.3", "--set", "nsynth.split_by=note"),
)


def test_a_soundfont_becomes_an_nsynth_shaped_folder_and_a_set(
    tmp_path: Path, fake_fluidsynth: Path
) -> None:
    (tmp_path / "font.toml").write_text(
        """
        [[soundfont.programs]]
        program = 24
        family = "guitar"
        minimum_pitch = 57

        [[soundfont.programs]]
        program = 38
        family = "bass"
        source = "synthetic"
        maximum_pitch = 29
        """,
        encoding="utf-8",
    )
    result = prepared(
        tmp_path / "out",
        *(fake_soundfont(tmp_path), "--config", tmp_path / "font.toml", *SOUNDFONT_SETTINGS),
    )
    nsynth = result.folder / "nsynth"
    assert sorted(path.name for path in nsynth.iterdir()) == ["audio", "examples.json"]
    examples = json.loads((nsynth / "examples.json").read_text(encoding="utf-8"))
    expected = {f"guitar_acoustic_024-{p:03d}-{v:03d}" for p in range(57, 61) for v in (64, 127)}
    expected |= {f"bass_synthetic_038-{p:03d}-{v:03d}" for p in (26, 28, 29) for v in (64, 127)}
    assert set(examples) == expected
    assert {path.stem for path in (nsynth / "audio").iterdir()} == expected
    guitar = examples["guitar_acoustic_024-060-127"]
    assert (guitar["pitch"], guitar["velocity"], guitar["sample_rate"]) == (60, 127, 16000)
    assert (guitar["instrument_family"], guitar["instrument_source"]) == (3, 0)
    for name in examples:
        samples, rate = soundfile.read(nsynth / "audio" / f"{name}.wav")
        pitch, velocity = int(name[-7:-4]), int(name[-3:])
        program = 24 if name.startswith("guitar") else 38
        assert (rate, len(samples)) == (16000, 6400)
        # The slot begins 5 ms before its note, and holds nothing of the note before.
        assert np.abs(samples[:70]).max() < 1e-3
        amplitude = (program + 1) / 128 * velocity / 127
        assert np.abs(samples[800:5600]).max() == pytest.approx(amplitude, rel=0.01)
        asked = 440.0 * 2.0 ** ((pitch - 69) / 12)
        assert main_frequency(samples[80:], rate) == pytest.approx(asked, rel=0.03)
    assert len(result.entries) == 14
    assert result.description.instruments == (
        Instrument("bass", 26, 29),
        Instrument("guitar", 57, 60),
    )
    reasons = rejected(result)
    assert reasons["tones.sf2/bass_synthetic_038-027-064"].startswith("silent")
    assert reasons["tones.sf2/guitar_acoustic_024-056-127"].startswith("out of range")
    assert len(reasons) == 2 * (1 + 31 + 31)


def test_the_score_of_a_batch_ends_every_slot_in_silence() -> None:
    options = SoundFontOptions()
    batch = Batch(Program(program=19, bank=8), 100, (60, 61))
    score = midi_score(batch, options)
    now, events = 0, []
    for message in score.tracks[0]:
        now += message.time
        events.append((now, message.type, getattr(message, "note", None)))
    assert slot_milliseconds(options) == 4105
    assert [event for event in events if event[1] in ("note_on", "note_off")] == [
        (5, "note_on", 60),
        (3005, "note_off", 60),
        (4110, "note_on", 61),
        (7110, "note_off", 61),
    ]
    offs = [time for time, kind, _ in events if kind == "control_change"]
    assert offs == [0, 4005, 8110]
    assert sum(message.time for message in score) == pytest.approx(8.215)


def test_what_rendering_needs_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    output = ("--output", tmp_path / "out")
    missing = refusal(capsys, tmp_path / "no.sf2", *output)
    assert f"{tmp_path / 'no.sf2'}: no such file" in missing
    (tmp_path / "no.sf2").write_bytes(b"not a soundfont")
    assert "is not a soundfont" in refusal(capsys, tmp_path / "no.sf2", *output)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "fluidsynth is not on the PATH" in refusal(capsys, fake_soundfont(tmp_path), *output)


def test_a_fluidsynth_that_fails_is_quoted(
    tmp_path: Path, fake_fluidsynth: Path, capsys: pytest.CaptureFixture
) -> None:
    fake_fluidsynth.write_text("#!/bin/sh\necho 'parameter out of range' >&2\nexit 3\n")
    words = (fake_soundfont(tmp_path), *SOUNDFONT_SETTINGS, "--output", tmp_path / "out")
    assert "parameter out of range" in refusal(capsys, *words, "--workers", 1)
    (tmp_path / "font.toml").write_text('[[soundfont.programs]]\nprogram = 1\nfamily = "kazoo"\n')
    assert 'family of program 1 is "kazoo"' in refusal(
        capsys, *words, "--config", tmp_path / "font.toml"
    )


# ---- MIDI -----------------------------------------------------------------------------------


def write_midi(path: Path, *tracks: list, kind: int = 1, ticks: int = 480) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(type=kind, ticks_per_beat=ticks, tracks=[mido.MidiTrack(t) for t in tracks]).save(
        path
    )
    return path


def on(pitch: int, time: int = 0, velocity: int = 64, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=pitch, velocity=velocity, time=time, channel=channel)


def off(pitch: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("note_off", note=pitch, velocity=0, time=time, channel=channel)


def pedal(value: int, time: int = 0) -> mido.Message:
    return mido.Message("control_change", control=64, value=value, time=time)


def tempo(beats_per_minute: float, time: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats_per_minute), time=time)


def onsets_by_mido(path: Path) -> list[tuple[float, int]]:
    """Onsets in seconds, as mido's own player counts them."""
    now, found = 0.0, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity > 0:
            found.append((now, message.note))
    return found


@pytest.mark.parametrize("kind", [0, 1])
def test_tempo_changes(tmp_path: Path, kind: int) -> None:
    conductor = [tempo(120), tempo(60, 480), tempo(240, 720)]
    # From beat 0, 1.5, 3; the tempo changes at beats 1 and 2.5.
    notes = [on(60), off(60, 720), on(62), off(62, 720), on(64), off(64, 960)]
    if kind == 0:
        merged = mido.merge_tracks([mido.MidiTrack(conductor), mido.MidiTrack(notes)])
        path = write_midi(tmp_path / "a.mid", list(merged), kind=0)
    else:
        path = write_midi(tmp_path / "a.mid", conductor, notes)
    found = read_midi(path, NotesOptions())
    assert [note.onset_beats for note in found] == [0.0, 1.5, 3.0]
    # 1 beat of 0.5 s and 0.5 of 1 s; then 1 of 1 s and 0.5 of 0.25 s; then 2 of 0.25 s.
    assert [note.duration_seconds for note in found] == pytest.approx([1.0, 1.125, 0.5])
    assert [(note.onset_seconds, note.pitch) for note in found] == [
        (pytest.approx(time), pitch) for time, pitch in onsets_by_mido(path)
    ]


def test_running_status_and_notes_off_by_velocity_0(tmp_path: Path) -> None:
    # One status byte, 0x90, for all: pitch 60 from 0 to 96 ticks, 64 from 96 to 256.
    events = bytes([0, 0x90, 60, 80, 96, 60, 0, 0, 64, 90, 0x81, 0x20, 64, 0, 0, 0xFF, 0x2F, 0])
    chunk = b"MTrk" + len(events).to_bytes(4, "big") + events
    path = tmp_path / "running.mid"
    path.write_bytes(b"MThd" + bytes([0, 0, 0, 6, 0, 0, 0, 1, 0, 96]) + chunk)
    found = read_midi(path, NotesOptions())
    assert [(n.onset_beats, n.duration_beats, n.pitch, n.velocity) for n in found] == [
        (0.0, 1.0, 60, 80),
        (1.0, 160 / 96, 64, 90),
    ]
    assert [(n.onset_seconds, n.pitch) for n in found] == onsets_by_mido(path)


def test_overlapping_unreleased_and_empty_notes(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "a.mid",
        # 60 is struck twice before it is released twice; 61 lasts no time; 62 is never released.
        [on(60), on(60, 100), off(60, 100), off(60, 100), on(61), off(61), on(62), pedal(0, 50)],
    )
    found = read_midi(path, NotesOptions())
    assert [(n.pitch, n.onset_beats * 480, n.duration_beats * 480) for n in found] == [
        (60, 0, 200),
        (60, 100, 200),
        (62, 300, 50),
    ]


def test_sustain_pedal(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "a.mid",
        [
            *(on(60), pedal(127, 50), off(60, 50), on(64, 0), off(64, 100), on(60, 100)),
            *(off(60, 50), pedal(0, 50), on(67, 0), off(67, 100)),
        ],
    )

    def lengths(options: NotesOptions) -> list[tuple[int, float]]:
        return [(n.pitch, n.duration_beats * 480) for n in read_midi(path, options)]

    assert lengths(NotesOptions()) == [(60, 100), (64, 100), (60, 50), (67, 100)]
    # The first 60 until it is struck again at 300, the others until the pedal is lifted at 400.
    assert lengths(NotesOptions(sustain_pedal=True)) == [(60, 300), (64, 300), (60, 100), (67, 100)]


def test_the_pedal_holds_what_ends_while_it_is_down(tmp_path: Path) -> None:
    # Pressed as 60 ends, it is too late for it; lifted as 62 ends, it has nothing left to hold.
    path = write_midi(
        tmp_path / "a.mid",
        [on(60), off(60, 100), pedal(127), on(62), off(62, 100), pedal(0), on(64), off(64, 100)],
    )
    found = read_midi(path, NotesOptions(sustain_pedal=True))
    assert [(n.pitch, n.duration_beats * 480) for n in found] == [(60, 100), (62, 100), (64, 100)]
    # Never lifted, it holds to the end.
    path = write_midi(
        tmp_path / "b.mid", [pedal(127), on(60), off(60, 100), on(62, 50), off(62, 50)]
    )
    found = read_midi(path, NotesOptions(sustain_pedal=True))
    assert [(n.pitch, n.duration_beats * 480) for n in found] == [(60, 200), (62, 50)]


def test_voices_are_parts_and_percussion_is_left_out(tmp_path: Path) -> None:
    path = write_midi(
        tmp_path / "a.mid",
        [on(40, channel=9), off(40, 10, channel=9)],
        [on(72), off(72, 480)],
        [on(48, channel=2), off(48, 480, channel=2)],
    )
    assert [(n.pitch, n.voice) for n in read_midi(path, NotesOptions())] == [(72, 0), (48, 1)]
    with_drums = read_midi(path, NotesOptions(percussion=True))
    assert [(n.pitch, n.voice) for n in with_drums] == [(40, 0), (72, 1), (48, 2)]


def test_tempo_map_by_hand() -> None:
    tempo_map = TempoMap({100: 1_000_000, 300: 250_000}, 100)
    assert [tempo_map.seconds_at(tick) for tick in (0, 50, 100, 200, 300, 400)] == pytest.approx(
        [0.0, 0.25, 0.5, 1.5, 2.5, 2.75]
    )


def test_a_folder_of_midi(tmp_path: Path) -> None:
    source = tmp_path / "in"
    for number in range(10):
        tune = [tempo(90 + number), on(60 + number), off(60 + number, 480), on(50), off(50, 240)]
        write_midi(source / f"tune{number}.mid", tune)
        # The same notes at another tempo and with another touch.
        other = [tempo(60), on(60 + number, 0, 10), off(60 + number, 480), on(50), off(50, 240)]
        write_midi(source / "again" / f"tune{number} slow.MID", other)
    (source / "broken.mid").write_bytes((source / "tune0.mid").read_bytes()[:-9])
    (source / "text.mid").write_bytes(b"no MIDI at all")
    write_midi(source / "independent.mid", [on(60), off(60, 10)], kind=2)
    write_midi(source / "rests.mid", [tempo(100)])
    result = prepared(tmp_path / "out", source, "--validation-share", 0.2)
    assert result.description.kind == "notes"
    assert len(result.entries) == 20
    sides: dict[str, set[str]] = {}
    for entry in result.entries:
        assert isinstance(entry, NotesEntry)
        sides.setdefault(Path(entry.source).stem.split()[0], set()).add(entry.split)
    assert all(len(found) == 1 for found in sides.values())
    assert len(result.split("validation")) == 4
    kinds = {name: reason.partition(":")[0] for name, reason in rejected(result).items()}
    assert kinds == {
        "in/broken.mid": "unreadable",
        "in/text.mid": "unreadable",
        "in/independent.mid": "unreadable",
        "in/rests.mid": "too short",
    }
    (entry,) = (entry for entry in result.entries if entry.source == "in/again/tune3 slow.MID")
    assert read_notes(result.path(entry)) == [
        Note(0.0, 1.0, 0.0, 1.0, 63, 10, 0),
        Note(1.0, 0.5, 1.0, 0.5, 50, 64, 0),
    ]
    assert (entry.notes, entry.seconds) == (2, 1.5)


@pytest.mark.parametrize("table", ["csv", "json by column", "json by row"])
def test_maestro(tmp_path: Path, table: str) -> None:
    source = tmp_path / "maestro-v3.0.0"
    rows = []
    for number, side in enumerate(("train", "train", "validation", "test", "train", "elsewhere")):
        file = f"2004/piece{number}.midi"
        # The fifth has the notes of the fourth, which is tested on.
        pitch = 63 if number == 4 else 60 + number
        write_midi(source / file, [on(pitch), off(pitch, 480)])
        rows.append(
            {
                "canonical_composer": "Bach, the elder",
                "canonical_title": f"No. {number}",
                "split": side,
                "year": 2004,
                "midi_filename": file,
            }
        )
    rows.append({**rows[0], "midi_filename": "2004/lost.midi"})
    if table == "csv":
        with (source / "maestro-v3.0.0.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        columns = {key: {str(i): row[key] for i, row in enumerate(rows)} for key in rows[0]}
        values = columns if table == "json by column" else rows
        (source / "maestro-v3.0.0.json").write_text(json.dumps(values), encoding="utf-8")
    result = prepared(tmp_path / "out", source)
    assert result.description.license == "CC-BY-NC-SA-4.0"
    assert [(entry.title, entry.split) for entry in result.entries] == [
        ("Bach, the elder: No. 0", "train"),
        ("Bach, the elder: No. 1", "train"),
        ("Bach, the elder: No. 2", "validation"),
        ("Bach, the elder: No. 3", "test"),
    ]
    kinds = {Path(name).name: reason.partition(":")[0] for name, reason in rejected(result).items()}
    assert kinds == {
        "piece4.midi": "held out elsewhere",
        "piece5.midi": "unknown split",
        "lost.midi": "missing",
    }


# ---- Chorales -------------------------------------------------------------------------------


def test_a_grid_of_chorales(tmp_path: Path) -> None:
    grid = {
        "train": [[[72, 67, 64, 48], [72, 67, 65, 48], [74, -1, 65, 48]], [[60, 55, 52, 40]]],
        "valid": [[[70, 67, 64, 48]]],
        "test": [[[71, 67, 64, 48]], [[-1, -1, -1, -1]], [[200, 1, 2, 3]], [[1e999]]],
    }
    path = tmp_path / "chorales" / "some-8th.json"
    path.parent.mkdir()
    path.write_text(json.dumps(grid), encoding="utf-8")
    result = prepared(tmp_path / "out", path.parent, "--set", "chorales.tempo=60")
    assert [len(result.split(side)) for side in ("train", "validation", "test")] == [2, 1, 1]
    first = read_notes(result.path(result.split("train")[0]))
    # Steps of half a beat, a beat a second; the voices by their place, the rest left empty.
    assert [(n.voice, n.pitch, n.onset_beats, n.duration_seconds) for n in first] == [
        (0, 72, 0.0, 1.0),
        (1, 67, 0.0, 1.0),
        (2, 64, 0.0, 0.5),
        (3, 48, 0.0, 1.5),
        (2, 65, 0.5, 1.0),
        (0, 74, 1.0, 0.5),
    ]
    reasons = rejected(result)
    assert reasons["chorales/test-001"].startswith("too short")
    assert reasons["chorales/test-002"] == "unreadable: 200 is not a MIDI number 0 … 127"
    assert reasons["chorales/test-003"].startswith("unreadable")


def test_a_grid_without_voices() -> None:
    steps = [[60, 72, 67], [72, 60], [float("nan"), 72, 61, None]]
    notes = grid_notes(steps, 1.0, ChoralesOptions(tempo=60))
    found = sorted((n.onset_beats, n.voice, n.pitch, n.duration_beats) for n in notes)
    assert found == [(0, 0, 72, 3), (0, 1, 67, 1), (0, 2, 60, 2), (2, 1, 61, 1)]


def test_several_grids_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name in ("a-16th.json", "b-quarter.json"):
        (tmp_path / name).write_text('{"train": [[[60, 55, 52, 40]]]}', encoding="utf-8")
    output = ("--output", tmp_path / "out")
    assert "name one of a-16th.json, b-quarter.json" in refusal(capsys, tmp_path, *output)
    result = prepared(tmp_path / "out", tmp_path / "a-16th.json")
    (note, *_) = read_notes(result.path(result.entries[0]))
    assert note.duration_beats == 0.25


def test_chorales_of_music21(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own names, with two short scores behind them."""

    def element(offset: float, length: float, *pitches: int) -> types.SimpleNamespace:
        found = [types.SimpleNamespace(midi=pitch) for pitch in pitches]
        return types.SimpleNamespace(offset=offset, quarterLength=length, pitches=found)

    def part(*elements: types.SimpleNamespace) -> types.SimpleNamespace:
        whole = types.SimpleNamespace(notes=elements)
        whole.stripTies = lambda: whole
        whole.flatten = lambda: whole
        return whole

    def parse(name: str) -> types.SimpleNamespace:
        shift = int(name[-1])
        parts = [part(element(0, 0, 1), element(0.5, 2, 70 + shift)), part(element(0, 1, 50, 55))]
        return types.SimpleNamespace(parts=parts, metadata=types.SimpleNamespace(title=None))

    corpus = types.SimpleNamespace(
        chorales=types.SimpleNamespace(Iterator=lambda **_: ["bach/bwv1.6", "bach/bwv1.7"]),
        parse=parse,
    )
    monkeypatch.setitem(sys.modules, "music21", types.SimpleNamespace(corpus=corpus))
    monkeypatch.chdir(tmp_path)
    result = prepared(tmp_path / "out", "music21", "--set", "chorales.tempo=120")
    assert {entry.file.partition("/")[2] for entry in result.entries} == {
        "bwv1.6.csv",
        "bwv1.7.csv",
    }
    (entry,) = (entry for entry in result.entries if entry.title == "bach/bwv1.6")
    assert read_notes(result.path(entry)) == [
        Note(0.0, 0.5, 0.0, 1.0, 50, 80, 1),
        Note(0.0, 0.5, 0.0, 1.0, 55, 80, 1),
        Note(0.25, 1.0, 0.5, 2.0, 76, 80, 0),
    ]


# ---- What a user gets wrong -----------------------------------------------------------------


def test_missing_empty_and_useless_sources(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = ("--output", tmp_path / "out")
    assert "no such file or folder" in refusal(capsys, tmp_path / "nothing", *output)
    (tmp_path / "empty").mkdir()
    assert "is an empty folder" in refusal(capsys, tmp_path / "empty", *output)
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a")
    assert "nothing in it that can be prepared" in refusal(capsys, tmp_path / "texts", *output)
    (tmp_path / "texts" / "a.wav").write_text("a")
    told = refusal(capsys, tmp_path / "texts", *output)
    assert "no recording is left: all 1 were rejected, such as texts/a.wav (unreadable" in told
    write_midi(tmp_path / "texts" / "a.mid", [on(60), off(60, 1)])
    assert "say which with --layout" in refusal(capsys, tmp_path / "texts", *output)
    both = (tmp_path / "texts" / "a.mid", write_sound(tmp_path / "b.wav", sine(60)))
    assert "of different layouts" in refusal(capsys, *both, *output)
    assert "is not a file that can be prepared" in refusal(
        capsys, tmp_path / "texts" / "a.txt", *output
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.wav", "empty", "texts"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "audio.sample_rat=8000"], 'unknown key "audio.sample_rat"; did you mean'),
        (["--set", "colour=1"], 'unknown key "colour"'),
        (["--set", "seed"], '"seed"'),
        (["--set", "seed=yes"], "\"seed\" is 'yes', expected a whole number"),
        (["--set", "audio=3"], '"audio" must be a table'),
        (["--set", "audio.normalise=loud"], 'audio.normalise is "loud", expected one of peak'),
        (["--validation-share", "1.5"], "validation_share is 1.5, expected 0 … 0.9"),
        (["--sample-rate", "5"], "audio.sample_rate is 5, expected 1000"),
        (["--trim", "some"], '--trim "some": expected decibels'),
        (["--group-by", "("], 'group_by: "(" is not a regular expression'),
        (["--sustain-pedal"], "notes.sustain_pedal has no meaning for the layout audio"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
        (["--config", "prepare-notes"], "no such file"),
        (["--config", "prepare-notes", "--layout", "audio"], "select rows of a manifest"),
        (["--minimum-seconds", "3", "--maximum-seconds", "2"], "is less than"),
    ],
)
def test_options_that_are_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture, words: list[str], sentence: str
) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    told = refusal(capsys, tmp_path / "in", *words, "--output", tmp_path / "out")
    if words == ["--config", "prepare-notes"]:
        sentence = "manifest.csv cannot be read"
    assert sentence in told
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_an_unknown_key_of_a_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    configuration = tmp_path / "mine.toml"
    configuration.write_text("[audio]\nnormalize = 'peak'\n", encoding="utf-8")
    words = (tmp_path / "in", "--config", configuration, "--output", tmp_path / "out")
    told = refusal(capsys, *words)
    assert f"{configuration} and the command line" in told
    assert 'unknown key "audio.normalize"; did you mean "audio.normalise"?' in told


def test_options_of_a_file_are_overridden_by_set_and_by_flags(tmp_path: Path) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    configuration = tmp_path / "mine.toml"
    configuration.write_text(
        'name = "file"\nseed = 1\ndescription = "kept"\n[audio]\nsample_rate = 8000\nlevel = 0.5\n',
        encoding="utf-8",
    )
    result = prepared(
        tmp_path / "out",
        *(tmp_path / "in", "--config", configuration, "--set", "seed=2"),
        *("--set", "audio.level=0.4", "--level", 0.3, "--data-text", "where it is from"),
        *("--license", "CC0-1.0"),
    )
    description = result.description
    assert (description.name, description.description, description.sample_rate) == (
        *("file", "kept", 8000),
    )
    assert (description.data, description.license) == ("where it is from", "CC0-1.0")
    assert description.settings["seed"] == 2
    assert description.settings["audio"]["level"] == 0.3
    assert description.settings["sources"] == ["in"]
    assert str(tmp_path) not in (tmp_path / "out" / "set.json").read_text(encoding="utf-8")


# ---- The output folder ----------------------------------------------------------------------


def test_a_foreign_folder_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    output = tmp_path / "out"
    output.mkdir()
    prepared(output, tmp_path / "in")
    # One's own earlier output is.
    result = prepared(output, tmp_path / "in", "--name", "second")
    assert result.description.name == "second"
    (output / "thesis.txt").write_text("years of work")
    words = (tmp_path / "in", "--output", output)
    assert "is not empty and is not a set that this command made" in refusal(capsys, *words)
    assert (output / "thesis.txt").read_text() == "years of work"
    assert prepare(*words, "--force") == 0
    assert not (output / "thesis.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_the_folder_one_is_in_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path / "out")
    assert "run the command from outside" in refusal(capsys, tmp_path / "in", "--output", ".")
    assert prepare(tmp_path / "in", "--output", "set") == 0


def test_sources_within_each_other_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_sound(tmp_path / "in" / "deep" / "a.wav", sine(60))
    output = ("--output", tmp_path / "out")
    told = refusal(capsys, tmp_path / "in", tmp_path / "in" / "deep", *output)
    assert "one lies within the other" in told
    assert "was given twice" in refusal(capsys, tmp_path / "in", tmp_path / "in", *output)


def test_a_source_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    for output in (tmp_path / "in", tmp_path):
        told = refusal(capsys, tmp_path / "in", "--output", output, "--force")
        assert "which it is made from" in told
    assert (tmp_path / "in" / "a.wav").is_file()


def test_an_output_within_the_source_is_not_read(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", sine(60))
    for _ in range(2):
        result = prepared(tmp_path / "set", tmp_path)
        assert [entry.source for entry in result.entries] == [f"{tmp_path.name}/a.wav"]


def test_an_interrupted_run_leaves_only_its_part_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    output = tmp_path / "out"
    words = (tmp_path / "in", "--output", output)
    assert prepare(*words) == 0
    before = (output / "set.json").read_bytes()

    def interrupt(function: Callable, work: Sequence, workers: int, unit: str) -> list:
        function(work[0])
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(audio_set, "process_all", interrupt)
        assert prepare(*words, "--name", "never") == 130
    assert (output / "set.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "out.part"]
    assert prepare(*words) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_a_part_folder_of_somebody_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    (tmp_path / "out.part").mkdir()
    (tmp_path / "out.part" / "mine").write_text("mine")
    assert "out.part is in the way" in refusal(
        capsys, tmp_path / "in", "--output", tmp_path / "out"
    )
    assert (tmp_path / "out.part" / "mine").is_file()


def test_a_full_disc_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))

    def fail(*_: object, **__: object) -> None:
        raise soundfile.LibsndfileError(2)

    monkeypatch.setattr(soundfile, "write", fail)
    from cadenza_training.data.prepare import prepare as prepare_set

    options = build_options({"layout": "audio", "workers": 1}, "the test")
    with pytest.raises(UserError, match="is the disc full"):
        prepare_set([tmp_path / "in"], options, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_file_names_are_safe_and_unique() -> None:
    names: set[str] = set()
    assert [
        audio_set.unique_name(source, names)
        for source in ("x/a.wav", "y/A.wav", "z/a b?.wav", "x/bwv1.6", "x/" + "n" * 300, "x/...")
    ] == ["a", "A-2", "a_b_", "bwv1.6", "n" * 80, "unnamed"]


def test_rejections_are_read_back(tmp_path: Path) -> None:
    write_sound(tmp_path / "in" / "a.wav", sine(60))
    result = prepared(tmp_path / "out", tmp_path / "in")
    result.write([Rejection("a, with a comma", 'and "quotes"')])
    assert rejected(result) == {"a, with a comma": 'and "quotes"'}
