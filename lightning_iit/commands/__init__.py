"""What each subcommand of ``lightning-iit`` does; the command line itself is in :mod:`lightning_iit.cli`."""
