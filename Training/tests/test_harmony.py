"""Four-part harmony: kinds of chords, parallels and ranges, by hand and against music21."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from music21.note import Note as SpelledNote
from music21.voiceLeading import VoiceLeadingQuartet

from cadenza_training.cli import main
from cadenza_training.data.midi_file import write_midi
from cadenza_training.data.notes import Note
from cadenza_training.evaluation.harmony import (
    chord_kind,
    chords_of,
    has_parallel,
    measure_harmony,
)
from cadenza_training.evaluation.metric import NotDefinedError
from cadenza_training.evaluation.pieces import Piece, piece_of
from cadenza_training.evaluation.report import Evaluation

C_MAJOR = (72, 67, 64, 48)
F_MAJOR = (72, 69, 65, 53)
DOMINANT_SEVENTH = (71, 65, 62, 55)
TRITONE_CLUSTER = (66, 65, 61, 48)


def chorale(chords: Sequence[tuple[int, ...]], name: str = "chorale") -> Piece:
    """A chord a beat, from soprano to bass."""
    rows = [
        (beat * 0.5, 0.5, float(beat), 1.0, float(pitch), 80.0, float(voice))
        for beat, chord in enumerate(chords)
        for voice, pitch in enumerate(chord)
    ]
    return piece_of(name, rows)


@pytest.mark.parametrize(
    ("pitches", "kind"),
    [
        (C_MAJOR, "triad"),
        ((69, 64, 60, 57), "triad"),
        # C and E alone, and their sixth.
        ((72, 64, 60, 48), "triad"),
        ((64, 60, 60, 52), "triad"),
        (DOMINANT_SEVENTH, "seventh"),
        ((72, 69, 67, 64), "seventh"),
        ((68, 65, 62, 59), "seventh"),
        # Diminished and augmented triads, a fifth alone, a suspended fourth.
        ((71, 65, 62, 59), "other"),
        ((68, 64, 60, 48), "other"),
        ((67, 60, 55, 48), "other"),
        ((72, 67, 65, 48), "other"),
        (TRITONE_CLUSTER, "other"),
    ],
)
def test_kinds_of_chords(pitches: tuple[int, ...], kind: str) -> None:
    assert chord_kind(pitches) == kind
    # In every key.
    assert {chord_kind([pitch + shift for pitch in pitches]) for shift in range(12)} == {kind}


def test_parallels_are_those_of_music21() -> None:
    """Where sharps spell them as fifths: music21 goes by the names of notes."""
    spelled = {60: "C4", 62: "D4", 64: "E4", 65: "F4", 67: "G4", 69: "A4", 72: "C5", 74: "D5"}
    spelled |= {48: "C3", 50: "D3", 53: "F3", 55: "G3", 57: "A3"}
    upper, lower = [60, 62, 64, 67, 69, 72, 74], [48, 50, 53, 55, 57, 60]
    found = 0
    for first in ((u, w) for u in upper for w in lower if u > w):
        for second in ((u, w) for u in upper for w in lower if u > w):
            quartet = VoiceLeadingQuartet(
                *(SpelledNote(spelled[p]) for p in (first[0], second[0], first[1], second[1]))
            )
            fifth, octave = quartet.parallelFifth(), quartet.parallelUnisonOrOctave()
            assert has_parallel(first, second, 7) == fifth, (first, second)
            assert has_parallel(first, second, 0) == octave, (first, second)
            found += fifth + octave
    assert found > 10


def test_parallels_by_hand() -> None:
    assert has_parallel((67, 60), (69, 62), 7)
    assert has_parallel((79, 60), (69, 50), 7)
    assert has_parallel((60, 53), (67, 48), 7)
    # Standing still and a fifth that becomes another interval are none.
    assert not has_parallel((67, 60), (67, 60), 7)
    assert not has_parallel((67, 60), (79, 60), 7)
    assert not has_parallel((67, 60), (69, 60), 7)
    assert has_parallel((72, 60), (74, 62), 0)
    assert has_parallel((60, 60), (62, 62), 0)


def test_figures_by_hand() -> None:
    piece = chorale([C_MAJOR, F_MAJOR, DOMINANT_SEVENTH, TRITONE_CLUSTER])
    found = measure_harmony([piece])
    assert (found.consonant_triads, found.sevenths, found.chords) == (0.5, 0.25, 4)
    assert found.triads_and_sevenths == 0.75
    # None of the pairs of C major and F major moves in parallel; 16 of 16 notes are in range.
    assert (found.parallel_fifths, found.parallel_octaves, found.in_range) == (0.0, 0.0, 1.0)
    # All of C major a tone up: G over C is a fifth, the outer voices are octaves, E over C neither.
    moved = tuple(pitch + 2 for pitch in C_MAJOR)
    found = measure_harmony([chorale([C_MAJOR, moved])])
    assert (found.parallel_fifths, found.parallel_octaves) == (50.0, 50.0)
    low = measure_harmony([chorale([(59, 54, 47, 39)])])
    assert low.in_range == 0.0


def test_moments() -> None:
    held = (0.0, 1.0, 0.0, 2.0)
    rows = [(*held, pitch, 80.0, voice) for voice, pitch in enumerate((72.0, 67.0, 64.0))]
    rows += [(0.0, 0.25, 0.0, 0.5, 48.0, 80.0, 3.0), (0.25, 0.25, 0.5, 0.5, 50.0, 80.0, 3.0)]
    piece = piece_of("passing", rows)
    assert list(chords_of(piece, "change")) == [(72, 67, 64, 48), (72, 67, 64, 50)]
    # A note that is struck again is no change.
    again = [(0.5, 0.5, 1.0, 1.0, 72.0, 80.0, 0.0), (0.0, 0.5, 0.0, 1.0, 72.0, 80.0, 0.0)]
    struck = piece_of("struck", [*again, *rows[1:3], (0.0, 1.0, 0.0, 2.0, 48.0, 80.0, 3.0)])
    assert list(chords_of(struck, "change")) == [(72, 67, 64, 48)]
    # On the second beat the bass rests.
    assert list(chords_of(piece, "beat")) == [(72, 67, 64, 48), None]
    with pytest.raises(NotDefinedError, match="has 1 voices, expected 4"):
        measure_harmony([piece_of("solo", [(0.0, 1.0, 0.0, 2.0, 60.0, 80.0, 0.0)])])


def write(piece: Piece, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_midi(path, [Note(*row[:4], *map(int, row[4:])) for row in piece.table.tolist()])


def test_evaluate_midi_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = chorale([C_MAJOR, F_MAJOR, DOMINANT_SEVENTH, F_MAJOR] * 4)
    made = chorale([C_MAJOR, TRITONE_CLUSTER, DOMINANT_SEVENTH, F_MAJOR] * 4)
    write(real, tmp_path / "real" / "a.mid")
    write(made, tmp_path / "made" / "b.mid")
    output = tmp_path / "evaluation"
    words = ["evaluate", str(tmp_path / "real"), str(tmp_path / "made"), "--harmony"]
    assert main([*words, "--output", str(output)]) == 0
    evaluation = Evaluation.read(output / "evaluation.json")
    metric = next(m for m in evaluation.metrics if m.key == "triads_and_sevenths")
    assert (metric.generated, metric.reference) == (0.75, 1.0)
    table = evaluation.table("harmony")
    assert table is not None
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["triads and sevenths, at every change"] == (0.75, 1.0, 0.75)
    assert rows["triads and sevenths, on every beat"] == (0.75, 1.0, 0.75)
    capsys.readouterr()
    write(chorale([(60,), (62,)]), tmp_path / "solo" / "c.mid")
    words = ["evaluate", str(tmp_path / "real"), str(tmp_path / "solo"), "--harmony"]
    assert main([*words, "--output", str(output)]) == 0
    assert "c has 1 voices, expected 4: one track each" in capsys.readouterr().out
