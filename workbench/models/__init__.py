"""Models: the seam to whatever answers."""
