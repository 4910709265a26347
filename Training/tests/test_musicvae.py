"""A folder as MusicVAE's, made up: it converts, encoder and all, and what is wrong is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cadenza_training.conversion import musicvae
from cadenza_training.conversion.convert import Request, convert
from cadenza_training.engine import Engine
from cadenza_training.errors import UserError

SYMBOLS, LATENT, CHANNELS, STEPS = 9, 5, 12, 8


def shapes(with_encoder: bool) -> dict[str, tuple[int, ...]]:
    cell = "decoder/multi_rnn_cell/cell_{}/lstm_cell/"
    found: dict[str, tuple[int, ...]] = {
        cell.format(0) + "kernel": (SYMBOLS + LATENT + CHANNELS, 4 * CHANNELS),
        cell.format(0) + "bias": (4 * CHANNELS,),
        cell.format(1) + "kernel": (2 * CHANNELS, 4 * CHANNELS),
        cell.format(1) + "bias": (4 * CHANNELS,),
        "decoder/output_projection/kernel": (CHANNELS, SYMBOLS),
        "decoder/output_projection/bias": (SYMBOLS,),
        "decoder/z_to_initial_state/kernel": (LATENT, 4 * CHANNELS),
        "decoder/z_to_initial_state/bias": (4 * CHANNELS,),
    }
    for direction in ("fw", "bw"):
        name = f"encoder/cell_0/bidirectional_rnn/{direction}/multi_rnn_cell/cell_0/lstm_cell/"
        if with_encoder:
            found[name + "kernel"] = (SYMBOLS + CHANNELS, 4 * CHANNELS)
        found[name + "bias"] = (4 * CHANNELS,)
    found["encoder/mu/kernel"], found["encoder/mu/bias"] = (2 * CHANNELS, LATENT), (LATENT,)
    return found


def folder(path: Path, with_encoder: bool = True) -> Path:
    path.mkdir()
    random = np.random.default_rng(3)
    manifest = {}
    for name, shape in shapes(with_encoder).items():
        file = name.replace("/", "_")
        manifest[name] = {"filename": file, "shape": list(shape)}
        random.normal(0, 0.6, shape).astype("<f4").tofile(path / file)
    (path / "manifest.json").write_text(json.dumps(manifest))
    arguments = {"minPitch": 60, "maxPitch": 60 + SYMBOLS - 3, "numSteps": STEPS}
    converter = {"type": "MelodyConverter", "args": arguments}
    (path / "converter.json").write_text(json.dumps(converter))
    return path


@pytest.mark.parametrize("with_encoder", [True, False])
def test_a_folder_converts(tmp_path: Path, with_encoder: bool) -> None:
    source = folder(tmp_path / "mel", with_encoder)
    output = tmp_path / "mel.safetensors"
    lines = convert(Request(source, output))
    assert any("log-probabilities" in line for line in lines)
    assert any("numbers of z" in line for line in lines) == with_encoder
    with Engine().load(output) as model, model.stream(temperature=0.0) as stream:
        stream.set_condition("z", [2.0] * LATENT)
        events = stream.compose(10 * model.sample_rate)
        assert (events[-1].kind, events[-1].beat) == ("end", STEPS / 4)
        greedy = [0] * STEPS
        for step in range(STEPS):
            logits = musicvae.decode(musicvae.read(source), np.full(LATENT, 2.0), np.array(greedy))
            greedy[step] = int(logits[step].argmax())
        pitches = [60 + token - 2 for token in greedy if token >= 2]
        assert [event.pitch for event in events if event.kind == "note on"] == pitches


def test_the_gates_are_put_in_order(tmp_path: Path) -> None:
    """A check that could not fail would pass a file whose gates are as TensorFlow has them."""
    source = folder(tmp_path / "mel")
    kernel = source / "decoder_multi_rnn_cell_cell_1_lstm_cell_kernel"
    output = tmp_path / "mel.safetensors"
    convert(Request(source, output))
    numbers = np.fromfile(kernel, "<f4")
    numbers[7] += 0.5
    numbers.tofile(kernel)
    results = musicvae.check_file(musicvae.read(source), output)
    assert results[0].largest > musicvae.TOLERANCE


def test_what_is_wrong_is_refused(tmp_path: Path) -> None:
    source = folder(tmp_path / "mel")
    request = Request(source, tmp_path / "mel.safetensors", sample_rate=16000)
    with pytest.raises(UserError, match="--sample-rate does not go with a MusicVAE"):
        convert(request)
    (source / "decoder_output_projection_bias").write_bytes(b"1234")
    with pytest.raises(UserError, match=r"holds 1 numbers, expected \[9\]"):
        convert(Request(source, tmp_path / "mel.safetensors"))
    (source / "decoder_output_projection_bias").unlink()
    with pytest.raises(UserError, match="lacks decoder/output_projection/bias"):
        convert(Request(source, tmp_path / "mel.safetensors"))
    (source / "converter.json").unlink()
    with pytest.raises(UserError, match="cannot be read"):
        convert(Request(source, tmp_path / "mel.safetensors"))
    assert not list(tmp_path.glob("*.safetensors*"))
