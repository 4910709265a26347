"""Music as notes: prepared scores, a codec of notes, and a network that predicts its tokens."""
