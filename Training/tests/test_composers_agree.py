"""The engine and this package read a piece alike: as many choices, and as many nats.

What is held together is all that two languages say of it twice: how a codec writes notes, what step
0 is fed, among which tokens a choice is made, the positions that a codec sets, and the networks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from cadenza_training import reference
from cadenza_training.data.notes import Note
from cadenza_training.engine import Engine
from cadenza_training.evaluation.generated_pieces import events_of, load_composer
from cadenza_training.evaluation.note_likelihood import network_nats, read_composer
from cadenza_training.model_file import read_model, write_model
from cadenza_training.networks.conditions import ClassCondition
from cadenza_training.networks.registry import make_network
from cadenza_training.parity_pieces import condition_values
from cadenza_training.systems.notes.codecs import read_codec
from cadenza_training.systems.notes.crop_sampler import TokenPiece
from cadenza_training.systems.notes.keys import KEY_LABELS
from cadenza_training.systems.notes.note_codec import NoteCodec

# Of the nats' sum, for networks in float32.
TOLERANCE = 1e-6
STEPS = 60
KEY = 7
VOICES = [
    {"name": name, "symbols": ["off", *range(lowest, lowest + 9), "hold"]}
    for name, lowest in (("soprano", 64), ("alto", 57), ("tenor", 50), ("bass", 40))
]
ENDING_VOICES = [{**VOICES[0], "symbols": [*VOICES[0]["symbols"], "end"]}, *VOICES[1:]]
CHORDS = [[60], [60, 64, 67], [62], [57, 64], [67], [64, 67, 72]]

PERFORMANCE = {
    "kind": "performance_events",
    "pitches": [40, 80],
    "time_shifts": 30,
    "velocities": 8,
    "tempo": 100,
}
MELODY = {"kind": "melody_steps", "steps_per_beat": 4, "tempo": 97}
CHORALE = {"kind": "chorale_grid", "steps_per_beat": 4, "tempo": 80}
TOKENS = {"kind": "note_tokens", "steps_per_beat": 2, "tempo": 120}
CODECS = {
    "performance": {**PERFORMANCE, "end": False},
    "performance-end": {**PERFORMANCE, "end": True},
    "melody": {**MELODY, "symbols": ["hold", 67, "off", *range(58, 67)]},
    "melody-end": {**MELODY, "symbols": [*range(58, 68), "end", "off", "hold"]},
    "chorale": {**CHORALE, "voices": VOICES},
    "chorale-end": {**CHORALE, "voices": ENDING_VOICES},
    "note-tokens": {**TOKENS, "tokens": [*CHORDS, []]},
    "note-tokens-end": {**TOKENS, "tokens": [[], *CHORDS, "end"]},
    "note-tokens-without-rest": {**TOKENS, "tokens": CHORDS},
}
TRANSFORMER = {
    "kind": "transformer",
    "channels": 12,
    "layers": 2,
    "heads": 2,
    "window": 40,
    "positions": "relative",
}
GRU = {
    "kind": "recurrent",
    "input": {"kind": "embedding", "channels": 7},
    "layers": [{"kind": "gru", "channels": 13}],
}
LSTM = {**GRU, "layers": [{"kind": "lstm", "channels": 11}, {"kind": "lstm", "channels": 9}]}
WAVENET = {
    "kind": "wavenet",
    "input": {"kind": "embedding"},
    "kernel_size": 2,
    "dilations": [1, 2, 4, 8],
    "residual_channels": 10,
    "skip_channels": 12,
}
NETWORKS = {"performance": TRANSFORMER, "melody": GRU, "chorale": WAVENET, "note": LSTM}


def composer(path: Path, name: str) -> Path:
    """A small network with random weights large enough that its choices differ; on a grid, told
    the key and the position."""
    torch.manual_seed(len(name))
    codec = read_codec(CODECS[name])
    conditions = [ClassCondition("key", len(KEY_LABELS), 5, KEY_LABELS)]
    if codec.has_grid:
        size = 4 * codec.ticks_per_beat
        conditions.append(ClassCondition("position", size, 4, follows_position=True))
    network = make_network(
        {**NETWORKS[name.split("-")[0]], "vocabulary_size": codec.vocabulary_size}, conditions
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2.0)
    configuration = {
        "name": name,
        "network": network.network_configuration(),
        "codec": codec.configuration(),
        "conditions": [condition.to_configuration() for condition in conditions],
    }
    write_model(path, network.tensors(), configuration)
    return path


def random_piece(codec: NoteCodec, kind: str) -> list[Note]:
    """Notes on the codec's ticks. On a grid with rests between them and after some; several parts,
    that share pitches, in a performance; beyond the vocabulary's pitches at times."""
    generator = np.random.default_rng(19)
    beat = codec.ticks_per_beat
    voices = {"chorale_grid": 4, "performance_events": 3}.get(kind, 1)
    seconds = 60.0 / codec.tempo
    notes = []
    for voice in range(voices):
        step = int(generator.integers(3))
        while step < STEPS * (beat // 4 if kind == "performance_events" else 1):
            lasts = int(generator.integers(1, 7 if kind != "note_tokens" else 2))
            if kind == "performance_events":
                lasts *= int(generator.integers(1, 20))
            pitch = int(generator.integers(44, 74)) - 4 * voice
            count = int(generator.integers(1, 4)) if kind == "note_tokens" else 1
            for place in range(count):
                notes.append(
                    Note(
                        step / beat * seconds,
                        lasts / beat * seconds,
                        step / beat,
                        lasts / beat,
                        pitch + 3 * place,
                        int(generator.integers(1, 128)),
                        voice,
                    )
                )
            step += lasts + int(generator.choice([0, 0, 1, 3]))
    return notes


def scored_by_the_engine(path: Path, notes: Sequence[Note]) -> tuple[float, int]:
    with load_composer(Engine(), path) as model, model.stream() as stream:
        stream.set_condition("key", KEY)
        events, frames = events_of(notes, model.sample_rate, stream.parameter("tempo"))
        return stream.score_events(events, frames)


def scored_by_the_reference(
    tensors: Mapping[str, torch.Tensor],
    configuration: Mapping,
    codec: NoteCodec,
    tokens: np.ndarray,
) -> float:
    """The choices' nats out of FORMAT.md's equations in float64."""
    values = condition_values(configuration, len(tokens))
    values["key"] = torch.full((len(tokens),), KEY)
    logits = reference.logits(tensors, configuration, torch.from_numpy(tokens), values)
    nats = 0.0
    for place, token in enumerate(tokens):
        allowed = codec.ranges[place % len(codec.ranges)]
        among = logits[place, allowed.first : allowed.first + allowed.count]
        nats -= float(among.log_softmax(dim=0)[token - allowed.first])
    return nats


@pytest.mark.parametrize("name", list(CODECS))
def test_a_piece_has_the_same_choices_and_nats(tmp_path: Path, name: str) -> None:
    path = composer(tmp_path / f"{name}.safetensors", name)
    network, codec = read_composer(path)
    notes = random_piece(codec, CODECS[name]["kind"])
    # A piece that is given has no end: it is there to be continued.
    tokens = codec.encode(notes)
    if codec.end_token is not None:
        assert tokens[-1] == codec.end_token
        tokens = tokens[:-1]
    assert len(set(tokens.tolist())) > len(codec.ranges) * 3
    nats, choices = scored_by_the_engine(path, notes)
    assert choices == len(tokens)
    expected = network_nats(network, codec, TokenPiece(tokens, KEY))
    assert nats == pytest.approx(expected, rel=TOLERANCE)
    tensors, configuration = read_model(path)
    by_equations = scored_by_the_reference(tensors, configuration, codec, tokens)
    assert nats == pytest.approx(by_equations, rel=TOLERANCE)


@pytest.mark.parametrize("name", list(CODECS))
def test_what_is_read_otherwise_has_other_nats(tmp_path: Path, name: str) -> None:
    """A few notes less, another key, another start, positions off by one: each is told apart by
    ten times the tolerance above."""
    path = composer(tmp_path / f"{name}.safetensors", name)
    network, codec = read_composer(path)
    notes = random_piece(codec, CODECS[name]["kind"])
    tokens = codec.encode(notes)
    tokens = tokens[:-1] if codec.end_token is not None else tokens
    whole = network_nats(network, codec, TokenPiece(tokens, KEY))
    others = {
        "notes": scored_by_the_engine(path, notes[:10] + notes[14:])[0],
        "key": network_nats(network, codec, TokenPiece(tokens, KEY + 1)),
    }
    codec.end_token = (codec.start_token + 1) % codec.vocabulary_size
    others["start"] = network_nats(network, codec, TokenPiece(tokens, KEY))
    if codec.has_grid:
        codec = read_codec(CODECS[name])
        table = network.get_parameter(
            network.tensor_names()["conditions.position.embedding.weight"]
        )
        with torch.no_grad():
            table.copy_(table.roll(1, dims=0))
        others["position"] = network_nats(network, codec, TokenPiece(tokens, KEY))
    for what, nats in others.items():
        assert abs(nats - whole) > 10 * TOLERANCE * whole, what


def test_a_voice_that_strikes_two_notes_at_once_sings_the_higher(tmp_path: Path) -> None:
    path = composer(tmp_path / "chorale.safetensors", "chorale")
    network, codec = read_composer(path)
    notes = [
        # The lower note lasts longer.
        Note(0.0, 1.5, 0.0, 2.0, 66, 80, 0),
        Note(0.0, 0.75, 0.0, 1.0, 70, 80, 0),
        Note(0.75, 1.5, 1.0, 2.0, 42, 80, 3),
    ]
    tokens = codec.encode(notes)
    symbols = VOICES[0]["symbols"]
    assert [symbols[token] for token in tokens[::4]] == [70, *["hold"] * 3, "off", *["hold"] * 7]
    nats, choices = scored_by_the_engine(path, notes)
    assert choices == len(tokens)
    assert nats == pytest.approx(
        network_nats(network, codec, TokenPiece(tokens, KEY)), rel=TOLERANCE
    )
