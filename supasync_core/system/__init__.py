"""This machine: files, locks, connections, what its refusals mean."""
