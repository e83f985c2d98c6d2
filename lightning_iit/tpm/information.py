"""Numbers that describe a TPM: effective information, determinism, degeneracy, entropy, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.tpm.conversion import state_by_state

if TYPE_CHECKING:
    from jaxtyping import Float

    from lightning_iit.tpm.estimate import Tpm


def scalars(tpm: Tpm) -> dict[str, float]:
    """Returns the numbers of a TPM that are logged beside Φ.

    Rows that were never visited count with their prior, as they do in Φ.

    Returns:
        ``coverage``: visited states / 2**n. ``transitions``: how many were counted. ``effective_information`` (bit),
        ``determinism`` and ``degeneracy`` (0 to 1): see :func:`effective_information`. ``entropy`` (bit): Shannon entropy of
        the states that were visited.
    """
    information, determinism, degeneracy = effective_information(tpm.state_by_node)
    total = max(tpm.transitions, 1)
    return {
        "coverage": float(tpm.visited.mean()),
        "transitions": float(tpm.transitions),
        "effective_information": information,
        "determinism": determinism,
        "degeneracy": degeneracy,
        "entropy": float(entropy(tpm.visits / total)),
    }


def effective_information(state_by_node: Float[np.ndarray, "state unit"]) -> tuple[float, float, float]:
    """Returns effective information in bits, determinism and degeneracy of a TPM, each state being set equally often.

    With ``T`` the state-by-state TPM of independent units and ``m`` the mean of its ``2**n`` rows: effective information is
    the mean of ``KL(T[s] || m)``, determinism ``1 - mean(H(T[s])) / n``, degeneracy ``1 - H(m) / n``, so that effective
    information = n (determinism - degeneracy). Hoel, Albantakis and Tononi (2013), Quantifying causal emergence shows that
    macro can beat micro, PNAS 110: the definition of EI and its decomposition.
    """
    n = state_by_node.shape[1]
    # The units of a row are independent, so its entropy is the sum of theirs.
    of_rows = float(entropy(np.stack([state_by_node, 1.0 - state_by_node])).sum(axis=-1).mean())
    of_mean = float(entropy(state_by_state(state_by_node).mean(axis=0)))
    determinism = min(max(1.0 - of_rows / n, 0.0), 1.0)
    degeneracy = min(max(1.0 - of_mean / n, 0.0), 1.0)
    return max(of_mean - of_rows, 0.0), determinism, degeneracy


def entropy(probabilities: Float[np.ndarray, "outcome ..."]) -> Float[np.ndarray, " ..."]:
    """Returns the Shannon entropy in bits along the first axis; 0 log 0 is 0."""
    positive = np.where(probabilities > 0.0, probabilities, 1.0)
    return np.asarray(0.0 - (positive * np.log2(positive)).sum(axis=0))
