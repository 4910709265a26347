#!/usr/bin/env python3
"""Writes the MIDI files of this folder, and the notes that are in them. See README.md."""

import os
import random

import mido

HERE = os.path.dirname(os.path.abspath(__file__))


def message(generator, channels):
    """One random event."""
    channel, kind = generator.choice(channels), generator.random()
    if kind < 0.45:
        return mido.Message("note_on", channel=channel, note=generator.randint(58, 64), velocity=generator.choice([0, 1, 64, 127]))
    if kind < 0.7:
        return mido.Message("note_off", channel=channel, note=generator.randint(58, 64), velocity=generator.randint(0, 127))
    if kind < 0.82:
        return mido.Message("control_change", channel=channel, control=64, value=generator.choice([0, 63, 64, 127]))
    if kind < 0.84:
        return mido.Message("control_change", channel=channel, control=generator.choice([120, 121, 123, 126]), value=0)
    if kind < 0.9:
        return mido.MetaMessage("set_tempo", tempo=generator.randint(100_000, 1_500_000))
    if kind < 0.93:
        return mido.Message("pitchwheel", channel=channel, pitch=generator.randint(-8192, 8191))
    if kind < 0.96:
        return mido.Message("sysex", data=[generator.randint(0, 127) for _ in range(generator.randint(0, 9))])
    return mido.MetaMessage("text", text="x" * generator.choice([0, 3, 200]))


def write(path, seed):
    generator = random.Random(seed)
    form = seed % 2
    file = mido.MidiFile(type=form, ticks_per_beat=generator.choice([1, 96, 480, 960, 32767]))
    channels = generator.sample(range(16), 2)
    for _ in range(3 if form else 1):
        track = mido.MidiTrack()
        for _ in range(150):
            event = message(generator, channels)
            event.time = generator.choice([0, 0, 1, 100, generator.randint(0, 20000)])
            track.append(event)
        file.tracks.append(track)
    file.save(path)


def notes(path):
    """The notes, by the rules that `MidiFile.notes` of Sources/CadenzaMidi states: plainly, whatever time it takes."""
    file = mido.MidiFile(path)
    events, last = [], 0
    for number, track in enumerate(file.tracks):
        tick = 0
        for event in track:
            tick += event.time
            events.append((tick, number, event))
        last = max(last, tick)
    events.sort(key=lambda event: event[:2])  # stable: the order within a track stays

    result, pedal, now, seconds, tempo, clock = [], set(), 0, 0.0, 500_000, {0: 0.0}
    for tick, number, event in events:
        seconds += mido.tick2second(tick - now, file.ticks_per_beat, tempo)
        now = tick
        clock[tick] = seconds
        sounding = [note for note in result if note["end"] is None]
        if event.type == "set_tempo":
            tempo = event.tempo
        elif event.type == "note_on" and event.velocity > 0:
            for note in sounding:
                if note["held"] and note["key"] == (number, event.channel, event.note):
                    note["end"] = tick
            result.append({"start": tick, "end": None, "held": False, "key": (number, event.channel, event.note),
                           "velocity": event.velocity})
        elif event.type in ("note_on", "note_off"):
            down = [note for note in sounding if not note["held"] and note["key"] == (number, event.channel, event.note)]
            if down:
                down[0]["held" if event.channel in pedal else "end"] = True if event.channel in pedal else tick
        elif event.type == "control_change":
            own = [note for note in sounding if note["key"][1] == event.channel]
            if event.control == 64 and event.value >= 64:
                pedal.add(event.channel)
            elif event.control in (64, 121):
                pedal.discard(event.channel)
                for note in own:
                    if note["held"]:
                        note["end"] = tick
            elif event.control == 120:
                for note in own:
                    note["end"] = tick
            elif event.control >= 123:
                for note in own:
                    if event.channel in pedal:
                        note["held"] = True
                    else:
                        note["end"] = tick
    for note in result:
        if note["end"] is None:
            note["end"] = last
    return [(note["start"], note["end"], *note["key"], note["velocity"], clock[note["start"]], clock[note["end"]]) for note in result]


def main():
    for seed in range(12):
        path = os.path.join(HERE, "%d.mid" % seed)
        write(path, seed)
        with open(os.path.join(HERE, "%d.notes" % seed), "w") as file:
            for note in notes(path):
                file.write("%d %d %d %d %d %d %.9f %.9f\n" % note)


if __name__ == "__main__":
    main()
