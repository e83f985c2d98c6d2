"""Integrated information of one system in one state, by engine, in this process or in worker processes."""
