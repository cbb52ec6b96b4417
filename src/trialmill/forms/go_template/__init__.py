"""Go's `text/template`, as far as templates of Katib v1alpha3 use it: a text in, a text with its places out.

`text` --`tokens`--> tokens --`parse`--> `nodes` --`evaluate`--> `output`. Pure: no I/O, and whatever the text is, the
answer is an output and the errors on the way to it. What a hyperparameter's value will be is not known while a template
is evaluated: such values are `Opaque`; they can be printed, and nothing else.

What Go knows and this does not (`define`, `template`, `block`, complex numbers, some functions) is an error that names
it. May import nothing but the standard library and `trialmill.api`.
"""

from trialmill.forms.go_template.errors import ErrorKind, GoTemplateError
from trialmill.forms.go_template.evaluate import Evaluated, evaluate
from trialmill.forms.go_template.output import Output
from trialmill.forms.go_template.values import Opaque, Record, Value

__all__ = ["ErrorKind", "Evaluated", "GoTemplateError", "Opaque", "Output", "Record", "Value", "evaluate"]
