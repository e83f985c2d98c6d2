"""Earth mover's distances, compiled.

Between repertoires (Hamming ground distance), ``emd`` uses ``small_emd`` (up to four nodes, closed form from the tables of
``cubes``) or ``simplex`` (more nodes, network simplex). Between cause-effect structures, ``transport`` solves the transportation
problem.
"""
