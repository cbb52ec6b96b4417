"""JSON Schema of what users write, for editors: made from the enumerations, tables and catalogues that the readers use.

`files` puts the schemas together, `experiment` and `template` have the fields, `manifests` the resources of known
kinds, `parts` the words they are written in. It is of draft 7, which the YAML extension of VS Code knows best. A schema
cannot say all that `validate` finds; what it refuses, `validate` refuses or warns of too.
"""
