"""From windows to weights: a strategy unrolls a network, a Lightning module trains it."""
