"""What block storage decides."""
