"""Standard MIDI Files for the tests of the command, read and written independently of it, with nothing but Python."""

import struct


def variable(value):
    """A number as MIDI writes times: seven bits a byte."""
    data = bytes([value & 0x7F])
    while value >= 0x80:
        value >>= 7
        data = bytes([value & 0x7F | 0x80]) + data
    return data


def track(events, end=None, name=None):
    """A track of (tick, bytes) events in their order; `end`: when it ends."""
    data = b""
    if name is not None:
        data += b"\x00\xff\x03" + variable(len(name.encode())) + name.encode()
    tick = 0
    for time, event in events:
        data += variable(time - tick) + event
        tick = time
    data += variable((end if end is not None else tick) - tick) + b"\xff\x2f\x00"
    return b"MTrk" + struct.pack(">I", len(data)) + data


def write(path, tracks, division=480, form=1):
    with open(path, "wb") as file:
        file.write(b"MThd" + struct.pack(">IHHH", 6, form, len(tracks), division) + b"".join(tracks))


def notes_track(notes, channel=0, end=None, name=None):
    """`notes`: (start, end, pitch[, velocity]) in ticks."""
    events = []
    for start, stop, pitch, *velocity in notes:
        events.append((start, 1, bytes([0x90 | channel, pitch, velocity[0] if velocity else 80])))
        events.append((stop, 0, bytes([0x80 | channel, pitch, 64])))
    return track([(time, data) for time, _, data in sorted(events)], end=end, name=name)


def tempo(beats_a_minute):
    return b"\xff\x51\x03" + struct.pack(">I", round(60e6 / beats_a_minute))[1:]


class File:
    """What the command wrote: `division`, `tempo` in beats a minute, `signature`, and `tracks`: dictionaries of a name, its end
    and notes (start, end, pitch, velocity, channel) in ticks."""

    def __init__(self, data):
        assert data[:8] == b"MThd\x00\x00\x00\x06", data[:8]
        self.format, count, self.division = struct.unpack(">HHH", data[8:14])
        self.tracks, self.tempo, self.signature = [], None, None
        at = 14
        for _ in range(count):
            assert data[at:at + 4] == b"MTrk"
            length = struct.unpack(">I", data[at + 4:at + 8])[0]
            self.tracks.append(self._track(data[at + 8:at + 8 + length]))
            at += 8 + length
        assert at == len(data), "bytes behind the last track"

    def _track(self, data):
        result = {"name": None, "end": None, "notes": []}
        at, tick, status, sounding = 0, 0, None, {}

        def number(at):
            value = 0
            while True:
                value = value << 7 | data[at] & 0x7F
                at += 1
                if data[at - 1] < 0x80:
                    return value, at

        while result["end"] is None:
            wait, at = number(at)
            tick += wait
            if data[at] == 0xFF:
                kind = data[at + 1]
                length, at = number(at + 2)
                content = data[at:at + length]
                at += length
                status = None
                if kind == 0x03:
                    result["name"] = content.decode()
                elif kind == 0x51:
                    self.tempo = 60e6 / int.from_bytes(content, "big")
                elif kind == 0x58:
                    self.signature = (content[0], 2 ** content[1])
                elif kind == 0x2F:
                    result["end"] = tick
                continue
            if data[at] & 0x80:
                status = data[at]
                at += 1
            assert status >> 4 in (8, 9), "a status %r" % status
            pitch, velocity = data[at], data[at + 1]
            at += 2
            key = (status & 15, pitch)
            if status >> 4 == 9 and velocity:
                assert key not in sounding, "a note begins that sounds already"
                sounding[key] = (tick, velocity)
            else:
                start, loudness = sounding.pop(key)
                assert tick > start, "a note of no length"
                result["notes"].append((start, tick, pitch, loudness, key[0]))
        assert not sounding, "notes that do not end"
        assert at == len(data), "events behind the end"
        result["notes"].sort()
        return result

    @property
    def notes(self):
        return [note for track in self.tracks for note in track["notes"]]


def read(path):
    with open(path, "rb") as file:
        return File(file.read())
