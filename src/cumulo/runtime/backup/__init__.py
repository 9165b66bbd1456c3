"""The control plane in one file, and back: the database, keys, settings, passwords and policy of a cloud."""
