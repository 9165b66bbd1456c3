"""The shipped test harness: databases, saga checks, and contract suites for drivers."""
