"""Writes a run's weights as one model file that the engine plays.

cadenza-train export runs/notes --output notes.safetensors --set prepared/notes
"""

from __future__ import annotations

import argparse
from pathlib import Path

SUMMARY = "write a run's weights as one model file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN")
    parser.add_argument("--output", type=Path, required=True, metavar="MODEL.safetensors")
    parser.add_argument("--set", type=Path, help="prepared set: its data and licence texts")
    parser.add_argument(
        "--weights", choices=("last", "best"), default="last", help="best: lowest validation loss"
    )
    parser.add_argument("--storage", choices=("f16", "bf16", "f32"), default="f16")
    parser.add_argument("--temperature", type=float)
    parser.add_argument("--top-k", type=int, help="0: off")
    parser.add_argument("--top-p", type=float, help="1: off")
    parser.add_argument(
        "--default", action="append", default=[], metavar="CONDITION=VALUE", help="may be repeated"
    )
    parser.add_argument("--name")
    parser.add_argument("--description")
    parser.add_argument("--license")
    parser.add_argument("--data-text", dest="data", help="what it was trained on")
    parser.add_argument("--validation-nats", type=float, help="as `evaluate` found it")


def run(arguments: argparse.Namespace) -> None:
    from cadenza_training.data.prepared_set import PreparedSet
    from cadenza_training.errors import UserError
    from cadenza_training.export import export
    from cadenza_training.model_file import read_model

    texts: dict[str, str] = {}
    if arguments.set is not None:
        described = PreparedSet.read(arguments.set).description
        texts |= {"license": described.license, "data": described.data}
    for key in ("name", "description", "license", "data"):
        if getattr(arguments, key) is not None:
            texts[key] = getattr(arguments, key)
    sampling = {
        key: getattr(arguments, key)
        for key in ("temperature", "top_k", "top_p")
        if getattr(arguments, key) is not None
    }
    defaults: dict[str, str] = {}
    for setting in arguments.default:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f'--default "{setting}" is not of the form CONDITION=VALUE')
        defaults[name] = value
    export(
        arguments.run_folder,
        arguments.output,
        weights=arguments.weights,
        storage=arguments.storage,
        sampling=sampling,
        defaults=defaults,
        texts=texts,
        validation_nats=arguments.validation_nats,
    )
    tensors, _ = read_model(arguments.output)
    parameters = sum(tensor.numel() for tensor in tensors.values())
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {parameters:,} parameters, {size:,} bytes")
