"""The code on the page about whole layers runs."""

from __future__ import annotations

import re

from places import PROJECT


def test_the_code_of_the_page(capsys):
    (code,) = re.findall(r"^```python\n(.*?)^```", (PROJECT / "docs" / "whole-layers.md").read_text(encoding="utf-8"), re.M | re.S)
    exec(compile(code, "whole-layers.md", "exec"), {})
    assert "SI = " in capsys.readouterr().out
