"""The network service's decisions and invariants, a module per resource, inside the caller's transaction."""
