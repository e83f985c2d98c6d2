"""The network as the viewer draws it: layers, sampled units, strongest connections and some activity, in each epoch.

``recorder`` hooks the modules for one batch; ``layers`` says what each module is; ``dataflow`` finds which layer feeds which;
``draft`` makes the snapshot of them within a budget of bytes; ``writer`` does it off the training thread.
"""
