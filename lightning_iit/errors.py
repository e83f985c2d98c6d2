"""The tree of all exceptions that lightning-iit raises.

::

    IITError
    ├── InvalidArgumentError(ValueError)      an option or argument has an impossible value
    │   ├── UnknownLayerError                 the model has no module of the given name; close matches are offered
    │   ├── UnsupportedOutputError            no units can be found in a layer's output
    │   ├── InvalidSystemError                a TPM, state or connectivity matrix is malformed
    │   ├── InvalidStatesError                state sequences, state codes or transition tables are malformed
    │   ├── TooManyUnitsError                 there are more units than the TPM or the engine can handle
    │   ├── UnusableSeriesError               activations from which no measure of a whole layer can be computed
    │   └── UnknownOptionError(TypeError)     a keyword that is no option; close matches are offered
    ├── RecordError(ValueError)               a stored record, or a run, cannot be read
    ├── StepError(RuntimeError)               a layer could not make the step that a perturbation needs
    └── MissingDependencyError(ImportError)   an optional package is needed and not installed

A message says what was given, where, why it cannot be, and what to do instead. Faults while training runs are not raised: the
analysis then ends in a :class:`~lightning_iit.records.Failed`, ``TimedOut`` or ``Skipped`` result.
"""

from __future__ import annotations


class IITError(Exception):
    """Is the base of every exception of this package."""


class InvalidArgumentError(IITError, ValueError):
    """Signals an option or argument with an impossible value."""


class UnknownLayerError(InvalidArgumentError):
    """Signals that no module of the model has the given name or matches the given pattern; the message offers close matches."""


class UnsupportedOutputError(InvalidArgumentError):
    """Signals a layer whose output has a shape or type in which no units can be found."""


class InvalidSystemError(InvalidArgumentError):
    """Signals a malformed transition probability matrix, state or connectivity matrix."""


class InvalidStatesError(InvalidArgumentError):
    """Signals malformed states: sequences that are not binary or not [time, unit], wrong state codes or transition tables."""


class TooManyUnitsError(InvalidArgumentError):
    """Signals more units than a TPM can be written down for, or than the engine can analyse in reasonable time."""


class UnusableSeriesError(InvalidArgumentError):
    """Signals activations from which no measure of a whole layer can be computed: too few samples, or units that depend exactly."""


class UnknownOptionError(InvalidArgumentError, TypeError):
    """Signals a keyword that is no option; the message offers close matches. It is a TypeError too, as Python's own is."""


class RecordError(IITError, ValueError):
    """Signals a stored record that cannot be read, or a folder that holds no run."""


class StepError(IITError, RuntimeError):
    """Signals a layer that could not make one step from a chosen state, and therefore cannot be perturbed."""


class MissingDependencyError(IITError, ImportError):
    """Signals an optional package that the call needs and that is not installed."""
