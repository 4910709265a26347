"""What Training/README.md promises: from a folder of WAV files to the sound of the C example."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cadenza_training.engine import Engine
from cadenza_training.fitting import checkpoint
from cadenza_training.model_file import read_model

RATE = 22050
CONFIGURATION = """
name = "tones"
description = "Tones of two instruments"
system = "raw_audio"
[network]
kind = "wavenet"
dilations = [1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 32]
residual_channels = 16
skip_channels = 32
[codec]
levels = 64
[conditions]
instrument = 4
pitch = 8
[augmentation]
detune_cents = 5
[batches]
chunk_frames = 1024
[training]
steps = 120
batch_size = 4
optimizer = "muon"
learning_rate = 4e-3
matrix_learning_rate = 0.02
average_decay = 0.95
validate_every = 40
validation_seconds = 1.0
log_every = 10
checkpoint_minutes = 0.02
threads = 1
device = "cpu"
[sampling]
temperature = 0.7
"""


def record(folder: Path) -> None:
    """A user's folder: two instruments, stereo at 22.05 kHz, the pitch in the name."""
    generator = np.random.default_rng(1)
    names = ("C4", "D4", "E4", "F4", "G4", "A4")
    for instrument, overtone in (("organ", 0.2), ("reed", 0.7)):
        (folder / instrument).mkdir(parents=True)
        for name, pitch in zip(names, (60, 62, 64, 65, 67, 69), strict=True):
            time_axis = np.arange(int(0.8 * RATE)) / RATE
            frequency = 440.0 * 2.0 ** ((pitch - 69) / 12.0)
            sound = np.sin(2 * np.pi * frequency * time_axis)
            sound += overtone * np.sin(6 * np.pi * frequency * time_axis)
            sound *= 0.4 * np.exp(-1.5 * time_axis)
            sound += 0.001 * generator.normal(size=len(sound))
            silence = np.zeros(int(0.1 * RATE))
            left = np.concatenate([silence, sound])
            path = folder / instrument / f"{instrument} {name} mf.wav"
            soundfile.write(path, np.stack([left, 0.8 * left], axis=1), RATE)
    (folder / "organ" / "notes.txt").write_text("not a sound")
    (folder / "organ" / "broken C5.wav").write_bytes(b"RIFF but no more")


@pytest.fixture
def example() -> str:
    """The bundled C example, which `make test-training` builds."""
    path = os.environ.get("CADENZA_EXAMPLE", "")
    built = Path(__file__).parents[2] / ".build" / "examples" / "generate"
    found = path or (str(built) if built.exists() else None)
    assert found, "build the C example first: `make test-training`, or `make demo`"
    return found


def test_from_a_folder_of_recordings_to_the_c_example(
    tmp_path: Path, run_command: Callable[..., subprocess.CompletedProcess], example: str
) -> None:
    def command(*words: object) -> str:
        result = run_command(*words)
        assert result.returncode == 0, result.stderr
        return result.stdout

    record(tmp_path / "sounds")
    prepared = tmp_path / "prepared"
    told = command(
        "prepare", tmp_path / "sounds", "--output", prepared, "--instruments-from", "folders",
        "--pitch-from-name", "--sample-rate", 8000, "--validation-share", 0.2,
        "--maximum-transposition", 1, "--license", "CC0-1.0", "--data-text", "made by a test",
    )  # fmt: skip
    assert "broken C5.wav" in (prepared / "rejected.csv").read_text()
    assert "organ" in told

    configuration = tmp_path / "tones.toml"
    configuration.write_text(CONFIGURATION)
    run = tmp_path / "run"
    fit = ["fit", str(configuration), "--set", str(prepared), "--output", str(run)]
    process = subprocess.Popen(
        [sys.executable, "-m", "cadenza_training.cli", *fit],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120.0
    while not (run / "checkpoint.pt").exists():
        assert process.poll() is None, "the run ended before its first checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed_at = checkpoint.load(run / "checkpoint.pt")["step"]
    assert f"continuing after step {killed_at}" in command(*fit)

    model = tmp_path / "tones.safetensors"
    command("export", run, "--output", model, "--set", prepared, "--default", "instrument=reed")
    _, described = read_model(model)
    assert described["license"] == "CC0-1.0"
    assert described["training"]["steps"] == 120
    assert described["conditions"][0]["labels"] == ["organ", "reed"]

    sound = tmp_path / "example.wav"
    subprocess.run(
        [example, model, sound, "--seconds", "1", "--seed", "3", "instrument=organ", "pitch=64"],
        check=True,
        capture_output=True,
    )
    played, rate = soundfile.read(sound, dtype="float32")
    assert rate == 8000 and len(played) == 8000
    assert 0.01 < np.abs(played).max() <= 1.0
    # The C example and the Python binding are two hosts of one engine.
    with Engine().load(model) as loaded, loaded.stream(seed=3) as stream:
        stream.set_condition("instrument", "organ")
        stream.set_condition("pitch", 64)
        np.testing.assert_allclose(stream.generate(8000), played, atol=1 / 32000)

    report = tmp_path / "evaluation"
    command(
        "evaluate", prepared, "--split", "validation", "--generate", model,
        "--notes", 3, "--seconds", 0.5, "--output", report,
    )  # fmt: skip
    found = json.loads((report / "evaluation.json").read_text())
    assert found
    command(
        "card", model, "--set", prepared, "--evaluation", report / "evaluation.json",
        "--losses", run / "loss.csv", "--output", tmp_path / "tones.md", "--seconds", 0.5,
    )  # fmt: skip
    page = (tmp_path / "tones.md").read_text()
    assert "organ" in page and "made by a test" in page
    shutil.copy(model, tmp_path / "again.safetensors")
    assert Engine().load(tmp_path / "again.safetensors").sample_rate == 8000
