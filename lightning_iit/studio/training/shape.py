"""What a task asks of a network: how large inputs and answers are."""

from __future__ import annotations

from typing import TypedDict


class Shape(TypedDict):
    """Tells a network what it reads and what it answers; plain data, so that a checkpoint can hold it.

    Inputs are numbers [batch, step, feature], or tokens [batch, step] below ``features``. Answers are given at the last ``answers``
    steps: a class below ``outputs`` for each [batch, answer], or a number for each where ``outputs`` is 0.

    Attributes:
        features: how many features a step has, or how many tokens there are.
        steps: how many steps a sequence has; of an image its rows.
        answers: how many answers are asked for.
        outputs: how many classes an answer is chosen from; 0 for a number.
        tokens: whether inputs are tokens.
        image: whether inputs are images, with rows as steps and columns as features.
    """

    features: int
    steps: int
    answers: int
    outputs: int
    tokens: bool
    image: bool
