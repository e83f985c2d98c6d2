"""Writes src/generated/colormaps.ts from matplotlib's tables: ``python scripts/colormaps.py``."""

from pathlib import Path

import matplotlib as mpl

ENTRIES = 64
lines = ["// matplotlib's colour maps, 64 entries each, as #rrggbb (written by scripts/colormaps.py).\n"]
for name in ("viridis",):
    table = mpl.colormaps[name].resampled(ENTRIES)
    digits = "".join(f"{round(channel * 255):02x}" for entry in range(ENTRIES) for channel in table(entry)[:3])
    lines.append(f'export const {name} = (\n  "{digits}"\n).match(/.{{6}}/g) as string[];\n')
(Path(__file__).parents[1] / "src/generated/colormaps.ts").write_text("\n".join(lines))
