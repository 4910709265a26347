"""Lets a composer write the pieces that are to be evaluated, and scores real ones, through the
engine.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from cadenza_training.data.midi_file import write_midi
from cadenza_training.data.notes import Note, in_order
from cadenza_training.data.prepared_set import MANIFEST_FILE
from cadenza_training.engine import Engine, Model, NoteEvent
from cadenza_training.errors import UserError
from cadenza_training.evaluation.pieces import Piece, notes_of

_COLUMNS = ("file", "seed", "notes", "seconds", "is_finished")


@dataclass(frozen=True)
class ComposedPiece:
    notes: tuple[Note, ...]
    # Beats a minute, as it was written.
    tempo: float
    seconds: float
    # Whether the model itself ended it.
    is_finished: bool


def choices_per_step(codec: Mapping) -> int:
    """A chorale's step is a choice of each voice; everywhere else a choice is a step."""
    return len(codec["voices"]) if codec["kind"] == "chorale_grid" else 1


def has_voices(codec: Mapping) -> bool:
    """Only a chorale's notes say whose they are; a melody has one voice."""
    return codec["kind"] in ("chorale_grid", "melody_steps")


def has_likelihood(codec: Mapping) -> bool:
    """Not where a network predicts numbers."""
    fields = [codec.get(name, {}) for name in ("pitch", "velocity", "interval")]
    return codec["kind"] != "note_matrix" or all(field.get("classes") for field in fields)


Settings = Sequence[tuple[str, str | float]]


def load_composer(engine: Engine, path: Path) -> Model:
    model = engine.load(path)
    if not model.information.is_composer:
        model.close()
        raise UserError(
            f"{path} plays sound ({model.information.codec}); expected a composer, whose codec "
            "speaks of notes"
        )
    return model


def compose_piece(
    model: Model, *, seed: int, seconds: float, temperature: float | None, settings: Settings = ()
) -> ComposedPiece:
    """So many seconds, or less where the model ends its piece."""
    rate = model.sample_rate
    frames = round(seconds * rate)
    if frames < 1:
        raise UserError(f"{seconds} seconds are less than one sample")
    with model.stream(seed=seed, temperature=temperature) as stream:
        for name, value in settings:
            stream.set_condition(name, value)
        tempo = stream.parameter("tempo")
        events = stream.compose(frames)
    is_finished = bool(events) and events[-1].kind == "end"
    length = events[-1].frame if is_finished else frames
    notes = notes_from(events, length, rate, tempo)
    return ComposedPiece(tuple(notes), tempo, length / rate, is_finished)


def notes_from(
    events: Sequence[NoteEvent], frames: int, sample_rate: int, tempo: float
) -> list[Note]:
    """Note ons with the note offs that end them; what still sounds ends with the piece."""
    sounding: dict[tuple[int, int], NoteEvent] = {}
    notes: list[Note] = []

    def end(place: tuple[int, int], frame: int, beat: float) -> None:
        begun = sounding.pop(place, None)
        if begun is not None and frame > begun.frame:
            notes.append(
                Note(
                    onset_seconds=begun.frame / sample_rate,
                    duration_seconds=(frame - begun.frame) / sample_rate,
                    onset_beats=begun.beat,
                    duration_beats=beat - begun.beat,
                    pitch=begun.pitch,
                    velocity=max(1, round(begun.velocity * 127.0)),
                    voice=begun.voice,
                )
            )

    for event in events:
        if event.kind == "end":
            break
        place = (event.voice, event.pitch)
        end(place, event.frame, event.beat)
        if event.kind == "note on":
            sounding[place] = event
    for place in list(sounding):
        end(place, frames, frames / sample_rate * tempo / 60.0)
    return in_order(notes)


def events_of(notes: Sequence[Note], sample_rate: int, tempo: float) -> tuple[list[NoteEvent], int]:
    """A piece as the engine takes it, by its beats at the stream's tempo, and its frames. At one
    moment notes end before others begin."""
    frames_per_beat = sample_rate * 60.0 / tempo
    moves = []
    for note in notes:
        begin = round(note.onset_beats * frames_per_beat)
        finish = round((note.onset_beats + note.duration_beats) * frames_per_beat)
        moves.append((begin, 1, note.voice, note.pitch, note.velocity / 127.0))
        moves.append((max(finish, begin + 1), 0, note.voice, note.pitch, 0.0))
    moves.sort()
    events = [
        NoteEvent(frame, "note on" if starts else "note off", voice, pitch, velocity)
        for frame, starts, voice, pitch, velocity in moves
    ]
    return events, events[-1].frame if events else 0


def score_pieces(model_path: Path, pieces: Sequence[Piece]) -> tuple[float, int]:
    """Summed nats of the pieces' choices, each piece from the start, and how many choices."""
    nats, choices = 0.0, 0
    with load_composer(Engine(), model_path) as model:
        for piece in tqdm(pieces, desc="scoring", unit="piece"):
            with model.stream() as stream:
                tempo = stream.parameter("tempo")
                events, frames = events_of(notes_of(piece.table), model.sample_rate, tempo)
                of_piece = stream.score_events(events, frames)
            nats += of_piece[0]
            choices += of_piece[1]
    return nats, choices


def generate_pieces(
    model_path: Path,
    folder: Path,
    *,
    count: int,
    seed: int,
    seconds: float,
    temperature: float | None,
    settings: Settings = (),
) -> None:
    """MIDI files, a track for each voice, with seeds that count up, and a manifest.csv."""
    rows = []
    folder.mkdir(parents=True, exist_ok=True)
    with load_composer(Engine(), model_path) as model:
        for number in tqdm(range(seed, seed + count), desc="composing", unit="piece"):
            piece = compose_piece(
                model, seed=number, seconds=seconds, temperature=temperature, settings=settings
            )
            name = f"piece-seed{number}.mid"
            if piece.notes:
                write_midi(folder / name, piece.notes, piece.tempo)
            rows.append(
                {
                    "file": name if piece.notes else "",
                    "seed": number,
                    "notes": len(piece.notes),
                    "seconds": round(piece.seconds, 3),
                    "is_finished": int(piece.is_finished),
                }
            )
    with (folder / MANIFEST_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, _COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    if not any(row["notes"] for row in rows):
        raise UserError(f"{model_path} composed no note in {count} pieces of {seconds:g} s")
