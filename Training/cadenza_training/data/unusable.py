"""One recording or piece that cannot be used: it is left out, and the others go on."""

from __future__ import annotations


class UnusableError(Exception):
    """Why: the kind of reason, a colon, and what of this one."""
