"""What a set has become, and what was left out, for the terminal."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence

from cadenza_training.data.prepared_set import REJECTED_FILE, SPLITS, AudioEntry, PreparedSet

NOTED_LABELS = 40


def report(prepared: PreparedSet) -> str:
    lines = [*_contents(prepared), *_warnings(prepared), *_rejections(prepared)]
    return "\n".join(lines)


def _contents(prepared: PreparedSet) -> list[str]:
    entries = prepared.entries
    is_audio = prepared.description.kind == "audio"
    noun = "recordings" if is_audio else "pieces"
    minutes = sum(entry.seconds for entry in entries) / 60.0
    kind = f"{prepared.description.sample_rate} Hz, " if is_audio else ""
    total = "" if is_audio else f", {sum(entry.notes for entry in entries):,} notes"
    lines = [
        f"{prepared.folder}: {len(entries):,} {noun}, {kind}{minutes:.1f} minutes{total}",
        "",
        f"  {'':24}{'train':>12}{'validation':>12}{'test':>12}",
        _row(noun, [len(prepared.split(side)) for side in SPLITS]),
        _row("minutes", [_minutes(prepared.split(side)) for side in SPLITS]),
    ]
    if is_audio:
        counts = Counter((entry.instrument, entry.split) for entry in entries)
        for instrument in prepared.description.instruments[:NOTED_LABELS]:
            pitches = f"{instrument.minimum_pitch} … {instrument.maximum_pitch}"
            row = _row(instrument.label, [counts[instrument.label, side] for side in SPLITS])
            lines.append(f"{row}   pitch {pitches}")
        if len(prepared.description.instruments) > NOTED_LABELS:
            more = len(prepared.description.instruments) - NOTED_LABELS
            lines.append(f"  and {more} more instruments")
    return lines


def _row(name: str, values: Iterable[float]) -> str:
    texts = [f"{value:,.1f}" if isinstance(value, float) else f"{value:,}" for value in values]
    return f"  {name:24}" + "".join(f"{text:>12}" for text in texts)


def _minutes(entries: Sequence) -> float:
    return sum(entry.seconds for entry in entries) / 60.0


def _warnings(prepared: PreparedSet) -> list[str]:
    """What a user would want to know before training for hours."""
    lines = []
    if not prepared.split("validation"):
        lines.append("nothing is held out to validate on: there was too little to spare any")
        return ["", *lines]
    trained: dict[str, set[int | None]] = {}
    for entry in prepared.entries:
        if isinstance(entry, AudioEntry) and entry.split == "train":
            trained.setdefault(entry.instrument, set()).add(entry.midi_pitch)
    validated = {
        entry.instrument for entry in prepared.split("validation") if isinstance(entry, AudioEntry)
    }
    reach = {
        instrument.label: instrument.maximum_transposition
        for instrument in prepared.description.instruments
    }
    unseen = sorted(
        {
            (entry.instrument, entry.midi_pitch)
            for entry in prepared.entries
            if isinstance(entry, AudioEntry)
            and entry.split != "train"
            and entry.midi_pitch is not None
            and not any(
                pitch is not None
                and abs(pitch - entry.midi_pitch) <= reach.get(entry.instrument, 0)
                for pitch in trained.get(entry.instrument, ())
            )
        }
    )
    missing = sorted(reach.keys() - validated)
    if missing:
        lines.append(
            f"instruments with nothing to validate on: {len(missing)}, such as {missing[0]} "
            "(too little to spare any)"
        )
    if unseen:
        label, pitch = unseen[0]
        lines.append(
            f"held-out pitches that training does not reach: {len(unseen)}, such as {pitch} "
            f"of {label}; a maximum_transposition lets it"
        )
    return ["", *lines] if lines else []


def _rejections(prepared: PreparedSet) -> list[str]:
    with (prepared.folder / REJECTED_FILE).open(encoding="utf-8", newline="") as file:
        rejected = list(csv.DictReader(file))
    if not rejected:
        return ["", "rejected: none"]
    lines = ["", f"rejected: {len(rejected):,}, each with its reason in {REJECTED_FILE}"]
    # A reason begins with its kind, up to the colon.
    kinds = Counter(row["reason"].partition(":")[0] for row in rejected)
    for kind, count in kinds.most_common():
        example = next(row for row in rejected if row["reason"].partition(":")[0] == kind)
        detail = example["reason"].partition(":")[2].strip()
        lines.append(f"  {count:>8,}  {kind}: such as {example['source']} ({detail})")
    return lines
