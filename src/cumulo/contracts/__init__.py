"""What one service may ask of another: Protocols and frozen dataclasses, no code."""
