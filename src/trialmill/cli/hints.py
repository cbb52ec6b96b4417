"""Commands that messages tell users to type. They find the experiment in the store of the command that says so."""

import argparse
import shlex
from typing import Final, NamedTuple, Self

_USUAL_NAMESPACE: Final = "default"


class Hints(NamedTuple):
    """`namespace` and `store` are what the command line says; None where it says nothing."""

    namespace: str | None = None
    store: str | None = None

    @classmethod
    def of(cls, args: argparse.Namespace) -> Self:
        return cls(getattr(args, "namespace", None), getattr(args, "store", None))

    @property
    def options(self) -> str:
        """What has to follow a command and its name; begins with a space where it is not empty."""
        return _options(self.namespace, self.store)

    def command(self, verb: str, name: str, namespace: str | None = None) -> str:
        """A command about the experiment. `namespace` is where it is, as far as that is known."""
        unusual = namespace if namespace != _USUAL_NAMESPACE else None
        return f"trialmill {verb} {name}{_options(self.namespace or unusual, self.store)}"


def _options(namespace: str | None, store: str | None) -> str:
    given = (("-n", namespace), ("--store", store))
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given if value)
