"""How records are shown to a reader of code: short text for a ``repr`` (``printed``), and HTML for notebooks (``html``)."""
