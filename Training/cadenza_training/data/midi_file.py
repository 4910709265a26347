"""The notes of a Standard MIDI File, in seconds by its tempo map and in quarter notes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mido

from cadenza_training.data.notes import Note, in_order
from cadenza_training.data.options import NotesOptions
from cadenza_training.data.unusable import UnusableError

# Counted from 0: the channel that General MIDI gives to percussion.
PERCUSSION_CHANNEL = 9
SUSTAIN_PEDAL = 64
PEDAL_DOWN = 64
# Microseconds a quarter note, until a file says otherwise.
DEFAULT_TEMPO = 500_000
# The same as quarter notes a minute.
DEFAULT_QUARTERS = 120.0
# Of the files that are written: a tick is about a millisecond.
TICKS_PER_BEAT = 480


class TempoMap:
    def __init__(self, changes: dict[int, int], ticks_per_beat: int) -> None:
        """`changes`: microseconds a quarter note, by tick."""
        self.ticks_per_beat = ticks_per_beat
        self.ticks = [0]
        self.seconds = [0.0]
        self.tempos = [DEFAULT_TEMPO]
        for tick in sorted(changes):
            seconds = self.seconds_at(tick)
            self.ticks.append(tick)
            self.seconds.append(seconds)
            self.tempos.append(changes[tick])

    def seconds_at(self, tick: int) -> float:
        index = bisect_right(self.ticks, tick) - 1
        beats = (tick - self.ticks[index]) / self.ticks_per_beat
        return self.seconds[index] + beats * self.tempos[index] * 1e-6


@dataclass
class _Event:
    """A note in ticks."""

    part: tuple[int, int]
    pitch: int
    velocity: int
    start: int
    end: int


def read_midi(path: Path, options: NotesOptions) -> list[Note]:
    file = _open(path)
    changes: dict[int, int] = {}
    pedals: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    events: list[_Event] = []
    last_tick = 0
    for number, track in enumerate(file.tracks):
        sounding: dict[tuple[int, int], deque[_Event]] = defaultdict(deque)
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                changes[tick] = message.tempo
            elif message.type == "control_change" and message.control == SUSTAIN_PEDAL:
                pedals[message.channel].append((tick, message.value >= PEDAL_DOWN))
            elif message.type == "note_on" and message.velocity > 0:
                part = (number, message.channel)
                event = _Event(part, message.note, message.velocity, tick, -1)
                sounding[message.channel, message.note].append(event)
                events.append(event)
            elif message.type in ("note_on", "note_off"):
                waiting = sounding[message.channel, message.note]
                if waiting:
                    waiting.popleft().end = tick
        # What is never released ends with its track.
        for waiting in sounding.values():
            for event in waiting:
                event.end = tick
        last_tick = max(last_tick, tick)
    if not options.percussion:
        events = [event for event in events if event.part[1] != PERCUSSION_CHANNEL]
    if options.sustain_pedal:
        _sustain(events, pedals, last_tick)
    return _notes(events, TempoMap(changes, file.ticks_per_beat))


def write_midi(path: Path, notes: Sequence[Note], tempo: float = DEFAULT_QUARTERS) -> None:
    """A type 1 file at `tempo` quarter notes a minute, one track a voice, onsets as in seconds."""
    ticks_per_second = TICKS_PER_BEAT * tempo / 60.0
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    if tempo != DEFAULT_QUARTERS:
        microseconds = round(60_000_000 / tempo)
        file.add_track("tempo").append(mido.MetaMessage("set_tempo", tempo=microseconds))
    for voice in sorted({note.voice for note in notes}):
        # (tick, whether it starts, pitch, velocity): what ends at a tick ends before what starts.
        moves = []
        for note in notes:
            if note.voice == voice:
                start = round(note.onset_seconds * ticks_per_second)
                end = round((note.onset_seconds + note.duration_seconds) * ticks_per_second)
                moves.append((start, True, note.pitch, note.velocity))
                moves.append((max(end, start + 1), False, note.pitch, 0))
        track = file.add_track(f"voice {voice}")
        now = 0
        for tick, starts, pitch, velocity in sorted(moves):
            kind = "note_on" if starts else "note_off"
            track.append(mido.Message(kind, note=pitch, velocity=velocity, time=tick - now))
            now = tick
    file.save(path)


def _open(path: Path) -> mido.MidiFile:
    try:
        file = mido.MidiFile(path)
    except Exception as error:
        # mido meets broken files with whatever its parser stumbles over.
        reason = str(error) or type(error).__name__
        raise UnusableError(f"unreadable: not a whole MIDI file ({reason})") from error
    if file.type == 2:
        raise UnusableError("unreadable: type 2, whose tracks are pieces of their own")
    if file.ticks_per_beat <= 0:
        raise UnusableError("unreadable: its times are in SMPTE frames, not in quarter notes")
    return file


def _sustain(
    events: list[_Event], pedals: dict[int, list[tuple[int, bool]]], last_tick: int
) -> None:
    """Notes that end while the pedal is down last until it is lifted or their key is struck."""
    onsets: dict[tuple[int, int], list[int]] = defaultdict(list)
    for event in events:
        onsets[event.part[1], event.pitch].append(event.start)
    for starts in onsets.values():
        starts.sort()
    for moves in pedals.values():
        moves.sort(key=lambda move: move[0])
    ticks = {channel: [tick for tick, _ in moves] for channel, moves in pedals.items()}
    for event in events:
        channel = event.part[1]
        moves = pedals.get(channel, [])
        after = bisect_left(ticks.get(channel, []), event.end)
        if after == 0 or not moves[after - 1][1]:
            continue
        lifted = next((tick for tick, down in moves[after:] if not down), last_tick)
        struck = onsets[channel, event.pitch]
        following = bisect_right(struck, event.start)
        if following < len(struck):
            lifted = min(lifted, struck[following])
        event.end = max(event.end, lifted)


def _notes(events: list[_Event], tempo: TempoMap) -> list[Note]:
    parts = sorted({event.part for event in events})
    voices = {part: voice for voice, part in enumerate(parts)}
    notes = []
    for event in events:
        if event.end <= event.start:
            continue
        start, end = tempo.seconds_at(event.start), tempo.seconds_at(event.end)
        notes.append(
            Note(
                onset_seconds=start,
                duration_seconds=end - start,
                onset_beats=event.start / tempo.ticks_per_beat,
                duration_beats=(event.end - event.start) / tempo.ticks_per_beat,
                pitch=event.pitch,
                velocity=event.velocity,
                voice=voices[event.part],
            )
        )
    return in_order(notes)
