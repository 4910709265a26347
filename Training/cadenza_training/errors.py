"""What a user can mend ends as one sentence, without a traceback."""

from __future__ import annotations


class UserError(Exception):
    """A sentence that says what is wrong, where, and what was expected."""
