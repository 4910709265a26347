"""Every metric against a value worked out by hand or by an independent library."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import mir_eval
import numpy as np
import pretty_midi
import pytest
import scipy.linalg
import scipy.stats
import soundfile
import torch
from numpy.typing import NDArray

from cadenza_training import mu_law
from cadenza_training.cli import main
from cadenza_training.data.prepared_set import (
    AudioEntry,
    Instrument,
    NotesEntry,
    PreparedSet,
    SetDescription,
)
from cadenza_training.engine import Condition
from cadenza_training.errors import UserError
from cadenza_training.evaluation import (
    kullback_leibler,
    likelihood,
    note_histograms,
    paired_signals,
    pitch_content,
    score_agreement,
)
from cadenza_training.evaluation.asked_conditions import settings_for
from cadenza_training.evaluation.frechet_distance import frechet_distance
from cadenza_training.evaluation.generated_sounds import requests_like, requests_over_ranges
from cadenza_training.evaluation.mel_cepstrum import mel_cepstrum
from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.note_novelty import PASSAGE_NOTES, note_novelty
from cadenza_training.evaluation.pieces import Piece, piece_of
from cadenza_training.evaluation.pitch_tracking import (
    Track,
    median_absolute_cents,
    share_in_tune,
    track,
)
from cadenza_training.evaluation.report import Evaluation
from cadenza_training.evaluation.score_agreement import PiecePair
from cadenza_training.evaluation.sound_files import Sound, SoundFile, find_sounds
from cadenza_training.evaluation.sound_novelty import sound_novelty
from cadenza_training.evaluation.sound_onsets import sound_onset_f1
from cadenza_training.model_file import write_model

RATE = 16000


def tone(
    pitch: float, seconds: float = 0.5, seed: int = 0, noise: float = 0.001
) -> NDArray[np.float64]:
    """Four harmonics with weights of their own for every seed."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = 440.0 * 2.0 ** ((pitch - 69) / 12)
    weights = generator.uniform(0.2, 1.0, 4) / np.arange(1, 5)
    sound = sum(w * np.sin(2 * np.pi * hertz * n * time) for n, w in enumerate(weights, 1))
    return 0.5 * sound / np.abs(sound).max() + noise * generator.standard_normal(len(time))


def melody(seed: int, notes: int = 64) -> Piece:
    generator = np.random.default_rng(seed)
    pitch, beat, rows = 60, 0.0, []
    for _ in range(notes):
        length = float(generator.choice([0.25, 0.5, 1.0]))
        rows.append((beat / 2, length / 2, beat, length, pitch, 80, 0))
        pitch = int(np.clip(pitch + generator.integers(-5, 6), 40, 90))
        beat += length
    return piece_of(f"melody{seed}", rows)


def notes_piece(*notes: tuple[float, float, int], name: str = "piece") -> Piece:
    """(onset, duration, pitch), in beats of half a second."""
    return piece_of(name, [(o / 2, d / 2, o, d, pitch, 80, 0) for o, d, pitch in notes])


def sound_of(samples: NDArray[np.float64], name: str = "a", **known: object) -> Sound:
    return Sound(SoundFile(Path(f"{name}.wav"), name, **known), samples, RATE)


# ---- Report of COMP9491 -------------------------------------------------------------------------


def test_pitch_content_by_hand() -> None:
    # 60 twice, 62 and 69 once: shares 1/2, 1/4, 1/4; entropy 1/2·1 + 2·1/4·2 = 1.5 bits.
    numbers = np.array([60, 69, 60, 62])
    assert pitch_content.pitch_entropy(numbers) == pytest.approx(1.5)
    assert pitch_content.pitch_entropy(np.array([7, 7])) == 0.0
    assert pitch_content.number_of_pitches(numbers) == 3
    assert pitch_content.pitch_range(numbers) == 9
    # 440 Hz is A4, 69; 427 Hz is 51.9 cents lower, nearest to 68; 8.2 Hz is MIDI 0.
    heard = pitch_content.midi_numbers(np.array([440.0, 427.0, 8.2, 1.0]))
    assert heard.tolist() == [69, 68, 0, 0]
    with pytest.raises(NotDefinedError):
        pitch_content.pitch_range(np.zeros(0))
    with pytest.raises(NotDefinedError):
        pitch_content.pitch_entropy(np.zeros(0, np.int64))


def test_spectral_peaks_of_two_sines() -> None:
    time = np.arange(RATE) / RATE
    sound = np.sin(2 * np.pi * 500.0 * time) + np.sin(2 * np.pi * 1500.0 * time)
    peaks = pitch_content.spectral_peaks(sound, RATE)
    assert sorted(set(np.round(peaks, -2))) == [500.0, 1500.0]
    assert pitch_content.pitch_range(peaks) == pytest.approx(1000.0, abs=15.0)


def test_frechet_distance_of_one_feature_by_hand() -> None:
    # Means 1 and 4, variances 2 and 8 (unbiased): 9 + 2 + 8 - 2·√16 = 11.
    first = np.array([[0.0], [2.0]])
    second = np.array([[2.0], [6.0]])
    assert frechet_distance(first, second) == pytest.approx(11.0)


def test_frechet_distance_against_scipy() -> None:
    generator = np.random.default_rng(1)
    first = generator.normal(size=(300, 13)) @ generator.normal(size=(13, 13))
    second = generator.normal(size=(200, 13)) @ generator.normal(size=(13, 13)) + 2.0
    one, other = np.cov(first, rowvar=False), np.cov(second, rowvar=False)
    root = scipy.linalg.sqrtm(one @ other)
    difference = first.mean(0) - second.mean(0)
    expected = difference @ difference + np.trace(one + other - 2.0 * root.real)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-8)
    # Covariances without full rank: the root that scipy cannot take.
    assert frechet_distance(first[:5], first[:5]) == pytest.approx(0.0, abs=1e-5)
    with pytest.raises(NotDefinedError, match="2 frames"):
        frechet_distance(first, second[:1])


def test_divergence_by_hand_and_against_scipy() -> None:
    # With one added, 2:1 and 1:2: P = 2/3, 1/3, Q = 1/3, 2/3; 2/3 ln 2 - 1/3 ln 2 = ln 2 / 3.
    assert kullback_leibler.divergence([1, 0], [0, 1]) == pytest.approx(math.log(2) / 3)
    assert kullback_leibler.divergence([3, 5], [3, 5]) == 0.0
    counts = np.array([[9, 0, 4], [2, 7, 1]])
    expected = scipy.stats.entropy(*(counts + kullback_leibler.PSEUDOCOUNT))
    assert kullback_leibler.divergence(*counts) == pytest.approx(expected)


def test_feature_divergence_of_disjoint_and_equal_sets() -> None:
    low, high = np.zeros((99, 2)), np.ones((99, 2))
    # All 99 in one of 32 bins, one added to each: 100/131 against 1/131 in the first bin, the
    # reverse in the last: (100 - 1)/131 · ln 100.
    expected = 99 / 131 * math.log(100)
    assert kullback_leibler.feature_divergence(low, high) == pytest.approx(expected)
    assert kullback_leibler.feature_divergence(low, low) == 0.0
    with pytest.raises(NotDefinedError):
        kullback_leibler.feature_divergence(low, low[:0])


def test_mel_cepstrum_knows_level_and_short_sounds() -> None:
    sound = tone(60)
    quiet, loud = mel_cepstrum(0.1 * sound, RATE), mel_cepstrum(sound, RATE)
    assert loud.shape == (len(sound) // 512 + 1, 13)
    # 20 dB in each of 128 bands: an orthonormal DCT puts 20·√128 into coefficient 0 alone.
    assert (loud - quiet)[:, 0] == pytest.approx(20.0 * math.sqrt(128))
    assert np.abs((loud - quiet)[:, 1:]).max() < 1e-3
    assert mel_cepstrum(np.ones(10), RATE).shape[1] == 13


# ---- Pitch --------------------------------------------------------------------------------------


def test_cents_against_the_asked_pitch() -> None:
    asked = {"midi_pitch": 69}
    # 440 Hz · 2^(30/1200): 30 cents high; two semitones low; silence.
    tracks = [
        track(sound_of(tone(69.3), **asked)),
        track(sound_of(tone(67.0), **asked)),
        track(sound_of(np.zeros(8000), **asked)),
    ]
    assert tracks[0].cents == pytest.approx(30.0, abs=10.0)
    assert tracks[1].cents == pytest.approx(-200.0, abs=10.0)
    assert tracks[2].cents is None
    # Only the first is within 50 cents; a sound without a voiced frame is out of tune.
    assert share_in_tune(tracks) == pytest.approx(1 / 3)
    assert median_absolute_cents(tracks) == pytest.approx(115.0, abs=10.0)
    with pytest.raises(NotDefinedError, match="voiced"):
        median_absolute_cents(tracks[2:])
    with pytest.raises(NotDefinedError, match="asked pitch"):
        share_in_tune([Track(sound_of(np.zeros(10)), np.array([440.0]))])


@pytest.mark.parametrize(("cents", "in_tune"), [(49.9, True), (-49.9, True), (50.1, False)])
def test_in_tune_is_the_median_within_50_cents(cents: float, in_tune: bool) -> None:
    hertz = 440.0 * 2.0 ** (cents / 1200)
    heard = np.array([100.0, hertz, hertz, hertz, 900.0])
    assert Track(sound_of(np.zeros(1), midi_pitch=69), heard).is_in_tune == in_tune


# ---- Pairs of signals, likelihood ---------------------------------------------------------------


def test_signal_errors_by_hand() -> None:
    observed, predicted = np.array([3.0, 0.0, 4.0, 0.0]), np.array([3.0, 1.0, 4.0, -2.0])
    # (0 + 1 + 0 + 4) / 4; 10 log10(25 / 5) = 6.9897 dB.
    assert paired_signals.mean_squared_error(observed, predicted) == 1.25
    ratio = paired_signals.signal_to_noise_ratio(observed, predicted)
    assert ratio == pytest.approx(6.9897, abs=1e-4)
    with pytest.raises(NotDefinedError, match="infinite"):
        paired_signals.signal_to_noise_ratio(observed, observed)
    with pytest.raises(NotDefinedError, match="silence"):
        paired_signals.signal_to_noise_ratio(np.zeros(4), predicted)


def test_pairs_by_name_and_by_manifest() -> None:
    reference = [sound_of(np.ones(4), "test/a"), sound_of(np.ones(3), "test/b")]
    named = sound_of(np.zeros(9), "a")
    answering = sound_of(np.zeros(2), "x", answers="test/b")
    stranger = sound_of(np.zeros(2), "c")
    pairs = paired_signals.pair_signals(reference, [named, answering, stranger])
    assert [len(first) for first, _ in pairs] == [4, 2]
    assert all(len(first) == len(second) for first, second in pairs)
    with pytest.raises(NotDefinedError):
        paired_signals.pair_signals(reference, [stranger])


def test_markov_table_by_hand() -> None:
    # Two levels; silence is code 1. Codes 1, 0, 0: steps 1→1, 1→0, 0→0, each count + 0.01.
    sound = mu_law.decode(np.array([1, 0, 0]), 2)
    table = np.exp(likelihood.markov_table([sound], 2))
    assert table[1].tolist() == pytest.approx([0.5, 0.5])
    assert table[0].tolist() == pytest.approx([1.01 / 1.02, 0.01 / 1.02])
    # Codes 0, 1: steps 1→0 and 0→1.
    other = mu_law.decode(np.array([0, 1]), 2)
    nats = likelihood.markov_nats(np.log(table), other)
    assert nats == pytest.approx(-math.log(0.5) - math.log(0.01 / 1.02))
    assert likelihood.uniform_nats(256) == pytest.approx(8 * math.log(2))


# ---- Notes --------------------------------------------------------------------------------------


def test_note_histograms_by_hand() -> None:
    first = notes_piece((0, 1, 60), (1, 1, 64), (2, 1, 72))
    second = notes_piece((0, 1, 60), (1, 1, 62))
    classes = note_histograms.pitch_class_counts([first])
    assert classes.tolist() == [2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    # Shares 2/3 C, 1/3 E against 1/2 C, 1/2 D: min(2/3, 1/2).
    other = note_histograms.pitch_class_counts([second])
    assert note_histograms.overlap(classes, other) == pytest.approx(0.5)
    assert note_histograms.overlap(classes, classes) == pytest.approx(1.0)
    intervals = note_histograms.interval_counts([first])
    assert np.flatnonzero(intervals).tolist() == [24 + 4, 24 + 8]
    # Half of the reference's notes are 60, half 62; Q has each count one higher over 3 + 128.
    cross_entropy = note_histograms.pitch_cross_entropy(
        note_histograms.pitch_counts([second]), note_histograms.pitch_counts([first])
    )
    assert cross_entropy == pytest.approx(-0.5 * math.log(2 / 131) - 0.5 * math.log(1 / 131))
    with pytest.raises(NotDefinedError, match="generated"):
        note_histograms.overlap(classes, 0 * classes)


def test_accuracies_of_du_by_hand() -> None:
    # Beats 0 … 3: C major, C major, F major, G major, one note at the half of beat 3.
    triads = [(60, 64, 67), (60, 64, 67), (65, 69, 72), (67, 71, 74)]
    reference = notes_piece(
        *((beat, 1.0, pitch) for beat, triad in enumerate(triads) for pitch in triad),
        (3.5, 0.5, 67),
    )
    # The generated piece plays A minor in beat 2, and leaves the last note out.
    triads[2] = (69, 72, 76)
    generated = notes_piece(
        *((beat, 1.0, pitch) for beat, triad in enumerate(triads) for pitch in triad)
    )
    pairs = [PiecePair(reference, generated)]
    chords = score_agreement.chords(reference)
    assert chords == [(0, "major"), (0, "major"), (5, "major"), (7, "major")]
    assert score_agreement.chords(generated)[2] == (9, "minor")
    # Missed of 13 notes: 65 in beat 2 and the last.
    assert score_agreement.pitch_accuracy(pairs) == pytest.approx(11 / 13)
    # Beat 3 has onsets at sixteenths 0 and 2, and only 0 is played.
    assert score_agreement.rhythm_coherence(pairs) == pytest.approx(3 / 4)
    # Of C C, C F, F G only the first is repeated.
    assert score_agreement.harmonic_progression_accuracy(pairs) == pytest.approx(1 / 3)
    # Cells that differ: 65 and 76 for four sixteenths each; the last note continues its own 67.
    assert score_agreement.piano_roll_squared_error(pairs) == pytest.approx(8 / (128 * 16))
    same = [PiecePair(reference, reference)]
    assert score_agreement.pitch_accuracy(same) == 1.0
    assert score_agreement.rhythm_coherence(same) == 1.0
    assert score_agreement.harmonic_progression_accuracy(same) == 1.0
    alone = [PiecePair(notes_piece((0, 2, 60)), generated)]
    with pytest.raises(NotDefinedError, match="chord"):
        score_agreement.harmonic_progression_accuracy(alone)


def test_onset_and_note_f1() -> None:
    reference = notes_piece((0, 1, 60), (1, 1, 62), (2, 1, 64))
    # Onsets in seconds 0, 0.5, 1 against 0.04 (hit), 0.6 (100 ms late), 1 (hit, another pitch).
    generated = notes_piece((0.08, 1, 60), (1.2, 1, 62), (2, 1, 65), (6, 1, 60))
    pairs = [PiecePair(reference, generated)]
    # Two hits of 4 played and 3 asked: 2·2 / 7; with pitches one hit: 2·1 / 7.
    assert score_agreement.onset_f1(pairs) == pytest.approx(4 / 7)
    assert score_agreement.note_f1(pairs) == pytest.approx(2 / 7)
    direct = mir_eval.onset.f_measure(np.array([0, 0.5, 1.0]), np.array([0.04, 0.6, 1.0, 3.0]))
    assert score_agreement.onset_f1(pairs) == pytest.approx(direct[0])


def test_sound_onsets_against_a_score(tmp_path: Path) -> None:
    midi = pretty_midi.PrettyMIDI()
    instrument = pretty_midi.Instrument(0)
    for start in (0.0, 0.5):
        instrument.notes.append(pretty_midi.Note(80, 60, start, start + 0.4))
    midi.instruments.append(instrument)
    midi.write(str(tmp_path / "two.mid"))
    decay = np.exp(-30 * np.arange(8000) / RATE)
    struck = np.concatenate([decay * tone(60), decay * tone(64)])
    assert sound_onset_f1(tmp_path, [sound_of(struck, "two")]) == pytest.approx(1.0)
    # One stroke of the two: precision 1, recall 1/2, F 2/3.
    once = np.concatenate([decay * tone(60), np.zeros(8000)])
    assert sound_onset_f1(tmp_path, [sound_of(once, "two")]) == pytest.approx(2 / 3)
    with pytest.raises(NotDefinedError):
        sound_onset_f1(tmp_path, [sound_of(struck, "three")])


# ---- Novelty ------------------------------------------------------------------------------------


def write_sounds(folder: Path, sounds: dict[str, NDArray[np.float64]]) -> list[SoundFile]:
    folder.mkdir(parents=True, exist_ok=True)
    for name, samples in sounds.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    return list(find_sounds(folder).files)


def wandering(seed: int) -> NDArray[np.float64]:
    """Twelve notes of a quarter of a second."""
    pitches = np.random.default_rng(seed).integers(48, 84, 12)
    return np.concatenate([tone(p, 0.25, 100 * seed + n) for n, p in enumerate(pitches)])


def test_a_copied_sound_is_caught(tmp_path: Path) -> None:
    training = {f"t{seed}": wandering(seed) for seed in range(12)}
    fresh = {f"g{seed}": wandering(seed) for seed in range(50, 56)}
    # A passage from the middle of a training recording, at another level, through mu-law; between
    # two frames, so that no frame of the copy is one of the original.
    excerpt = 0.6 * training["t3"][8100 : 8100 + 28000]
    copied = {**fresh, "copy": mu_law.decode(mu_law.encode(excerpt))}
    files = write_sounds(tmp_path / "training", training)
    held_out = write_sounds(tmp_path / "reference", {"r": wandering(70)})
    honest = sound_novelty(files, write_sounds(tmp_path / "fresh", fresh), held_out, RATE)
    assert honest.suspects == ()
    assert not honest.copies
    assert honest.sentence().startswith("No copy found")
    caught = sound_novelty(files, write_sounds(tmp_path / "copied", copied), held_out, RATE)
    assert {match.generated.file.name for match in caught.suspects} == {"copy"}
    best = caught.matches[0]
    assert best.training.file.name == "t3"
    assert best.training.start_seconds == pytest.approx(
        best.generated.start_seconds + 8100 / RATE, abs=0.15
    )
    # With the training set as the reference, too.
    assert sound_novelty(files, files[:4], files, RATE).copies
    thief = sound_novelty(files, files[:4], held_out, RATE)
    assert thief.copies
    assert thief.sentence().startswith("COPIES: 8 of 8")
    assert thief.matches[0].distance == pytest.approx(0.0, abs=1e-9)


def test_silence_is_no_copy(tmp_path: Path) -> None:
    quiet = np.concatenate([np.zeros(RATE * 2), wandering(1)])
    training = write_sounds(tmp_path / "training", {"a": quiet, "b": wandering(2)})
    generated = write_sounds(tmp_path / "generated", {"silent": np.zeros(RATE * 2)})
    with pytest.raises(NotDefinedError, match="passage"):
        sound_novelty(training, generated, generated, RATE)
    with pytest.raises(NotDefinedError, match="fewer than two"):
        sound_novelty(training[1:], training, training, RATE)


def test_copied_notes_are_caught_in_another_key_and_from_any_note() -> None:
    training = [melody(seed) for seed in range(10)]
    fresh = [melody(seed) for seed in range(30, 34)]
    honest = note_novelty(training, fresh, [melody(60)])
    assert not honest.copies
    # From the 12th note on, a fourth higher.
    rows = training[4].table[11 : 11 + 3 * PASSAGE_NOTES].copy()
    rows[:, 4] += 5
    caught = note_novelty(training, [*fresh, Piece("thief", rows)], [melody(60)])
    assert {match.generated.piece for match in caught.suspects} == {"thief"}
    assert caught.matches[0].training.piece == "melody4"
    assert caught.copies
    # A repeated note is no one's.
    drums = piece_of("drum", [(b, 1, b, 1, 60, 80, 0) for b in range(40)])
    with pytest.raises(NotDefinedError, match="passage"):
        note_novelty(training, [drums], [])


# ---- What was asked -----------------------------------------------------------------------------


def test_requests_spread_over_ranges() -> None:
    instruments = [Instrument("flute", 60, 64), Instrument("bass", 30, 40)]
    requests = requests_over_ranges(instruments, 3, 7)
    assert [(r.instrument, r.midi_pitch, r.seed) for r in requests] == [
        ("flute", 60, 7),
        ("flute", 62, 8),
        ("flute", 64, 9),
        ("bass", 30, 7),
        ("bass", 35, 8),
        ("bass", 40, 9),
    ]
    assert requests[0].file_name == "flute-60-seed7.wav"
    like = requests_like([SoundFile(Path("x.wav"), "test/x", "bass", 33)], 2, 1)
    assert [(r.midi_pitch, r.answers, r.seed) for r in like] == [
        (33, "test/x", 1),
        (33, "test/x", 2),
    ]


def test_settings_for_conditions() -> None:
    conditions = [
        Condition("instrument", "class", 2, 0, ("flute", "bass"), 1),
        Condition("pitch", "class", 128, 0, (), 1),
        Condition("mood", "vector", 2, 0, (), 1),
    ]
    file = SoundFile(Path("x.wav"), "x", "bass", 33)
    model = Path("m.safetensors")
    assert settings_for(file, conditions, model) == (("instrument", "bass"), ("pitch", 33))
    with pytest.raises(UserError, match=r'x\.wav is of instrument "oboe".*flute, bass'):
        settings_for(SoundFile(Path("x.wav"), "x", "oboe", 33), conditions, model)
    with pytest.raises(UserError, match="nothing says it"):
        settings_for(SoundFile(Path("x.wav"), "x", "bass"), conditions, model)
    with pytest.raises(UserError, match=r"pitch 128.*0 … 127"):
        settings_for(SoundFile(Path("x.wav"), "x", "bass", 128), conditions, model)
    labelled = [Condition("pitch", "class", 2, 0, ("60", "62"), 1)]
    assert settings_for(SoundFile(Path("x"), "x", "", 62), labelled, model) == (("pitch", "62"),)


# ---- The command --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six recordings of two instruments in train, two in validation."""
    folder = tmp_path_factory.mktemp("set")
    entries = []
    for split, instrument, pitch in (
        *(("train", name, pitch) for name in ("flute", "bass") for pitch in (55, 60, 65)),
        ("validation", "flute", 62),
        ("validation", "bass", 57),
    ):
        file = f"{split}/{instrument}-{pitch}.flac"
        (folder / split).mkdir(exist_ok=True)
        seed = pitch + (500 if instrument == "bass" else 0)
        soundfile.write(folder / file, tone(pitch, 1.1, seed), RATE, subtype="PCM_16")
        entries.append(AudioEntry(file, split, instrument, pitch, seconds=1.1, licence="CC0-1.0"))
    description = SetDescription(
        "audio",
        "tones",
        data="Made-up tones",
        license="CC0-1.0",
        sample_rate=RATE,
        instruments=(Instrument("flute", 55, 65), Instrument("bass", 55, 65)),
    )
    PreparedSet(folder, description, tuple(entries)).write()
    return folder


def write_tiny_model(path: Path, labels: tuple[str, ...] = ("flute", "bass")) -> None:
    """A GRU of four channels over 16 codes, with random weights."""
    torch.manual_seed(5)
    shapes = {
        "conditions.instrument.embedding.weight": (len(labels), 2),
        "conditions.pitch.embedding.weight": (128, 2),
        "input.embedding.weight": (16, 3),
        "layers.0.input.weight": (12, 7),
        "layers.0.input.bias": (12,),
        "layers.0.recurrent.weight": (12, 4),
        "layers.0.recurrent.bias": (12,),
        "head.weight": (16, 4),
        "head.bias": (16,),
    }
    write_model(
        path,
        {name: torch.randn(shape) for name, shape in shapes.items()},
        {
            "name": "tiny",
            "license": "CC0-1.0",
            "network": {
                "kind": "recurrent",
                "vocabulary_size": 16,
                "input": {"kind": "embedding", "channels": 3},
                "layers": [{"kind": "gru", "channels": 4}],
                "head": {"kind": "softmax"},
            },
            "codec": {"kind": "mu_law", "sample_rate": RATE, "levels": 16},
            "conditions": [
                {
                    "name": "instrument",
                    "kind": "class",
                    "size": len(labels),
                    "labels": list(labels),
                    "embedding_channels": 2,
                },
                {"name": "pitch", "kind": "class", "size": 128, "embedding_channels": 2},
            ],
            "training": {"recipe": "none", "steps": 3},
        },
    )


def test_generate_and_evaluate(prepared: Path, tmp_path: Path) -> None:
    model = tmp_path / "tiny.safetensors"
    write_tiny_model(model)
    output = tmp_path / "evaluation"
    words = ["evaluate", str(prepared), "--generate", str(model), "--output", str(output)]
    words += ["--notes", "2", "--seconds", "1.1", "--nearest", "3", "--seed", "4"]
    words += ["--beside", str(model)]
    assert main(words) == 0
    manifest = (output / "generated" / "manifest.csv").read_text().splitlines()
    assert manifest[1].startswith("flute-55-seed4.wav,flute,55,,4,")
    assert len(manifest) == 5
    evaluation = Evaluation.read(output / "evaluation.json")
    # Cross-entropy in nats, the same in bits, and its negative.
    nats = evaluation.value("cross_entropy")
    assert nats is not None
    assert evaluation.value("bits") == pytest.approx(nats / math.log(2))
    assert evaluation.value("log_likelihood") == pytest.approx(-nats)
    likelihoods = evaluation.table("likelihood")
    assert likelihoods is not None
    rows = {row[0]: row for row in likelihoods.rows}
    assert rows["uniform"][2] == pytest.approx(4.0)
    assert rows["this model"][1] == pytest.approx(nats)
    assert rows["tiny.safetensors"][1] == pytest.approx(nats)
    # The Markov table of the tones, by hand on the two held-out files.
    train = [soundfile.read(path)[0] for path in sorted((prepared / "train").iterdir())]
    held_out = [soundfile.read(path)[0] for path in sorted((prepared / "validation").iterdir())]
    table = likelihood.markov_table(train, 16)
    expected = sum(likelihood.markov_nats(table, sound) for sound in held_out)
    expected /= sum(len(sound) for sound in held_out)
    assert rows["order-1 Markov table, 16 by 16"][1] == pytest.approx(expected)
    frechet = next(metric for metric in evaluation.metrics if metric.key == "frechet")
    assert frechet.generated is not None
    assert frechet.training is not None
    assert frechet.codec is not None
    for name in ("waveforms", "spectrograms", "pitch_histograms"):
        picture = (output / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000
    assert "| Fréchet audio distance, 13 MFCCs |" in (output / "evaluation.md").read_text()
    pairs = sorted(path.name for path in (output / "nearest").glob("01-*"))
    assert pairs == ["01-generated.wav", "01-training.wav"]
    assert evaluation.value("mean_squared_error") is None


def test_a_set_against_itself(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = str(prepared / "validation")
    assert main(["evaluate", place, place, "--output", str(tmp_path / "out")]) == 0
    evaluation = Evaluation.read(tmp_path / "out" / "evaluation.json")
    assert evaluation.value("frechet") == pytest.approx(0.0, abs=1e-6)
    assert evaluation.value("kullback_leibler") == 0.0
    assert evaluation.value("mean_squared_error") == 0.0
    assert evaluation.value("in_tune") == 1.0
    assert evaluation.value("signal_to_noise") is None
    printed = capsys.readouterr().out
    assert "signal-to-noise ratio: not defined: a generated file equals its reference" in printed
    assert "negative log-likelihood of the reference: not defined: no model was named" in printed


def test_sound_without_any_pitch(prepared: Path, tmp_path: Path) -> None:
    """Every metric of pitch says why it has no value, and the note counts as wrong."""
    write_sounds(tmp_path / "silent", {"a": np.zeros(RATE)})
    (tmp_path / "silent" / "manifest.csv").write_text("file,midi_pitch\na.wav,60\n")
    words = ["evaluate", str(prepared), str(tmp_path / "silent"), "--output", str(tmp_path / "o")]
    assert main(words) == 0
    evaluation = Evaluation.read(tmp_path / "o" / "evaluation.json")
    assert evaluation.value("in_tune") == 0.0
    for key in ("cents", "heard_pitches", "heard_range", "heard_entropy", "peak_range"):
        metric = next(entry for entry in evaluation.metrics if entry.key == key)
        assert metric.generated is None
        assert "no voiced frame" in metric.reason or "no pitch was found" in metric.reason
    assert evaluation.sentences[-1] == "Out of tune: a (no pitch)"


def test_score_by_the_command(prepared: Path, tmp_path: Path) -> None:
    """What `cadenza score` is called with, and that its figures are used."""
    model = tmp_path / "tiny.safetensors"
    write_tiny_model(model)
    command = tmp_path / "cadenza"
    answer = json.dumps({"all": {"nats": 30.0, "samples": 20}})
    command.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/words"\necho \'{answer}\'\n')
    command.chmod(0o755)
    files = find_sounds(prepared).files
    score = likelihood.score(model, files, str(command))
    assert score.nats_per_sample == 1.5
    assert score.instruments == {"flute": (30.0, 20), "bass": (30.0, 20)}
    words = (tmp_path / "words").read_text().splitlines()
    path = prepared / "validation" / "flute-62.flac"
    expected = f"score {model} {path} --json --quiet --set instrument=flute --set pitch=62"
    assert words[0] == expected
    command.write_text("#!/bin/sh\necho no such model >&2\nexit 1\n")
    with pytest.raises(UserError, match=r"flute-62\.flac: no such model"):
        likelihood.score(model, files, str(command))
    with pytest.raises(UserError, match="cannot be run"):
        likelihood.score(model, files, str(tmp_path / "nothing"))


def write_piece(path: Path, piece: Piece) -> None:
    midi = pretty_midi.PrettyMIDI(initial_tempo=120.0)
    instrument = pretty_midi.Instrument(0)
    for start, length, _, _, pitch, velocity, _ in piece.table:
        note = pretty_midi.Note(int(velocity), int(pitch), start, start + length)
        instrument.notes.append(note)
    midi.instruments.append(instrument)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.write(str(path))


def test_evaluate_notes(tmp_path: Path) -> None:
    for seed in range(6):
        write_piece(tmp_path / "train" / f"t{seed}.mid", melody(seed))
    for name, seed in (("reference", 20), ("generated", 20), ("reference", 21)):
        write_piece(tmp_path / name / f"p{seed}.mid", melody(seed))
    write_piece(tmp_path / "generated" / "p2.mid", melody(2))
    output = tmp_path / "out"
    words = ["evaluate", str(tmp_path / "reference"), str(tmp_path / "generated")]
    words += ["--training", str(tmp_path / "train"), "--output", str(output), "--nearest", "2"]
    assert main(words) == 0
    evaluation = Evaluation.read(output / "evaluation.json")
    # p20 answers p20, note for note.
    for key in ("pitch_accuracy", "rhythm_coherence", "harmonic_progression_accuracy", "note_f1"):
        assert evaluation.value(key) == 1.0
    assert evaluation.value("mean_squared_error") == 0.0
    assert any(sentence.startswith("COPIES") for sentence in evaluation.sentences)
    pair = [
        pretty_midi.PrettyMIDI(str(output / "nearest" / f"01-{side}.mid"))
        for side in ("generated", "training")
    ]
    pitches = [[note.pitch for note in side.instruments[0].notes] for side in pair]
    assert len(pitches[0]) == PASSAGE_NOTES
    assert (output / "piano_rolls.png").read_bytes().startswith(b"\x89PNG")


def test_prepared_notes(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    columns = "onset_seconds,duration_seconds,onset_beats,duration_beats,pitch,velocity,voice\n"
    (tmp_path / "test" / "a.csv").write_text(columns + "0,0.5,0,1,60,80,0\n0.5,0.5,1,1,64,80,0\n")
    PreparedSet(
        tmp_path, SetDescription("notes", "two"), (NotesEntry("test/a.csv", "test", notes=2),)
    ).write()
    output = tmp_path / "out"
    assert main(["evaluate", str(tmp_path), str(tmp_path / "test"), "--output", str(output)]) == 0
    evaluation = Evaluation.read(output / "evaluation.json")
    # Two pitches, once each.
    assert evaluation.value("entropy") == 1.0
    assert evaluation.value("range") == 4.0
    assert evaluation.value("suspected_copies") is None


def _empty(folder: Path) -> list[str]:
    (folder / "nothing").mkdir()
    return [str(folder / "nothing"), str(folder / "nothing")]


def _unreadable(folder: Path) -> list[str]:
    write_sounds(folder / "good", {"a": tone(60)})
    (folder / "bad").mkdir()
    (folder / "bad" / "b.wav").write_bytes(b"RIFF and no more")
    return [str(folder / "good"), str(folder / "bad")]


def _mixed(folder: Path) -> list[str]:
    write_sounds(folder / "sounds", {"a": tone(60)})
    write_piece(folder / "notes" / "a.mid", melody(1))
    return [str(folder / "sounds"), str(folder / "notes")]


def _broken_midi(folder: Path) -> list[str]:
    write_piece(folder / "notes" / "a.mid", melody(1))
    (folder / "broken").mkdir()
    (folder / "broken" / "b.mid").write_bytes(b"MThd broken")
    return [str(folder / "notes"), str(folder / "broken")]


def _no_samples(folder: Path) -> list[str]:
    write_sounds(folder / "good", {"a": tone(60)})
    write_sounds(folder / "empty", {"b": np.zeros(0)})
    return [str(folder / "good"), str(folder / "empty")]


def _both_kinds(folder: Path) -> list[str]:
    write_sounds(folder / "both", {"a": tone(60)})
    write_piece(folder / "both" / "a.mid", melody(1))
    return [str(folder / "both"), str(folder / "both")]


def _bad_manifest(folder: Path) -> list[str]:
    write_sounds(folder / "good", {"a": tone(60)})
    (folder / "good" / "manifest.csv").write_text("file,midi_pitch\na.wav,high\n")
    return [str(folder / "good"), str(folder / "good")]


def _no_training_split(folder: Path) -> list[str]:
    _mixed(folder)
    return [str(folder / "sounds")]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_empty, "nothing has no sound and no MIDI file"),
        (_unreadable, "b.wav cannot be read as sound"),
        (_mixed, "holds audio and"),
        (_broken_midi, "b.mid cannot be read as MIDI"),
        (_no_samples, "b.wav holds no samples"),
        (_both_kinds, "expected --kind audio or notes"),
        (_bad_manifest, "manifest.csv, line 2"),
        (_no_training_split, "expected either GENERATED or --generate MODEL"),
    ],
)
def test_bad_input_ends_in_a_sentence(
    make: Callable[[Path], list[str]],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["evaluate", *make(tmp_path), "--output", str(tmp_path / "out")]
    assert main(words) == 1
    assert sentence in capsys.readouterr().err


def test_a_model_of_other_conditions(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "other.safetensors"
    write_tiny_model(model, ("oboe", "bass"))
    words = ["evaluate", str(prepared), "--generate", str(model), "--output", str(tmp_path / "o")]
    assert main(words) == 1
    assert "which" in (error := capsys.readouterr().err)
    assert "does not know; its instruments: oboe, bass" in error
