"""Composers through the engine: what they write becomes notes and MIDI, what is given becomes
events, and evaluations and cards of composers hold together.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from cadenza_training.cli import main
from cadenza_training.data.midi_file import read_midi, write_midi
from cadenza_training.data.notes import Note
from cadenza_training.data.options import NotesOptions
from cadenza_training.data.prepared_set import MANIFEST_FILE
from cadenza_training.engine import Engine, NoteEvent
from cadenza_training.errors import UserError
from cadenza_training.evaluation.generated_pieces import (
    compose_piece,
    events_of,
    load_composer,
    notes_from,
)
from cadenza_training.evaluation.pieces import piece_of
from cadenza_training.evaluation.report import Evaluation
from cadenza_training.model_file import write_model
from cadenza_training.networks.registry import make_network
from cadenza_training.systems.note_matrix.codec import NoteMatrixCodec

RATE = 48_000
VOICES = ("soprano", "alto", "tenor", "bass")


def composer(path: Path, codec: dict, network: dict) -> Path:
    """A model with random weights."""
    torch.manual_seed(11)
    made = make_network(network, ())
    write_model(
        path,
        made.tensors(),
        {
            "name": path.stem,
            "license": "CC0-1.0",
            "network": made.network_configuration(),
            "codec": codec,
        },
    )
    return path


def chorale_model(path: Path) -> Path:
    voices = [
        {"name": name, "symbols": ["hold", "off", *range(62 - 7 * place, 70 - 7 * place)]}
        for place, name in enumerate(VOICES)
    ]
    return composer(
        path,
        {"kind": "chorale_grid", "steps_per_beat": 4, "tempo": 90, "voices": voices},
        {
            "kind": "recurrent",
            "vocabulary_size": 40,
            "input": {"kind": "embedding", "channels": 6},
            "layers": [{"kind": "gru", "channels": 9}],
            "head": {"kind": "softmax"},
        },
    )


def matrix_model(path: Path, has_classes: bool) -> Path:
    codec = NoteMatrixCodec(
        {
            "kind": "note_matrix",
            "pitch": {"range": [40, 90], "classes": has_classes},
            "velocity": {"range": [1, 127], "classes": 4 if has_classes else 0},
            "interval": {"maximum_milliseconds": 1000, "classes": 9 if has_classes else 0},
        }
    )
    fields, heads = [], []
    for size in codec.class_counts:
        fields.append({"kind": "one_hot", "size": size} if size else {"kind": "value"})
        heads.append(
            {"kind": "softmax", "size": size} if size else {"kind": "linear", "noise": 0.3}
        )
    network = {
        "kind": "recurrent",
        "window": 5,
        "input": {"kind": "fields", "fields": fields},
        "layers": [{"kind": "lstm", "channels": 8}],
        "head": {"kind": "fields", "fields": heads},
    }
    return composer(path, codec.configuration(), network)


# ---- Notes and events -----------------------------------------------------------------------


def test_events_become_notes() -> None:
    events = [
        NoteEvent(0, "note on", 0, 60, 80 / 127, 0.0),
        NoteEvent(0, "note on", 1, 60, 90 / 127, 0.0),
        # Struck again: the first ends where the second begins.
        NoteEvent(RATE // 2, "note on", 0, 60, 100 / 127, 1.0),
        NoteEvent(RATE, "note off", 0, 60, 0.0, 2.0),
        NoteEvent(RATE, "note off", 0, 61, 0.0, 2.0),
        NoteEvent(3 * RATE // 2, "end", beat=3.0),
        NoteEvent(3 * RATE // 2, "note on", 0, 62, 1.0, 3.0),
    ]
    notes = notes_from(events, 3 * RATE // 2, RATE, tempo=120.0)
    assert notes == [
        Note(0.0, 0.5, 0.0, 1.0, 60, 80, 0),
        Note(0.0, 1.5, 0.0, 3.0, 60, 90, 1),
        Note(0.5, 0.5, 1.0, 1.0, 60, 100, 0),
    ]


def test_notes_become_events_and_back() -> None:
    notes = [
        Note(0.0, 1.0, 0.0, 1.5, 60, 80, 0),
        Note(1.0, 1.0, 1.5, 1.5, 60, 81, 0),
        Note(1.0, 0.5, 1.5, 0.75, 67, 64, 2),
    ]
    events, frames = events_of(notes, RATE, tempo=90.0)
    # 32,000 frames a beat; the first note ends before the next of its pitch begins.
    assert [(event.frame, event.kind) for event in events] == [
        (0, "note on"),
        (48_000, "note off"),
        (48_000, "note on"),
        (48_000, "note on"),
        (72_000, "note off"),
        (96_000, "note off"),
    ]
    assert frames == 96_000
    # Events that are given carry no beats.
    back = notes_from(events, frames, RATE, tempo=90.0)
    assert [(n.onset_seconds, n.duration_seconds, n.pitch, n.velocity) for n in back] == [
        (0.0, 1.0, 60, 80),
        (1.0, 1.0, 60, 81),
        (1.0, 0.5, 67, 64),
    ]


def test_midi_at_a_tempo(tmp_path: Path) -> None:
    notes = [Note(0.0, 0.75, 0.0, 1.0, 60, 80, 0), Note(0.75, 1.5, 1.0, 2.0, 48, 70, 1)]
    write_midi(tmp_path / "piece.mid", notes, tempo=80.0)
    assert read_midi(tmp_path / "piece.mid", NotesOptions()) == notes


def test_the_first_seconds_of_a_piece() -> None:
    piece = piece_of(
        "p", [(0, 4, 0, 8, 60, 80, 0), (1, 1, 2, 2, 62, 80, 0), (3, 1, 6, 2, 64, 80, 0)]
    )
    cut = piece.first_seconds(2.0)
    assert cut.table[:, :5].tolist() == [[0, 2, 0, 4, 60], [1, 1, 2, 2, 62]]
    # However little is asked for, a note is left.
    assert len(piece.first_seconds(0.0).table) == 1


def test_a_piece_in_one_voice() -> None:
    rows = [(0, 1, 0, 2, 64, 80, 0), (0, 1, 0, 2, 60, 80, 1), (0, 1, 0, 2, 60, 90, 2)]
    merged = piece_of("p", [*rows, (1, 1, 2, 2, 62, 80, 1)]).in_one_voice()
    assert merged.pitches.tolist() == [60, 64, 62]
    assert len(merged.voices()) == 1


# ---- Through the engine ---------------------------------------------------------------------


@pytest.mark.parametrize("has_classes", [False, True])
def test_a_note_matrix_composes_the_same_again(tmp_path: Path, has_classes: bool) -> None:
    path = matrix_model(tmp_path / "matrix.safetensors", has_classes)
    with load_composer(Engine(), path) as model:
        one, two, other = (
            compose_piece(model, seed=seed, seconds=4.0, temperature=1.0) for seed in (3, 3, 4)
        )
    assert one == two
    assert one.notes != other.notes
    assert one.tempo == 120.0
    assert {note.voice for note in one.notes} == {0}
    assert all(40 <= note.pitch <= 90 for note in one.notes)
    assert all(
        note.onset_beats == pytest.approx(2 * note.onset_seconds, abs=1e-4) for note in one.notes
    )


def test_the_engine_scores_what_pytorch_predicts(tmp_path: Path) -> None:
    path = matrix_model(tmp_path / "matrix.safetensors", has_classes=True)
    from cadenza_training.networks.registry import load_network
    from cadenza_training.systems.note_matrix.note_matrix import field_losses, windows_of

    network, configuration = load_network(path)
    codec = NoteMatrixCodec(configuration["codec"])
    generator = np.random.default_rng(2)
    beats = np.cumsum(generator.choice([0.0, 0.25, 0.5, 1.0], 40))
    notes = [
        Note(beat / 2, 0.1, beat, 0.2, int(pitch), int(velocity), 0)
        for beat, pitch, velocity in zip(
            beats, generator.integers(45, 80, 40), generator.integers(1, 128, 40), strict=True
        )
    ]
    rows = codec.rows(notes)
    expected = 0.0
    with torch.no_grad():
        places = np.arange(len(rows))
        for windows, following in windows_of([codec.elements(rows)], codec.first(), 5, places):
            losses = field_losses(network, network.predict(windows, []), following)
            expected += float(losses.sum())
    events, frames = events_of(notes, RATE, tempo=120.0)
    with load_composer(Engine(), path) as model, model.stream() as stream:
        nats, choices = stream.score_events(events, frames)
    assert choices == len(rows)
    assert nats == pytest.approx(expected, rel=1e-4)


def test_numbers_have_no_score(tmp_path: Path) -> None:
    path = matrix_model(tmp_path / "matrix.safetensors", has_classes=False)
    with load_composer(Engine(), path) as model, model.stream() as stream:
        with pytest.raises(UserError, match="scoring 1 events"):
            stream.score_events([NoteEvent(0, "note on", 0, 60, 0.5)], RATE)
        stream.prime_events([NoteEvent(0, "note on", 0, 60, 0.5)], RATE)
        assert stream.compose(RATE)


def test_evaluate_and_card_of_a_chorale_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = chorale_model(tmp_path / "tiny.safetensors")
    for name, shift in (("one", 0), ("two", 1)):
        notes = [
            Note(beat * 2 / 3, 2 / 3, float(beat), 1.0, pitch + shift, 80, voice)
            for beat in range(8)
            for voice, pitch in enumerate((67, 60, 52, 43 - beat % 2))
        ]
        (tmp_path / "real").mkdir(exist_ok=True)
        write_midi(tmp_path / "real" / f"{name}.mid", notes, tempo=90.0)
    output = tmp_path / "evaluation"
    words = ["evaluate", str(tmp_path / "real"), "--generate", str(model), "--notes", "3"]
    assert main([*words, "--seconds", "6", "--output", str(output)]) == 0
    with (output / "generated" / MANIFEST_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["seed"] for row in rows] == ["1", "2", "3"]
    assert all((output / "generated" / row["file"]).is_file() for row in rows)
    evaluation = Evaluation.read(output / "evaluation.json")
    assert evaluation.settings["asked"].startswith("3 pieces of at most 6 s")
    assert evaluation.value("in_range") is not None
    score = evaluation.table("score")
    assert score is not None
    ((name, choices, per_choice, per_step),) = score.rows
    # The first 6 s of two pieces at 90 beats a minute are 8 beats of 16th steps in four voices.
    assert (name, choices) == ("this model", 2 * 8 * 4 * 4)
    # Random weights choose about evenly among a voice's ten symbols.
    assert abs(per_choice - math.log(10)) < 0.3
    assert per_step == pytest.approx(4 * per_choice)
    capsys.readouterr()
    page = tmp_path / "card" / "tiny.md"
    words = ["card", str(model), "--evaluation", str(output / "evaluation.json")]
    assert main([*words, "--output", str(page), "--keep-model"]) == 0
    text = page.read_text()
    assert "cadenza compose tiny.safetensors --seconds 60 -o piece.mid" in text
    assert "4 steps a beat, each a token of every voice: soprano hold, off and 8 pitches" in text
    assert "Piano roll of a generated piece" in text
    assert "Harmony in four parts" in text
    assert page.with_suffix(".png").stat().st_size > 5000


def test_sound_models_are_no_composers(tmp_path: Path) -> None:
    path = composer(
        tmp_path / "sound.safetensors",
        {"kind": "mu_law", "sample_rate": 8000, "levels": 16},
        {
            "kind": "recurrent",
            "vocabulary_size": 16,
            "input": {"kind": "embedding", "channels": 3},
            "layers": [{"kind": "gru", "channels": 4}],
        },
    )
    with pytest.raises(UserError, match=r"plays sound \(mu_law\); expected a composer"):
        load_composer(Engine(), path)
