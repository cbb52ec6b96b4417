"""The composition root: the one place that knows all parts and puts them together for the doors.

To run: `prepare` reads and checks files, `creating` makes a record of them, `session` drives it. To show and change
what is stored: `opening` finds and opens the store, `lookup` an experiment and its trials by name; `objects` shows
records as Katib's objects, `overview`, `waiting`, `export`, `manifests` and `logs` as people and other programs want
them; `control` changes what a user wants of an experiment. Doors call these and print; nothing here prints.
"""
