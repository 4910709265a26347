"""Networks by the kind that a configuration states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from cadenza_training.errors import UserError
from cadenza_training.model_file import read_model
from cadenza_training.networks.autoencoder import Autoencoder
from cadenza_training.networks.conditions import Condition, read_condition
from cadenza_training.networks.decoder import Decoder
from cadenza_training.networks.melody_encoder import MelodyEncoder
from cadenza_training.networks.network import Network
from cadenza_training.networks.recording_encoder import RecordingEncoder
from cadenza_training.networks.recurrent import Recurrent
from cadenza_training.networks.transformer import Transformer
from cadenza_training.networks.wavenet import WaveNet

NETWORKS = {network.kind: network for network in (WaveNet, Recurrent, Transformer, Decoder)}


def make_network(
    configuration: Mapping, conditions: Sequence[Condition], encoder: Mapping | None = None
) -> Network:
    """A network with fresh weights, from the entry `network` of a model file; `encoder` is the
    entry of that name."""
    kind = configuration.get("kind")
    if kind not in NETWORKS:
        raise UserError(f'network kind "{kind}" is not one of {", ".join(sorted(NETWORKS))}')
    if kind == Decoder.kind:
        return Decoder.from_configuration(configuration, conditions, encoder)
    network = NETWORKS[kind].from_configuration(configuration, conditions)
    if encoder is None:
        return network
    return Autoencoder(network, make_encoder(encoder, conditions))


def make_encoder(encoder: Mapping, conditions: Sequence[Condition]) -> nn.Module:
    """Of a network that is no decoder: of melodies, or of recordings."""
    if encoder.get("kind") == MelodyEncoder.kind:
        return MelodyEncoder.from_configuration(encoder)
    return RecordingEncoder.from_configuration(encoder, conditions)


def load_network(path: Path) -> tuple[Network, dict]:
    """The network of a model file, with its weights, and the file's configuration."""
    tensors, configuration = read_model(path)
    try:
        conditions = [read_condition(entry) for entry in configuration.get("conditions", [])]
        network = make_network(configuration["network"], conditions, configuration.get("encoder"))
        network.load_tensors(tensors)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return network.eval(), configuration
