"""`schema`: the JSON Schema of what users write, for editors."""

import argparse

from trialmill.check.json_schema.files import schema_of
from trialmill.cli.failures import OK
from trialmill.cli.output import write_json


def schema_command(args: argparse.Namespace) -> int:
    write_json(schema_of(args.what), indent=1)
    return OK
