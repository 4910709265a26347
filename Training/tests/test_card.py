"""The page that goes with a model, and what it leaves in the model file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from cadenza_training.cli import main
from cadenza_training.data.prepared_set import AudioEntry, Instrument, PreparedSet, SetDescription
from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.evaluation.loss_curve import LossCurve
from cadenza_training.evaluation.metric import Metric
from cadenza_training.evaluation.model_metadata import (
    read_configuration,
    read_tensor_facts,
    tensors_checksum,
    update_training,
)
from cadenza_training.evaluation.network_summary import network_summary
from cadenza_training.evaluation.report import Evaluation, Table
from cadenza_training.model_file import read_model, write_model

RATE = 16000
LOSSES = "step,samples,training_nats,validation_nats\n1,100,2.5,\n2,200,2.25,2.75\n3,300,2.0,3.0\n"


def write_wavenet(path: Path) -> None:
    torch.manual_seed(2)
    shapes = {
        "conditions.instrument.embedding.weight": (2, 3),
        "input.embedding.weight": (16, 4),
        "layers.0.gate.weight": (8, 4, 2),
        "layers.0.gate.bias": (8,),
        "layers.0.condition.weight": (8, 3),
        "layers.0.skip.weight": (5, 4),
        "layers.0.skip.bias": (5,),
        "head.hidden.weight": (5, 5),
        "head.hidden.bias": (5,),
        "head.output.weight": (16, 5),
        "head.output.bias": (16,),
    }
    write_model(
        path,
        {name: torch.randn(shape) for name, shape in shapes.items()},
        {
            "name": "two tones",
            "description": "Tones",
            "license": "CC0-1.0",
            "network": {
                "kind": "wavenet",
                "vocabulary_size": 16,
                "input": {"kind": "embedding"},
                "kernel_size": 2,
                "dilations": [1],
                "residual_channels": 4,
                "skip_channels": 5,
            },
            "codec": {"kind": "mu_law", "sample_rate": RATE, "levels": 16},
            "conditions": [
                {
                    "name": "instrument",
                    "kind": "class",
                    "labels": ["flute", "bass"],
                    "embedding_channels": 3,
                    "default": 1,
                }
            ],
            "sampling": {"temperature": 0.75},
            "training": {"recipe": "an older one", "steps": 1},
        },
    )


def write_recurrent(path: Path) -> None:
    torch.manual_seed(3)
    shapes = {"head.weight": (16, 4), "head.bias": (16,)}
    for layer, inputs in ((0, 16), (1, 4)):
        shapes[f"layers.{layer}.input.weight"] = (12, inputs)
        shapes[f"layers.{layer}.input.bias"] = (12,)
        shapes[f"layers.{layer}.recurrent.weight"] = (12, 4)
        shapes[f"layers.{layer}.recurrent.bias"] = (12,)
    write_model(
        path,
        {name: torch.randn(shape).half() for name, shape in shapes.items()},
        {
            "network": {
                "kind": "recurrent",
                "vocabulary_size": 16,
                "input": {"kind": "one_hot"},
                "layers": [{"kind": "gru", "channels": 4}, {"kind": "gru", "channels": 4}],
                "head": {"kind": "softmax"},
            },
            "codec": {"kind": "mu_law", "sample_rate": RATE, "levels": 16},
        },
    )


def write_set(folder: Path, labels: tuple[str, ...] = ("flute", "bass")) -> None:
    entries = []
    for split, label, seconds in (("train", labels[0], 2.0), ("test", labels[1], 0.5)):
        (folder / split).mkdir(parents=True)
        file = f"{split}/{label}.flac"
        soundfile.write(folder / file, np.zeros(round(seconds * RATE)), RATE)
        entries.append(AudioEntry(file, split, label, 60, seconds=seconds, licence="CC BY 4.0"))
    description = SetDescription(
        "audio",
        "tones",
        data="Tones by nobody",
        license="CC BY 4.0",
        sample_rate=RATE,
        instruments=tuple(Instrument(label, 55, 65, 1, f"{label} by A. U.") for label in labels),
    )
    PreparedSet(folder, description, tuple(entries)).write()


def evaluation_of(model: Path) -> Evaluation:
    return Evaluation(
        kind="audio",
        settings={"reference": "tones", "model tensors (SHA-256)": tensors_checksum(model)},
        metrics=[
            Metric("cross_entropy", "cross-entropy", "Du", "nats", "lower", generated=1.23456),
            Metric("in_tune", "in tune", "pYIN", "share", "higher", reason="nothing was asked"),
        ],
        tables=[
            Table(
                "likelihood",
                "Likelihood",
                ("predictor", "nats a sample", "bits a sample"),
                (("uniform", 2.7726, 4.0), ("this model", 1.2346, 1.7811)),
            )
        ],
        sentences=["No copy found: of none."],
    )


def test_card_of_a_wavenet(tmp_path: Path) -> None:
    model = tmp_path / "tones.safetensors"
    write_wavenet(model)
    write_set(tmp_path / "set")
    evaluation_of(model).write(tmp_path / "evaluation")
    (tmp_path / "loss.csv").write_text(LOSSES)
    (tmp_path / "note.md").write_text("The **second** of two runs.\n")
    before, old_tensors = tensors_checksum(model), read_model(model)[0]
    words = ["card", str(model), "--set", str(tmp_path / "set"), "--output"]
    words += [str(tmp_path / "cards" / "tones.md"), "--losses", str(tmp_path / "loss.csv")]
    words += ["--evaluation", str(tmp_path / "evaluation" / "evaluation.json")]
    words += ["--note", str(tmp_path / "note.md"), "--recipe", "tones.yaml", "--seconds", "0.2"]
    words += ["--condition", "instrument=flute", "--seed", "9"]
    assert main(words) == 0
    text = (tmp_path / "cards" / "tones.md").read_text()
    for expected in (
        "# two tones\n\nTones. 16,000 Hz, 16 mu-law levels.",
        "--set instrument=bass -o sound.wav",
        "at temperature 0.75",
        "instrument flute, seed 9, temperature 0.75; the losses of its training](tones.png)",
        "| `instrument` | class | `flute`, `bass` | until the next |",
        "| `flute` | MIDI 55 … 65 | flute by A. U. |",
        "1 layer of kernel size 2 with dilations 1 … 1, 4 residual, 4 gate, 5 skip and 5 head",
        # 6 + 64 + 64 + 8 + 24 + 20 + 5 + 25 + 5 + 80 + 16.
        "317 parameters in 11 tensors, stored as F32",
        "Tones by nobody",
        "| train | 1 | 2 | 32,000 |",
        "| test | 1 | 0.5 | 8,000 |",
        "- CC BY 4.0: 2",
        "- recipe: `tones.yaml`\n- 3 steps\n- 300 samples seen",
        "- validation nats: 3 at the end, 2.75 at its least, step 2",
        "### How it was chosen\n\nThe **second** of two runs.",
        "| uniform | 2.773 | 4 |",
        "The model is 2.219 bits a sample under uniform.",
        "- in tune: nothing was asked",
        "No copy found: of none.",
        "CC0-1.0. The data: CC BY 4.0.",
    ):
        assert expected in text
    assert (tmp_path / "cards" / "tones.png").read_bytes().startswith(b"\x89PNG")
    # The keys of FORMAT.md, and not a bit of the tensors.
    assert read_configuration(model)["training"] == {
        "data": "Tones by nobody",
        "recipe": "tones.yaml",
        "steps": 3,
        "validation_nats": 1.2346,
    }
    assert tensors_checksum(model) == before
    tensors, _ = read_model(model)
    assert all(torch.equal(tensors[name], value) for name, value in old_tensors.items())
    with Engine().load(model) as loaded:
        assert loaded.information.training_steps == 3
        assert loaded.information.validation_nats == pytest.approx(1.2346)


def test_card_of_a_recurrent_network_alone(tmp_path: Path) -> None:
    model = tmp_path / "gru.safetensors"
    write_recurrent(model)
    bytes_before = model.read_bytes()
    words = ["card", str(model), "--output", str(tmp_path / "gru.md"), "--seconds", "0.1"]
    assert main([*words, "--keep-model", "--steps", "7"]) == 0
    text = (tmp_path / "gru.md").read_text()
    assert text.startswith("# gru\n")
    assert "It takes no conditions." in text
    assert "recurrent network: 2 GRU layers of 4 channels, a softmax, one hot input" in text
    assert "stored as F16" in text
    assert "Not evaluated." in text
    assert model.read_bytes() == bytes_before
    assert main([*words, "--steps", "7"]) == 0
    assert read_configuration(model)["training"] == {"steps": 7}


def test_the_summary_of_fields_and_windows() -> None:
    lstm = {"kind": "lstm", "channels": 5}
    network = {
        "kind": "recurrent",
        "input": {"kind": "fields", "fields": [{"kind": "one_hot", "size": 24}, {"kind": "value"}]},
        "layers": [lstm | {"bidirectional": True}, lstm],
        "window": 9,
        "head": {"kind": "fields", "fields": [{"kind": "softmax", "size": 24}, {"kind": "linear"}]},
    }
    assert network_summary(network) == (
        "recurrent network: 1 bidirectional LSTM layer of 5 channels, then 1 LSTM layer of "
        "5 channels over a window of 9, which predicts a softmax over 24, a number"
    )


def test_a_kind_that_is_not_known_yet_is_listed() -> None:
    network = {"kind": "diffusion", "heads": 8, "layers": [1, 2, 3], "input": {"kind": "events"}}
    assert (
        network_summary(network) == "network of kind `diffusion`: heads 8, 3 layers, input events"
    )


def test_rewriting_keeps_the_file_well_formed(tmp_path: Path) -> None:
    model = tmp_path / "m.safetensors"
    write_wavenet(model)
    facts, checksum = read_tensor_facts(model), tensors_checksum(model)
    for data in ("", "x" * 5000, "Größe …"):
        update_training(model, {"data": data})
        assert read_configuration(model)["training"]["data"] == data
        assert read_configuration(model)["training"]["recipe"] == "an older one"
        assert read_tensor_facts(model) == facts
        assert tensors_checksum(model) == checksum
        length = int.from_bytes(model.read_bytes()[:8], "little")
        assert length % 8 == 0
        Engine().load(model).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.safetensors"]


def test_losses_of_any_columns(tmp_path: Path) -> None:
    (tmp_path / "loss.csv").write_text("epoch,loss,rate\n1,4.0,1\n2,nan,1\n3,3.5,1\n")
    curve = LossCurve.read(tmp_path / "loss.csv")
    assert curve.curves == {"loss": ([1.0, 3.0], [4.0, 3.5])}
    assert curve.axis == "epoch"
    assert curve.steps is None


def _another_models_evaluation(folder: Path) -> list[str]:
    write_recurrent(folder / "other.safetensors")
    evaluation_of(folder / "other.safetensors").write(folder)
    return ["--evaluation", str(folder / "evaluation.json")]


def _not_an_evaluation(folder: Path) -> list[str]:
    (folder / "evaluation.json").write_text('{"kind": "audio"}')
    return ["--evaluation", str(folder / "evaluation.json")]


def _another_set(folder: Path) -> list[str]:
    write_set(folder / "set", ("oboe", "bass"))
    return ["--set", str(folder / "set")]


def _no_losses(folder: Path) -> list[str]:
    (folder / "loss.csv").write_text("step,rate\n1,2\n")
    return ["--losses", str(folder / "loss.csv")]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_another_models_evaluation, "the evaluation is of another model than"),
        (_not_an_evaluation, "evaluation.json is not an evaluation"),
        (_another_set, "has the instruments oboe, bass, and"),
        (_no_losses, "loss.csv has no column of losses"),
        (lambda _: ["--condition", "flute"], "--condition flute: expected NAME=VALUE"),
        (lambda _: ["--condition", "colour=red"], "has no condition 'colour'"),
        (lambda folder: ["--note", str(folder / "no.md")], "no.md cannot be read"),
    ],
)
def test_bad_input_ends_in_a_sentence(
    make: Callable[[Path], list[str]],
    sentence: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = tmp_path / "tones.safetensors"
    write_wavenet(model)
    before = model.read_bytes()
    words = ["card", str(model), "--output", str(tmp_path / "m.md"), *make(tmp_path)]
    assert main(words) == 1
    assert sentence in capsys.readouterr().err
    assert model.read_bytes() == before
    assert not (tmp_path / "m.md").exists()


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"\x02\0\0\0\0\0\0\0{}"])
def test_a_file_that_is_no_model(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is not a Cadenza model file"):
        read_configuration(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_configuration(tmp_path / "none.safetensors")
