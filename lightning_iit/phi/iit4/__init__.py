"""The engine of IIT 4.0: system integrated information φ_s, and the cause-effect structure with its relations.

From the bottom up: ``tolerance`` (when two numbers are equal), ``candidate`` (TPMs and connections of a candidate system),
``intrinsic`` (intrinsic information of each cause and effect state), ``partitions`` and ``search`` (all partitions of the system,
and the minimum one), ``irreducible`` and ``mechanisms`` (φ of every mechanism over every purview), ``distinctions`` (the mechanisms
that are distinctions for given states of the system), ``systems`` (φ_s), ``structures`` (the whole structure), ``complexes`` (the
subsets with the largest φ_s), and ``engine`` (all of it behind the protocol of every engine).

The formalism is that of Albantakis et al. 2023 (PLoS Comput Biol 19(10), e1011465), or the one of Mayner, Marshall and Tononi 2026
(Entropy 28, 410), which caps φ_s by the intrinsic information of the system.
"""
