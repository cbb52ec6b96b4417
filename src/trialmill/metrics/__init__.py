"""Collectors turn bytes into metric points; `observe` sums points up into observations. May import `api` only."""
