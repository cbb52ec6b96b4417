"""What users write and what travels between the parts.

`document` reads YAML and remembers where each node stood, `read` turns a document into an `Experiment`, and the rest
are the values that ports carry: spaces, histories, points, observations, verdicts and problems. Everything here is
frozen data or a pure function; nothing here imports another part of Trialmill.
"""
