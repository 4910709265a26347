"""Models trained elsewhere become Cadenza model files."""
