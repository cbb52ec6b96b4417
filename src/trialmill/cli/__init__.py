"""The command line: one door into the engine. It parses, calls `root`, and prints; it decides nothing."""
