"""Notes become the tokens that FORMAT.md states, and tokens notes, whatever a network emits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from cadenza_training.data.notes import Note
from cadenza_training.errors import UserError
from cadenza_training.systems.notes.codecs import make_codec, read_codec
from cadenza_training.systems.notes.keys import KEY_LABELS, key_of, transposed_key
from cadenza_training.systems.notes.note_codec import NoteCodec, closest_pitch
from cadenza_training.systems.notes.performance_events import PerformanceEvents
from cadenza_training.systems.notes.step_grid import StepGrid
from cadenza_training.systems.notes.transposition import pitch_ranges, transpositions

# Soprano, alto, tenor, bass: a C major chord, then G major, with a rest in the alto.
CHORALE = [
    (0.0, 1.0, 72, 0), (1.0, 0.5, 71, 0), (1.5, 0.5, 72, 0),
    (0.0, 1.0, 64, 1), (1.5, 0.5, 62, 1),
    (0.0, 2.0, 55, 2),
    (0.0, 1.0, 48, 3), (1.0, 1.0, 43, 3),
]  # fmt: skip
CODECS = [
    {"kind": "performance_events", "end": True},
    {"kind": "performance_events", "pitches": [40, 80], "time_shifts": 30, "velocities": 4},
    {"kind": "melody_steps", "steps_per_beat": 4},
    {"kind": "chorale_grid", "voices": ["soprano", "alto", "tenor", "bass"], "end": True},
    {"kind": "chorale_grid", "voices": ["soprano", "alto", "tenor", "bass"]},
    {"kind": "note_tokens", "steps_per_beat": 2, "end": True},
    {"kind": "note_tokens", "steps_per_beat": 4},
    {
        "kind": "chorale_grid",
        "voices": ["soprano", "alto", "tenor", "bass"],
        "end": True,
        "hold_pitches": True,
    },
]


def note(onset: float, duration: float, pitch: int, voice: int = 0, velocity: int = 80) -> Note:
    return Note(onset / 2, duration / 2, onset, duration, pitch, velocity, voice)


def chorale() -> list[Note]:
    return [note(*row) for row in CHORALE]


def played(notes: Sequence[Note]) -> set[tuple[float, float, int, int]]:
    return {(n.onset_beats, n.duration_beats, n.pitch, n.voice) for n in notes}


def collected(codec: dict) -> NoteCodec:
    return make_codec(codec, [chorale()])


def test_performance_events_are_numbered_as_the_format_says() -> None:
    codec = PerformanceEvents()
    assert codec.vocabulary_size == 388
    assert (codec.first_off, codec.first_shift, codec.first_velocity) == (128, 256, 356)
    # The longest time shift, or the end where there is one.
    assert codec.start_token == 355
    assert PerformanceEvents(end=True).start_token == 388
    assert codec.ticks_per_beat == 50


def test_a_moment_is_written_in_order() -> None:
    codec = PerformanceEvents(time_shifts=40)
    notes = [
        note(0.0, 1.0, 67, velocity=64), note(0.0, 1.0, 60, velocity=64),
        note(1.0, 1.0, 62, velocity=100), note(1.0, 1.0, 59, velocity=100),
    ]  # fmt: skip
    on, off, shift, velocity = 0, 128, 255, 256 + 40
    # 64 holds before the first velocity token: class 63 · 32 / 127 = 15.
    assert codec.velocity_class(64) == 15
    assert codec.encode(notes).tolist() == [
        on + 60, on + 67, shift + 40, shift + 10,
        off + 60, off + 67, velocity + 24, on + 59, on + 62, shift + 40, shift + 10,
        off + 59, off + 62,
    ]  # fmt: skip


@pytest.mark.parametrize("classes", [1, 4, 8, 32, 63, 127])
def test_velocity_classes_survive_a_round_trip(classes: int) -> None:
    codec = PerformanceEvents(velocities=classes)
    velocities = [codec.velocity_of(number) for number in range(classes)]
    assert velocities == [1 + (2 * b + 1) * 127 // (2 * classes) for b in range(classes)]
    assert [codec.velocity_class(velocity) for velocity in velocities] == list(range(classes))
    assert all(1 <= velocity <= 127 for velocity in velocities)
    assert codec.velocity_class(1) == 0
    assert codec.velocity_class(127) == (126 * classes) // 127


def test_parts_that_share_a_pitch_strike_it_anew() -> None:
    codec = PerformanceEvents()
    notes = [note(0.0, 4.0, 60, 0), note(1.0, 1.0, 60, 1), note(1.0, 2.0, 60, 2)]
    assert played(codec.decode(codec.encode(notes))) == {(0.0, 1.0, 60, 0), (1.0, 2.0, 60, 0)}


def test_a_chorale_is_one_token_of_each_voice_a_step() -> None:
    codec = collected(CODECS[3])
    assert isinstance(codec, StepGrid)
    # hold, off, end, 71, 72 | hold, off, 62, 63, 64 | hold, off, 55 | hold, off, 43 … 48
    assert [tokens.first for tokens in codec.ranges] == [0, 5, 10, 13]
    assert codec.vocabulary_size == 13 + 8
    assert codec.start_token == 2
    tokens = codec.encode(chorale())
    assert len(tokens) == 8 * 4 + 1
    steps = tokens[:-1].reshape(8, 4)
    assert steps[0].tolist() == [4, 9, 12, 20]
    assert steps[1].tolist() == [0, 5, 10, 13]
    # The soprano moves, the alto rests, the tenor holds, the bass moves.
    assert steps[4].tolist() == [3, 6, 10, 15]
    # The alto's rest goes on, as whatever is goes on.
    assert steps[5].tolist() == [0, 5, 10, 13]
    assert tokens[-1] == codec.end_token


def test_without_an_end_the_last_voice_is_off_before_the_first_step() -> None:
    codec = collected(CODECS[4])
    assert codec.start_token == codec.ranges[3].first + 1
    assert collected(CODECS[2]).start_token == 1
    assert collected(CODECS[5]).start_token == codec_end(collected(CODECS[5]))
    rest = read_codec({"kind": "note_tokens", "tokens": [[60], [], [62]]})
    assert rest.start_token == 1
    assert read_codec({"kind": "note_tokens", "tokens": [[60], [62]]}).start_token == 0


def test_a_pitch_that_is_held_may_have_a_symbol_of_its_own() -> None:
    codec = collected({**CODECS[3], "hold_pitches": True})
    assert isinstance(codec, StepGrid)
    # off, end, 71, 72, hold 71, hold 72 | off, 62, 63, 64, hold 62 … | off, 55, hold 55 | …
    assert [tokens.first for tokens in codec.ranges] == [0, 6, 13, 16]
    assert (codec.vocabulary_size, codec.start_token) == (16 + 13, 1)
    steps = codec.encode(chorale())[:-1].reshape(8, 4)
    # All begin; all go on; the soprano moves, the alto rests, the tenor holds, the bass moves.
    assert steps[0].tolist() == [3, 9, 14, 22]
    assert steps[1].tolist() == [5, 12, 15, 28]
    assert steps[4].tolist() == [2, 6, 15, 17]
    # A rest is "off" at every step.
    assert steps[5].tolist() == [4, 6, 15, 23]
    # The same notes as with one symbol for all that holds; what does not sound begins.
    assert played(codec.decode(codec.encode(chorale()))) == played(chorale())
    assert played(codec.decode([5, 6, 13, 16, 4, 6, 13, 16])) == {
        (0.0, 0.25, 72, 0),
        (0.25, 0.25, 71, 0),
    }


def test_tokens_of_one_pitch_share_it_whatever_their_voice() -> None:
    codec = collected({**CODECS[3], "hold_pitches": True})
    traits = codec.traits()
    shared = traits @ traits.T
    # 71 and 72 of the soprano, to begin and held; 62 … 64 of the alto; off of both.
    assert [shared[2, other] for other in (3, 4, 5, 7, 0)] == [2, 3, 1, 1, 1]
    assert shared[0, 6] == 1
    assert (traits.sum(axis=1)[[0, 1, 2, 4]] == [2, 2, 4, 4]).all()
    # 60 in two voices: the word, the pitch and its class; an octave apart: the word and the class.
    two = [note(0, 1, 60, 0), note(0, 1, 60, 1), note(1, 1, 72, 1)]
    codec = make_codec({"kind": "chorale_grid", "voices": ["high", "low"]}, [two])
    places = [2, codec.ranges[1].first + 2, codec.ranges[1].first + 14]
    traits = codec.traits()[places]
    assert (traits @ traits[0]).tolist() == [4, 3, 2]
    assert collected(CODECS[0]).traits().shape == (388 + 1, 0)


def codec_end(codec: NoteCodec) -> int:
    assert codec.end_token is not None
    return codec.end_token


@pytest.mark.parametrize("number", [0, 3, 4, 7])
def test_what_is_encoded_is_played(number: int) -> None:
    codec = collected(CODECS[number])
    expected = played(chorale())
    if not isinstance(codec, StepGrid):
        expected = {(onset, duration, pitch, 0) for onset, duration, pitch, _ in expected}
    assert played(codec.decode(codec.encode(chorale()))) == expected


def test_note_tokens_last_a_step() -> None:
    codec = collected(CODECS[5])
    heard = played(codec.decode(codec.encode(chorale())))
    assert heard == {(onset, 0.5, pitch, 0) for onset, _, pitch, _ in played(chorale())}


def test_the_table_of_chords_is_collected_by_count() -> None:
    often, seldom = [note(step, 1, 60) for step in range(3)], [note(3, 1, 64), note(3, 1, 67)]
    codec = make_codec(
        {"kind": "note_tokens", "steps_per_beat": 1, "minimum_count": 2}, [[*often, *seldom]]
    )
    # The rest is always there.
    assert codec.configuration()["tokens"] == [[60], []]


def test_an_unknown_chord_becomes_the_one_that_fewest_pitches_tell_apart() -> None:
    tokens = [[60], [], [60, 64, 67], [62, 65, 69], "end"]
    codec = read_codec({"kind": "note_tokens", "tokens": tokens})
    for chord, nearest in (
        ((60, 64, 67, 72), 2),
        ((60, 64), 0),
        ((61,), 1),
        ((62, 65), 3),
    ):
        assert codec.encode([note(0, 1, pitch) for pitch in chord]).tolist() == [nearest, 4]


@pytest.mark.parametrize("configuration", CODECS, ids=lambda codec: codec["kind"])
def test_a_codec_is_read_back_from_its_configuration(configuration: dict) -> None:
    codec = collected(configuration)
    again = read_codec(codec.configuration())
    assert again.configuration() == codec.configuration()
    assert (again.vocabulary_size, again.start_token, again.end_token) == (
        codec.vocabulary_size,
        codec.start_token,
        codec.end_token,
    )
    assert again.encode(chorale()).tolist() == codec.encode(chorale()).tolist()
    assert sum(tokens.count for tokens in again.ranges) == again.vocabulary_size


@pytest.mark.parametrize("configuration", CODECS, ids=lambda codec: codec["kind"])
def test_whatever_a_network_emits_is_played_soundly(configuration: dict) -> None:
    codec = collected({**configuration, "maximum_note_beats": 2})
    generator = np.random.default_rng(5)
    for _ in range(20):
        places = [codec.ranges[index % len(codec.ranges)] for index in range(400)]
        tokens = [tokens.first + int(generator.integers(tokens.count)) for tokens in places]
        notes = codec.decode(tokens)
        for heard in notes:
            assert 0.0 < heard.duration_beats <= 2.0
            assert 0 <= heard.pitch <= 127
            assert 1 <= heard.velocity <= 127
        by_key: dict[tuple[int, int], float] = {}
        for heard in notes:
            key = (heard.voice, heard.pitch)
            assert heard.onset_beats >= by_key.get(key, 0.0) - 1e-9
            by_key[key] = heard.onset_beats + heard.duration_beats


def test_time_passes_by_itself_in_the_end() -> None:
    codec = PerformanceEvents()
    # 256 times the same note on: a tick passes, and the last of them has sounded for it.
    assert played(codec.decode([60] * 256 + [128 + 60])) == {(0.0, 0.02, 60, 0)}


@pytest.mark.parametrize(
    "configuration", [CODECS[0], CODECS[3], CODECS[7]], ids=lambda codec: codec["kind"]
)
def test_tokens_are_transposed_as_notes_are(configuration: dict) -> None:
    low = [note(*row) for row in CHORALE]
    high = [note(onset, duration, pitch + 2, voice) for onset, duration, pitch, voice in CHORALE]
    codec = make_codec(configuration, [low, high])
    assert codec.transposition(2)[codec.encode(low)].tolist() == codec.encode(high).tolist()
    assert codec.transposition(0).tolist() == list(range(codec.vocabulary_size))


def test_pieces_are_transposed_within_what_each_voice_sings() -> None:
    allowed = {0: (60, 70), 1: (40, 50)}
    piece = [note(0, 1, 62, 0), note(0, 1, 45, 1), note(1, 1, 48, 1)]
    assert pitch_ranges(piece) == {0: (62, 62), 1: (45, 48)}
    assert transpositions(piece, allowed, 6) == [-2, -1, 0, 1, 2]
    assert transpositions(piece, allowed, 0) == [0]


@pytest.mark.parametrize("tonic", range(12))
def test_scales_have_their_keys(tonic: int) -> None:
    for steps, mode in (((0, 2, 4, 5, 7, 9, 11), 0), ((0, 2, 3, 5, 7, 8, 11), 1)):
        scale = [note(i, 2 if s in (0, 7) else 1, 60 + tonic + s) for i, s in enumerate(steps)]
        assert key_of(scale) == 12 * mode + tonic
    assert transposed_key(12 + tonic, 5) == 12 + (tonic + 5) % 12
    assert KEY_LABELS[12 * 1 + 9] == "a_minor"


def test_a_pitch_that_is_not_known_is_sung_an_octave_away() -> None:
    assert closest_pitch(60, {48, 60, 72}) == 60
    assert closest_pitch(60, {48, 61, 72}) == 48
    assert closest_pitch(60, {59, 61}) == 59


@pytest.mark.parametrize(
    ("codec", "sentence"),
    [
        ({"kind": "organ"}, 'codec.kind is "organ", expected one of'),
        ({"kind": "note_tokens", "minimum": 3}, 'unknown key "minimum"'),
        ({"kind": "chorale_grid"}, "codec.voices is missing"),
        ({"kind": "chorale_grid", "voices": list("abcde")}, "no piece to train on has a note"),
        ({"kind": "melody_steps", "symbols": ["hold", 60]}, '"off" among them'),
        ({"kind": "melody_steps", "symbols": ["off", 60]}, '"hold" or, for each pitch, "hold 60"'),
        ({"kind": "melody_steps", "symbols": ["off", "hold 60", 60, 61]}, "for each pitch"),
        ({"kind": "melody_steps", "symbols": ["off", "hold", "hold 60", 60]}, "for each pitch"),
        ({"kind": "melody_steps", "symbols": ["hold", "off", 60, 60]}, "each there once"),
        ({"kind": "note_tokens", "minimum_count": 99}, "lower codec.minimum_count"),
    ],
)
def test_a_bad_codec_is_refused(codec: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        collected(codec)
