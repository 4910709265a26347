"""The systems that can be trained: a network, a codec, conditions, and how to draw batches.

A family has a folder of its own. `registry` finds it by the `system` that a configuration states.
"""
