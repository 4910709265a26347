"""A network's configuration in words."""

from __future__ import annotations

from itertools import groupby


def network_summary(network: dict) -> str:
    """One sentence without its end; kinds that are not known here have their numbers listed."""
    kind = str(network.get("kind", "network"))
    describe = {
        "wavenet": _wavenet,
        "recurrent": _recurrent,
        "transformer": _transformer,
        "decoder": _decoder,
    }.get(kind)
    return _listed(network, kind) if describe is None else describe(network)


def _wavenet(network: dict) -> str:
    dilations = network["dilations"]
    residual = network["residual_channels"]
    skip = network["skip_channels"]
    layers = f"{len(dilations)} layer{'s' if len(dilations) > 1 else ''}"
    return (
        f"WaveNet (van den Oord et al. 2016): {layers} of kernel size {network['kernel_size']} "
        f"with dilations {min(dilations)} … {max(dilations)}, {residual} residual, "
        f"{network.get('gate_channels', residual)} gate, {skip} skip and "
        f"{network.get('head_channels', skip)} head channels, {_input(network['input'])}"
    )


def _recurrent(network: dict) -> str:
    runs = [
        (f"{'bidirectional ' if both_ways else ''}{kind.upper()}", channels, len(list(run)))
        for (kind, channels, both_ways), run in groupby(
            (str(layer["kind"]), layer["channels"], bool(layer.get("bidirectional")))
            for layer in network["layers"]
        )
    ]
    layers = ", then ".join(
        f"{count} {kind} layer{'s' if count > 1 else ''} of {channels} channels"
        for kind, channels, count in runs
    )
    if "window" in network:
        layers += f" over a window of {network['window']}"
    if network["head"]["kind"] == "fields":
        heads = (
            f"a softmax over {field['size']}" if field["kind"] == "softmax" else "a number"
            for field in network["head"]["fields"]
        )
        return f"recurrent network: {layers}, which predicts {', '.join(heads)}"
    head = "a softmax" if network["head"]["kind"] == "softmax" else "a linear head"
    return f"recurrent network: {layers}, {head}, {_input(network['input'])}"


def _transformer(network: dict) -> str:
    layers = network["layers"]
    return (
        f"transformer (Vaswani et al. 2017), decoder only: {layers} "
        f"layer{'s' if layers > 1 else ''} of {network['channels']} channels, "
        f"{network['heads']} heads, a window of {network['window']:,} steps, "
        f"{network['positions']} positions, "
        f"{network.get('feedforward_channels', 4 * network['channels'])} feed-forward channels"
    )


def _decoder(network: dict) -> str:
    kinds = [str(layer["kind"]).replace("_", " ") for layer in network["layers"]]
    counted = {kind: kinds.count(kind) for kind in kinds}
    silent = ("reshape", "activation")
    layers = ", ".join(
        f"{count} {kind}{'' if count == 1 or kind == 'dense' else 's'}"
        for kind, count in counted.items()
        if kind not in silent
    )
    shape = next(layer for layer in network["layers"] if layer["kind"] == "reshape")
    return (
        f"decoder, from the conditions' vector to a whole clip: {layers}; it begins with "
        f"{shape['steps']} steps"
        + (f" of {shape['bins']} bins" if shape.get("bins", 1) > 1 else "")
        + f" of {shape['channels']} channels"
    )


def _input(values: dict) -> str:
    kind = str(values["kind"]).replace("_", " ")
    details = [f"{name.replace('_', ' ')} {value}" for name, value in values.items()]
    rest = ", ".join(details[1:])
    return f"{kind} input" + (f" ({rest})" if rest else "")


def _listed(network: dict, kind: str) -> str:
    parts = []
    for name, value in network.items():
        if name == "kind":
            continue
        words = name.replace("_", " ")
        if isinstance(value, list):
            parts.append(f"{len(value)} {words}")
        elif isinstance(value, dict):
            parts.append(f"{words} {str(value.get('kind', 'given')).replace('_', ' ')}")
        else:
            parts.append(f"{words} {value}")
    return f"network of kind `{kind}`: " + ", ".join(parts)
