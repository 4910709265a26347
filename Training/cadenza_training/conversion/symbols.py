"""Vocabularies of networks that speak of symbols and not of sound, notes for example.

The engine has no codec for them yet. The mu-law codec carries them: code i is symbol i, and the
round trip over its sample is exact. The symbols stand in the file's metadata under `symbols`, a
JSON list, so that a codec of notes can take over.
"""

from __future__ import annotations

from pathlib import Path

from cadenza_training.conversion.rtneural import read_json
from cadenza_training.errors import UserError

METADATA_KEY = "symbols"

# The least that the codec takes. Symbols have no rate; a host takes one at a time.
SAMPLE_RATE = 1000

DESCRIPTION = (
    "Symbols and not sound: code i of the mu-law codec stands for entry i of the list in the "
    "metadata key `symbols`; a host decodes each sample back to its code. The sample rate has no "
    "meaning. Prime with the symbols that a piece begins with."
)


def read(path: Path, vocabulary_size: int) -> list[str]:
    """From {"symbol": index, …}, or a list in order."""
    document = read_json(path)
    if isinstance(document, list) and all(isinstance(entry, str) for entry in document):
        document = {entry: index for index, entry in enumerate(document)}
    if not isinstance(document, dict):
        raise UserError(f"{path} is neither a JSON list of texts nor an object of indices")
    by_index = {index: symbol for symbol, index in document.items() if type(index) is int}
    if sorted(by_index) != list(range(vocabulary_size)) or len(document) != vocabulary_size:
        raise UserError(
            f"{path} names {len(document)} symbols; expected one for each of the network's "
            f"{vocabulary_size} classes, 0 … {vocabulary_size - 1}"
        )
    return [by_index[index] for index in range(vocabulary_size)]
