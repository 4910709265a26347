"""First weights with which a network that remembers repeats, nearly, the element that it read: what
a tone does, and far more than random weights know.

The first layer's cells hold an element's coordinates among the directions in which elements differ
most (Pearson 1901), the others' hold what the one before gives; the head turns coordinates into an
element again.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cadenza_training.errors import UserError
from cadenza_training.networks.recurrent import Recurrent

# Of gates: nearly open, and nearly closed.
OPEN = 3.0
# Coordinates are this small, in standard deviations of the widest, for tanh to be nearly linear.
WIDTH = 0.25
# Of the random numbers that weights begin with where they would be zero.
SMALL = 0.01


@torch.no_grad()
def repeat_at_first(network: Recurrent, elements: Tensor, weights: Tensor) -> None:
    """`elements` [count, numbers] to learn the directions of; `weights`, of the same shape, say how
    much each number matters."""
    layers = list(network.layers)
    if network.window is not None or not all(isinstance(layer, nn.LSTM) for layer in layers):
        raise UserError("network.repeats_at_first: the network is no stack of LSTMs that remember")
    channels = min(layer.hidden_size for layer in layers)
    mean = elements.mean(dim=0)
    _, spreads, directions = torch.pca_lowrank((elements - mean) * weights, channels, center=False)
    scale = WIDTH / (float(spreads[0]) / len(elements) ** 0.5)
    # What a coordinate is multiplied by on its way through a layer: input and output gate.
    kept = 1.0
    for index, layer in enumerate(layers):
        size = layer.hidden_size
        for weight in (layer.weight_ih_l0, layer.weight_hh_l0):
            weight.normal_(0.0, SMALL)
        layer.bias_hh_l0.zero_()
        gates = layer.bias_ih_l0.view(4, size)
        for gate, bias in enumerate((OPEN, -OPEN, 0.0, OPEN)):
            gates[gate] = bias
        candidates = layer.weight_ih_l0.view(4, size, -1)[2]
        if index == 0:
            count = directions.shape[1]
            candidates[:count] = scale * directions.t()
            gates[2, :count] = -scale * (mean @ directions)
        else:
            candidates[:channels, :channels] += torch.eye(channels)
        kept *= float(torch.sigmoid(torch.tensor(OPEN))) ** 2
    network.head.weight.normal_(0.0, SMALL / layers[-1].hidden_size ** 0.5)
    network.head.weight[:, : directions.shape[1]] = directions / (scale * kept)
    network.head.bias.copy_(mean)
