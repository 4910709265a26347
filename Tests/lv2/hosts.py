"""What hosts recorded is listened to; and minihost, a host on JUCE, plays both plugins.

hosts.py RECORDINGS …          each is FILE:RATE:SECONDS:PITCH, …:PITCH+PITCH or …:silent; raw files are 32-bit floats
hosts.py --minihost BUNDLES MODEL   the folder of both bundles, and another model of sound
hosts.py --silence FILE RATE SECONDS
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from listen import level, pitch, read_wav, share, write_silence

TRIES = 200  # for what a host does at leisure
failed = 0


def test(name: str, check: Callable[[], str | None]) -> None:
    """A check returns nothing where all is well, else a sentence."""
    global failed
    try:
        complaint = check()
    except Exception as error:  # a host's refusal is a failed test, not the end of all
        complaint = f"{type(error).__name__}: {error}"
    if complaint:
        failed += 1
        print(f"     {complaint}\nFAIL {name}", flush=True)
    else:
        print(f"ok   {name}", flush=True)


def heard(samples: np.ndarray, rate: int, note: float, least: float = 0.02, most: float = 0.7) -> str | None:
    """Whether the sound is as loud as a note of a trained model's, and as high as was asked for."""
    if not np.all(np.isfinite(samples)):
        return "samples are not finite"
    loud, high = level(samples), pitch(samples, rate)
    if not least <= loud <= most:
        return f"the level is {loud:.4f}, expected {least} to {most}"
    return None if abs(high - note) <= 0.5 else f"the pitch is {high:.2f}, expected {note}"


def both_heard(samples: np.ndarray, rate: int, notes: list[float]) -> str | None:
    """Whether all of these notes sound together."""
    shares = {note: share(samples, rate, note) for note in notes}
    return None if min(shares.values()) > 0.05 else f"of the power {shares} lie at these notes"


# ---- The listener itself ---------------------------------------------------------------------------------------------------------------


def tone(note: float, rate: int) -> np.ndarray:
    """Half a second with six overtones, at the level of a note."""
    phase = 2 * np.pi * 440 * 2 ** ((note - 69) / 12) * np.arange(rate // 2) / rate
    return 0.1 * sum(np.sin(overtone * phase + overtone) / overtone for overtone in range(1, 7))


def tones_are_heard() -> str | None:
    for rate in (44100, 48000, 96000):
        for note in np.arange(40, 80, 3.7):
            if complaint := heard(tone(note, rate), rate, note):
                return complaint
    return None


def others_are_not() -> str | None:
    noise = np.random.default_rng(1).normal(0, 0.1, 24000)
    for name, samples in {
        "noise": noise,
        "silence": np.zeros(24000),
        "another note": tone(61, 48000),
        "a shout": 20 * tone(60, 48000),
    }.items():
        if not heard(samples, 48000, 60):
            return f"{name} was taken for a note"
    return None


def chords_are_heard() -> str | None:
    if complaint := both_heard(tone(55, 48000) + tone(60, 48000), 48000, [55, 60]):
        return complaint
    return None if both_heard(tone(55, 48000), 48000, [55, 60]) else "one note was taken for two"


# ---- Recordings ------------------------------------------------------------------------------------------------------------------------


def recording(words: str) -> str | None:
    name, rate, seconds, note = words.rsplit(":", 3)
    path = Path(name)
    if path.suffix == ".raw":
        samples, found = np.frombuffer(path.read_bytes(), "<f4").astype(float), int(rate)
    else:
        samples, found = read_wav(path)
    if found != int(rate):
        return f"the rate is {found}, expected {rate}"
    if abs(len(samples) - float(seconds) * found) > 1:
        return f"there are {len(samples)} samples, expected {seconds} s of {found} Hz"
    if note == "silent":
        return "it is not silent" if np.any(samples) else None
    if "+" in note:
        return both_heard(samples, found, [float(one) for one in note.split("+")])
    return heard(samples, found, float(note))


def named(state: bytes, path: Path) -> bytes:
    """A state of JUCE's, which is Turtle, with a model file."""
    head, _, _ = state.rstrip().rpartition(b".")
    words = f"state:state [ <urn:cadenza:instrument:model> <file://{path}> ] .\n"
    return b"@prefix state: <http://lv2plug.in/ns/ext/state#> .\n" + head + b";\n\t" + words.encode()


# ---- minihost --------------------------------------------------------------------------------------------------------------------------


def play_in_minihost(bundles: Path, model: Path) -> None:
    import minihost

    print(f"     minihost {minihost.__version__}")
    instrument, generator = str(bundles / "cadenza.lv2"), str(bundles / "cadenza-generator.lv2")

    def opened(path: str, rate: int, block: int) -> "minihost.Plugin":
        return minihost.Plugin(path, sample_rate=rate, max_block_size=block, in_channels=0, out_channels=1)

    def play(plugin: "minihost.Plugin", block: int, frames: int, events: dict[int, tuple[int, int, int]] | None = None) -> np.ndarray:
        """Lets it play with MIDI events, each at a frame."""
        silence, output = np.zeros((1, block), np.float32), np.zeros((1, block), np.float32)
        played = []
        for start in range(0, frames, block):
            due = [(at - start, *event) for at, event in sorted((events or {}).items()) if start <= at < start + block]
            plugin.process_midi(silence, output, due)
            played.append(output[0].copy())
        return np.concatenate(played)[:frames]

    key = {0: (0x90, 64, 110)}

    for rate in (22050, 44100, 48000, 96000, 192000):
        sounds = []
        for block in (1, 48, 441, 4096) if rate == 48000 else (64, 1024):

            def keys(rate: int = rate, block: int = block, sounds: list = sounds) -> str | None:
                with opened(instrument, rate, block) as plugin:
                    samples = play(plugin, block, rate // 2, key)
                    latency = plugin.latency_samples
                sounds.append(samples)
                if latency != int(np.ceil(40 * rate / 16000)):
                    return f"the latency is {latency} frames"
                if not np.array_equal(samples, sounds[0]):
                    return "other blocks gave other samples"
                return heard(samples, rate, 64)

            test(f"minihost: a key at {rate} Hz in blocks of {block}", keys)

    def alone(rate: int, block: int) -> str | None:
        with opened(generator, rate, block) as plugin:
            return heard(play(plugin, block, rate // 2), rate, 60)

    for rate, block in ((44100, 64), (48000, 333), (96000, 1024)):
        test(f"minihost: the generator at {rate} Hz in blocks of {block}", lambda rate=rate, block=block: alone(rate, block))

    def frames() -> str | None:
        with opened(instrument, 48000, 512) as plugin:
            first = play(plugin, 512, 12000, {1000: key[0]})
        with opened(instrument, 48000, 512) as plugin:
            second = play(plugin, 512, 12600, {1600: key[0]})  # 600 frames are 200 of the model's samples
        late = np.flatnonzero(second)[0] - np.flatnonzero(first)[0]
        if late != 600:
            return f"a key 600 frames later sounds {late} frames later"
        return None if np.array_equal(first[900:], second[1500:]) else "a later key sounds otherwise"

    test("minihost: a key is heard on its frame", frames)

    def rates() -> str | None:
        with opened(instrument, 44100, 256) as plugin:
            for rate in (96000, 44100, 48000, 22050):
                plugin.sample_rate = rate
                if complaint := heard(play(plugin, 256, rate // 2, key), rate, 64):
                    return f"{rate} Hz: {complaint}"
        return None

    test("minihost: the rate changes again and again", rates)

    def presets() -> str | None:
        with opened(instrument, 48000, 512) as plugin:
            names = [plugin.get_program_name(number) for number in range(plugin.num_programs)]
        if len(set(names)) < 5:
            return f"there are {names}"
        seen = set()
        for name in names:
            with opened(instrument, 48000, 512) as plugin:
                # The order of presets is the host's affair.
                plugin.program = [plugin.get_program_name(number) for number in range(plugin.num_programs)].index(name)
                alone = plugin.get_param_by_name("Play") > 0
                play(plugin, 512, 2048)
                samples = play(plugin, 512, 24000, None if alone else key)
                seen.add(tuple(plugin.get_param(number) for number in range(plugin.num_params)))
            if not 0.01 < level(samples) < 0.7:
                return f"{name}: the level is {level(samples):.4f}"
        return None if len(seen) == len(names) else "two presets are alike"

    test("minihost: each preset sounds, and is like no other", presets)

    def states() -> str | None:
        with opened(instrument, 48000, 512) as plugin, opened(instrument, 48000, 512) as twin:
            plugin.set_param_by_name("Temperature", 0.25)
            plugin.set_param_by_name("Transpose", 0.5)
            usual = play(plugin, 512, 24000, key)
            if np.array_equal(play(twin, 512, 24000, key), usual):
                return "the temperature changes nothing"
            state = plugin.get_state()
        with opened(instrument, 48000, 512) as plugin, opened(instrument, 48000, 512) as twin:
            plugin.set_state(state)
            twin.set_state(state)
            if abs(plugin.get_param_by_name("Temperature") - 0.25) > 1e-6:
                return "the temperature is not that of the state"
            if not np.array_equal(play(plugin, 512, 24000, key), usual) or not np.array_equal(play(twin, 512, 24000, key), usual):
                return "the same state sounds otherwise"
            # From now on the twins play the same, until the host's worker has loaded another model for one of them.
            plugin.set_state(named(state, model))
            differ = False
            for _ in range(TRIES):
                samples = play(plugin, 512, 4096, key)
                differ = not np.array_equal(play(twin, 512, 4096, key), samples)
                if differ:
                    break
                time.sleep(0.05)
            play(plugin, 512, 4096)
            samples = play(plugin, 512, 24000, key)
            again = plugin.get_state()
        if not differ or not 0.01 < level(samples) < 0.9:
            return f"another model sounds {'otherwise' if differ else 'the same'}, at {level(samples):.4f}"
        return None if model.name.encode() in again else f"its state forgets the model: {again.decode()}"

    test("minihost: a state remembers controls and model", states)

    # The log goes to standard error, which is seen from outside.
    def missing() -> str | None:
        ended = subprocess.run(
            [sys.executable, __file__, "--missing", str(bundles), "/gone/away.safetensors"], capture_output=True, text=True, timeout=60
        )
        said = ended.stdout + ended.stderr
        if ended.returncode != 0:
            return f"status {ended.returncode}: {said}"
        return None if "/gone/away.safetensors" in said and "there is no such file" in said else f"it says {said!r}"

    test("minihost: a state that names a missing file is silence, and a line in the log", missing)


def missing_in_minihost(bundles: Path, path: str) -> int:
    """Lets a plugin that plays have a state that names a missing file: 0 where it falls silent."""
    import minihost

    plugin = minihost.Plugin(str(bundles / "cadenza.lv2"), sample_rate=48000, max_block_size=512, in_channels=0, out_channels=1)
    silence, output = np.zeros((1, 512), np.float32), np.zeros((1, 512), np.float32)
    loudest = []
    state = named(plugin.get_state(), Path(path))
    for turn in range(TRIES):
        if turn == 1:
            plugin.set_state(state)
        plugin.process_midi(silence, output, [(0, 0x90, 64, 110)])
        loudest.append(0.0)
        for _ in range(20):
            plugin.process_midi(silence, output, [])
            loudest[-1] = max(loudest[-1], float(np.max(np.abs(output))))
        if loudest[-1] == 0:
            break
        time.sleep(0.05)
    plugin.close()
    print(f"loudest: {loudest}")
    return 0 if loudest[0] > 0 and loudest[-1] == 0 else 1


def main(words: list[str]) -> int:
    if words[0] == "--silence":
        write_silence(Path(words[1]), int(words[2]), float(words[3]))
        return 0
    if words[0] == "--missing":
        return missing_in_minihost(Path(words[1]), words[2])
    if words[0] == "--minihost":
        play_in_minihost(Path(words[1]), Path(words[2]))
    else:
        test("control: tones are heard", tones_are_heard)
        test("control: noise, silence, other notes and shouts are not", others_are_not)
        test("control: two notes are heard, and one is not two", chords_are_heard)
        for words_of_one in words:
            test(f"heard: {Path(words_of_one).name}", lambda words_of_one=words_of_one: recording(words_of_one))
    print("finished")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
