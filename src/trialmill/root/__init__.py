"""The composition root: the one place that knows all parts and puts them together for the doors.

`opening` finds and opens the store, `lookup` an experiment and its trials by name, `prepare` reads and checks files,
`objects` shows records as Katib's objects, `assigning` reads values that a user names, `control` changes what a user
wants of an experiment, and `logs` finds what a trial printed. Doors call these and print; nothing here prints.
"""
