"""What a composer's choices mean, in words: for its card."""

from __future__ import annotations

from collections.abc import Sequence

from cadenza_training.data.pitch_names import pitch_name


def vocabulary(codec: dict) -> str:
    """A section; nothing for a codec of sound."""
    describe = {
        "performance_events": _performance_events,
        "melody_steps": _melody_steps,
        "chorale_grid": _chorale_grid,
        "note_tokens": _note_tokens,
        "note_matrix": _note_matrix,
    }.get(codec.get("kind", ""))
    if describe is None:
        return ""
    tempo = codec.get("tempo", 120)
    return (
        f"## The notes\n\nCodec `{codec['kind']}`: {describe(codec)}. "
        f"Meant at {tempo} beats a minute."
    )


def _performance_events(codec: dict) -> str:
    lowest, highest = codec["pitches"]
    count = highest - lowest + 1
    end = " and the end" if codec.get("end") else ""
    return (
        f"{count} note ons and {count} note offs ({_span(lowest, highest)}), "
        f"{codec['time_shifts']} time shifts, {codec['velocities']} velocities{end}"
    )


def _melody_steps(codec: dict) -> str:
    return f"{codec['steps_per_beat']} steps a beat, each one of {_symbols(codec['symbols'])}"


def _chorale_grid(codec: dict) -> str:
    voices = "; ".join(f"{voice['name']} {_symbols(voice['symbols'])}" for voice in codec["voices"])
    return f"{codec['steps_per_beat']} steps a beat, each a token of every voice: {voices}"


def _symbols(symbols: Sequence[int | str]) -> str:
    pitches = [symbol for symbol in symbols if isinstance(symbol, int)]
    texts = [symbol for symbol in symbols if isinstance(symbol, str)]
    words = [text for text in texts if " " not in text]
    if len(words) < len(texts):
        words.insert(0, "hold for each pitch")
    span = f" ({_span(min(pitches), max(pitches))})" if pitches else ""
    return f"{', '.join(words)} and {len(pitches)} pitches{span}"


def _note_tokens(codec: dict) -> str:
    sets = [token for token in codec["tokens"] if isinstance(token, list)]
    notes = sum(len(token) == 1 for token in sets)
    chords = sum(len(token) > 1 for token in sets)
    words = ["a rest"] if [] in sets else []
    words += ["the end"] if "end" in codec["tokens"] else []
    others = f", {' and '.join(words)}" if words else ""
    return (
        f"{codec['steps_per_beat']} steps a beat, each one of {len(codec['tokens'])} tokens: "
        f"{notes} notes, {chords} chords{others}"
    )


def _note_matrix(codec: dict) -> str:
    pitch, velocity, interval = (codec[name] for name in ("pitch", "velocity", "interval"))
    lowest, highest = pitch["range"]
    quietest, loudest = velocity["range"]
    spans = (
        (_kind(highest - lowest + 1 if pitch.get("classes") else 0), _span(lowest, highest)),
        (_kind(velocity.get("classes", 0)), f"{quietest} … {loudest}"),
        (_kind(interval.get("classes", 0)), f"0 … {interval['maximum_milliseconds']:,} ms"),
    )
    fields = ", ".join(
        f"{name} as {kind} ({span})"
        for name, (kind, span) in zip(("pitch", "velocity", "interval"), spans, strict=True)
    )
    return f"a step is one note: {fields}"


def _kind(classes: int) -> str:
    return f"one of {classes} classes" if classes else "a number"


def _span(lowest: int, highest: int) -> str:
    return f"MIDI {lowest} … {highest}, {pitch_name(lowest)} … {pitch_name(highest)}"
