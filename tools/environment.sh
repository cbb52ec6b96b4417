# Sourced by ./quickstart and ./check. environment DIR PIP-ARGUMENTS...: a virtual environment with Trialmill in it.

python_for_trialmill() {
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11 python; do
        if [ -n "$candidate" ] && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "Python 3.11 or newer is needed, and none was found; set PYTHON to one" >&2
    return 1
}

environment() {
    directory=$1
    shift
    python=$(python_for_trialmill) || exit 1
    if [ ! -x "$directory/bin/pip" ]; then
        echo "making $directory" >&2
        "$python" -m venv "$directory"
    fi
    # Dependency groups came with pip 25.1.
    "$directory/bin/python" -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
    "$directory/bin/python" -m pip install --quiet --disable-pip-version-check -c tools/constraints.txt -e . "$@"
}
