"""An experiment's life. `state` decides (pure), `driver` acts, `ports` is what the world must offer.

`apply(state, event)` says what is now true; once that is saved, `desired(state, now)` says what should be the case,
and the driver sees to it. Nothing here imports an adapter, a clock or a client.
"""
