# Everything is set up by the first target that needs it: a .venv beside this file, made with python3 -m venv and pip.
.DELETE_ON_ERROR:
# What is run after each small change: of each room the tests that take seconds, without browsers and servers.
CHECKED := tests/capture/test_counts.py tests/capture/test_layers.py tests/capture/test_outputs.py \
  tests/capture/test_perturb_known.py tests/capture/test_perturb_steps.py tests/capture/test_scores.py \
  tests/capture/test_transitions.py tests/capture/test_units.py tests/commands/test_cli.py tests/figures tests/job \
  tests/phi/test_fast_distances.py tests/phi/test_fast_oracle.py::test_every_reference_system tests/project/test_doctests.py \
  tests/project/test_project.py tests/records tests/report/test_report.py tests/run/test_counts.py tests/snapshot \
  tests/tpm/test_axes.py tests/tpm/test_conversion.py tests/tpm/test_counts.py tests/tpm/test_estimate.py \
  tests/tpm/test_influence.py tests/trackers/test_journal.py tests/trackers/test_tensorboard.py tests/viewer/test_app.py \
  tests/viewer/test_schema.py tests/watch/test_probe_ranks.py
# A process for each core, up to four, and each with whole files, since the tests of a file share runs and servers.
PARALLEL := -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: demo check test lint bench shots pictures docs tour types types-complete viewer clean

VENV   := .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.ready
# The packages of the front end, as its lock file has them.
FRONT  := viewer/node_modules/.package-lock.json
# Where no node is installed, that of the extra "dev" is found: it lies beside the environment's python.
export PATH := $(PATH):$(CURDIR)/$(VENV)/bin
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

$(READY): pyproject.toml hatch_build.py
	test -x $(PY) || python3 -m venv $(VENV)
	$(PY) -m pip install --quiet --editable ".[all,dev]"
	touch $@

$(FRONT): viewer/package.json viewer/package-lock.json | $(READY)
	cd viewer && npm ci --ignore-scripts
	touch $@

demo: $(READY)  ## train on handwritten digits and watch Φ; leaves runs/demo
	$(PY) examples/digits_mlp.py

test check: export OMP_NUM_THREADS := 1
test: $(READY) $(FRONT)  ## every test that is run before a change lands
	cd viewer && npm test
	$(PY) -m pytest $(PARALLEL)

check: lint  ## what is run after each small change: lint and a choice of the tests, in under three minutes
	$(PY) -m pytest -q -x $(PARALLEL) $(CHECKED)

lint: $(READY) $(FRONT) types-complete  ## format, rules, types, import directions, dead code; of the front end too
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/vulture
	cd viewer && npm run lint && npm run check

types-complete: $(READY)  ## the types that other packages see are complete
	found=$$(PATH="$(CURDIR)/$(VENV)/bin:$$PATH" pyright --verifytypes lightning_iit --ignoreexternal) || { echo "$$found"; exit 1; }

bench: $(READY)  ## the measured figures of the README, as ratios in one run
	$(PY) -m pytest -m benchmark -s tests/benchmarks

shots: $(READY)  ## screenshots of the demo's run in TensorBoard, MLflow and the viewer, of a run of each kind, and of a studio; make demo first
	$(PY) tests/support/tracker_shots.py runs/shots runs/demo
	$(PY) tests/support/viewer_shots.py runs/shots runs/demo
	$(PY) tests/support/zoo_shots.py runs/shots/zoo
	$(PY) tests/support/studio_shots.py runs/shots/studio

pictures: $(READY)  ## the README's pictures of the page, after a change of how it looks; make demo and make viewer first
	$(PY) tests/support/readme_pictures.py runs/demo

docs: $(READY)  ## docs/options.md, after a change of an option or its words
	$(PY) docs/make_options.py

tour: $(FRONT)  ## docs/tour.html, after a change of the tour, of its engine or of viewer/src/base.css
	cd viewer && npm run tour

types: $(READY) $(FRONT)  ## the front end's types, after a change of the records, of viewer/protocol.py, studio/messages.py or report/glossary.py
	$(PY) -m lightning_iit.viewer.schema viewer/src/generated/schema.json
	$(PY) -m lightning_iit.studio.schema viewer/src/generated/studio.json
	$(PY) -m lightning_iit.report.glossary viewer/src/generated/glossary.json
	cd viewer && npm run types

viewer: $(FRONT)  ## build the front end into lightning_iit/viewer/static
	cd viewer && npm run build

clean:  ## remove what the build and the tests leave
	rm -rf build dist runs .pytest_cache .mypy_cache .ruff_cache
