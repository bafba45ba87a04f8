"""Packages of other authors: a first one written, and one that is checked."""
