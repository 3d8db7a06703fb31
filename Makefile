# make repro   environment + the whole pipeline on the embedded default
# make dist    wheel and source archive in dist/
# make docs    the documentation as a site, build/site/index.html
# make test    environment + checks + tests (those that compare with SoX need `apt-get install sox libsox-fmt-all`)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(if $(filter /%,$(BIN)),,$(CURDIR)/)$(BIN):$(PATH)

.PHONY: help env repro tiny check test docs dist clean

help:
	@sed -n 's/^# //p' Makefile

$(VENV)/.done: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "Python 3.11, 3.12 or 3.13 is needed, this is " + sys.version + ": make PYTHON=python3.11 env")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	test -d .dvc || $(BIN)/python -m dvc init --quiet
	git rev-parse --git-dir > /dev/null 2>&1 || $(BIN)/python -m dvc config --local core.no_scm true # an unpacked archive
	touch $@

env: $(VENV)/.done

repro: env
	kwsdata repair
	dvc repro
	@echo "report: data/report/index.html   numbers: data/report/metrics.json"

check: env
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test: check
	pytest -n 2 --dist loadfile --no-loadscope-reorder

docs: env
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "site: build/site/index.html"

dist: env
	python -m build --no-isolation

clean:
	rm -rf data/.cache

tiny: env
	scripts/tiny_run.sh
