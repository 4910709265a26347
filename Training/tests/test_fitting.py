"""The training loop: exact resume after kill -9, fine-tuning, folds, budgets, bad input."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cadenza_training.configuration import build, override, packaged_names, read_toml
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.engine import Engine
from cadenza_training.errors import UserError
from cadenza_training.export import export
from cadenza_training.fitting import checkpoint
from cadenza_training.fitting.cross_validation import cross_validate, fold_of
from cadenza_training.fitting.fit import fit, read_configuration
from cadenza_training.fitting.loss_log import LossLog
from cadenza_training.fitting.options import TrainingOptions
from cadenza_training.model_file import read_model
from cadenza_training.systems.system import FitConfiguration

WAVENET = """
name = "tiny"
system = "raw_audio"
[network]
kind = "wavenet"
dilations = [1, 2, 4, 8]
residual_channels = 8
skip_channels = 12
[codec]
levels = 32
[conditions]
instrument = 3
pitch = 4
[defaults]
instrument = "reed"
pitch = 52
[augmentation]
detune_cents = 10
input_noise = 1.0
[batches]
chunk_frames = 128
[training]
batch_size = 2
optimizer = "muon"
validate_every = 20
validation_seconds = 0.2
log_every = 5
device = "cpu"
"""
GRU = (
    WAVENET.replace('kind = "wavenet"', 'kind = "recurrent"')
    .replace("dilations = [1, 2, 4, 8]", 'input = { kind = "embedding", channels = 4 }')
    .replace("residual_channels = 8", 'layers = [{ kind = "gru", channels = 12 }]')
    .replace("skip_channels = 12", "dropout = 0.1")
)
CONFIGURATIONS = {"wavenet": WAVENET, "gru": GRU}


@pytest.fixture
def configuration_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(kind: str) -> Path:
        path = tmp_path / f"{kind}.toml"
        path.write_text(CONFIGURATIONS[kind])
        return path

    return write


def configured(kind: str, model: Path | None = None, **training: object) -> FitConfiguration:
    values = tomllib.loads(CONFIGURATIONS[kind])
    values["training"] |= training
    return read_configuration(values, model)


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_a_killed_run_continues_exactly(
    note_set: PreparedSet, tmp_path: Path, configuration_file: Callable[[str], Path], kind: str
) -> None:
    steps = 60
    whole = tmp_path / "whole"
    fit(configured(kind, steps=steps), note_set, whole)

    run = tmp_path / "killed"
    words = [sys.executable, "-m", "cadenza_training.cli", "fit", str(configuration_file(kind))]
    words += ["--set", str(note_set.folder), "--output", str(run), "--steps", str(steps)]
    # A checkpoint after every step; the process is killed once there is one within the run.
    words += ["--override", "training.checkpoint_minutes=1e-9"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120.0
    while (
        not (run / "checkpoint.pt").exists() or checkpoint.load(run / "checkpoint.pt")["step"] < 7
    ):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    killed_at = checkpoint.load(run / "checkpoint.pt")["step"]
    assert 0 < killed_at < steps

    outcome = fit(configured(kind, steps=steps), note_set, run)
    assert outcome.step == steps
    expected, actual = (
        checkpoint.load(whole / "checkpoint.pt"),
        checkpoint.load(run / "checkpoint.pt"),
    )
    for part in ("network", "averaged"):
        for name, value in expected[part].items():
            assert torch.equal(value, actual[part][name]), (part, name)
    assert expected["samples"] == actual["samples"]
    assert expected["best_step"] == actual["best_step"]
    assert expected["best_nats"] == actual["best_nats"]
    # The log has each step once, although rows after the checkpoint were written before.
    steps_logged = [row["step"] for row in LossLog(run / "loss.csv", steps).rows]
    assert steps_logged == sorted(set(steps_logged))
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_that_is_asked_to_end_keeps_what_it_learnt(
    note_set: PreparedSet, tmp_path: Path, configuration_file: Callable[[str], Path]
) -> None:
    run = tmp_path / "run"
    words = [sys.executable, "-m", "cadenza_training.cli", "fit", str(configuration_file("gru"))]
    process = subprocess.Popen(
        [*words, "--set", str(note_set.folder), "--output", str(run)], stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 120.0
    while not (run / "loss.csv").exists() or (run / "loss.csv").read_text().count("\n") < 3:
        assert process.poll() is None, "a run without a budget ended"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    _, told = process.communicate()
    assert process.returncode == 130
    assert told.rstrip().endswith(b"interrupted")
    assert checkpoint.load(run / "checkpoint.pt")["step"] >= 10


def test_it_learns(note_set: PreparedSet, tmp_path: Path) -> None:
    options = {"steps": 300, "learning_rate": 1e-2, "matrix_learning_rate": 0.03}
    fit(configured("wavenet", average_decay=0.9, **options), note_set, tmp_path / "run")
    rows = LossLog(tmp_path / "run" / "loss.csv", 300).rows
    # From about the uniform guess, ln 32 = 3.47 nats, to well below it.
    assert rows[0]["training_nats"] > 3.2
    assert rows[-1]["validation_nats"] < 2.6


@pytest.mark.parametrize("kind", CONFIGURATIONS)
def test_any_sound_without_conditions(note_set: PreparedSet, tmp_path: Path, kind: str) -> None:
    values = tomllib.loads(CONFIGURATIONS[kind])
    del values["conditions"], values["defaults"]
    values["training"]["steps"] = 5
    bare = replace(
        note_set,
        description=replace(note_set.description, instruments=()),
        entries=tuple(replace(entry, instrument="", midi_pitch=None) for entry in note_set.entries),
    )
    fit(read_configuration(values, None), bare, tmp_path / "run")
    export(tmp_path / "run", tmp_path / "any.safetensors")
    with Engine().load(tmp_path / "any.safetensors") as model, model.stream(seed=1) as stream:
        assert model.conditions == ()
        assert len(stream.generate(100)) == 100


def test_fine_tuning_keeps_what_is_frozen(note_set: PreparedSet, tmp_path: Path) -> None:
    fit(configured("wavenet", steps=10), note_set, tmp_path / "first")
    model = tmp_path / "first.safetensors"
    export(tmp_path / "first", model, storage="f32")
    # A set with one instrument that the model knows, and one that it does not.
    instruments = note_set.description.instruments
    renamed = replace(
        note_set,
        description=replace(
            note_set.description,
            instruments=(instruments[1], replace(instruments[0], label="voice")),
        ),
        entries=tuple(
            replace(entry, instrument="voice") if entry.instrument == "flute" else entry
            for entry in note_set.entries
        ),
    )
    frozen = ["layers.[01].*", "head.output.*"]
    tuned = tmp_path / "tuned.safetensors"
    for steps, folder in ((1, "start"), (15, "second")):
        # One step at a rate of almost nothing shows where fine-tuning starts.
        rate = {"learning_rate": 1e-12, "matrix_learning_rate": 1e-12} if steps == 1 else {}
        fit(
            configured("wavenet", model, steps=steps, **rate),
            renamed,
            tmp_path / folder,
            start=model,
            frozen=frozen,
        )
    export(tmp_path / "start", tmp_path / "start.safetensors", storage="f32")
    export(tmp_path / "second", tuned, storage="f32")
    before, _ = read_model(model)
    start, _ = read_model(tmp_path / "start.safetensors")
    after, configuration = read_model(tuned)
    table = "conditions.instrument.embedding.weight"
    torch.testing.assert_close(start[table][0], before[table][1], rtol=0, atol=1e-6)
    torch.testing.assert_close(start[table][1], before[table].mean(dim=0), rtol=0, atol=1e-6)
    labels = next(c for c in configuration["conditions"] if c["name"] == "instrument")["labels"]
    assert labels == ["reed", "voice"]
    for name, value in before.items():
        is_frozen = re.match(r"layers\.[01]\.|head\.output\.", name) is not None
        if name != table:
            assert torch.equal(value, after[name]) == is_frozen, name


def test_folds_hold_out_every_source_once(note_set: PreparedSet, tmp_path: Path) -> None:
    held_out: list[str] = []
    for fold in range(4):
        part = fold_of(note_set, fold, 4, seed=1)
        held_out += [entry.file for entry in part.split("validation")]
        assert len(part.split("train")) + len(part.split("validation")) == 10
    assert sorted(held_out) == sorted(entry.file for entry in note_set.entries)
    results = cross_validate(configured("wavenet", steps=4), note_set, tmp_path / "folds", 2)
    summary = json.loads((tmp_path / "folds" / "folds.json").read_text())
    mean = sum(result.validation_nats for result in results) / 2
    assert summary["mean_nats"] == pytest.approx(mean)
    with pytest.raises(UserError, match="10 sources, fewer than 11 folds"):
        fold_of(note_set, 0, 11, seed=1)


def test_training_stops_when_validation_no_longer_improves(
    note_set: PreparedSet, tmp_path: Path
) -> None:
    options = {"steps": 200, "validate_every": 2, "patience": 3, "learning_rate": 1e-12}
    outcome = fit(
        configured("wavenet", matrix_learning_rate=1e-12, average_decay=0.0, **options),
        note_set,
        tmp_path / "run",
    )
    assert outcome.step < 60
    assert "no better validation in 3" in outcome.reason
    assert checkpoint.load(tmp_path / "run" / "best.pt")["step"] == outcome.best_step


def test_two_processes_share_each_batch(
    note_set: PreparedSet, tmp_path: Path, configuration_file: Callable[[str], Path]
) -> None:
    run = tmp_path / "shared"
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "cadenza_training.cli", "fit", str(configuration_file("wavenet"))]
    words += ["--set", str(note_set.folder), "--output", str(run), "--override"]
    words += ["batches.onset_share=1.0", "--steps"]
    for steps in ("6", "12"):
        result = subprocess.run([*words, steps], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
    saved = checkpoint.load(run / "checkpoint.pt")
    assert saved["step"] == 12
    # Chunks of 128 from the onset, one of each process in a batch of two.
    assert saved["samples"] == 12 * 2 * 128
    assert len(saved["systems"]) == 2
    states = [json.dumps(system["sampler"]["generator"]) for system in saved["systems"]]
    assert states[0] != states[1]
    with pytest.raises(UserError, match="is of 2 processes: continue with as many, not 1"):
        fit(configured("wavenet", steps=14), note_set, run)


def test_two_processes_average_their_gradients(tmp_path: Path) -> None:
    program = """
import torch
from cadenza_training.fitting.processes import Processes
processes = Processes(torch.device("cpu"))
network = torch.nn.Linear(2, 1)
network.weight.grad = torch.full((1, 2), 1.0 + 2.0 * processes.rank)
network.bias.grad = torch.full((1,), 10.0 * processes.rank)
processes.average_gradients(network)
assert network.weight.grad.tolist() == [[2.0, 2.0]], network.weight.grad
assert network.bias.grad.tolist() == [5.0]
assert processes.from_first(float(processes.rank + 3)) == 3.0
processes.close()
"""
    script = tmp_path / "average.py"
    script.write_text(program)
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    result = subprocess.run(
        [*words, str(script)], capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr


def test_bfloat16_trains_too(note_set: PreparedSet, tmp_path: Path) -> None:
    outcome = fit(configured("gru", steps=6, precision="bfloat16"), note_set, tmp_path / "run")
    assert outcome.validation_nats < 5.0


def test_a_full_disc_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    checkpoint.save(path, {"system": "raw_audio", "step": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(UserError, match=r"could not be written.*the former one is intact"):
            checkpoint.save(path, {"system": "raw_audio", "step": 2, "w": torch.zeros(10000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert checkpoint.load(path)["step"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_executes_nothing(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple:
            return (os.mkdir, (str(tmp_path / "executed"),))

    path = tmp_path / "checkpoint.pt"
    torch.save({"system": Bomb()}, path)
    with pytest.raises(UserError, match=r"checkpoint\.pt is not a checkpoint of cadenza-train"):
        checkpoint.load(path)
    assert not (tmp_path / "executed").exists()


def test_a_checkpoint_of_another_run_is_refused(note_set: PreparedSet, tmp_path: Path) -> None:
    fit(configured("wavenet", steps=2), note_set, tmp_path / "run")
    with pytest.raises(UserError, match="is of another run: its network_configuration"):
        fit(configured("gru", steps=4), note_set, tmp_path / "run")


def test_bad_sets_and_configurations_are_explained(note_set: PreparedSet, tmp_path: Path) -> None:
    def refused(sentence: str, *settings: str, prepared: PreparedSet = note_set) -> None:
        values = tomllib.loads(WAVENET)
        override(values, settings)
        with pytest.raises(UserError, match=sentence):
            fit(read_configuration(values, None), prepared, tmp_path / "refused")

    refused('configuration: unknown key "sytem"', 'sytem="x"')
    refused('training: unknown key "learing_rate"', "training.learing_rate=1.0")
    refused('augmentation: unknown key "noise"', "augmentation.noise=1.0")
    refused("training.steps is 'many', expected int", "training.steps=many")
    refused('system "sheet_music" is not one of .*raw_audio', "system=sheet_music")
    refused('training.precision is "int4"', "training.precision=int4")
    refused('training.device is "warp"', "training.device=warp")
    refused("detune_cents is 60.0, expected at most 45", "augmentation.detune_cents=60")
    refused(
        r"receptive field of 2048 samples.*minimum-seconds",
        "network.dilations=[1024, 1023]",
        "batches.onset_share=1.0",
    )
    refused("must be more than the receptive field", "batches.chunk_frames=10")
    refused('defaults.instrument is "tuba", expected one of flute', "defaults.instrument=tuba")
    refused('conditions: "mood" is not known', "conditions.mood=3")
    unpitched = replace(
        note_set, entries=tuple(replace(e, midi_pitch=None) for e in note_set.entries)
    )
    refused("the pitch of train/flute-48.flac is not known", prepared=unpitched)
    notes = replace(note_set, description=replace(note_set.description, kind="notes"))
    refused("is a set of notes", prepared=notes)
    with pytest.raises(UserError, match="is not a prepared set"):
        PreparedSet.read(tmp_path)


def test_the_command_explains_itself(
    run_command: Callable[..., subprocess.CompletedProcess], tmp_path: Path
) -> None:
    result = run_command("fit", "no-such-recipe", "--set", tmp_path, "--output", tmp_path / "run")
    assert result.returncode == 1
    assert "neither a file nor a configuration of the package" in result.stderr
    assert "Traceback" not in result.stderr
    assert "prepare" in run_command("--help").stdout


def test_packaged_configurations_are_whole() -> None:
    names = [name for name in packaged_names() if not name.startswith("prepare-")]
    assert {"notes-wavenet", "notes-gru", "raw-audio-wavenet", "raw-audio-lstm"} <= set(names)
    for name in names:
        read_configuration(read_toml(name), None)


def test_settings_override_any_key() -> None:
    values = {"training": {"steps": 3}}
    override(values, ["training.steps=5", "name=hello", "network.layers=[{kind='gru'}]"])
    assert values == {
        "training": {"steps": 5},
        "name": "hello",
        "network": {"layers": [{"kind": "gru"}]},
    }
    assert build(TrainingOptions, {"learning_rate": 1}, "training").learning_rate == 1.0
    with pytest.raises(UserError, match="not of the form"):
        override(values, ["training.steps"])
