"""Both ends opened, the lease, and what is recorded."""
