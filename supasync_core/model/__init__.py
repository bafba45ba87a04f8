"""Values and the rules that hold for them: no input, no output, no plugin."""
