"""Training for Cadenza: data, recipes, export, parity fixtures and evaluation."""
