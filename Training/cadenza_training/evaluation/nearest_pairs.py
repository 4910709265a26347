"""Generated passages beside the training passages nearest to them, to listen to."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import soundfile

from cadenza_training.evaluation.note_novelty import NotePassage
from cadenza_training.evaluation.novelty import Match
from cadenza_training.evaluation.pieces import write_piece
from cadenza_training.evaluation.sound_novelty import PASSAGE_SECONDS, SoundPassage

PAIRS_FILE = "pairs.csv"


def write_sound_pairs(
    matches: Sequence[Match[SoundPassage]], folder: Path, sample_rate: int
) -> None:
    _empty(folder)
    rows = []
    for number, match in enumerate(matches, start=1):
        for side in ("generated", "training"):
            passage: SoundPassage = getattr(match, side)
            samples, _ = passage.file.read(sample_rate)
            start = round(passage.start_seconds * sample_rate)
            end = start + round(PASSAGE_SECONDS * sample_rate)
            path = folder / f"{number:02}-{side}.wav"
            soundfile.write(path, samples[start:end], sample_rate, subtype="PCM_16")
        rows.append(
            (
                number,
                match.distance,
                f"{match.generated.file.name} from {match.generated.start_seconds:.2f} s",
                f"{match.training.file.name} from {match.training.start_seconds:.2f} s",
            )
        )
    _write_table(folder, rows)


def write_note_pairs(matches: Sequence[Match[NotePassage]], folder: Path) -> None:
    _empty(folder)
    rows = []
    for number, match in enumerate(matches, start=1):
        for side in ("generated", "training"):
            passage: NotePassage = getattr(match, side)
            write_piece(passage.notes, folder / f"{number:02}-{side}.mid")
        rows.append((number, match.distance, match.generated.where, match.training.where))
    _write_table(folder, rows)


def _empty(folder: Path) -> None:
    """Pairs of an earlier evaluation would pass for this one's."""
    folder.mkdir(parents=True, exist_ok=True)
    for side in ("generated", "training"):
        for path in folder.glob(f"[0-9]*-{side}.*"):
            path.unlink()


def _write_table(folder: Path, rows: Sequence[tuple[int, float, str, str]]) -> None:
    with (folder / PAIRS_FILE).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("pair", "distance", "generated", "training"))
        writer.writerows(rows)
