"""Threads: pages read ahead, tables side by side, one writer or many."""
