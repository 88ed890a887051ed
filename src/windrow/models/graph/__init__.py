"""What the graph networks share: meshes over the grid, their cache, and message passing."""
