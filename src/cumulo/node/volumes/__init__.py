"""The pools of volumes that a host serves: drivers, and what runs them."""
