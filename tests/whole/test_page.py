"""The code on the page about whole layers runs."""

from __future__ import annotations

import re

from places import PROJECT


def test_the_code_of_the_page(capsys):
    text = (PROJECT / "docs" / "whole-layers.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    exec(compile(code, "whole-layers.md", "exec"), {})
    assert "SI = " in capsys.readouterr().out
