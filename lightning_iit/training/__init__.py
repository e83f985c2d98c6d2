"""What hangs on a module while it trains: counts of epochs and of steps within them; and how commands change what is watched."""
