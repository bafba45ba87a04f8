"""The switch of the app from the source to the sink: checks, .env, the closed state, the certificate.

What a kind of project needs beyond its rows (names in .env, keys, sequences, manual steps) is a `Switch` of
a plugin. What must hold before the switch, and in which order it happens, is decided here.
"""
