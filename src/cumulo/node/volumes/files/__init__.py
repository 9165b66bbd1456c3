"""Pools whose volumes are chains of files in a folder, exported by storage daemons."""
