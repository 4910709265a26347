"""How good generated sounds and notes are. Every metric is defined in Training/EVALUATION.md."""
