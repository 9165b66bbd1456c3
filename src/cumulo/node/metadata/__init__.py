"""Guests' metadata: what they may read of themselves at 169.254.169.254 or on a config drive."""
