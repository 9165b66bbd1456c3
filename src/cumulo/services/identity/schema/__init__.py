"""Identity's wire: views and bodies."""
