"""A distribution with a network for windrow; its entry point is in ../furrow-0.1.dist-info."""
