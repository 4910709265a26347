"""Notes one after another as rows of pitch, velocity and interval (Shinde et al.)."""
