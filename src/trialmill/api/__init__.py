"""What users write and what travels between the parts.

`load` reads YAML into documents that remember where each node stood, `read_experiment` turns a document into an
`Experiment`, `spaces` its parameters into a typed space. The rest are the values that ports carry: spaces, histories,
points, observations, verdicts and problems. All but `load.read_source` is frozen data or a pure function; nothing here
imports another part of Trialmill.
"""
