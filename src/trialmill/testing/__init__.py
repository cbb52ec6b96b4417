"""For authors of adapters: conformance suites to subclass, and a clock that tests turn by hand."""
