"""For authors of adapters: conformance suites to subclass, a clock that tests turn by hand, an API server in memory."""
