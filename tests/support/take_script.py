"""Takes folders at the same moments as other processes, and holds them; run by run/test_folder.py.

``take_script.py FOLDER ROUNDS``: in each round, once the file FOLDER/go-<round> is there, the folders ``numbered-<round>`` and
``wanted-<round>`` are taken, and printed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from lightning_iit.run.folder import take_folder

root, rounds = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
for number in range(rounds):
    while not (root / f"go-{number}").exists():
        time.sleep(0.0005)
    numbered = take_folder(root / f"numbered-{number}", numbered=True)
    wanted = take_folder(root / f"wanted-{number}", numbered=False)
    print(numbered.run_dir, wanted.run_dir, flush=True)
sys.stdin.read()
