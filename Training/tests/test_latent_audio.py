"""Decoders of notes: codecs that gradients go through, recordings as clips, autoencoders and
adversarial networks from a configuration to a model file."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cadenza_training import reference, reference_layers
from cadenza_training.configuration import build, override, packaged_names, read_toml
from cadenza_training.data.prepared_set import AudioEntry, Instrument, PreparedSet, SetDescription
from cadenza_training.errors import UserError
from cadenza_training.evaluation.decoder_player import DecoderPlayer
from cadenza_training.evaluation.report import Evaluation
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.model_file import read_model
from cadenza_training.networks.registry import load_network
from cadenza_training.systems.latent_audio.clips import ClipOptions, load_clips
from cadenza_training.systems.latent_audio.harmonic import HarmonicCodec, HarmonicOptions
from cadenza_training.systems.latent_audio.spectral_loss import spectral_distance
from cadenza_training.systems.latent_audio.spectrogram import SpectrogramCodec, SpectrogramOptions
from cadenza_training.systems.latent_audio.tuning import measure_cents
from cadenza_training.systems.registry import find_system

RATE = 16000
COMMITTED = Path(__file__).parents[2] / "Tests" / "Fixtures" / "parity"


def tone(pitch: float, frames: int, decay: float = 2.0) -> np.ndarray:
    time = np.arange(frames) / RATE
    frequency = 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)
    sound = sum(np.sin(2.0 * np.pi * k * frequency * time) / k for k in range(1, 5))
    return 0.3 * sound * np.exp(-decay * time)


@pytest.fixture(scope="module")
def note_set(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """Two instruments, two octaves apart, a quarter of a second a note."""
    import soundfile

    folder = tmp_path_factory.mktemp("notes")
    entries = []
    for split, pitches in (("train", range(60, 66)), ("validation", (61, 64))):
        (folder / split).mkdir()
        for label, octave in (("organ", 0), ("guitar", -1)):
            for pitch in pitches:
                asked = pitch + 12 * octave
                file = f"{split}/{label}-{asked}.flac"
                sound = tone(asked, 4000, 2.0 if label == "organ" else 8.0)
                soundfile.write(folder / file, sound, RATE, subtype="PCM_16")
                entries.append(AudioEntry(file, split, label, asked, None, 0.25, file, "CC0-1.0"))
    description = SetDescription(
        kind="audio",
        name="tiny",
        license="CC0-1.0",
        data="tones",
        sample_rate=RATE,
        instruments=(Instrument("guitar", 48, 53), Instrument("organ", 60, 65)),
    )
    prepared = PreparedSet(folder, description, tuple(entries))
    prepared.write()
    return PreparedSet.read(folder)


def test_the_harmonic_codec_is_that_of_the_reference() -> None:
    _, configuration = read_model(COMMITTED / "decoder-harmonic.safetensors")
    expected = load_file(COMMITTED / "decoder-harmonic.reference.safetensors")
    pitch = int(configuration["conditions"][1]["labels"][int(expected["conditions.pitch"][0])])
    values = {k: v for k, v in configuration["codec"].items() if k != "sample_rate"}
    codec = HarmonicCodec(build(HarmonicOptions, values, "codec"), RATE)
    frames = expected["frames"]
    sound = codec.play(frames[None], torch.tensor([pitch]), len(frames))[0].clamp(-1.0, 1.0)
    torch.testing.assert_close(sound, expected["samples"], rtol=0.0, atol=2e-5)


def test_noise_is_that_of_the_format() -> None:
    """Against the format's sentence, a frame at a time."""
    codec = HarmonicCodec(HarmonicOptions("harmonic", hop=8, harmonics=2, noise_bands=5), RATE)
    frames = torch.randn(1, 6, 8)
    found = codec._noise(frames, torch.Generator().manual_seed(3))[0]
    uniform = torch.rand(1, 6, 8, generator=torch.Generator().manual_seed(3))[0] * 2.0 - 1.0
    expected = np.zeros(6 * 8 + 64)
    for t in range(6):
        bands = 2.0 / (1.0 + np.exp(-(frames[0, t, 3:].numpy() - 5.0))) ** np.log(10.0) + 1e-7
        impulse = np.roll(np.fft.irfft(bands, 8), 4)
        impulse *= 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(8) / 8)
        piece = np.convolve(uniform[t].numpy(), impulse)
        expected[32 + t * 8 - 4 : 32 + t * 8 - 4 + len(piece)] += piece
    np.testing.assert_allclose(found.numpy(), expected[32 : 32 + 48], atol=1e-6)


@pytest.mark.parametrize("phase", ["phase", "instantaneous_frequency"])
def test_spectrogram_frames_give_the_sound_again(phase: str) -> None:
    options = SpectrogramOptions("spectrogram", 0, 256, 64, (-12.0, 5.0), phase)
    codec = SpectrogramCodec(options, RATE)
    sound = torch.from_numpy(tone(60, 4096)).float()[None]
    frames = codec.frames(sound, 64)
    assert float(frames.abs().max()) <= 1.0
    again = codec.play(frames, torch.tensor([60]), 64)
    assert float((again - sound)[:, 256:-256].abs().max()) < 2e-3
    by_reference = reference.spectrogram_samples(codec.configuration(), frames[0].numpy())
    np.testing.assert_allclose(again[0].numpy(), by_reference, atol=1e-5)


@pytest.mark.parametrize("cents", [-35.0, 0.0, 12.5])
def test_recordings_are_measured_and_tuned(cents: float) -> None:
    found = measure_cents(tone(57 + cents / 100.0, 16000), RATE, 57, 60.0)
    assert found == pytest.approx(cents, abs=1.0)


def test_a_recording_of_another_pitch_has_no_tuning() -> None:
    assert measure_cents(tone(58.0, 16000), RATE, 57, 60.0) is None


def test_clips_are_brought_to_another_rate_and_cut(note_set: PreparedSet) -> None:
    options = ClipOptions(clip_frames=1024, instruments=("organ",), tune=True)
    clips = load_clips(note_set, "train", options, 8000)
    assert len(clips) == 6
    assert all(1024 <= len(clip.samples) <= 1100 for clip in clips)
    heard = clips[0].samples.astype(np.float64)
    places = np.fft.rfftfreq(len(heard), 1.0 / 8000.0)
    loudest = places[np.abs(np.fft.rfft(heard * np.hanning(len(heard)))).argmax()]
    assert loudest == pytest.approx(261.6, abs=8.0)
    with pytest.raises(UserError, match='"oboe" is not in'):
        load_clips(note_set, "train", ClipOptions(instruments=("oboe",)), RATE)


def test_spectral_distance_knows_spectra_and_not_phases() -> None:
    one = torch.from_numpy(tone(60, 8000)).float()[None]
    time = np.arange(8000) / RATE
    shifted = torch.from_numpy(
        0.3
        * sum(np.cos(2.0 * np.pi * k * 261.6256 * time + k) / k for k in range(1, 5))
        * np.exp(-2.0 * time)
    ).float()[None]
    other = torch.from_numpy(tone(67, 8000)).float()[None]
    assert float(spectral_distance(one, one)) == 0.0
    assert float(spectral_distance(one, shifted)) < 0.5 * float(spectral_distance(one, other))


HARMONIC = {
    "name": "tiny-cvae",
    "system": "variational_audio",
    "network": {
        "kind": "decoder",
        "layers": [
            {"kind": "dense", "channels": 60},
            {"kind": "reshape", "steps": 15, "channels": 4},
            {"kind": "activation", "function": "leaky_relu"},
            {"kind": "upsample", "factor": 4, "mode": "linear"},
            {"kind": "convolution", "channels": 18, "kernel_size": 3},
        ],
    },
    "encoder": {
        "input": {"kind": "spectrogram", "frame_size": 256, "hop": 128, "magnitude": [-7, 4]},
        "layers": [
            {"kind": "convolution", "channels": 4, "kernel_size": 3, "stride": 4},
            {"kind": "activation", "function": "relu"},
            {"kind": "flatten"},
            {"kind": "condition", "mode": "concatenate"},
            {"kind": "dense", "channels": 3},
        ],
    },
    "codec": {"kind": "harmonic", "hop": 64, "harmonics": 8, "noise_bands": 9},
    "conditions": {"instrument": 2, "pitch": 5, "z": 3},
    "defaults": {"instrument": "organ", "pitch": 62},
    "batches": {"clip_frames": 3840, "tune": True, "transpose": 1},
    "losses": {"crop_frames": 2560, "divergence_weight": 0.01},
    "training": {
        **{"steps": 30, "batch_size": 4, "learning_rate": 5e-3, "threads": 1, "device": "cpu"},
        **{"log_every": 5, "validate_every": 10, "average_decay": 0.9},
    },
}
WAVEFORM = {
    **HARMONIC,
    "name": "tiny-waveform",
    "network": {
        "kind": "decoder",
        "layers": [
            {"kind": "dense", "channels": 60},
            {"kind": "reshape", "steps": 15, "channels": 4},
            {"kind": "activation", "function": "relu"},
            {"kind": "transposed_convolution", "channels": 2, "kernel_size": 16, "stride": 16},
            {"kind": "transposed_convolution", "channels": 1, "kernel_size": 16, "stride": 16},
            {"kind": "activation", "function": "sigmoid"},
        ],
    },
    "codec": {"kind": "waveform", "range": [0.0, 1.0]},
    "conditions": {"z": 3},
    "defaults": {},
    "losses": {"reconstruction": "squared", "reconstruction_weight": 100.0},
    "encoder": {
        "input": {"kind": "waveform"},
        "layers": [
            {"kind": "convolution", "channels": 4, "kernel_size": 16, "stride": 16},
            {"kind": "activation", "function": "relu"},
            {"kind": "pool", "size": 0},
            {"kind": "dense", "channels": 3},
        ],
    },
}
ADVERSARIAL = {
    "name": "tiny-gan",
    "system": "adversarial_audio",
    "network": {
        "kind": "decoder",
        "layers": [
            {"kind": "dense", "channels": 128},
            {"kind": "normalization", "over": "batch"},
            {"kind": "reshape", "steps": 4, "bins": 8, "channels": 4},
            {"kind": "activation", "function": "leaky_relu"},
            {"kind": "upsample", "factor": [4, 4]},
            {"kind": "convolution", "channels": 2, "kernel_size": [3, 3]},
            {"kind": "activation", "function": "tanh"},
        ],
    },
    "adversary": {
        "layers": [
            {"kind": "convolution", "channels": 4, "kernel_size": [4, 4], "stride": [4, 4]},
            {"kind": "activation", "function": "leaky_relu"},
            {"kind": "dropout", "share": 0.2},
            {"kind": "batch_deviation"},
            {"kind": "flatten"},
        ],
        "penalty": "real",
        "penalty_every": 2,
        "pitch_weight": 1.0,
    },
    "codec": {"kind": "spectrogram", "sample_rate": 8000, "frame_size": 64, "hop": 32},
    "conditions": {"pitch": 4, "z": 3},
    "batches": {"clip_frames": 512, "instruments": ["organ"]},
    "training": {**HARMONIC["training"], "steps": 20, "betas": [0.5, 0.9]},
}


def fitted(values: dict, prepared: PreparedSet, run: Path) -> dict[str, list[float]]:
    """The columns of its losses."""
    import csv

    fit(read_configuration(copy.deepcopy(values), None), prepared, run)
    with (run / "loss.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name] or "nan") for row in rows] for name in rows[0]}


@pytest.mark.parametrize("values", [HARMONIC, WAVEFORM], ids=["harmonic", "waveform"])
def test_an_autoencoder_learns_and_is_exported(
    tmp_path: Path, note_set: PreparedSet, values: dict
) -> None:
    losses = fitted(values, note_set, tmp_path / "run")
    assert losses["training_reconstruction"][-1] < losses["training_reconstruction"][0]
    assert min(losses["training_divergence"]) > 0.0
    export(tmp_path / "run", tmp_path / "model.safetensors", storage="f32")
    network, configuration = load_network(tmp_path / "model.safetensors")
    assert configuration["encoder"]["latent"] == "z"
    assert configuration["encoder"]["kind"] == "layers"
    assert configuration["encoder"]["frames"] == 3840
    # What is exported is what the reference makes of the file.
    tensors, _ = read_model(tmp_path / "model.safetensors")
    given = {"instrument": torch.tensor([1]), "pitch": torch.tensor([4]), "z": torch.randn(1, 3)}
    given = {entry["name"]: given[entry["name"]] for entry in configuration["conditions"]}
    frames = reference_layers.decoder_frames(tensors, configuration, given)
    with torch.no_grad():
        ours = network(list(given.values()))[0].numpy()
    np.testing.assert_allclose(ours, frames, atol=1e-4)


def test_an_adversary_learns_in_turns_and_goes_on_exactly(
    tmp_path: Path, note_set: PreparedSet
) -> None:
    whole = fitted(ADVERSARIAL, note_set, tmp_path / "whole")
    assert np.isfinite(whole["validation_loss"][-1])
    assert max(whole["training_penalty"]) > 0.0
    half = copy.deepcopy(ADVERSARIAL)
    half["training"] |= {"schedule": "constant"}
    other = copy.deepcopy(half)
    other["training"]["steps"] = 10
    fitted(other, note_set, tmp_path / "parts")
    in_parts = fitted(half, note_set, tmp_path / "parts")
    at_once = fitted(half, note_set, tmp_path / "at_once")
    assert in_parts["training_judge"] == at_once["training_judge"]
    assert in_parts["validation_loss"][-1] == at_once["validation_loss"][-1]
    export(tmp_path / "whole", tmp_path / "model.safetensors")
    tensors, configuration = read_model(tmp_path / "model.safetensors")
    assert configuration["codec"]["sample_rate"] == 8000
    assert not any("verdict" in name or "adversary" in name for name in tensors)
    assert [entry["kind"] for entry in configuration["conditions"]] == ["class", "latent"]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("conditions.z=0", "conditions.z is 0"),
        ("conditions.colour=3", '"colour" is not known here'),
        ("batches.instruments=['oboe']", '"oboe" is not in'),
        ("losses.reconstruction='squared'", "samples are compared with codec waveform only"),
        ("codec.noise_bands=10", "expected 0, or 2"),
        ("codec.harmonics=9", "gives 60 frames of 18 numbers; the codec needs 60 of 19"),
        ("batches.clip_frames=3841", "expected a multiple"),
        ("defaults.pitch=90", "defaults.pitch"),
    ],
)
def test_configurations_that_cannot_be_are_refused(
    note_set: PreparedSet, setting: str, sentence: str
) -> None:
    values = copy.deepcopy(HARMONIC)
    override(values, [setting])
    configuration = read_configuration(values, None)
    options = build(TrainingOptions, configuration.training, "training")
    with pytest.raises(UserError, match=sentence):
        find_system(configuration.system)(configuration, note_set, options, processes=1, rank=0)


def test_the_packaged_configurations_build(note_set: PreparedSet) -> None:
    for name in ("notes-cvae", "cvae-report", "gan-report", "notes-gan"):
        assert name in packaged_names()
        values = read_toml(name)
        values["batches"] |= {"instruments": ["guitar"], "minimum_pitch": 48}
        values["defaults"] = {}
        configuration = read_configuration(values, None)
        options = build(TrainingOptions, configuration.training, "training")
        system = find_system(configuration.system)(
            configuration, note_set, options, processes=1, rank=0
        )
        assert system.network.parameter_count() < 1_000_000


def test_decoders_are_evaluated_by_instrument(tmp_path: Path, note_set: PreparedSet) -> None:
    from cadenza_training.cli import main

    fitted(HARMONIC, note_set, tmp_path / "run")
    model = tmp_path / "model.safetensors"
    export(tmp_path / "run", model, storage="f32")
    found = tmp_path / "evaluation"
    words = ["evaluate", str(note_set.folder), "--split", "validation", "--generate", str(model)]
    words += ["--player", "pytorch", "--seconds", "0.24", "--notes", "2", "--output", str(found)]
    assert main(words) in (None, 0)
    evaluation = Evaluation.read(found / "evaluation.json")
    report = evaluation.table("report")
    assert [row[0] for row in report.rows] == ["guitar", "organ", "all"]
    rebuilt = evaluation.table("reconstruction")
    assert [row[:2] for row in rebuilt.rows] == [("guitar", 2), ("organ", 2), ("all", 4)]
    assert 0.0 < evaluation.value("reconstruction") < 100.0
    # By construction: the codec plays the pitch that was asked for.
    assert evaluation.value("in_tune") > 0.5
    assert evaluation.value("bits") is None
    assert (found / "spectrograms.png").is_file()
    only = tmp_path / "only"
    assert main([*words[:-1], str(only), "--only", "organ"]) in (None, 0)
    assert [row[0] for row in Evaluation.read(only / "evaluation.json").table("report").rows] == [
        "organ",
        "all",
    ]


def test_a_player_plays_what_the_seed_and_the_conditions_say(
    tmp_path: Path, note_set: PreparedSet
) -> None:
    fitted(HARMONIC, note_set, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "model.safetensors", storage="f32")
    player = DecoderPlayer(tmp_path / "model.safetensors")
    organ = (("instrument", "organ"), ("pitch", "62"))
    sounds = [player.generate(seed, organ, 4000) for seed in (1, 1, 2)]
    assert np.array_equal(sounds[0], sounds[1])
    assert not np.array_equal(sounds[0], sounds[2])
    # Behind the clip there is silence.
    assert np.all(sounds[0][3840:] == 0.0)
    # Without noise the codec is the reference's.
    tensors, configuration = read_model(tmp_path / "model.safetensors")
    latent = torch.randn(1, 3, generator=torch.Generator().manual_seed(1))
    values = {"instrument": torch.tensor([1]), "pitch": torch.tensor([14]), "z": latent}
    frames = reference_layers.decoder_frames(tensors, configuration, values)
    expected = reference_layers.harmonic_samples(configuration["codec"], frames, 62)
    np.testing.assert_allclose(player.generate(1, organ, 3840, 0.0), expected, atol=1e-4)


def test_a_decoder_has_a_card(tmp_path: Path, note_set: PreparedSet) -> None:
    from cadenza_training.cli import main

    fitted(HARMONIC, note_set, tmp_path / "run")
    model = tmp_path / "model.safetensors"
    export(tmp_path / "run", model)
    page = tmp_path / "model.md"
    words = ["card", str(model), "--set", str(note_set.folder), "--output", str(page)]
    words += ["--losses", str(tmp_path / "run" / "loss.csv"), "--player", "pytorch"]
    assert main([*words, "--condition", "instrument=guitar", "--condition", "pitch=50"]) in (
        None,
        0,
    )
    text = page.read_text(encoding="utf-8")
    assert "A decoder, from the conditions' vector to a whole clip: 1 dense" in text
    assert "| `z` | latent | 3 numbers |" in text
    assert "instrument guitar, pitch 50, seed 1" in text
    assert page.with_suffix(".png").is_file()
