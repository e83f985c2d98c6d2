"""Commands to a running training and its answers: what they hold, and the folder of a run in which they lie."""
