"""Forward hooks that copy the activations of a few units of a layer, and the reading of layer outputs.

``gate`` decides which calls of a layer count. ``outputs`` finds the tensor and its axes in an output; ``recorder`` is the hook,
``compiled`` the hook inside a compiled graph. ``reading`` uses both for one layer and returns the recorded activations as sequences
or as samples. ``of_layers`` puts the hooks of several layers on a model and takes them off.
"""
