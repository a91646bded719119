# Every verb of the checkout; plain `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup demo demo-check test host-test molecule image image-node image-packer image-test image-test-full check bench clean proto proto-baseline ui docs lock release release-bundle
SHELL := /bin/bash
BIN := .venv/bin
# Handed on through the environment, so that no character of an address or a file name is read by the shell.
export MODEL RELEASE CAMERA VIDEO HOST SIGN_KEY SEED_KEY UPDATE_KEY UPDATE_SIGN_KEY KEEP_RAW SOURCE ACCELERATOR UBUNTU_ISO UBUNTU_ISO_SHA256
export PATH := $(CURDIR)/.venv/bin:$(PATH)

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

demo: ## run the whole product on this machine (CAMERA=rtsp://… or VIDEO=file for your own pictures)
	@tools/setup.sh demo
	@exec $(BIN)/guardian demo $${CAMERA:+--camera "$$CAMERA"} $${VIDEO:+--video "$$VIDEO"}

demo-check: ## run the demo without a screen, drive the UI in a browser, print what held as JSON (VIDEO=file)
	@tools/setup.sh dev
	@exec $(BIN)/python -m tests.demo_check $${VIDEO:+--video "$$VIDEO"}

test: ## all tests, Python and UI, with the real parts
	@tools/setup.sh dev
	@$(BIN)/python tools/test.py

host-test: ## verify a live host (HOST=ssh://root@node.example, HOST=local, or lab:NAME of molecule/README.md)
	@: $${HOST:?name the host, e.g. make host-test HOST=ssh://root@node.example}
	@tools/setup.sh dev
	@$(BIN)/python -m pytest -q tests/host

molecule: ## roles and units proven on three hosts with a systemd of their own (as root)
	@tools/setup.sh dev
	@$(BIN)/python tools/molecule.py

IMAGE = $(BIN)/python -m tools.image $${SEED_KEY:+--seed-key "$$SEED_KEY"} $${SIGN_KEY:+--sign-key "$$SIGN_KEY"} \
	$${UPDATE_KEY:+--update-key "$$UPDATE_KEY"} $${UPDATE_SIGN_KEY:+--update-sign-key "$$UPDATE_SIGN_KEY"} $${KEEP_RAW:+--keep-raw}

image: ## bake the edge's image: disk, qcow2, installer, SBOM in build/image/out (as root; SEED_KEY=, UPDATE_KEY=, UPDATE_SIGN_KEY=, SIGN_KEY=FILE, KEEP_RAW=1)
	@tools/setup.sh image
	@$(IMAGE)

image-node: ## bake a tenant's node: disk, qcow2, SBOM in build/image/node (as root; the same keys)
	@tools/setup.sh image
	@$(IMAGE) --tier node

image-packer: ## the same as image, baked by Packer in a machine (as root; SOURCE=debian|ubuntu UBUNTU_ISO=FILE UBUNTU_ISO_SHA256=HEX ACCELERATOR=tcg|kvm)
	@tools/setup.sh image
	@$(IMAGE) --packer "$${SOURCE:-debian}" --accelerator "$${ACCELERATOR:-tcg}" $${UBUNTU_ISO:+--ubuntu-iso "$$UBUNTU_ISO"} $${UBUNTU_ISO_SHA256:+--ubuntu-iso-sha256 "$$UBUNTU_ISO_SHA256"}

image-test: ## bake an image to be tried; in QEMU, from its stick to an event at a node (as root; 10 to 16 minutes)
	@tools/setup.sh image
	@$(BIN)/python tools/image_test.py $${IF_CHANGED:+--if-changed}

image-test-full: ## all that can be tried of it in QEMU: BIOS, bad input, rescue, updates good and broken (as root; hours)
	@tools/setup.sh image
	@$(BIN)/python tools/image_test.py --full

check: ## lint, types, imports, contracts, locks: everything that runs nothing
	@tools/setup.sh dev
	@$(BIN)/python tools/check.py

bench: ## measure against what runs beside it; a table here, JSON in build/bench/
	@tools/setup.sh dev
	@$(BIN)/python tools/bench.py

setup: ## install and build all that demo and tests need
	@tools/setup.sh dev

proto: ## make the Python stubs from proto/
	@$(BIN)/python tools/proto.py

proto-baseline: ## freeze the contracts as they are: later changes are held against this
	@$(BIN)/buf build proto -o proto/baseline.binpb

ui: ## build the UI
	@npm --prefix frontend run build

docs: ## write docs/configuration.md, docs/log-events.md and the roles' README.md from the code
	@$(BIN)/python tools/docs.py
	@$(BIN)/python tools/roles.py

release: ## build build/releases/VERSION/: all that a host needs, hashed
	@tools/setup.sh dev
	@$(BIN)/python -m tools.release

release-bundle: ## the release as signed files for hosts that take it from their node (SIGN_KEY=FILE MODEL=FILE RELEASE=FOLDER)
	@: $${SIGN_KEY:?name the key, e.g. make release-bundle SIGN_KEY=updates.key (guardian image key updates.key > updates.pub)}
	@tools/setup.sh dev
	@release=$${RELEASE:-$$($(BIN)/python -m tools.release)} && $(BIN)/python -m tools.releasing.bundle "$$release" --sign-key "$$SIGN_KEY" $${MODEL:+--model "$$MODEL"}

lock: ## lock the dependencies again
	@$(BIN)/python tools/lock.py

clean: ## remove what was built and what the demo keeps
	rm -rf .demo build dist frontend/dist frontend/coverage frontend/src/gen src/guardian/contracts
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov
	find src tests tools -name __pycache__ -type d -prune -exec rm -rf {} +
