"""A runtime for tests and rehearsals, on virtual time. `runtime.SimulatedRuntime` plays scripts."""
