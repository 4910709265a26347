"""The same work on many files, over several processes, in the order of the files."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from tqdm import tqdm

from cadenza_training.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")
MAXIMUM_WORKERS = 8
# Files handed to a process at once: enough that handing over costs nothing.
CHUNK = 8


def worker_count(asked: int) -> int:
    return asked or min(os.cpu_count() or 1, MAXIMUM_WORKERS)


def process_all(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, unit: str
) -> list[Result]:
    workers = min(worker_count(workers), max(1, len(items)))
    if workers == 1:
        return [function(item) for item in tqdm(items, unit=unit, leave=False)]
    executor = ProcessPoolExecutor(workers, initializer=_leave_interrupts_to_the_parent)
    try:
        results = executor.map(function, items, chunksize=CHUNK)
        return list(tqdm(results, total=len(items), unit=unit, leave=False))
    except BrokenProcessPool as error:
        raise UserError(
            "a worker process was ended from outside, most likely for want of memory; "
            "fewer --workers need less"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
