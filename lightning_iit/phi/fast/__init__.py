"""The accelerated exact engine of integrated information: PyPhi's answers, some thousand times faster.

From the bottom up: ``subsets`` (index tables), ``tables`` (what each node does), ``repertoires``, ``cubes``, ``small_emd``,
``simplex`` and ``emd`` (the Hamming earth mover's distance), ``effects``, ``partitions`` and ``causes`` (mechanism partitions and
purviews), ``mice`` (causes and effects under a cut), ``transport`` and ``structures`` (distance of cause-effect structures),
``evaluation`` (one cut), ``cuts`` and ``search`` (system partitions), ``complexes``, ``results`` and ``fast_engine``.
"""

from __future__ import annotations

from lightning_iit.phi.fast.fast_engine import FastEngine, warm_up

__all__ = ["FastEngine", "warm_up"]
