"""A store in one SQLite file, for the processes of one machine.

`open` puts it together; `connection` has the transactions and the errors, `schema` and `migrations` the tables,
`encoding` turns records into rows, and `trials`, `metrics`, `changes` and `lease` are what the engine's ports ask for.
"""
