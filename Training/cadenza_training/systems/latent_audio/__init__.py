"""Decoders of notes from a latent: variational autoencoders and adversarial networks."""
