"""Everything that can be known to be wrong before the first trial. Sits above api, template, kinds, search and
metrics and uses them all.

`documents.check_documents` takes what a file holds and gives the experiment with its compiled template, or problems.
The other files have the rules, a subject each; all report to one `Problems` and keep silent where an earlier rule has
spoken. What Katib accepts is at most a warning, unless it is doomed; what Katib refuses for no need is a note.
"""
