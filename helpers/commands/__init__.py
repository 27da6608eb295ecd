"""What people run rather than import: ``python -m helpers.commands.NAME``, or make."""
