"""The words of the field with their explanations, for the tips of the page; the report explains the same words with the same texts.

``python -m lightning_iit.report.glossary viewer/src/generated/glossary.json`` writes them to that file, which the front end reads.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lightning_iit.report.terms import COVERAGE_TERM, FOR_NEWCOMERS, KIND_WORDS, NULL_WORDS, TERMS_4

GLOSSARY: dict[str, str] = {
    "Φ": "integrated information of a group of units in one state: how far its concepts change at the cut where they change least."
    " 0 means that some cut changes nothing. Φ of a layer is the mean over groups. It says nothing about consciousness."
    " By IIT 4.0 the number of a group is φ_s, and Φ that of its whole structure: the sum of φ over distinctions and relations.",
    "φ": "the small phi of one mechanism: how much less its state says of a purview when it is divided at the weakest place.",
    "state": FOR_NEWCOMERS["ON"],
    "mechanism": "a set of units whose present state is asked what it says of past and next states.",
    "purview": "the units whose past or next state a mechanism says most about.",
    "concept": FOR_NEWCOMERS["concept"],
    "cut": FOR_NEWCOMERS["cut"],
    "TPM": FOR_NEWCOMERS["TPM"],
    "group": FOR_NEWCOMERS["group"],
    "null": "Φ of data sets that are like the observed ones but without what is asked for: drawn from "
    + ", or from ".join(f"{words} ({name})" for name, words in NULL_WORDS.items())
    + ". A Φ that is not above its null is no evidence of integration.",
    "coverage": COVERAGE_TERM,
    "kind": "what the number is a statement about: causal, observational or statistical.",
    **{str(kind): words for kind, words in KIND_WORDS.items()},
    "survey": "Φ of many groups of a few units of a layer, each in the states that it visited; their mean is Φ of the layer.",
    "φ_s": TERMS_4["φ_s"],
    "partition": TERMS_4["partition"],
    "distinction": TERMS_4["distinction"],
    "relation": TERMS_4["relation"],
}
"""Each term with its explanation."""


def text() -> str:
    """Returns the glossary as the text of its file: indented JSON."""
    return json.dumps(GLOSSARY, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
