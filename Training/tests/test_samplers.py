"""What a network reads while it trains: takes, chunks, sequences, and exact continuation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cadenza_training import mu_law
from cadenza_training.data.prepared_set import Instrument, PreparedSet
from cadenza_training.systems.raw_audio.augmentation import AugmentationOptions
from cadenza_training.systems.raw_audio.chunk_sampler import ChunkSampler
from cadenza_training.systems.raw_audio.recordings import (
    Recording,
    Take,
    frame_count,
    load_recordings,
    render,
)
from cadenza_training.systems.raw_audio.sequence_sampler import SequenceSampler
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler

LEVELS = 32
SILENCE = mu_law.silence_code(LEVELS)
RECEPTIVE_FIELD = 12
INSTRUMENTS = (Instrument("a", 60, 62, 1), Instrument("b", 50, 50, 0))


def staircase(frames: int, seed: int) -> np.ndarray:
    """Samples that decode from random codes, so that every step is recognised."""
    codes = np.random.default_rng(seed).integers(0, LEVELS, frames)
    return np.rint(mu_law.decode(codes, LEVELS) * 32767.0).astype(np.int16)


def recordings() -> list[Recording]:
    return [
        Recording("long", staircase(200, 1), 0, 61),
        Recording("short", staircase(30, 2), 0, 63),
        Recording("other", staircase(90, 3), 1, 50),
    ]


def codes_of(recording: Recording) -> np.ndarray:
    return mu_law.encode(recording.samples / 32768.0, LEVELS)


PLAIN = AugmentationOptions(transpose=False)


def chunk_sampler(options: AugmentationOptions = PLAIN, seed: int = 1) -> ChunkSampler:
    return ChunkSampler(
        recordings(),
        TakeSampler(recordings(), INSTRUMENTS, options),
        levels=LEVELS,
        receptive_field=RECEPTIVE_FIELD,
        chunk_frames=40,
        columns=64,
        onset_share=0.5,
        seed=(seed, 0),
    )


def sequence_sampler(options: AugmentationOptions = PLAIN) -> SequenceSampler:
    return SequenceSampler(
        recordings(),
        TakeSampler(recordings(), INSTRUMENTS, options),
        levels=LEVELS,
        chunk_frames=16,
        sequence_frames=64,
        columns=6,
        onset_share=0.5,
        seed=(5, 0),
    )


def test_every_pitch_of_the_range_is_drawn_from_recordings_in_reach() -> None:
    takes = TakeSampler(recordings(), INSTRUMENTS, AugmentationOptions(detune_cents=10.0))
    generator = np.random.default_rng(0)
    drawn = [takes.draw(generator) for _ in range(400)]
    assert {take.pitch for take in drawn} == {60, 61, 62, 50}
    for take in drawn:
        recorded = recordings()[take.recording].pitch
        assert abs(recorded + take.semitones - take.pitch) <= 0.1
        assert abs(take.pitch - recorded) <= 1
    # Both instruments count the same, however many pitches they have.
    assert 120 < sum(take.pitch == 50 for take in drawn) < 280


def test_without_instruments_recordings_are_drawn_by_length() -> None:
    bare = [replace(recording, instrument=-1) for recording in recordings()]
    takes = TakeSampler(bare, (), AugmentationOptions())
    generator = np.random.default_rng(0)
    counts = np.bincount([takes.draw(generator).recording for _ in range(3200)], minlength=3)
    np.testing.assert_allclose(counts / 3200, np.array([200, 30, 90]) / 320, atol=0.04)


def test_a_transposed_take_has_its_pitch() -> None:
    rate, frequency = 16000, 440.0
    time = np.arange(rate) / rate
    samples = np.rint(10000 * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    recording = Recording("sine", samples, 0, 69)
    take = Take(0, 72, semitones=3.0, gain=0.5)
    sound = render(recording, take, 1000, 8000)
    assert len(sound) == 8000
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peak = np.argmax(spectrum) * rate / len(sound)
    assert abs(peak - frequency * 2 ** (3 / 12)) < 2.0
    assert abs(np.abs(sound).max() - 0.5 * 10000 / 32768) < 0.005
    assert frame_count(recording, take) == int(rate / 2 ** (3 / 12))


def test_masked_steps_have_their_whole_past() -> None:
    batch = chunk_sampler().next_batch()
    onset = batch.mask[0] == 1.0
    assert onset.any() and not onset.all()
    assert (batch.inputs[0, onset] == SILENCE).all()
    assert (batch.mask[:RECEPTIVE_FIELD, ~onset] == 0.0).all()
    assert (batch.mask[RECEPTIVE_FIELD:, ~onset] == 1.0).all()
    assert (batch.inputs[1:] == batch.targets[:-1])[batch.mask[1:] == 1.0].all()
    originals = [codes_of(recording) for recording in recordings()]
    for column in range(batch.targets.shape[1]):
        frames = int(batch.mask[:, column].nonzero()[0][-1]) + 1
        wanted = batch.targets[:frames, column]
        assert any(
            (np.lib.stride_tricks.sliding_window_view(codes, frames) == wanted).all(axis=1).any()
            for codes in originals
            if len(codes) >= frames
        )


def test_noise_is_on_what_is_read_and_never_on_what_is_predicted() -> None:
    clean = chunk_sampler().next_batch()
    noisy = chunk_sampler(AugmentationOptions(transpose=False, input_noise=2.0)).next_batch()
    originals = np.concatenate([codes_of(recording) for recording in recordings()])
    assert set(np.unique(noisy.targets)) <= set(np.unique(originals)) | {SILENCE}
    moved = (noisy.inputs[1:] != noisy.targets[:-1]) & (noisy.mask[1:] == 1.0)
    shares = moved.mean(axis=0)
    assert (shares == 0.0).any() and (shares > 0.1).any()
    assert (clean.inputs[1:] == clean.targets[:-1])[clean.mask[1:] == 1.0].all()


def test_columns_play_their_takes_chunk_after_chunk() -> None:
    sampler = sequence_sampler()
    heard: list[list[int]] = [[] for _ in range(6)]
    finished: list[list[int]] = []
    for _ in range(40):
        batch = sampler.next_batch()
        for column in range(6):
            if batch.starts[column] and heard[column]:
                finished.append(heard[column])
                heard[column] = []
            if not batch.starts[column]:
                # The first input is the last target before: the state and it belong together.
                assert batch.inputs[0, column] == heard[column][-1]
            kept = sampler.columns[column]
            frames = min(16, kept.end - (kept.position - 16))
            heard[column] += batch.targets[:frames, column].tolist()
    originals = [codes_of(recording).tolist() for recording in recordings()]
    assert len(finished) > 20
    for codes in finished:
        text = " ".join(map(str, codes)) + " "
        assert any(text in " ".join(map(str, original)) + " " for original in originals)


def test_a_sequence_from_within_only_warms_up_at_first() -> None:
    sampler = sequence_sampler()
    seen = set()
    for _ in range(60):
        batch = sampler.next_batch()
        for column in np.flatnonzero(batch.starts):
            is_onset = sampler.columns[column].start == 0
            assert (batch.mask[:, column].max() == 1.0) == is_onset
            seen.add(is_onset)
    assert seen == {True, False}


@pytest.mark.parametrize("make", [chunk_sampler, sequence_sampler])
def test_samplers_continue_exactly(make: type) -> None:
    options = AugmentationOptions(detune_cents=20.0, gain_decibels=6.0, input_noise=1.0)
    first = make(options)
    for _ in range(7):
        first.next_batch()
    second = make(options)
    second.restore(first.state())
    for _ in range(9):
        expected, actual = first.next_batch(), second.next_batch()
        for name in ("inputs", "targets", "mask", "instruments", "pitches", "starts"):
            assert (getattr(expected, name) == getattr(actual, name)).all(), name


def test_recordings_are_those_of_the_set(note_set: PreparedSet) -> None:
    loaded = load_recordings(note_set, note_set.split("validation"))
    assert [(r.instrument, r.pitch, len(r.samples)) for r in loaded] == [
        (0, 52, 1600),
        (1, 52, 1600),
    ]
