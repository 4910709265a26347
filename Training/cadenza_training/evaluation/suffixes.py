"""The endings of files that hold sound, and of those that hold notes."""

from __future__ import annotations

SOUND_SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64"}
)
MIDI_SUFFIXES = frozenset({".mid", ".midi"})
