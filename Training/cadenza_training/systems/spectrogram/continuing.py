"""Recordings that go on, in PyTorch: a network reads the beginning of one, and then its own
predictions."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.systems.spectrogram.columns import SpectrogramCodec


@torch.no_grad()
def continued(network: Recurrent, known: Tensor, count: int) -> Tensor:
    """`count` elements that follow `known`, [elements, numbers], each limited to -1 … 1."""
    made = []
    if network.window is None:
        # Step 0 is fed silence, which the caller has put first.
        outputs, state = network.remember(known[:, None], [])
        for _ in range(count):
            element = outputs[-1:].clamp(-1.0, 1.0)
            made.append(element[0, 0])
            outputs, state = network.remember(element, [], state)
        return torch.stack(made)
    missing = network.window - len(known)
    window = torch.cat([known[:1].expand(max(0, missing), -1), known])[-network.window :]
    for _ in range(count):
        element = network.predict(window[:, None], [])[0].clamp(-1.0, 1.0)
        made.append(element)
        window = torch.cat([window[1:], element[None]])
    return torch.stack(made)


def continue_recording(
    network: Recurrent,
    codec: SpectrogramCodec,
    samples: NDArray[np.floating],
    known_samples: int,
    samples_wanted: int,
) -> NDArray[np.float32]:
    """What the network makes of the first `known_samples` of a recording: the sound after them. It
    overlaps with the known sound as in one spectrogram."""
    each = codec.columns
    # Columns that hear nothing but what is known: the last ones would hear it end.
    whole = (known_samples - codec.frame_size // 2) // codec.hop + 1
    known_elements = max(1, whole // each)
    count = -(-samples_wanted // (codec.hop * each))
    heard = samples[:known_samples].astype(np.float32)
    known = codec.of_section(heard, 0, known_elements * each).reshape(known_elements, -1)
    silence = codec.silence().repeat(each)[None]
    made = continued(network, torch.cat([silence, known]), count)
    columns = torch.cat([known, made]).reshape(-1, codec.column_numbers)
    begin = known_elements * each * codec.hop
    return codec.sound_of(columns)[begin : begin + samples_wanted]
