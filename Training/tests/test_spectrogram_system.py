"""Columns of a spectrogram, and networks that predict the next one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tone

from cadenza_training.configuration import build
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.errors import UserError
from cadenza_training.evaluation.continued_sounds import answers_recordings, continue_folder
from cadenza_training.evaluation.sound_files import find_sounds
from cadenza_training.export import export
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.model_file import read_model
from cadenza_training.networks.registry import load_network
from cadenza_training.reference import logits as reference_logits
from cadenza_training.reference import spectrogram_samples
from cadenza_training.systems.spectrogram.columns import SpectrogramCodec
from cadenza_training.systems.spectrogram.continuing import continue_recording, continued
from cadenza_training.systems.spectrogram.spectrogram import Spectrogram

PHASES = ("phase", "instantaneous_frequency")
BOTH = [{"kind": "lstm", "channels": 9, "bidirectional": True}] * 2
CONFIGURATION = {
    "name": "tiny",
    "system": "spectrogram",
    "network": {"kind": "recurrent", "window": 4, "layers": BOTH},
    "codec": {"kind": "spectrogram", "frame_size": 64, "hop": 16, "magnitude": [-8.0, 3.0]},
    "batches": {"instrument": "reed"},
    "training": {"steps": 30, "batch_size": 8, "learning_rate": 0.01, "validate_every": 15},
}


def sound() -> np.ndarray:
    return tone(55, 0.3, overtone=0.5).astype(np.float32)


@pytest.mark.parametrize("phase", PHASES)
def test_a_sound_comes_back(phase: str) -> None:
    samples = sound()
    codec = SpectrogramCodec(64, 16, (-25.0, 5.0), phase)
    columns = codec.of_section(samples, 0, codec.column_count(len(samples)))
    assert columns.shape == (75, 64)
    assert float(columns.abs().max()) <= 1.0
    back = codec.sound_of(columns)
    # All but the Nyquist bin, which is trimmed, and holds a little of the noise.
    assert np.abs(back[: len(samples)] - samples).max() < 2e-3
    expected = spectrogram_samples(codec.configuration(4000), columns.numpy())
    assert np.abs(back - expected).max() < 1e-5


@pytest.mark.parametrize("phase", PHASES)
def test_columns_are_the_same_wherever_a_section_begins(phase: str) -> None:
    codec = SpectrogramCodec(64, 16, (-8.0, 3.0), phase)
    whole = codec.of_section(sound(), 0, 60)
    parts = [codec.of_section(sound(), first, 20) for first in (0, 20, 40)]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0.0, atol=1e-4)
    before = codec.of_section(sound(), -10, 7)
    torch.testing.assert_close(before, codec.silence().expand(7, -1))
    after = codec.of_section(sound(), 200, 3)
    assert (after[:, ::2] == -1.0).all()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"network": {"kind": "recurrent", "layers": [{"kind": "gru", "channels": 20}]}},
        {"codec": {**CONFIGURATION["codec"], "phase": "instantaneous_frequency", "columns": 3}},
    ],
)
def test_from_notes_to_what_follows_them(
    note_set: PreparedSet, tmp_path: Path, change: dict
) -> None:
    values = {**CONFIGURATION, **change}
    outcome = fit(read_configuration(values, None), note_set, tmp_path / "run")
    assert outcome.unit == "squared error"
    model = tmp_path / "tiny.safetensors"
    export(tmp_path / "run", model, storage="f32")
    network, configuration = load_network(model)
    codec = SpectrogramCodec.from_configuration(configuration["codec"])
    numbers = codec.element_numbers
    assert answers_recordings(configuration)
    assert configuration["network"]["head"] == {"kind": "linear", "channels": numbers}
    # What goes on is what the reference predicts, element after element.
    known = codec.of_section(sound(), 0, 6 * codec.columns).reshape(6, numbers)
    fed = torch.cat([codec.silence().repeat(codec.columns)[None], known])
    made = continued(network, fed, 3)
    tensors, _ = read_model(model)
    elements = torch.cat([known, made])
    wanted = reference_logits(tensors, configuration, elements, {})[6:].clamp(-1.0, 1.0)
    torch.testing.assert_close(made, wanted.float(), rtol=1e-4, atol=1e-4)
    held_out = find_sounds(note_set.folder, "validation").files
    folder = tmp_path / "continued"
    continue_folder(model, held_out, folder, known_seconds=0.15, seconds=0.1, player="pytorch")
    assert [file.answers for file in find_sounds(folder).files] == [f.name for f in held_out]
    played = continue_recording(network, codec, sound(), 600, 500)
    assert played.shape == (500,)
    assert np.isfinite(played).all()


def test_it_learns(note_set: PreparedSet, tmp_path: Path) -> None:
    """Better than no change at all would be, on what it was trained on; columns of which nothing
    was learnt are worse."""
    first = fit(
        read_configuration({**CONFIGURATION, "training": {"steps": 1, "batch_size": 8}}, None),
        note_set,
        tmp_path / "first",
    )
    last = fit(read_configuration(CONFIGURATION, None), note_set, tmp_path / "last")
    assert last.validation_nats < 0.9 * first.validation_nats


def test_it_may_begin_by_repeating(note_set: PreparedSet, tmp_path: Path) -> None:
    """Before anything is learnt: nearly as good as the element before, which few random weights
    are."""
    codec = {**CONFIGURATION["codec"], "phase": "instantaneous_frequency"}
    layers = [{"kind": "lstm", "channels": 40}] * 2
    found = {}
    for repeats in (False, True):
        values = {
            **CONFIGURATION,
            "codec": codec,
            "network": {"kind": "recurrent", "layers": layers, "repeats_at_first": repeats},
            "batches": {"instrument": "reed", "loudness_weighted": True},
        }
        configuration = read_configuration(values, None)
        options = build(TrainingOptions, configuration.training, "training")
        system = Spectrogram(configuration, note_set, options, processes=1, rank=0)
        found[repeats] = system.validate()
    elements = system.next_batch()
    weights = system._weights(elements[1:])
    kept = float(((elements[1:] - elements[:-1]) * weights).square().mean())
    assert found[True] < 0.3 * found[False]
    assert found[True] < 4.0 * kept


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batches": {"instrument": "gong"}}, 'batches.instrument is "gong"'),
        ({"codec": {"kind": "spectrogram", "frame_size": 60}}, "expected a power of two"),
        ({"codec": {"kind": "spectrogram", "phase": "none"}}, 'codec.phase is "none"'),
        ({"codec": {"kind": "mu_law"}}, 'codec.kind is "mu_law"'),
        ({"conditions": {"pitch": 4}}, "knows no conditions"),
        ({"network": {"kind": "recurrent", "layers": BOTH}}, "the network needs a window"),
        (
            {"network": {**CONFIGURATION["network"], "repeats_at_first": True}},
            "no stack of LSTMs that remember",
        ),
    ],
)
def test_what_is_refused(
    note_set: PreparedSet, tmp_path: Path, change: dict, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        fit(read_configuration({**CONFIGURATION, **change}, None), note_set, tmp_path / "run")
