"""What runs on a host: guests, their taps, disks, metadata and consoles. It has no database."""
