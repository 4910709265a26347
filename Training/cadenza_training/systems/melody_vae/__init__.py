"""A variational autoencoder of melodies of a few bars."""
