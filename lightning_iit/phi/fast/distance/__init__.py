"""Earth mover's distances, compiled.

Between repertoires (Hamming ground distance): ``emd`` picks ``small_emd`` (up to three nodes, over the edges of ``cubes``) or
``simplex`` (network simplex). Between cause-effect structures: ``transport``.
"""
