"""Data planes for the network service: `ovn`, and `fake` for tests and scale."""
