# Everything is set up by the first target that needs it: a .venv beside this file, made with python3 -m venv and pip.
.DELETE_ON_ERROR:
# What is run after each small change: the arithmetic, the counts and one training, without browsers and servers.
CHECKED := test_capture_*.py test_fast_*.py test_tpm_*.py test_perturb_tpm.py test_job.py test_judgement.py test_intervals.py \
  test_diagnostics.py test_store.py test_report*.py test_groups.py test_run_counts.py test_viewer_app.py test_project.py

.PHONY: demo check test lint bench shots types viewer clean

VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

$(READY): pyproject.toml hatch_build.py
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --editable ".[all,dev]"
	touch $@

demo: $(READY)  ## train on handwritten digits and watch Φ; leaves runs/demo
	$(PY) examples/digits_mlp.py

test: $(READY)  ## every test that is run before a change lands
	$(PY) -m pytest

check: lint  ## what is run after each small change: lint and a choice of the tests, in under three minutes
	$(PY) -m pytest -q -x $(addprefix tests/,$(CHECKED))

lint: $(READY)  ## format, rules, types, import directions
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(READY)  ## the measured figures of the README, as ratios in one run
	$(PY) -m pytest -m benchmark -s tests/benchmarks

shots: $(READY)  ## screenshots of the demo's run in TensorBoard, MLflow and the viewer; make demo first
	$(PY) tests/support/tracker_shots.py runs/shots runs/demo
	$(PY) tests/support/viewer_shots.py runs/shots runs/demo

types: $(READY)  ## the front end's types, after a change of records.py
	$(PY) -m lightning_iit.viewer.schema viewer/src/generated/schema.json && npm --prefix viewer run types

viewer: $(READY)  ## build the front end into lightning_iit/viewer/static
	cd viewer && npm ci --ignore-scripts && npm run build

clean:  ## remove what the build and the tests leave
	rm -rf build dist runs .pytest_cache .mypy_cache .ruff_cache
