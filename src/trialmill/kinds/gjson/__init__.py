"""GJSON, the language of Katib's success and failure conditions, over parsed JSON trees.

The semantics are those of tidwall/gjson 1.14.1 for Go, the version that Katib pins, oddities included: a condition
that matches there matches here. `path` takes path text apart, `search` walks a tree, `modifiers` has what follows an
`@`, `truth` is Katib's rule for when a condition is met, `syntax` finds what can only be a mistake.

Where the Go original answers by the text of the JSON rather than by its value (the exact spelling of numbers and
white space in `@tostr`, brackets inside a lone string, a key twice in one object), a tree has no such text and the
value decides.
"""

from trialmill.kinds.gjson.node import Result
from trialmill.kinds.gjson.search import evaluate
from trialmill.kinds.gjson.syntax import syntax_problems
from trialmill.kinds.gjson.truth import Match, matches

__all__ = ["Match", "Result", "evaluate", "matches", "syntax_problems"]
