"""Every contract that a plugin meets, and how it registers what it brings."""
