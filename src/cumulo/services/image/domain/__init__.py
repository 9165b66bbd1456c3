"""What may be done with images, and what follows from it. All inside the caller's transaction."""
