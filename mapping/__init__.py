"""System words <-> canonical words, both ways, losses reported."""
