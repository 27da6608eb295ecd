"""What people run rather than import: ``python -m tools.NAME``, or make."""
