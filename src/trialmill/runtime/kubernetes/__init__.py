"""Any cluster as a runtime, driven from outside: resources are created, watched and deleted through its API server.

Nothing of ours is installed there, and nothing is added to a resource but labels (and, where metrics are in a file, a
container that prints it). `runtime` implements the port. `stamping` and `file_printer` say what is added; `objects`
creates and deletes; `live` is what is seen of one experiment, through two reflectors; `pods`, `owners` and `evidence`
read pods; `log_place`, `log_lines` and `log_reader` what they print; `rehearsal` asks the server what it would refuse,
and `schema` which fields a kind has.
"""
