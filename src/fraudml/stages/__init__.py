"""One file per stage: read, call, write. ``run(config)`` is what the command line calls."""
