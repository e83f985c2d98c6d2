"""The comparison of runs: Φ of each layer on two sides, with exact tests over runs."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy import stats

from lightning_iit.comparison.change import change, changes, is_structural_zero
from lightning_iit.comparison.compared import PAIRED, TRAINED, UNPAIRED, UNTRAINED, WILCOXON, Comparison, Curve, LayerComparison
from lightning_iit.comparison.courses import Course, RunData, check_comparable, layers_of, listed, phi_of, sides_of, survey_of
from lightning_iit.comparison.exchanges import difference_of_means, difference_of_pairs, holm
from lightning_iit.comparison.selections import changed_since
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lightning_iit.records import Survey

SEED = "seed"
"""The value of ``by`` for runs that differ by chance only."""
_LEVEL = 0.90
_MEASURING = (
    *("threshold", "bits", "groups", "selection", "tpm", "background", "draws", "hidden_only", "cm", "lag", "transitions"),
    *("states", "window", "sources", "prior", "cuts", "new_concepts", "probe", "freeze_threshold"),
)
"""Options that change how Φ is measured: where they differ between runs, it is said."""


def compare(runs: Sequence[RunData], by: str | None = None) -> Comparison:
    """Compares runs layer by layer.

    Args:
        runs: the runs.
        by: an option or parameter whose values are the sides, compared at the last epoch; or "seed": the untrained against the
            trained networks, paired by run. None is "seed", and with a single run the change between its groups of units.

    Returns:
        The comparison. Of several values each pair is compared. Two sides are compared by an exact permutation of run means, and
        run by run where each run of one side began with the same weights as one of the other.

    Raises:
        InvalidArgumentError: nothing can be compared (no run, a run without a survey, other kinds, formalisms, axes or numbers of
            units, an option that is unknown or has one value); the message names the runs.
    """
    if not runs:
        msg = "compare_runs([]): there is no run. Give the folders or MLflow URIs of one or more runs."
        raise InvalidArgumentError(msg)
    named = Counter(run.name for run in runs)
    if twice := [name for name, times in named.items() if times > 1]:
        msg = f"compare_runs(): {listed(twice)} is given more than once, and would count as several trainings. Give each run once."
        raise InvalidArgumentError(msg)
    layers = layers_of(runs)
    for label, courses in layers.items():
        check_comparable(label, courses)
    sides = {} if by in (None, SEED) else sides_of(runs, by or "")
    notes = [*_steered(layers), *_other_options(runs, by), *_other_lengths(layers)]
    if sides:
        rows = [row for label, courses in layers.items() for row in _between_sides(label, courses, sides, by or "")]
        curves = [_curve(label, courses, side, by) for label, courses in layers.items() for side in sides.items()]
        notes += _same_start(sides)
    else:
        rows = [_trained(label, courses) for label, courses in layers.items()] if len(runs) > 1 else _one_run(runs[0])
        curves = [_curve(label, courses, (None, runs), by) for label, courses in layers.items()]
        notes += _same_start({"all": runs}) if len(runs) > 1 else []
    named_by = by or (SEED if len(runs) > 1 else "training")
    return Comparison(by=named_by, layers=tuple(_corrected(rows)), curves=tuple(curves), notes=tuple(notes))


# --- what differs -----------------------------------------------------------------------------------------------------


def _one_run(run: RunData) -> list[LayerComparison]:
    """Compares the untrained network with the trained one, group by group of units."""
    surveys, rows = run.surveys(), []
    for layer, found in changes(record for of in surveys.values() for record in of.values()).items():
        before, after = (survey_of(surveys[layer][epoch]) for epoch in (found.epoch, found.to))
        rows.append(
            LayerComparison(
                layer=layer,
                one=UNTRAINED,
                other=TRAINED,
                phi_one=found.before,
                low_one=before.low,
                high_one=before.high,
                phi_other=found.after,
                low_other=after.low,
                high_other=after.high,
                difference=found.difference,
                p=found.p,
                p_smallest=found.p_smallest,
                test=WILCOXON,
                up=found.up,
                pairs=found.groups,
                kind=surveys[layer][found.to].kind,
                formalism=surveys[layer][found.to].formalism,
                structural_zero=found.structural_zero,
                runs_one=1,
                runs_other=1,
            )
        )
    if not rows:
        epochs = "; ".join(f"{layer!r}: epochs {', '.join(map(str, sorted(of)))}" for layer, of in surveys.items())
        msg = (
            f"compare_runs(): a single run is compared with its untrained network, epoch -1, and {run.name} has no layer with that "
            f"and a later epoch ({epochs}). Train with initial=True, or give several runs and by=OPTION."
        )
        raise InvalidArgumentError(msg)
    return rows


def _trained(label: str, courses: Sequence[Course]) -> LayerComparison:
    """Compares the untrained networks of several runs with the trained ones, paired by run."""
    if without := [course.run.name for course in courses if -1 not in course.epochs or max(course.epochs) == -1]:
        msg = (
            f'compare_runs(by="seed"): {listed(without)} has no Φ of layer {label!r} in the untrained network (epoch -1) and in a '
            "later epoch. Train with initial=True, or compare the trained networks with by=OPTION."
        )
        raise InvalidArgumentError(msg)
    found = [change(course.epochs.values(), course.layer) for course in courses]
    before, after = [one.before for one in found], [one.after for one in found]
    return _row(label, (UNTRAINED, before), (TRAINED, after), courses[0], pairs=[one.difference for one in found])


def _between_sides(
    label: str, courses: Sequence[Course], sides: Mapping[str, Sequence[RunData]], by: str
) -> Iterable[LayerComparison]:
    """Yields the comparison of each pair of sides at the last epoch."""
    of_run = {course.run.name: course for course in courses}
    for (one, ones), (other, others) in combinations(sides.items(), 2):
        values = [[phi_of(of_run[run.name].last) for run in side] for side in (ones, others)]
        order = _partners(ones, others)
        pairs = None if order is None else [values[1][partner] - value for value, partner in zip(values[0], order, strict=True)]
        row = _row(label, (f"{by}={one}", values[0]), (f"{by}={other}", values[1]), courses[0], pairs=pairs)
        yield _with_own_intervals(row, *([of_run[run.name].last for run in side] for side in (ones, others)))


def _partners(ones: Sequence[RunData], others: Sequence[RunData]) -> list[int] | None:
    """Returns for each run the position of the one that began with the same weights; None where not all have exactly one."""
    starts = [run.initial_weights for run in others]
    wanted = [run.initial_weights for run in ones]
    apart = len(set(starts)) == len(starts) and "" not in starts
    return [starts.index(start) for start in wanted] if apart and sorted(starts) == sorted(wanted) else None


def _row(
    label: str, one: tuple[str, list[float]], other: tuple[str, list[float]], course: Course, *, pairs: list[float] | None
) -> LayerComparison:
    """Builds the row of two sides from the Φ of each run, and tests the difference, unless structural Φ is 0."""
    (name, values), (other_name, other_values) = one, other
    record = next(iter(course.epochs.values()))
    structural_zero = is_structural_zero(record)
    test = None
    if not structural_zero:
        test = difference_of_means(values, other_values) if pairs is None else difference_of_pairs(pairs)
    (low, high), (other_low, other_high) = _interval(values), _interval(other_values)
    return LayerComparison(
        layer=label,
        one=name,
        other=other_name,
        phi_one=float(np.mean(values)),
        low_one=low,
        high_one=high,
        phi_other=float(np.mean(other_values)),
        low_other=other_low,
        high_other=other_high,
        difference=float(np.mean(other_values) - np.mean(values)),
        p=None if test is None else test.p,
        p_smallest=None if test is None else test.smallest,
        test=UNPAIRED if pairs is None else PAIRED,
        up=None if pairs is None else sum(pair > 0 for pair in pairs),
        pairs=0 if pairs is None else len(pairs),
        spread=_spread([values] if name == UNTRAINED else [values, other_values]),
        kind=record.kind,
        formalism=record.formalism,
        structural_zero=structural_zero,
        runs_one=len(values),
        runs_other=len(other_values),
    )


def _spread(sides: Sequence[Sequence[float]]) -> float | None:
    """Returns the standard deviation over runs, pooled over sides; None where no side has two runs."""
    freedom = sum(len(side) - 1 for side in sides)
    return float(np.sqrt(sum(np.var(side) * len(side) for side in sides) / freedom)) if freedom else None


def _with_own_intervals(row: LayerComparison, ones: Sequence[Survey], others: Sequence[Survey]) -> LayerComparison:
    """Gives a side of a single run the interval of this run's survey."""
    own: dict[str, float | None] = {}
    for name, surveys in (("one", ones), ("other", others)):
        if len(surveys) == 1:
            own |= {f"low_{name}": surveys[0].low, f"high_{name}": surveys[0].high}
    return msgspec.structs.replace(row, **own)


def _interval(values: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """Returns the 90 % interval of the mean over runs (Student 1908), which is no Φ below 0; nothing for a single run."""
    if len(values) < 2:
        return None, None
    half = float(stats.t.ppf(0.5 + _LEVEL / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    mean = float(np.mean(values))
    return max(0.0, mean - half), mean + half


def _corrected(rows: Sequence[LayerComparison]) -> list[LayerComparison]:
    """Corrects the p-values for the number of rows (Holm), where this is not done already."""
    if rows[0].test == WILCOXON:
        return list(rows)
    tested = sum(row.p is not None for row in rows)
    smallest = [None if row.p_smallest is None else min(1.0, row.p_smallest * tested) for row in rows]
    return [
        msgspec.structs.replace(row, p=p, p_smallest=least)
        for row, p, least in zip(rows, holm([row.p for row in rows]), smallest, strict=True)
    ]


def _curve(label: str, courses: Sequence[Course], side: tuple[str | None, Sequence[RunData]], by: str | None) -> Curve:
    """Builds the curve of a side over the epochs that all its runs have."""
    value, runs = side
    names = {run.name for run in runs}
    own = [course.epochs for course in courses if course.run.name in names]
    epochs = sorted(set.intersection(*(set(of) for of in own)))
    surveys = [[survey_of(of[epoch]) for of in own] for epoch in epochs]
    phis = np.array([[phi_of(survey) for survey in each] for each in surveys]).reshape(len(epochs), len(own))
    mean = phis.mean(axis=1)
    if len(own) > 1:
        spread = phis.std(axis=1, ddof=1)
        low, high = np.maximum(mean - spread, 0.0), mean + spread
    else:
        low, high = (
            np.array([own_phi if end is None else end for own_phi, end in zip(mean, ends, strict=True)])
            for ends in ([each[0].low for each in surveys], [each[0].high for each in surveys])
        )
    called = f"{by}={value}" if value is not None else runs[0].name if len(runs) == 1 else "all runs"
    return Curve(
        layer=label,
        side=called,
        runs=len(own),
        epochs=tuple(epochs),
        mean=tuple(mean.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
    )


# --- what should be known besides -------------------------------------------------------------------------------------


def _other_options(runs: Sequence[RunData], by: str | None) -> list[str]:
    """Returns a sentence on the options that change how Φ is measured and are not the same in all runs."""
    differing = []
    for name in _MEASURING:
        values = dict.fromkeys(run.options[name] for run in runs if name in run.options)
        if name != by and len(values) > 1:
            differing.append(f"{name} ({', '.join(values)})")
    return [f"Φ was not measured alike in all runs; they differ in {', '.join(differing)}."] if differing else []


def _steered(layers: Mapping[str, Sequence[Course]]) -> list[str]:
    """Returns a sentence for each layer of a run whose units a command has changed: earlier epochs are not compared."""
    found = [
        (course.run.name, course.layer, changed_since(one for one in course.run.records if one.layer == course.layer))
        for courses in layers.values()
        for course in courses
    ]
    return [
        f"In {name} a command changed which units of layer {layer!r} are watched; only epochs from {since} on are compared."
        for name, layer, since in found
        if since is not None
    ]


def _other_lengths(layers: Mapping[str, Sequence[Course]]) -> list[str]:
    """Returns a sentence where the last epochs of the runs differ."""
    lasts = sorted({max(course.epochs) for courses in layers.values() for course in courses})
    return [f"The runs do not end at the same epoch (last ones: {', '.join(map(str, lasts))})."] if len(lasts) > 1 else []


def _same_start(sides: Mapping[str, Sequence[RunData]]) -> list[str]:
    """Returns a sentence on runs of one side that began with the same weights, which are no independent trainings."""
    same = []
    for runs in sides.values():
        starts = Counter(run.initial_weights for run in runs if run.initial_weights)
        same += [run.name for run in runs if starts[run.initial_weights] > 1]
    return (
        [f"Of one side, {listed(same)} began with the same weights, so these are not independent trainings and the p is too small."]
        if same
        else []
    )
