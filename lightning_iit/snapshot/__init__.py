"""Network snapshots for the viewer: the layers, sampled units, strongest weights and some activations at each epoch.

``recorder`` watches one batch through forward hooks; ``layers`` describes each module as a layer; ``dataflow`` finds which
layer feeds which; ``sampling`` chooses what is shown of a large network; ``draft`` makes a snapshot that fits into a number of
bytes; ``writer`` does so off the training thread.
"""
