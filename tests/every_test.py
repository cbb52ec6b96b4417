"""What holds for all tests, wherever they run.

Tests of properties are the same each time, and no example is measured. Hypothesis does so by itself where the
environment says that this is CI; elsewhere an example that a busy machine holds up for a fifth of a second would fail,
and a mistake would come and go. `--hypothesis-profile=default` looks for more.

Programs that tests start heed the signals that they are sent, also where the tests run in the background (`nohup`,
`&`): what is ignored there, they would inherit; a handler that does nothing, they do not.
"""

import signal
import threading

from hypothesis import settings

settings.load_profile("ci")

if threading.current_thread() is threading.main_thread():
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
