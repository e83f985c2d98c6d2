"""Network snapshots for the viewer: the layers, sampled units, strongest weights and some activations at each epoch.

``recorder`` makes the snapshots; ``batch`` watches one batch through forward hooks; ``visible`` says which modules are watched;
``layers`` describes each module as a layer; ``blocks`` finds the blocks that layers are in; ``dataflow`` finds which layer feeds
which; ``sampling`` chooses what is shown of a large network; ``draft`` makes a snapshot that fits into a number of bytes, and
``writer`` does so off the training thread.
"""
