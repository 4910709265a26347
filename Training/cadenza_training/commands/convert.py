"""Turns a model trained elsewhere into a Cadenza model file, and checks it.

  cadenza-train convert lstm.pt --sample-rate 16000 --output lstm.safetensors
  cadenza-train convert melody.h5 --symbols mapping.json --output melody.safetensors
  cadenza-train convert amp.json --sample-rate 48000 --scale 16 --output amp.safetensors
  cadenza-train convert mel_small --output mel_small.safetensors
  cadenza-train convert wavenet.pt --mapping wavenet.toml --output wavenet.safetensors

SOURCE is a PyTorch state dict (.pt, .pth, .safetensors, or .json of nested lists), a Keras model
(.h5 of Keras 1, 2 or 3, .keras), an RTNeural .json, or a folder of MusicVAE's, with its
manifest.json. LSTM and GRU stacks, and MusicVAE's flat decoders of melodies, convert by themselves;
other networks, WaveNets among them, through a mapping file that says where each tensor comes from.
No code of SOURCE is run. Every conversion feeds inputs to the engine and to the original's own
arithmetic, prints the largest difference, and writes nothing where it is above the tolerance.

Training/CONVERSION.md describes each kind, and what is refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "turn a PyTorch, Keras, RTNeural or MusicVAE model into a model file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the file of the other model")
    parser.add_argument("--output", type=Path, required=True, metavar="MODEL.safetensors")
    parser.add_argument(
        "--from",
        dest="framework",
        choices=("pytorch", "keras", "rtneural", "musicvae", "auto"),
        default="auto",
        help="default: by the file's name and content",
    )

    network = parser.add_argument_group("what SOURCE does not say")
    network.add_argument("--mapping", type=Path, metavar="FILE.toml", help="network and tensors")
    network.add_argument(
        "--modules",
        metavar="A,B,C",
        help="PyTorch: the modules in the order in which they run; NAME:tanh and NAME:sigmoid add "
        "a function behind one, NAME:embedding marks the first as an embedding",
    )
    network.add_argument(
        "--state-dict", metavar="KEY", help="PyTorch: which state dict of a checkpoint"
    )
    network.add_argument(
        "--keras-backend",
        choices=("tensorflow", "theano"),
        help="Keras 1: what wrote a file with convolutions that does not say so",
    )
    network.add_argument(
        "--input",
        dest="input_kind",
        choices=("auto", "one_hot", "sample"),
        default="auto",
        help="sample: a softmax network that reads the decoded sample of its last class",
    )
    network.add_argument(
        "--conditions",
        type=Path,
        metavar="FILE",
        help="JSON or TOML list of conditions: the last columns of the first layer",
    )
    network.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help="the value of the original that becomes the engine's sample 1.0 (a power of two is "
        "exact); default 1",
    )
    network.add_argument(
        "--start-from-silence",
        action="store_true",
        help="the network was trained with a silent sample before the first; default: it starts "
        "from zero states at its first sample",
    )

    sound = parser.add_argument_group("what the model file says")
    sound.add_argument("--codec", choices=("mu_law", "waveform"), help="default: by the head")
    sound.add_argument("--levels", type=int, help="of mu_law; default: the classes of the head")
    sound.add_argument("--sample-rate", type=int, metavar="HZ")
    sound.add_argument(
        "--symbols",
        type=Path,
        metavar="FILE.json",
        help='the classes are symbols and not sound: a list, or {"symbol": index}',
    )
    sound.add_argument("--name", help="default: the file's name")
    sound.add_argument("--description")
    sound.add_argument("--license")
    sound.add_argument("--temperature", type=float, help="the model's sampling default")

    checking = parser.add_argument_group("the check")
    checking.add_argument(
        "--check",
        type=Path,
        metavar="INPUTS",
        help="a sequence to feed, .npy, .csv or text: values, or token numbers; default: random",
    )
    checking.add_argument(
        "--expected",
        type=Path,
        metavar="OUTPUTS",
        help="what the original gave for INPUTS: a row a step, values or the classes' "
        "probabilities or logits",
    )
    checking.add_argument(
        "--tolerance",
        type=float,
        help="of the difference, relative above 1; default 1e-5 for values, 1e-4 for "
        "log-probabilities",
    )


def run(arguments: argparse.Namespace) -> None:
    from cadenza_training.conversion.convert import Request, convert

    fields = {name: getattr(arguments, name) for name in Request.__dataclass_fields__}
    for line in convert(Request(**fields)):
        print(line)
