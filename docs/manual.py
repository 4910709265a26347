"""Writes the manual page of the command from its own help, as JSON on standard input.

    cadenza --experimental-dump-help | python3 docs/manual.py VERSION >docs/cadenza.1

The page lies in the sources, so that `make install` needs no Python. Tests/install sees that it is
in step with the command.
"""

import json
import re
import sys

# Sections of the command's own help that manual pages have under the same names.
SECTIONS = ("EXAMPLES", "EXIT STATUS", "ENVIRONMENT")

# Characters that roff would show as others.
ESCAPES = str.maketrans(
    {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
)


def escaped(text: str) -> str:
    """`text` as roff shows it: hyphens as typed, nothing taken for a request or an escape."""
    text = text.translate(ESCAPES).replace("...", "\\&...")
    return "\\&" + text if text.startswith((".", "'")) else text


def blocks(discussion: str) -> list[tuple[str, str, list[str]]]:
    """The parts of a discussion: (section or "", kind, lines).

    The kinds are "text", and "code": lines that are set in.
    """
    parts: list[tuple[str, str, list[str]]] = []
    section = ""
    for line in discussion.splitlines():
        heading = re.fullmatch(r"([A-Z][A-Z ]+):", line)
        if heading:
            section = heading[1]
            parts.append((section, "empty", []))
        elif not line.strip():
            parts.append((section, "empty", []))
        else:
            kind = "code" if line.startswith("  ") else "text"
            if not parts or parts[-1][:2] != (section, kind):
                parts.append((section, kind, []))
            parts[-1][2].append(line[2:] if kind == "code" else line)
    return [part for part in parts if part[2]]


def code(lines: list[str]) -> list[str]:
    """Lines as they are."""
    return [".nf", ".RS 4", *(escaped(line.rstrip()) for line in lines), ".RE", ".fi"]


def described(discussion: str, sections: tuple[str, ...] = ()) -> list[str]:
    """A discussion but for these sections, headings as paragraphs."""
    page: list[str] = []
    last = ""
    for section, kind, lines in blocks(discussion):
        if section in sections:
            continue
        if section != last:
            page += [".PP", f"{escaped(section.capitalize())}:"]
        page += code(lines) if kind == "code" else [".PP", *(escaped(line) for line in lines)]
        last = section
    return page


def spelled(name: dict) -> str:
    """--name or -n."""
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def label(argument: dict) -> str:
    """What is typed: the flag in bold, the value in italics."""
    value = f"\\fI{escaped(argument['valueName'])}\\fR"
    if argument["kind"] == "positional":
        return value + (" \\&..." if argument["isRepeating"] else "")
    names = sorted(argument["names"], key=lambda name: name["kind"] == "long")
    text = ", ".join(f"\\fB{escaped(spelled(name))}\\fR" for name in names)
    return text if argument["kind"] == "flag" else f"{text} {value}"


def explained(argument: dict) -> list[str]:
    """What an argument means, with its default and its values."""
    text = argument.get("abstract", "")
    if "defaultValue" in argument and "(default:" not in text:
        text += f" (default: {argument['defaultValue']})"
    if argument.get("allValues"):
        text += f" (values: {', '.join(argument['allValues'])})"
    return [".TP", label(argument), escaped(text.strip())]


def synopsis(name: str, command: dict) -> str:
    """One line: the command, its options in short, its arguments."""
    words = [f"\\fBcadenza {escaped(name)}\\fR", "[\\fIoptions\\fR]"]
    for argument in command["arguments"]:
        if argument["kind"] == "positional" and argument["shouldDisplay"]:
            words.append(f"[{label(argument)}]" if argument["isOptional"] else label(argument))
    return " ".join(words)


def subcommand(command: dict) -> list[str]:
    """A section of the page."""
    page = [f".SS cadenza {escaped(command['commandName'])}", escaped(command["abstract"])]
    page += described(command.get("discussion", ""))
    shown = [argument for argument in command["arguments"] if argument["shouldDisplay"]]
    for argument in sorted(shown, key=lambda argument: argument["kind"] != "positional"):
        page += explained(argument)
    return page


def manual(root: dict, version: str) -> str:
    """The page."""
    commands = [
        command
        for command in root["subcommands"]
        if command["commandName"] != "help" and command["shouldDisplay"]
    ]
    page = [
        ".\\\" Written by docs/manual.py from the command's help: `make manual` writes it anew.",
        f'.TH CADENZA 1 "" "Cadenza {escaped(version)}" "User Commands"',
        ".SH NAME",
        f"cadenza \\- {escaped(root['abstract'][0].lower() + root['abstract'][1:].rstrip('.'))}",
        ".SH SYNOPSIS",
    ]
    for command in commands:
        page += [synopsis(command["commandName"], command), ".br"]
    page += [
        "\\fBcadenza \\-\\-version\\fR | \\fB\\-\\-help\\fR",
        ".SH DESCRIPTION",
        escaped(root["abstract"]),
    ]
    page += described(root["discussion"], SECTIONS)
    page += ["A model is one file that ends in .safetensors.", ".SH COMMANDS"]
    for command in commands:
        page += subcommand(command)
    for section in SECTIONS:
        lines = [part[2] for part in blocks(root["discussion"]) if part[0] == section]
        if not lines:
            continue
        page.append(f".SH {section}")
        if section == "EXAMPLES":
            page += code(lines[0])
            continue
        for line in lines[0]:
            term, _, meaning = line.partition("  ")
            page += [".TP", f"\\fB{escaped(term)}\\fR", escaped(meaning.strip())]
    page += [
        ".SH FILES",
        ".TP",
        "\\fIshare/cadenza/models\\fR",
        "The models that ship, beside the prefix that the command was installed into.",
    ]
    return "\n".join(page) + "\n"


if __name__ == "__main__":
    sys.stdout.write(manual(json.load(sys.stdin)["command"], sys.argv[1]))
