"""Templates: however one is written, it becomes a `CompiledTemplate`; with an assignment, a resource.

May import `api` only. Field types come from outside through `api.fields.SchemaSource`.
"""
