"""Where resources run. Adapters of `engine.ports.Runtime`: `local` (processes of this machine) and `simulated`
(virtual time).
"""
