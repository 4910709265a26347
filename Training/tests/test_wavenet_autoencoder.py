"""The WaveNet autoencoder: chunks, local conditions by rows, starting from a WaveNet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from cadenza_training import mu_law
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.evaluation import embedded_sounds
from cadenza_training.evaluation.sound_files import find_sounds
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.model_file import read_model
from cadenza_training.networks.registry import load_network
from cadenza_training.reference import network_inputs
from cadenza_training.systems.raw_audio.augmentation import AugmentationOptions
from cadenza_training.systems.raw_audio.recordings import load_recordings
from cadenza_training.systems.raw_audio.take_sampler import TakeSampler
from cadenza_training.systems.wavenet_autoencoder.chunks import ChunkShape, EmbeddedChunkSampler
from cadenza_training.systems.wavenet_autoencoder.playing import encode, play
from cadenza_training.systems.wavenet_autoencoder.wavenet_autoencoder import (
    EncoderOptions,
    recording_nats,
)

FIXTURES = Path(__file__).parents[2] / "Tests" / "Fixtures" / "parity"
WAVENET = {"kind": "wavenet", "dilations": [1, 2, 4], "residual_channels": 8, "skip_channels": 12}
CONFIGURATION = {
    "name": "tiny",
    "system": "wavenet_autoencoder",
    "network": {
        **WAVENET,
        "encoder": {
            "size": 4, "frames_per_value": 64, "channels": 6, "stride": 2, "dilations": [1, 2],
        },
    },
    "codec": {"kind": "mu_law", "levels": 64},
    "conditions": {"pitch": 5},
    "batches": {"chunk_frames": 128},
    "training": {"steps": 30, "batch_size": 4, "learning_rate": 0.01, "validate_every": 15},
}  # fmt: skip


def test_local_conditions_come_in_rows_or_at_every_step() -> None:
    network, configuration = load_network(FIXTURES / "wavenet-embedding.safetensors")
    found = load_file(FIXTURES / "wavenet-embedding.reference.safetensors")
    silence = configuration["network"]["vocabulary_size"] // 2
    inputs = network_inputs(found["tokens"], silence)[:, None]
    pitches = found["conditions.pitch"].long()[:, None]
    series = found["conditions.embedding"][:, None]
    at_every_step, _ = network(inputs, [series, pitches])
    torch.testing.assert_close(at_every_step[:, 0], found["logits"], rtol=1e-4, atol=1e-4)
    # The pitch of this fixture stands still.
    rows, _ = network(inputs, [series[::16], pitches[0]])
    torch.testing.assert_close(rows, at_every_step)


def test_chunks_are_aligned_with_what_the_encoder_hears(note_set: PreparedSet) -> None:
    recordings = load_recordings(note_set, note_set.split("train"))
    shape = ChunkShape(span=64, chunk=256, margin=128, receptive_field=8, levels=256)
    takes = TakeSampler(recordings, note_set.description.instruments, AugmentationOptions(False))
    sampler = EmbeddedChunkSampler(
        recordings, takes, shape, columns=24, onset_share=0.4, seed=(1, 0)
    )
    chunks = sampler.next_batch()
    inside = chunks.heard[:, 128:-128].T
    counted = chunks.mask > 0
    assert (mu_law.encode(inside, 256)[counted] == chunks.targets[counted]).all()
    begins = counted[0]
    assert 0 < begins.sum() < 24
    # A recording's first sample follows silence, and nothing is heard before it.
    assert (chunks.inputs[0, begins] == mu_law.silence_code(256)).all()
    assert (chunks.heard[begins, :128] == 0).all()
    assert not counted[:8, ~begins].any()
    assert counted[8:, ~begins].all()
    assert (chunks.inputs[1:] == chunks.targets[:-1])[counted[1:]].all()
    assert (np.abs(chunks.heard[~begins, :128]).max(axis=1) > 0).all()


def test_the_encoder_hears_no_further_than_it_says() -> None:
    from cadenza_training.networks.layers import LayerStack, Shape

    options = EncoderOptions(size=3, frames_per_value=64, channels=4, dilations=(1, 2, 4))
    layers = options.configuration()["layers"][:-2]
    torch.manual_seed(3)
    stack = LayerStack(layers, Shape(1, None, 1, False)).double()
    samples = torch.randn(1, 1, 1024, 1, dtype=torch.float64)
    changed = samples.clone()
    changed[:, :, 512] += 1.0
    differs = (stack(samples) != stack(changed)).any(dim=1)[0, :, 0].nonzero()[:, 0]
    assert options.stride * int(differs.min()) >= 512 - options.reach
    assert options.stride * int(differs.max()) <= 512 + options.reach


def test_from_notes_to_a_model_that_plays_them_again(note_set: PreparedSet, tmp_path: Path) -> None:
    outcome = fit(read_configuration(CONFIGURATION, None), note_set, tmp_path / "run")
    assert outcome.validation_nats < np.log(64)
    model = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", model, storage="f32")
    network, configuration = load_network(model)
    entry = configuration["conditions"][0]
    assert entry == {"name": "embedding", "kind": "latent", "size": 4, "frames_per_value": 64}
    assert configuration["encoder"]["minimum_frames"] == 64
    samples = load_recordings(note_set, note_set.split("validation"))[0].samples / 32768.0
    rows = encode(network, samples)
    assert rows.shape == (-(-len(samples) // 64), 4)
    # In pieces, the likelihood is that of the whole.
    nats = recording_nats(network, 64, samples.astype(np.float32), rows[:, None], 52)
    codes = torch.from_numpy(mu_law.encode(samples, 64))[:, None]
    inputs = torch.cat([torch.full_like(codes[:1], mu_law.silence_code(64)), codes[:-1]])
    with torch.no_grad():
        logits, _ = network(inputs, [rows[:, None], torch.tensor([52])])
    whole = torch.nn.functional.cross_entropy(logits[:, 0], codes[:, 0], reduction="sum")
    assert nats == pytest.approx(float(whole), rel=1e-5)
    # Played a sample at a time, the likeliest codes are those of the whole sequence.
    sound = play(network, 64, [rows], [52], 100, temperature=0.0, seed=1)
    played = torch.from_numpy(mu_law.encode(sound[0], 64))[:, None]
    inputs = torch.cat([torch.full_like(played[:1], mu_law.silence_code(64)), played[:-1]])
    with torch.no_grad():
        logits, _ = network(inputs, [rows[:2, None], torch.tensor([52])])
    assert (logits[:, 0].argmax(dim=-1) == played[:, 0]).float().mean() > 0.97


def test_held_out_notes_are_played_again_and_scored(note_set: PreparedSet, tmp_path: Path) -> None:
    fit(read_configuration(CONFIGURATION, None), note_set, tmp_path / "run")
    model = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", model, storage="f32")
    held_out = find_sounds(note_set.folder, "validation").files
    train = find_sounds(note_set.folder, "train").files
    options = {"times": 2, "seconds": 0.2, "temperature": 0.5, "seed": 1, "player": "pytorch"}
    embedded_sounds.play_again(model, held_out, tmp_path / "played", **options)
    played = find_sounds(tmp_path / "played").files
    assert [(file.midi_pitch, file.answers) for file in played[:2]] == [(52, held_out[0].name)] * 2
    assert len(played[0].read()[0]) == 800
    score = embedded_sounds.likelihood_table(model, held_out, train, [("other", 1.5)])
    nats = {row[0]: row[2] for row in score.rows}
    assert nats["other"] == 1.5
    assert nats["this model"] < nats["uniform"] == pytest.approx(np.log(64))
    # A recording that answers itself is at no distance, and others are.
    same = [replace(file, answers=file.name) for file in held_out]
    apart = embedded_sounds.distance_table(held_out, same, train, 0.2, 4000)
    assert apart.rows[-1][2] == 0.0 < apart.rows[-1][3]
    apart = embedded_sounds.distance_table(held_out, played, train, 0.2, 4000)
    assert apart.rows[-1][1:2] == (4,)
    assert apart.rows[-1][2] > 0.0


def test_it_starts_from_a_wavenet(note_set: PreparedSet, tmp_path: Path) -> None:
    """Where the embedding is an instrument's row, it is that WaveNet."""
    plain = {
        "name": "plain",
        "system": "raw_audio",
        "network": WAVENET,
        "codec": {"kind": "mu_law", "levels": 64},
        "conditions": {"instrument": 4, "pitch": 5},
        "batches": {"chunk_frames": 128},
        "training": {"steps": 3, "batch_size": 2},
    }
    fit(read_configuration(plain, None), note_set, tmp_path / "plain")
    start = tmp_path / "plain.safetensors"
    export(tmp_path / "plain", start, storage="f32")
    values = {**CONFIGURATION, "training": {"steps": 1, "batch_size": 2, "learning_rate": 1e-12}}
    fit(read_configuration(values, start), note_set, tmp_path / "run", start=start)
    export(tmp_path / "run", tmp_path / "tiny.safetensors", storage="f32")
    network, _ = load_network(tmp_path / "tiny.safetensors")
    theirs, _ = load_network(start)
    tensors, _ = read_model(start)
    row = tensors["conditions.instrument.embedding.weight"][1]
    inputs = torch.randint(64, (40, 1))
    ours, _ = network(inputs, [row[None], torch.tensor([50])])
    wanted, _ = theirs(inputs, [torch.tensor([1]), torch.tensor([50])])
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)
    other, _ = theirs(inputs, [torch.tensor([0]), torch.tensor([50])])
    assert not torch.allclose(other, wanted, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batches": {"chunk_frames": 100}}, "expected a multiple of 64"),
        ({"conditions": {"instrument": 4}}, "is not known to wavenet_autoencoder"),
        ({"codec": {"kind": "mu_law", "levels": 1024}}, "expected mu_law"),
        (
            {"network": {**WAVENET, "encoder": {"frames_per_value": 65, "stride": 4}}},
            "expected a multiple of the stride",
        ),
    ],
)
def test_what_is_refused(
    note_set: PreparedSet, tmp_path: Path, change: dict, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        fit(read_configuration({**CONFIGURATION, **change}, None), note_set, tmp_path / "run")
