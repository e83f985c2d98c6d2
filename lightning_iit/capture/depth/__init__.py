"""Depth as the axis: from one block of a stack to the next, for the same token.

``block`` keeps some calls of a block and makes them again; ``capture`` chooses coordinates of the stream, and counts their
transitions; ``perturb`` sets coordinates before a block and reads them after it.
"""
