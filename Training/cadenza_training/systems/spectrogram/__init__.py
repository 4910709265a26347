"""Columns of a spectrogram, each predicted from those before it."""
