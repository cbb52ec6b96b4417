"""Kubernetes as a client sees it: the `KubeApi` port and its adapter, and what keeps a controller up (reflector, work
queue). Knows nothing of experiments and trials; imports `api` alone.

Objects are parsed JSON and stay whole: nothing is lost of a kind that nobody here has heard of.
"""
