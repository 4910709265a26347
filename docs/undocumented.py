"""Names the public declarations of Swift symbol graphs that have no comment, and fails for them."""

import json
import sys
from pathlib import Path


def undocumented(graph: dict) -> list[str]:
    """The declarations without a comment, as "file: name"."""
    symbols = graph["symbols"]
    kinds = {tuple(symbol["pathComponents"]): symbol["kind"]["identifier"] for symbol in symbols}
    names = []
    for symbol in symbols:
        path = tuple(symbol["pathComponents"])
        # What the compiler writes has no place for a comment: members of the standard library's
        # protocols, and an enum's init(rawValue:).
        is_raw_value = path[-1] == "init(rawValue:)" and kinds.get(path[:-1]) == "swift.enum"
        if "location" not in symbol or is_raw_value:
            continue
        if not symbol.get("docComment", {}).get("lines"):
            names.append(f"{Path(symbol['location']['uri']).name}: {'.'.join(path)}")
    return sorted(names)


def main() -> None:
    names: list[str] = []
    count = 0
    for path in sys.argv[1:]:
        graph = json.loads(Path(path).read_text())
        count += len(graph["symbols"])
        names += undocumented(graph)
    if count == 0:
        sys.exit("error: no declarations found")
    for name in names:
        print(f"error: {name} is not documented", file=sys.stderr)
    sys.exit(1 if names else 0)


if __name__ == "__main__":
    main()
