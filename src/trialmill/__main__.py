"""`python -m trialmill`."""

import sys

from trialmill.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
