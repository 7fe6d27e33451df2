# Orderbell's commands. Each one sets up a bare machine by itself: it needs Python 3.11+ and make.
#   make run      the whole product on http://127.0.0.1:8000   (HOST= PORT= DATA= DEMO=0)
#   make test     everything, on SQLite and on PostgreSQL; says what it could not run   (ARGS=)
#   make check    lint, types, import direction, migrations, deploy checks
#   make bench    the speed ratios          make drills   every fault, and a table of them in var/drills.md
#   make format   rewrite to the house style  make lock   renew requirements.lock

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup run test check bench drills lock format

ROOT := $(shell cd "$$(dirname "$(strip $(MAKEFILE_LIST))")" && pwd)
IN_ROOT := cd "$(ROOT)";
PYTHON := .venv/bin/python
UV_VERSION := 0.9
ARGS ?=

# Compiled files make every start of a process several times as fast.
unexport PYTHONDONTWRITEBYTECODE

# A relative DATA is meant from where make was called.
ifneq ($(origin DATA),undefined)
ifneq ($(DATA),)
export DATA := $(shell d="$(DATA)"; case "$$d" in (/*) echo "$$d";; (*) echo "$(CURDIR)/$$d";; esac)
endif
endif

help:
	@sed -n '2,6s/^# \{0,1\}//p' "$(ROOT)/Makefile"

# The copy of the lock inside .venv is the stamp: nothing is installed while the two are equal.
setup:
	@$(IN_ROOT)
	if cmp -s requirements.lock .venv/requirements.lock && $(PYTHON) -c ''; then exit 0; fi
	python=
	for name in python3.11 python3.12 python3.13 python3.14 python3; do
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	    python=$$name; break
	  fi
	done
	if [ -z "$$python" ]; then
	  echo "Orderbell needs Python 3.11 or newer, and none was found. Install python3.11 and call make again." >&2
	  exit 1
	fi
	if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then
	  echo "$$python has no venv module. Install it (Debian: apt-get install python3-venv) and call make again." >&2
	  exit 1
	fi
	echo "Setting up .venv with $$($$python --version) ..."
	if ! $(PYTHON) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
	  "$$python" -m venv --clear .venv
	fi
	if ! { $(PYTHON) -m pip install --quiet --disable-pip-version-check "uv>=$(UV_VERSION)" &&
	       $(PYTHON) -m uv pip sync --quiet --compile-bytecode --require-hashes --python $(PYTHON) requirements.lock; }; then
	  echo "uv could not install the lock; using pip."
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	fi
	cp requirements.lock .venv/requirements.lock

run: setup
	@$(IN_ROOT)
	exec $(PYTHON) manage.py up

test: setup
	@$(IN_ROOT)
	exec $(PYTHON) -m tests $(ARGS)

drills: setup
	@$(IN_ROOT)
	lines=$$(mktemp)
	trap 'rm -f "$$lines"' EXIT
	export DRILL_SIZE="$${DRILL_SIZE:-full}" ORDERBELL_DRILL_LINES="$$lines"
	$(PYTHON) -m pytest -m drill -n 2 --dist=loadgroup $(ARGS)

bench: setup
	@$(IN_ROOT)
	exec $(PYTHON) manage.py bench $(ARGS)

format: setup
	@$(IN_ROOT)
	$(PYTHON) -m ruff check --fix-only --quiet .
	$(PYTHON) -m ruff format .

check: setup
	@$(IN_ROOT)
	export DATA="$$(mktemp -d)"
	trap 'rm -rf "$$DATA"' EXIT
	failed=
	step() { echo "== $$1"; local what=$$1; shift; "$$@" || failed="$$failed, $$what"; }
	step "lint" $(PYTHON) -m ruff check .
	step "format" $(PYTHON) -m ruff format --check .
	step "types" $(PYTHON) -m mypy
	step "import direction" .venv/bin/python .venv/bin/lint-imports
	step "missing migrations" $(PYTHON) manage.py makemigrations --check --dry-run
	step "deployment" env DEBUG=0 SECURE_SSL_REDIRECT=1 \
	  SECRET_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
	  CREDENTIAL_KEYS="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))')" \
	  DIGEST_KEY="$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))')" \
	  PUBLIC_BASE_URL=https://orders.example.com ALLOWED_HOSTS=orders.example.com \
	  $(PYTHON) manage.py check --deploy --fail-level WARNING
	if [ -n "$$failed" ]; then echo "make check found faults in:$${failed#,}" >&2; exit 1; fi
	echo "make check found no fault."

lock: setup
	@$(IN_ROOT)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check "uv>=$(UV_VERSION)"
	$(PYTHON) -m uv pip compile pyproject.toml --group dev --universal --generate-hashes \
	  --no-emit-index-url --no-header --quiet -o requirements.lock
