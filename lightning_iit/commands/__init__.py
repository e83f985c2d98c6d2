"""The subcommands of ``lightning-iit``; :mod:`lightning_iit.cli` reads the command line and calls them."""
