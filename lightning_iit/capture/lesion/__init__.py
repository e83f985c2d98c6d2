"""Lesions: units of a layer are set, at every step of every call, to values that say nothing of the sample.

``places`` has what units are set to, ``stepped`` runs recurrent layers step by step, and ``attached`` puts either on a layer.
"""
