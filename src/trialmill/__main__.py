"""`python -m trialmill`."""

import sys

from trialmill.cli.start import main

if __name__ == "__main__":
    sys.exit(main())
