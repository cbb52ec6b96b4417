"""Algorithms: a history goes in, the next assignments come out. And early stopping: a running trial goes in, go or
stop comes out.

Every algorithm is a function of (space, settings, seed, history); the n-th suggestion is drawn from (seed, n). May
import `api` only.
"""
