#!/usr/bin/env python3
"""Compares the loader with the reference reader of safetensors: whatever Cadenza accepts, the reference accepts too, and both
find the same tensors and the same configuration in it. (The reverse is not so: Cadenza is stricter.)

    make test-oracle                    or   python3 Tests/oracle/differential.py [--files 20000] [--seed 1] [--library PATH]

The files are the good ones of Tests/fuzz/corpus and Tests/Fixtures/parity, written anew in many ways that mean the same, in many
ways that do not, and spoilt at random. The reference reader is the Python package `safetensors`, which this script installs into
a virtual environment of its own under .build/oracle. Without it there is no test: nothing is skipped.
"""

import argparse
import ctypes
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import venv

ROOT = pathlib.Path(__file__).resolve().parents[2]
REFERENCE = "safetensors==0.6.2"


def enter_environment():
    """Runs this script again in the virtual environment that has the reference reader, which it makes first."""
    build = pathlib.Path(os.environ.get("BUILD", ROOT / ".build"))
    folder = build / "oracle"
    python = folder / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == folder.resolve():
        return
    marker = folder / REFERENCE
    if not marker.exists():
        print(f"oracle: installing {REFERENCE} into {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", REFERENCE], check=True)
        marker.touch()
    os.execv(python, [python, *sys.argv])


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("message", ctypes.c_char * 512)]


class Info(ctypes.Structure):
    """cadenza_model_info up to the fields that are compared."""

    _fields_ = [
        ("struct_size", ctypes.c_uint32), ("sample_rate", ctypes.c_uint32), ("name", ctypes.c_char_p),
        ("description", ctypes.c_char_p), ("license", ctypes.c_char_p), ("network", ctypes.c_char_p),
        ("codec", ctypes.c_char_p), ("instruction_set", ctypes.c_char_p), ("parameter_count", ctypes.c_uint64),
        ("weight_bytes", ctypes.c_uint64), ("stream_bytes", ctypes.c_uint64), ("vocabulary_size", ctypes.c_uint32),
        ("condition_count", ctypes.c_uint32), ("receptive_field", ctypes.c_uint64), ("training_steps", ctypes.c_double),
        ("validation_nats", ctypes.c_double), ("temperature", ctypes.c_float), ("top_p", ctypes.c_float),
        ("top_k", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
    ]


class Cadenza:
    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        self.library.cadenza_model_load_memory.argtypes = [
            ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(Error)]
        self.library.cadenza_model_get_info.argtypes = [ctypes.c_void_p, ctypes.POINTER(Info)]
        self.library.cadenza_model_release.argtypes = [ctypes.c_void_p]
        self.library.cadenza_model_release.restype = None

    def load(self, data):
        """(info, None) or (None, sentence)"""
        model, error = ctypes.c_void_p(), Error()
        status = self.library.cadenza_model_load_memory(data, len(data), ctypes.byref(model), ctypes.byref(error))
        if status != 0:
            if status not in (-3, -4) or model.value is not None or not error.message:
                raise AssertionError(f"status {status}, model {model.value}, message {error.message!r}")
            return None, error.message.decode()
        info = Info(struct_size=ctypes.sizeof(Info))
        assert self.library.cadenza_model_get_info(model, ctypes.byref(info)) == 0
        facts = {
            "name": info.name.decode(), "description": info.description.decode(), "license": info.license.decode(),
            "network": info.network.decode(), "codec": info.codec.decode(), "sample_rate": info.sample_rate,
            "parameters": info.parameter_count, "conditions": info.condition_count, "steps": info.training_steps,
            "nats": info.validation_nats, "temperature": info.temperature, "top_p": info.top_p, "top_k": info.top_k,
        }
        self.library.cadenza_model_release(model)
        return facts, None


def refuse_constant(text):
    raise ValueError(f"{text} is not JSON")


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key twice")
    return dict(pairs)


def strict_json(text):
    return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)


def as_float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def reference_facts(data, deserialize):
    """What Cadenza should have found, by other people's readers."""
    tensors = deserialize(data)
    (length,) = struct.unpack_from("<Q", data)
    metadata = strict_json(data[8:8 + length].decode("utf-8"))["__metadata__"]
    config = strict_json(metadata["cadenza.config"])
    sampling, training = config.get("sampling", {}), config.get("training", {})
    parameters = 0
    for _, tensor in tensors:
        count = 1
        for dimension in tensor["shape"]:
            count *= dimension
        parameters += count
    return {
        "name": config.get("name", ""), "description": config.get("description", ""), "license": config.get("license", ""),
        "network": config["network"]["kind"], "codec": config["codec"]["kind"],
        "sample_rate": config["codec"]["sample_rate"], "parameters": parameters,
        "conditions": len(config.get("conditions", [])), "steps": float(training.get("steps", 0)),
        "nats": float(training.get("validation_nats", 0)), "temperature": as_float32(sampling.get("temperature", 1)),
        "top_p": as_float32(sampling.get("top_p", 1)), "top_k": sampling.get("top_k", 0),
    }


# ---- Files ------------------------------------------------------------------------------------------------------------------


def split(data):
    (length,) = struct.unpack_from("<Q", data)
    return data[8:8 + length], data[8 + length:]


def join(header, tensors):
    return struct.pack("<Q", len(header)) + header + tensors


def dump(value, rng):
    """JSON with spaces, escapes and spellings at random, which mean the same."""
    space = lambda: rng.choice(["", "", "", " ", "\n", "\t", "\r\n  "])
    if isinstance(value, dict):
        items = list(value.items())
        if rng.random() < 0.5:
            rng.shuffle(items)
        return "{" + ",".join(
            f"{space()}{dump(key, rng)}{space()}:{space()}{dump(item, rng)}{space()}" for key, item in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(f"{space()}{dump(item, rng)}{space()}" for item in value) + space() + "]"
    if isinstance(value, str):
        pieces = []
        for character in value:
            if rng.random() < 0.05:
                units = character.encode("utf-16-be")
                pieces.append("".join(f"\\u{units[i]:02x}{units[i + 1]:02{rng.choice('xX')}}" for i in range(0, len(units), 2)))
            else:
                pieces.append(json.dumps(character, ensure_ascii=rng.random() < 0.5)[1:-1])
        return '"' + "".join(pieces) + '"'
    if isinstance(value, float) and rng.random() < 0.5:
        return f"{value:.{rng.randrange(1, 25)}e}"
    return json.dumps(value)


def respelt(data, rng):
    """The same model in another spelling."""
    header, tensors = split(data)
    content = json.loads(header)
    metadata = content["__metadata__"]
    config = json.loads(metadata["cadenza.config"])
    if rng.random() < 0.5:
        config["name"] = "".join(chr(rng.choice([65, 0x20, 0x22, 0x5C, 0xE9, 0x20AC, 0x1F600, 0x7F, 0x0A])) for _ in range(9))
        config.setdefault("training", {})["validation_nats"] = rng.random() * 10.0 ** rng.randrange(-20, 20)
        config["training"]["steps"] = rng.randrange(0, 1 << 62)
        config["sampling"] = {"temperature": rng.random() * 100, "top_k": rng.randrange(0, 1000), "top_p": rng.random()}
    metadata["cadenza.config"] = dump(config, rng)
    if rng.random() < 0.3:
        metadata["note \U0001F600"] = "free\n"
    if rng.random() < 0.5:
        content, tensors = moved(content, tensors, rng)
    text = dump(content, rng).encode("utf-8") + b" " * rng.choice([0, 0, 1, 7, 1000])
    return join(text, tensors)


def moved(content, tensors, rng):
    """The tensors' bytes in another order."""
    names = [name for name in content if name != "__metadata__"]
    rng.shuffle(names)
    result = b""
    for name in names:
        begin, end = content[name]["data_offsets"]
        piece = tensors[begin:end]
        content[name]["data_offsets"] = [len(result), len(result) + len(piece)]
        result += piece
    return content, result


def wrong(data, rng):
    """One thing of the header changed, mostly so that it is wrong."""
    header, tensors = split(data)
    content = json.loads(header)
    names = [name for name in content if name != "__metadata__"]
    name = rng.choice(names)
    entry = content[name]
    kind = rng.randrange(16)
    if kind == 0:
        entry["shape"][rng.randrange(len(entry["shape"]))] += rng.choice([-1, 1, 1 << 32, 1 << 62])
    elif kind == 1:
        entry["data_offsets"][rng.randrange(2)] += rng.choice([-4, -1, 1, 2, 4, 1 << 40])
    elif kind == 2:
        entry["dtype"] = rng.choice(["F64", "I32", "U8", "BOOL", "F32", "F16", "BF16", "f32", "", "F8_E4M3"])
    elif kind == 3:
        del entry[rng.choice(list(entry))]
    elif kind == 4:
        entry["extra"] = rng.choice([None, 1, "x"])
    elif kind == 5:
        content[rng.choice(["", "zzz", "__metadata", name + "x"])] = content.pop(name)
    elif kind == 6:
        other = content[rng.choice(names)]
        entry["data_offsets"], other["data_offsets"] = other["data_offsets"], entry["data_offsets"]
    elif kind == 7:
        entry["shape"] = rng.choice([entry["shape"] + [1], [1] + entry["shape"], entry["shape"][::-1], [], [0], None, "1"])
    elif kind == 8:
        content["__metadata__"][rng.choice(["format", "cadenza.version", "cadenza.config", "x"])] = rng.choice(["", "1", 1, None])
    elif kind == 9:
        content["empty"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(tensors), len(tensors)]}
    elif kind == 10:
        tensors += b"\0" * rng.randrange(1, 9)
    elif kind == 11:
        tensors = tensors[:-rng.randrange(1, 9)]
    text = dump(content, rng) if rng.random() < 0.5 else json.dumps(content)
    if kind == 12:
        text = text[:-1] + f',"{name}":' + json.dumps(entry) + "}"
    elif kind == 13:
        text = rng.choice([" ", "\n", "\ufeff", "[", "\0"]) + text
    elif kind == 14:
        text += rng.choice(["\0", "\0" * 8, "{}", "x", ",", " \n\t\r"])
    elif kind == 15:
        text = text.replace("[", "[" * rng.choice([2, 70]), 1)
    return join(text.encode("utf-8", "surrogatepass"), tensors)


INTERESTING = b'"\\{}[]:,-+.eE019utn \n\t\0\x1f\x7f\x80\xc0\xed\xf4\xff'


def spoilt(data, rng):
    """Bytes changed, taken out and put in at random: most in the header, whose length stays true."""
    header, tensors = (bytearray(part) for part in split(data))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        place = rng.randrange(len(header))
        action = rng.randrange(4)
        if action == 0:
            header[place] = rng.choice(INTERESTING)
        elif action == 1:
            header[place] ^= 1 << rng.randrange(8)
        elif action == 2:
            del header[place]
        else:
            header.insert(place, rng.choice(INTERESTING))
    if rng.random() < 0.1 and tensors:
        tensors[rng.randrange(len(tensors))] ^= 1 << rng.randrange(8)
    whole = bytearray(join(bytes(header), bytes(tensors)))
    if rng.random() < 0.1:
        whole[rng.randrange(min(len(whole), 16))] ^= 1 << rng.randrange(8)
    if rng.random() < 0.05:
        del whole[rng.randrange(len(whole)):]
    return bytes(whole)


# ---- Comparison ---------------------------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library", type=pathlib.Path)
    options = parser.parse_args()
    enter_environment()

    from safetensors import SafetensorError, deserialize

    library = options.library
    if library is None:
        subprocess.run(["make", "--no-print-directory", "-C", ROOT, "library"], check=True)
        library = pathlib.Path(os.environ.get("BUILD", ROOT / ".build")) / "lib" / "libcadenza.so"
    cadenza = Cadenza(library.resolve())

    paths = sorted((ROOT / "Tests/fuzz/corpus/load_model").glob("*.safetensors"))
    paths += sorted(
        path for path in (ROOT / "Tests/Fixtures/parity").glob("*.safetensors") if ".reference." not in path.name)
    good = [path.read_bytes() for path in paths]
    assert good, "no good files to begin with"

    rng = random.Random(options.seed)
    ways = {"as they are": None, "respelt": respelt, "wrong": wrong, "spoilt": spoilt}
    counts = {way: [0, 0, 0] for way in ways}  # files, accepted by the reference, accepted by Cadenza
    failures = 0

    def compare(way, data, what):
        nonlocal failures
        facts, sentence = cadenza.load(data)
        try:
            deserialize(data)
            by_reference = None
        except SafetensorError as error:
            by_reference = str(error)
        counts[way][0] += 1
        counts[way][1] += by_reference is None
        counts[way][2] += facts is not None
        complaint = None
        if facts is not None:
            if by_reference is not None:
                complaint = f"accepted, but the reference says: {by_reference}"
            else:
                try:
                    expected = reference_facts(data, deserialize)
                    if facts != expected:
                        complaint = f"read as {facts}, by the reference as {expected}"
                except (ValueError, KeyError) as error:
                    complaint = f"accepted, but Python's JSON reader says: {error}"
        elif way in ("as they are", "respelt"):
            complaint = f"refused: {sentence}"
        if complaint:
            failures += 1
            saved = pathlib.Path(os.environ.get("BUILD", ROOT / ".build")) / f"oracle-failure-{failures}.safetensors"
            saved.write_bytes(data)
            print(f"FAIL {what}: {complaint} ({saved})", file=sys.stderr)
            if failures == 20:
                sys.exit("oracle: too many failures")

    for path, data in zip(paths, good):
        compare("as they are", data, path.name)
    changes = [way for way in ways if ways[way]]
    for number in range(options.files):
        way = changes[number % len(changes)]
        index = rng.randrange(len(good))
        compare(way, ways[way](good[index], rng), f"{way} number {number} of {paths[index].name}")

    for way, (files, reference, ours) in counts.items():
        print(f"{way}: {files} files, the reference accepts {reference}, Cadenza {ours}")
        # A test that compares nothing proves nothing.
        if way != "wrong" and ours == 0:
            failures += 1
            print(f"FAIL {way}: nothing was accepted", file=sys.stderr)
    print(f"{sum(count[0] for count in counts.values())} files, {failures} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
