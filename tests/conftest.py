"""Tests of properties are the same each time, wherever they run, and no example is measured.

Hypothesis does so by itself where the environment says that this is CI. Elsewhere an example that a busy machine holds
up for a fifth of a second would fail, and a mistake would come and go. `--hypothesis-profile=default` looks for more.
"""

from hypothesis import settings

settings.load_profile("ci")
