# make repro   from nothing to a trained student and a report
# make test    the test suite
# make test-faults       the slow tests: processes killed, nodes lost, bad input
# make test-faults-all   the same at every fault point; long, and not part of continuous integration
# make review   Label Studio, in an environment of its own; `autoroto review serve` starts it
# make test-review       the tests that need it: a real server, a real browser
# make browser   Chromium, in which a test opens the report
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: repro test test-faults test-faults-all test-review review browser lint format install clean

repro: .venv/installed
	$(BIN)/autoroto repro

test: .venv/installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not review and not browser" --cov --cov-report=term:skip-covered --cov-fail-under=85

test-faults: .venv/installed browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not exhaustive" --durations 25 tests/faults

test-faults-all: .venv/installed browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow --durations 25 tests/faults

test-review: .venv/installed review browser
	$(BIN)/python -m pytest -m "review or browser" --timeout 900 --durations 10

# apart from ours: it pins another web stack, and half of it is of no use to a pipeline
REVIEW := .autoroto/label-studio
review: $(REVIEW)/installed

$(REVIEW)/installed: constraints-review.txt
	test -x $(REVIEW)/bin/python || $(PYTHON) -m venv $(REVIEW) || python3 -m venv $(REVIEW)
	$(REVIEW)/bin/python -m pip install --quiet --upgrade "pip>=25"
	$(REVIEW)/bin/python -m pip install --quiet -c constraints-review.txt label-studio
	touch $@

# where it cannot be installed, the tests that need it are skipped, or fail if CI is set
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null \
		|| { apt-get update --quiet && apt-get install --quiet --yes --no-install-recommends chromium; } \
		|| echo "There is no Chromium here, and apt-get cannot install it: the report is not opened in a browser."

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: .venv/installed

# one environment for everything, with the dev and bench extras; made anew when what it should hold changes
.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25"
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e ".[dev,bench]"  # compiled when first used
	$(BIN)/python -c "import pymatting"  # compiles its kernels once, or every worker would pay for it
	touch $@

clean:
	rm -rf .venv .autoroto
