"""A WaveNet that plays from what an encoder makes of a recording."""
