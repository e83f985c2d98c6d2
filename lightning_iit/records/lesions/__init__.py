"""What setting units to values of no information did to a network; and which units of a record are set."""
