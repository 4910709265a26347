"""Which recordings and pieces are trained on, validated on, tested on.

What belongs together stays together: files of one group, and files whose content is the same
under two names. Within each instrument a share of the groups is held out, such that every pitch
that training can reach stays within reach, as far as that is possible.

The order in which groups are held out is that of a hash of the seed and the group's name: the same
on every machine, and little changed by files that are added later.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cadenza_training.data.prepared_set import Instrument

# Where files of the same content were given to different sides, the rightmost wins.
PRECEDENCE = ("train", "validation", "test")


@dataclass(frozen=True)
class SplitItem:
    source: str
    group: str
    # A digest of what it holds.
    content: str
    instrument: str = ""
    pitch: int | None = None
    # The side it must be on; empty: free.
    fixed: str = ""


@dataclass(frozen=True)
class SplitResult:
    # A side for each item, empty for those of `conflicts`.
    sides: list[str]
    # Items that must not be trained on, by position, and the source that is held out instead.
    conflicts: dict[int, str]


def rank(seed: int, name: str) -> bytes:
    """A place in an order that depends on the seed and on nothing else."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def split(
    items: Sequence[SplitItem],
    *,
    validation_share: float,
    test_share: float,
    seed: int,
    instruments: Mapping[str, Instrument] | None = None,
) -> SplitResult:
    """`instruments`: ranges and transpositions by label, where they are known."""
    result = SplitResult([""] * len(items), {})
    free: list[_Group] = []
    for members in _components(items):
        fixed = [items[member].fixed for member in members if items[member].fixed]
        if not fixed:
            free.append(_Group(tuple(members), min(items[member].group for member in members)))
            continue
        side = max(fixed, key=PRECEDENCE.index)
        holder = next(items[member].source for member in members if items[member].fixed == side)
        for member in members:
            if items[member].fixed in ("", side):
                result.sides[member] = side
            else:
                result.conflicts[member] = holder
    free.sort(key=lambda group: (rank(seed, group.name), group.name))
    chosen = _HeldOut(items, free, result, instruments or {})
    for name in sorted({item.instrument for item in items}):
        for side, share in (("test", test_share), ("validation", validation_share)):
            chosen.hold_out(name, side, share)
    for group in free:
        for member in group.members:
            result.sides[member] = result.sides[member] or "train"
    return result


@dataclass(frozen=True)
class _Group:
    members: tuple[int, ...]
    name: str


class _HeldOut:
    """Takes groups out of training, keeping count of what stays."""

    def __init__(
        self,
        items: Sequence[SplitItem],
        free: list[_Group],
        result: SplitResult,
        instruments: Mapping[str, Instrument],
    ) -> None:
        self.items = items
        self.free = free
        self.result = result
        self.instruments = instruments
        # By instrument, the groups that have some of it, in their order.
        self.groups: dict[str, list[_Group]] = defaultdict(list)
        for group in free:
            for name in {items[member].instrument for member in group.members}:
                self.groups[name].append(group)
        # By instrument and pitch, what is in training now.
        self.remaining: dict[str, Counter[int | None]] = defaultdict(Counter)
        for index, item in enumerate(items):
            if result.sides[index] in ("", "train") and index not in result.conflicts:
                self.remaining[item.instrument][item.pitch] += 1

    def hold_out(self, instrument: str, side: str, share: float) -> None:
        members = [
            member
            for group in self.groups[instrument]
            for member in group.members
            if self.items[member].instrument == instrument
        ]
        candidates = [
            group for group in self.groups[instrument] if not self.result.sides[group.members[0]]
        ]
        if share <= 0.0 or not candidates:
            return
        wanted = max(1, round(share * len(members)))
        # A group of several instruments may have been taken for another one.
        taken = sum(self.result.sides[member] == side for member in members)
        # An instrument with one recording a pitch has none to spare: then a pitch is given up.
        for keep_pitches in (True, False):
            for group in candidates:
                if taken >= wanted:
                    return
                fits = taken + len(group.members) <= wanted
                if fits and self._may_leave(group, keep_pitches):
                    self._take(group, side)
                    taken += len(group.members)
            if taken:
                return
        # Every group is larger than the share: the smallest, if more than half stays.
        smallest = min(candidates, key=lambda group: len(group.members))
        if 2 * len(smallest.members) < len(members) and self._may_leave(smallest, False):
            self._take(smallest, side)

    def _may_leave(self, group: _Group, keep_pitches: bool) -> bool:
        if self.result.sides[group.members[0]]:
            return False
        leaving: dict[str, Counter[int | None]] = defaultdict(Counter)
        for member in group.members:
            leaving[self.items[member].instrument][self.items[member].pitch] += 1
        for instrument, pitches in leaving.items():
            remaining = self.remaining[instrument]
            if remaining.total() <= pitches.total():
                return False
            known = self.instruments.get(instrument)
            reach = known.maximum_transposition if known else 0
            for pitch in pitches:
                if pitch is None:
                    continue
                lowest, highest = pitch - reach, pitch + reach
                if known:
                    # Held out recordings are heard as they are: outside the range they are no use.
                    if not known.minimum_pitch <= pitch <= known.maximum_pitch:
                        return False
                    lowest = max(lowest, known.minimum_pitch)
                    highest = min(highest, known.maximum_pitch)
                if keep_pitches and not self._still_covered(
                    remaining, pitches, range(lowest, highest + 1), reach
                ):
                    return False
        return True

    @staticmethod
    def _still_covered(
        remaining: Counter[int | None], leaving: Counter[int | None], pitches: range, reach: int
    ) -> bool:
        """Whether each of the pitches that training reaches now, it reaches afterwards."""
        for pitch in pitches:
            near = range(pitch - reach, pitch + reach + 1)
            if sum(remaining[other] for other in near) == sum(leaving[other] for other in near):
                return False
        return True

    def _take(self, group: _Group, side: str) -> None:
        for member in group.members:
            self.result.sides[member] = side
            self.remaining[self.items[member].instrument][self.items[member].pitch] -= 1


def _components(items: Sequence[SplitItem]) -> list[list[int]]:
    """Positions that a shared group or a shared content joins, directly or over others."""
    parents = list(range(len(items)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, item in enumerate(items):
        for key in (("group", item.group), ("content", item.content)):
            parents[root(index)] = root(first.setdefault(key, index))
    components: dict[int, list[int]] = defaultdict(list)
    for index in range(len(items)):
        components[root(index)].append(index)
    return list(components.values())
