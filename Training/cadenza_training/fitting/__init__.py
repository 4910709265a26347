"""Training: one loop for every system, and what it needs around it."""
