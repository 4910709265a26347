"""The networks that the engine runs, as PyTorch trains them.

A network's equations, its configuration and the names of its tensors in a model file are in one
module. `registry` finds it by the `kind` that the file states.
"""
