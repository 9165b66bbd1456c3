"""What may be done with compute's resources, and what comes of it."""
