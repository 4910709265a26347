"""From sources and options to a prepared set in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from cadenza_training.data import (
    audio_folder,
    chorales,
    maestro,
    manifest_folder,
    midi_folder,
    nsynth,
    soundfont,
)
from cadenza_training.data.audio_set import AudioCollection, prepare_audio
from cadenza_training.data.layouts import find_layout
from cadenza_training.data.notes_set import prepare_notes
from cadenza_training.data.options import NOTES_LAYOUTS, PrepareOptions
from cadenza_training.data.output_folder import NSYNTH_FOLDER, part_of, staged
from cadenza_training.data.prepared_set import PreparedSet
from cadenza_training.data.sources import Source, open_sources
from cadenza_training.errors import UserError


def prepare(
    paths: Sequence[Path], options: PrepareOptions, output: Path, *, force: bool = False
) -> PreparedSet:
    """`options.layout` must be one of the layouts."""
    is_package = options.layout == "chorales" and chorales.is_package(paths)
    sources = [] if is_package else open_sources(paths)
    name = options.name or output.resolve().name
    if options.layout == "maestro" and not options.license:
        options = replace(options, license=maestro.LICENCE)
    settings = _settings(options, [source.name for source in sources] or [chorales.MUSIC21])
    skip = (output, part_of(output))
    with staged(output, [source.path for source in sources], force=force) as part:
        _write(sources, options, part, name, settings, skip)
    return PreparedSet.read(output)


def _write(
    sources: list[Source],
    options: PrepareOptions,
    part: Path,
    name: str,
    settings: dict[str, object],
    skip: Sequence[Path],
) -> PreparedSet:
    match options.layout:
        case "midi":
            pieces = midi_folder.collect(sources, options, skip)
            return prepare_notes(pieces, options, part, name=name, settings=settings)
        case "maestro":
            pieces = maestro.collect(sources)
            return prepare_notes(pieces, options, part, name=name, settings=settings)
        case "chorales":
            pieces = chorales.collect(sources, options)
            return prepare_notes(pieces, options, part, name=name, settings=settings)
        case "mixed":
            found = _collect_mixed(sources, options, part, skip)
        case _:
            found = _collect_sound(options.layout, sources, options, part, skip)
    return prepare_audio(found, options, part, name=name, settings=settings)


def _collect_sound(
    layout: str,
    sources: list[Source],
    options: PrepareOptions,
    part: Path,
    skip: Sequence[Path],
) -> AudioCollection:
    match layout:
        case "audio":
            return audio_folder.collect(sources, options, skip)
        case "manifest":
            return manifest_folder.collect(sources, options)
        case "nsynth":
            return nsynth.collect(sources, options)
        case "soundfont":
            return soundfont.render(sources, options, part / NSYNTH_FOLDER)
    paths = ", ".join(str(source.path) for source in sources)
    raise UserError(f"{paths}: {layout} is no layout of sound, and a mixed set is made of sound")


def _collect_mixed(
    sources: list[Source], options: PrepareOptions, part: Path, skip: Sequence[Path]
) -> AudioCollection:
    """Sources of several layouts as one set: instruments of the same label become one."""
    by_layout: dict[str, list[Source]] = {}
    for source in sources:
        by_layout.setdefault(find_layout([source.path], skip), []).append(source)
    merged = AudioCollection()
    for layout, group in by_layout.items():
        found = _collect_sound(layout, group, options, part, skip)
        merged.recordings += found.recordings
        merged.rejected += found.rejected
        merged.attributions |= found.attributions
        known = {instrument.label for instrument in merged.instruments}
        merged.instruments += tuple(i for i in found.instruments if i.label not in known)
    return merged


def _settings(options: PrepareOptions, sources: list[str]) -> dict[str, object]:
    """The options that matter to the layout, which with the sources make the same set again."""
    values = asdict(options)
    # What a set says of itself already, and what changes nothing in it.
    for key in ("name", "description", "data", "license", "workers"):
        del values[key]
    if options.layout in NOTES_LAYOUTS:
        del values["audio"]
    else:
        del values["notes"]
    for table, layouts in (
        ("instruments", ("manifest", "mixed")),
        ("nsynth", ("nsynth", "soundfont", "mixed")),
        ("soundfont", ("soundfont", "mixed")),
        ("chorales", ("chorales",)),
    ):
        if options.layout not in layouts:
            del values[table]
    return {"sources": sources, **values}
