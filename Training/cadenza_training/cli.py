"""The `cadenza-train` command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from cadenza_training.errors import UserError

# Each is a module of `commands` with SUMMARY, add_arguments and run. One that is not asked for is
# not imported: PyTorch takes a second.
COMMANDS = ("prepare", "fit", "export", "convert", "evaluate", "card")


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog="cadenza-train",
        description="Trains, converts and evaluates generative music models for Cadenza.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in words if not word.startswith("-")), None)
    for name in COMMANDS:
        if asked in COMMANDS and name != asked:
            commands.add_parser(name)
            continue
        module = importlib.import_module(f"cadenza_training.commands.{name}")
        command = commands.add_parser(
            name,
            help=module.SUMMARY,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    parsed = parser.parse_args(words)
    try:
        parsed.run(parsed)
    except UserError as error:
        print(f"cadenza-train {parsed.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"cadenza-train {parsed.command}: interrupted", file=sys.stderr)
        return 130
    return 0


def entry() -> None:
    """What the installed command runs."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
