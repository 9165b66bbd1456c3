"""Scripts that Tempest's own environment runs; they know Tempest and nothing of Cumulo."""
