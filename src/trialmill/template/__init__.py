"""Templates: however one is written, it becomes a `CompiledTemplate`; with an assignment, a resource.

`placeholders` splits texts, `declarations` reads the trial parameters, `targets` types the slots, `compile` walks the
manifest and puts it all together, `render` stamps out resources, `encode` keeps templates in a store.

May import `api` only. Field types come from outside through `api.fields.SchemaSource`.
"""
