"""Every way of writing a trial template, turned into the one normal form: `trialSpec` and `trialParameters`.

`normalize.normalize` takes a document as it was loaded and gives one in the normal form, each node still with its
place. Nothing after it knows which form a template had. One file per form; `draft` is what they work on.

May import `template`, `kinds` and `api`. Stands below `check`, which calls it first.
"""
