"""A sound font for the tests of the command: one instrument, a sine that lasts as long as its note."""

import math
import struct


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) % 2)


def text(value, size):
    return value.encode().ljust(size, b"\x00")


def write(path, rate=32000, pitch=69):
    """SoundFont 2.01, section 7: a preset of an instrument of a sample, each with the record that ends its list."""
    cycles = 110  # of 440 Hz, a whole number of them, so that the loop has no seam
    count = cycles * rate // 440
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    samples = [round(20000 * math.sin(2 * math.pi * hertz * i / rate)) for i in range(count + 16 + 46)]  # 46 behind the end, as the standard asks
    loop, sample_id, mode, root = (8, count + 8), 53, 54, 58
    zones = [(mode, 1), (root, pitch), (sample_id, 0)]  # the sample comes last
    records = {
        b"phdr": struct.pack("<20sHHHIII", text("sine", 20), 0, 0, 0, 0, 0, 0)
        + struct.pack("<20sHHHIII", text("EOP", 20), 0, 0, 1, 0, 0, 0),
        b"pbag": struct.pack("<HHHH", 0, 0, 1, 0),
        b"pmod": bytes(10),
        b"pgen": struct.pack("<HHHH", 41, 0, 0, 0),  # the instrument
        b"inst": struct.pack("<20sH20sH", text("sine", 20), 0, text("EOI", 20), 1),
        b"ibag": struct.pack("<HHHH", 0, 0, len(zones), 0),
        b"imod": bytes(10),
        b"igen": b"".join(struct.pack("<HH", *zone) for zone in zones) + bytes(4),
        b"shdr": struct.pack("<20sIIIIIBbHH", text("sine", 20), 0, count + 16, *loop, rate, pitch, 0, 0, 1)
        + struct.pack("<20sIIIIIBbHH", text("EOS", 20), 0, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    information = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\x00") + chunk(b"INAM", b"sine\x00\x00")
    data = struct.pack("<%dh" % len(samples), *samples)
    body = (
        chunk(b"LIST", b"INFO" + information) + chunk(b"LIST", b"sdta" + chunk(b"smpl", data))
        + chunk(b"LIST", b"pdta" + b"".join(chunk(name, value) for name, value in records.items())))
    with open(path, "wb") as file:
        file.write(chunk(b"RIFF", b"sfbk" + body))
