"""Capture along depth: transitions of a token's units from one block of a stack to the next.

``block`` keeps some calls of a block and can repeat the calls; ``capture`` chooses coordinates of the stream and counts their
transitions; ``perturb`` sets coordinates before a block and reads them after it.
"""
