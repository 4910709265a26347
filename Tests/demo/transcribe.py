"""Listens to a chorale: do the notes in the sound agree with those in the MIDI file?

    transcribe.py CHORALE.wav CHORALE.mid

The notes of the sound are found by basic-pitch (Bittner et al. 2022, "A Lightweight Instrument-Agnostic Model for Polyphonic Note
Transcription"), and compared by mir_eval: onsets within 50 ms, pitches within 50 cents, ends ignored. Notes of one pitch that begin
together count as one, in whichever voices: nobody can hear them apart.
Ends with "finished", each check before it with "ok" or "FAIL".
"""

import logging
import os
import sys

logging.disable(logging.CRITICAL)
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import mir_eval  # noqa: E402
import numpy  # noqa: E402
import pretty_midi  # noqa: E402
import soundfile  # noqa: E402
from basic_pitch import ICASSP_2022_MODEL_PATH  # noqa: E402
from basic_pitch.inference import predict  # noqa: E402

# Above basic-pitch's default of 0.5: what the instrument does while a note lasts is not a new note. Chosen on Bach's own chorales,
# played by the same instrument, not on what the composer writes.
ONSET_THRESHOLD = 0.7
MARK = 0.8


def written(path):
    """(pitch, onset, end) of the MIDI file, in seconds."""
    notes = {}
    for part in pretty_midi.PrettyMIDI(path).instruments:
        for note in part.notes:
            key = (note.pitch, round(note.start, 4))
            notes[key] = max(notes.get(key, 0), note.end)
    return sorted((pitch, start, end) for (pitch, start), end in notes.items())


def heard(path):
    """The same of the sound file."""
    # The library tells about its progress on standard output, whose reader counts lines.
    sys.stdout.flush()
    keep = os.dup(1)
    os.dup2(2, 1)
    try:
        _, _, events = predict(path, ICASSP_2022_MODEL_PATH, onset_threshold=ONSET_THRESHOLD)
    finally:
        sys.stdout.flush()
        os.dup2(keep, 1)
    return sorted((int(pitch), float(start), float(end)) for start, end, pitch, *_ in events)


def f1(reference, estimate):
    def arrays(notes):
        return (
            numpy.array([(start, max(end, start + 0.01)) for _, start, end in notes]),
            numpy.array([440 * 2 ** ((pitch - 69) / 12) for pitch, _, _ in notes]),
        )

    precision, recall, value, _ = mir_eval.transcription.precision_recall_f1_overlap(
        *arrays(reference), *arrays(estimate), onset_tolerance=0.05, pitch_tolerance=50, offset_ratio=None)
    return precision, recall, value


def check(name, passed, detail):
    print("%s %s" % ("ok  " if passed else "FAIL", name))
    if not passed:
        print("     %s" % detail)


def main():
    wav, midi = sys.argv[1:]
    reference, estimate = written(midi), heard(wav)
    seconds = soundfile.info(wav).duration
    end = max(end for _, _, end in reference)
    voices = [part for part in pretty_midi.PrettyMIDI(midi).instruments if part.notes]
    print("     %d notes in %d voices and %.1f s; %d are heard in %.1f s" % (len(reference), len(voices), end, len(estimate), seconds))
    check("the chorale has four voices", len(voices) == 4, "found %d" % len(voices))
    check("it has notes enough to listen to", len(reference) >= 40 and end >= 10, "%d notes in %.1f s" % (len(reference), end))
    check("the sound is as long as the score", end - 0.1 <= seconds <= end + 2, "%.2f s and %.2f s" % (seconds, end))
    precision, recall, value = f1(reference, estimate)
    print("     note F1 %.3f (precision %.3f, recall %.3f)" % (value, precision, recall))
    check("the notes that are heard are those that were written: F1 %.1f or better" % MARK, value >= MARK, "it is %.3f" % value)
    # Controls: another piece, and the same one at another time, are told apart.
    for name, other in [
        ("a semitone higher", [(pitch + 1, start, finish) for pitch, start, finish in reference]),
        ("a quarter of a second later", [(pitch, start + 0.25, finish + 0.25) for pitch, start, finish in reference]),
    ]:
        value = f1(other, estimate)[2]
        check("control: %s they are not" % name, value < 0.4, "F1 %.3f" % value)
    print("finished")


if __name__ == "__main__":
    main()
