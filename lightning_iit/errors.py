"""Every exception that lightning-iit raises.

::

    IITError
    ├── InvalidArgumentError(ValueError)      an option or argument that cannot be
    │   ├── UnknownLayerError                 no module of that name; close matches are offered
    │   ├── UnsupportedOutputError            a layer whose output has no units that can be found
    │   ├── InvalidSystemError                a TPM, state or connectivity matrix that is malformed
    │   ├── InvalidStatesError                state sequences that are not binary or not [time, unit]
    │   └── TooManyUnitsError                 more units than the engine can serve
    ├── RecordError(ValueError)               a stored record that cannot be read
    ├── StepError(RuntimeError)               a layer's step could not be made for perturbation
    └── MissingDependencyError(ImportError)   an optional package is needed for what was asked

A message says what was given, where, why it cannot be, and what to do instead. Faults while training runs are not raised:
they end in a :class:`~lightning_iit.records.Failed`, ``TimedOut`` or ``Skipped`` result.
"""

from __future__ import annotations


class IITError(Exception):
    """Base of every exception of this package."""


class InvalidArgumentError(IITError, ValueError):
    """An option or argument has a value that cannot be."""


class UnknownLayerError(InvalidArgumentError):
    """No module of the model has the name, or matches the glob, that was given."""


class UnsupportedOutputError(InvalidArgumentError):
    """A layer's output has a shape or type in which no units can be found."""


class InvalidSystemError(InvalidArgumentError):
    """A transition probability matrix, state or connectivity matrix is malformed."""


class InvalidStatesError(InvalidArgumentError):
    """State sequences are not binary, or are not arrays of shape [time, unit]."""


class TooManyUnitsError(InvalidArgumentError):
    """More units than the engine can serve in a time that anyone would wait."""


class RecordError(IITError, ValueError):
    """A stored record cannot be read."""


class StepError(IITError, RuntimeError):
    """A layer could not be stepped from a chosen state, so it cannot be perturbed."""


class MissingDependencyError(IITError, ImportError):
    """An optional package is needed for what was asked."""
