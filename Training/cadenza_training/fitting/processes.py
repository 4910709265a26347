"""The processes that share each batch under `torchrun`; one without it."""

from __future__ import annotations

import os

import torch
import torch.distributed as distributed
from torch import nn


class Processes:
    def __init__(self, device: torch.device) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device
        if self.count > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def average_gradients(self, network: nn.Module) -> None:
        if self.count == 1:
            return
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.count
        position = 0
        for gradient in gradients:
            gradient.copy_(flat[position : position + gradient.numel()].view_as(gradient))
            position += gradient.numel()

    def from_first(self, value: float) -> float:
        """The first process's value, in every process."""
        if self.count == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float32, device=self.device)
        distributed.broadcast(shared, src=0)
        return float(shared)

    def gather(self, value: object) -> list:
        """Every process's value, in every process."""
        values: list = [value] * self.count
        if self.count > 1:
            distributed.all_gather_object(values, value)
        return values

    def close(self) -> None:
        if self.count > 1:
            distributed.destroy_process_group()
