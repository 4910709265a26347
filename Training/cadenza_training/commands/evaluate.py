"""Compares what a model generated with real material, and with what it was trained on.

REFERENCE and GENERATED are folders of sound files, folders of MIDI files, prepared sets or splits
of one (SET/validation). A prepared set alone means its test split or, where that is empty, its
validation split. A folder of sounds may have a manifest.csv with the columns file, instrument,
midi_pitch and answers (the name of the reference that a file answers).

  cadenza-train evaluate SET GENERATED --output evaluation
  cadenza-train evaluate SET --generate notes.safetensors --temperature 0.9 --output evaluation
  cadenza-train evaluate CHORALES --generate chorales.safetensors --notes 50 --output evaluation
  cadenza-train evaluate CHORALES MIDI-FILES --harmony --output evaluation

The folder of --output receives evaluation.json, evaluation.md and plots; with --generate also the
generated sounds or pieces (MIDI), and with --nearest the passages nearest to training passages, to
listen to. Every metric is defined in EVALUATION.md.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cadenza_training.errors import UserError

if TYPE_CHECKING:
    from cadenza_training.evaluation.report import Table
    from cadenza_training.evaluation.sound_files import SoundFolder

# Where --seconds is left out.
SOUND_SECONDS = 1.5
PIECE_SECONDS = 60.0

SUMMARY = "compare generated sound or notes with real ones, and look for copies"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="real sound or notes")
    parser.add_argument(
        "generated", type=Path, nargs="?", metavar="GENERATED", help="unless --generate makes it"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for what is found")
    parser.add_argument("--kind", choices=("audio", "notes"), help="where a folder has both")
    parser.add_argument("--split", help="of a prepared REFERENCE: train, validation or test")
    parser.add_argument(
        "--training",
        type=Path,
        help="what the model was trained on; left out: the train split of a prepared REFERENCE",
    )
    parser.add_argument(
        "--nearest",
        type=int,
        nargs="?",
        const=20,
        default=0,
        metavar="COUNT",
        help="write so many generated passages (20) beside the nearest training passages",
    )
    parser.add_argument("--model", type=Path, help="a model file, to score REFERENCE with")
    parser.add_argument(
        "--beside",
        type=Path,
        action="append",
        default=[],
        metavar="MODEL",
        help="another model file, to score beside it; may be repeated",
    )
    parser.add_argument(
        "--command",
        dest="cadenza_command",
        help="score with this cadenza command instead of the engine's library",
    )
    parser.add_argument(
        "--most-files", type=int, default=200, help="of each side for the metrics (200)"
    )
    parser.add_argument(
        "--first-seconds",
        type=float,
        help="compare only so much of every file; with --generate: as much as is generated",
    )
    parser.add_argument(
        "--harmony",
        action="store_true",
        help="notes: check four-part harmony; a chorale model's pieces always are",
    )
    generation = parser.add_argument_group("generation")
    generation.add_argument(
        "--generate", type=Path, metavar="MODEL", help="a model file, to generate with and score"
    )
    generation.add_argument(
        "--ask",
        choices=("ranges", "reference", "rebuilt"),
        default="ranges",
        help="for pitches spread over each instrument's range, or those of the reference; or for "
        "the references themselves, encoded and decoded, by PyTorch",
    )
    generation.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="INSTRUMENT",
        help="of the reference and of what is generated; may be repeated",
    )
    generation.add_argument(
        "--player",
        choices=("engine", "pytorch"),
        default="engine",
        help="what plays: the engine, or, where it can, the network in PyTorch",
    )
    generation.add_argument(
        "--notes",
        type=int,
        default=20,
        help="sounds for each instrument, or each reference; pieces of a composer (20)",
    )
    generation.add_argument("--seconds", type=float, help="of each sound (1.5) or piece (60)")
    generation.add_argument(
        "--known-seconds",
        type=float,
        default=0.5,
        help="of each reference, that a model of spectrogram columns goes on from (0.5)",
    )
    generation.add_argument("--seed", type=int, default=1, help="of the first sound (1)")
    generation.add_argument("--temperature", type=float, help="left out: the model's own")
    generation.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of a composer's pieces: a label or a number; may be repeated",
    )


def run(arguments: argparse.Namespace) -> None:
    from cadenza_training.evaluation.kind_of_folder import kind_of_folder

    _check(arguments)
    kind = arguments.kind or kind_of_folder(arguments.reference)
    if arguments.generated is not None:
        other = arguments.kind or kind_of_folder(arguments.generated)
        if other != kind:
            raise UserError(
                f"{arguments.reference} holds {kind} and {arguments.generated} holds {other}; "
                "expected two of a kind"
            )
    evaluation = _sounds(arguments) if kind == "audio" else _pieces(arguments)
    evaluation.write(arguments.output)
    print(evaluation.terminal())


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.generated is None) == (arguments.generate is None):
        raise UserError("expected either GENERATED or --generate MODEL")
    if arguments.generate is not None and arguments.model is not None:
        raise UserError("--generate scores with its model; --model goes with GENERATED")
    for option in ("seconds", "first_seconds", "known_seconds", "notes", "most_files"):
        value = getattr(arguments, option)
        if value is not None and not value > 0:
            raise UserError(f"--{option.replace('_', '-')} is {value}; expected more than 0")
    if arguments.beside and arguments.model is None and arguments.generate is None:
        raise UserError("--beside needs a model to be beside: --model or --generate")
    if arguments.nearest < 0:
        raise UserError(f"--nearest is {arguments.nearest}; expected 0 or more")


def _sounds(arguments: argparse.Namespace) -> object:
    from cadenza_training.evaluation import generated_sounds
    from cadenza_training.evaluation.continued_sounds import answers_recordings
    from cadenza_training.evaluation.evaluate_sounds import SoundOptions, evaluate_sounds
    from cadenza_training.evaluation.model_metadata import (
        is_decoder,
        read_configuration,
        tensors_checksum,
    )
    from cadenza_training.evaluation.sound_files import find_sounds
    from cadenza_training.evaluation.split_choice import training_folder

    seconds = arguments.seconds or SOUND_SECONDS
    model = arguments.generate or arguments.model
    reference = find_sounds(arguments.reference, arguments.split)
    training_place = training_folder(arguments.training, arguments.reference)
    training = None if training_place is None else find_sounds(training_place)
    generated_folder = arguments.generated
    first_seconds = arguments.first_seconds
    model = arguments.generate or arguments.model
    tables: list[Table] = []
    asked = ""
    if arguments.generate is not None and (
        arguments.ask == "rebuilt" or answers_recordings(read_configuration(model))
    ):
        reference = reference.of_instruments(arguments.only)
        training = None if training is None else training.of_instruments(arguments.only)
        generated_folder = arguments.output / "generated"
        first_seconds = first_seconds or seconds
        asked, tables = _answer_recordings(
            arguments, reference, training, generated_folder, seconds
        )
        # What it is told of a recording, or that it predicts numbers, is for its own tables.
        model = None
    elif arguments.generate is not None:
        generated_folder = arguments.output / "generated"
        first_seconds = first_seconds or seconds
        with generated_sounds.open_player(arguments.generate, arguments.player) as player:
            reference = reference.of_instruments(arguments.only)
            training = None if training is None else training.of_instruments(arguments.only)
            if is_decoder(read_configuration(arguments.generate)):
                reference = reference.known_to(player.conditions)
                training = None if training is None else training.known_to(player.conditions)
            if arguments.ask == "reference":
                requests = generated_sounds.requests_like(
                    reference.files, arguments.notes, arguments.seed
                )
                if not any(condition.name == "pitch" for condition in player.conditions):
                    requests = [replace(request, midi_pitch=None) for request in requests]
            else:
                requests = generated_sounds.requests_for_model(
                    arguments.generate,
                    player.conditions,
                    (training or reference).description or reference.description,
                    arguments.notes,
                    arguments.seed,
                    arguments.only,
                )
            generated_sounds.generate_folder(
                arguments.generate,
                player,
                requests,
                generated_folder,
                seconds=seconds,
                temperature=arguments.temperature,
            )
    options = SoundOptions(
        output=arguments.output,
        model=model,
        training=training,
        fills=model is not None and is_decoder(read_configuration(model)),
        most_files=arguments.most_files,
        first_seconds=first_seconds,
        nearest=arguments.nearest,
        command=arguments.cadenza_command,
        beside=() if model is None else tuple(arguments.beside),
    )
    evaluation = evaluate_sounds(reference, find_sounds(generated_folder), options)
    evaluation.tables = tables + evaluation.tables
    if asked:
        evaluation.settings["asked"] = asked
        evaluation.settings["model"] = arguments.generate.name
        evaluation.settings["model tensors (SHA-256)"] = tensors_checksum(arguments.generate)
    elif arguments.generate is not None:
        temperature = "its own" if arguments.temperature is None else arguments.temperature
        evaluation.settings["asked"] = (
            f"{arguments.notes} sounds of {seconds:g} s for each "
            + ("instrument, over its range" if arguments.ask == "ranges" else "reference")
            + f"; seeds from {arguments.seed}, temperature {temperature}"
            + (", played by PyTorch" if arguments.player == "pytorch" else "")
        )
    return evaluation


def _answer_recordings(
    arguments: argparse.Namespace,
    reference: SoundFolder,
    training: SoundFolder | None,
    folder: Path,
    seconds: float,
) -> tuple[str, list[Table]]:
    """Held-out recordings that go on, or are encoded and played again: into `folder`. What was
    asked, in words, and what else is found."""
    from cadenza_training.evaluation import embedded_sounds, likelihood
    from cadenza_training.evaluation.continued_sounds import continue_folder, rebuild_folder
    from cadenza_training.evaluation.model_metadata import is_decoder, read_configuration
    from cadenza_training.evaluation.sound_files import find_sounds, spread

    files = spread(reference.files, arguments.most_files)
    configuration = read_configuration(arguments.generate)
    if is_decoder(configuration):
        rebuild_folder(arguments.generate, files, folder)
        return "each reference, encoded and decoded by PyTorch from the model file", []
    by = "PyTorch" if arguments.player == "pytorch" else "the engine"
    if not embedded_sounds.has_embedding(configuration):
        known = arguments.known_seconds
        continue_folder(
            arguments.generate,
            files,
            folder,
            known_seconds=known,
            seconds=seconds,
            player=arguments.player,
        )
        asked = f"{seconds:g} s of what follows the first {known:g} s of each reference, by {by}"
        return asked, []
    embedded_sounds.play_again(
        arguments.generate,
        files,
        folder,
        times=arguments.notes,
        seconds=seconds,
        temperature=arguments.temperature,
        seed=arguments.seed,
        player=arguments.player,
    )
    others = () if training is None else training.files
    beside = [
        (other.name, likelihood.score(other, files).nats_per_sample) for other in arguments.beside
    ]
    played = find_sounds(folder).files
    rate = configuration["codec"]["sample_rate"]
    tables = [
        embedded_sounds.likelihood_table(arguments.generate, files, others, beside),
        embedded_sounds.distance_table(files, played, others, seconds, rate),
    ]
    return (
        f"{arguments.notes} sounds of {seconds:g} s of each reference, encoded and played again by "
        f"{by}; seed {arguments.seed}, temperature "
        + ("its own" if arguments.temperature is None else f"{arguments.temperature:g}"),
        tables,
    )


def _pieces(arguments: argparse.Namespace) -> object:
    from cadenza_training.evaluation.asked_conditions import setting_of
    from cadenza_training.evaluation.evaluate_melodies import (
        evaluate_melodies,
        is_melody_autoencoder,
    )
    from cadenza_training.evaluation.evaluate_pieces import PieceOptions, evaluate_pieces
    from cadenza_training.evaluation.generated_pieces import generate_pieces
    from cadenza_training.evaluation.model_metadata import read_configuration
    from cadenza_training.evaluation.pieces import read_pieces
    from cadenza_training.evaluation.split_choice import training_folder

    if arguments.cadenza_command is not None:
        raise UserError("--command scores sound; notes are scored by the engine's library")
    if arguments.generate is not None and is_melody_autoencoder(
        read_configuration(arguments.generate)
    ):
        return evaluate_melodies(
            arguments.reference,
            arguments.split,
            arguments.generate,
            arguments.output,
            arguments.temperature,
        )
    held_out = read_pieces(arguments.reference, arguments.split)
    training_place = training_folder(arguments.training, arguments.reference)
    model = arguments.generate or arguments.model
    first_seconds = arguments.first_seconds
    generated_folder = arguments.generated
    if arguments.generate is not None:
        seconds = arguments.seconds or PIECE_SECONDS
        first_seconds = first_seconds or seconds
        generated_folder = arguments.output / "generated"
        generate_pieces(
            arguments.generate,
            generated_folder,
            count=arguments.notes,
            seed=arguments.seed,
            seconds=seconds,
            temperature=arguments.temperature,
            settings=[setting_of(text) for text in arguments.condition],
        )
    reference, generated = held_out, read_pieces(generated_folder)
    if first_seconds is not None:
        reference = reference.first_seconds(first_seconds)
        generated = generated.first_seconds(first_seconds)
    is_chorale = (
        model is not None and read_configuration(model)["codec"].get("kind") == "chorale_grid"
    )
    options = PieceOptions(
        output=arguments.output,
        training=None if training_place is None else read_pieces(training_place),
        nearest=arguments.nearest,
        harmony=arguments.harmony or is_chorale,
        model=model,
        beside=tuple(arguments.beside),
        held_out=held_out,
    )
    evaluation = evaluate_pieces(reference, generated, options)
    if first_seconds is not None:
        evaluation.settings["compared"] = f"the first {first_seconds:g} s of every piece"
    if arguments.generate is not None:
        temperature = "its own" if arguments.temperature is None else arguments.temperature
        asked = ", ".join([f"temperature {temperature}", *arguments.condition])
        evaluation.settings["asked"] = (
            f"{arguments.notes} pieces of at most {seconds:g} s; seeds from {arguments.seed}, "
            f"{asked}"
        )
    return evaluation
