"""Sound sample by sample: a softmax over mu-law codes, from a WaveNet or a recurrent network."""
