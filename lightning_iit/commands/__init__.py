"""What the subcommands of ``lightning-iit`` do; :mod:`lightning_iit.cli` has their options, and calls them."""
