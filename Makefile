# make alone lists the commands.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
unexport PYTHONDONTWRITEBYTECODE # else each process compiles anew all that it imports

.DEFAULT_GOAL := help
# make.py does what book and test do, also where there is no make
.PHONY: ready help book offline test serve slides pdf run sweep data refresh handouts lab address bench lock clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

ready:
	@$(PYTHON) make.py setup

book: ## set everything up, execute the notebooks and build the book
	@$(PYTHON) make.py book

offline: ready ## build the book and pack it into one zip, to read without a network
	@$(BIN)/python -m tools.offline

test: ## set everything up, check the code, the notebooks and the built book
	@$(PYTHON) make.py test

serve: book ## build the book and show it at http://localhost:8000 (PORT=...)
	@echo "the book is at http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

slides: ready ## make a deck of slides for every chapter
	@$(BIN)/python -m tools.slides

pdf: ready ## print the whole book as one PDF (needs Chromium)
	@$(BIN)/python -m tools.pdf

run: ready ## rerun a notebook: NB=04_elevation_gradients P="seed=7 confidence=0.9"
	@$(BIN)/python -m tools.run "$$NB" --parameters "$$P"

sweep: ready ## run notebooks over a grid: GRID=book/sweeps/what_survives.yml (CLUSTER=tcp://...)
	@$(BIN)/python -m tools.sweep "$$GRID" $${CLUSTER:+--cluster "$$CLUSTER"}

data: ready ## recompute data/embedded (SOURCE=folder), or fetch files: SOURCE=gldas, cmip5, fieldsites
	@$(BIN)/python -m tools.data $${SOURCE:+"$$SOURCE"}

refresh: ready ## execute the .md notebooks and rewrite their .ipynb twins
	@$(BIN)/python -m tools.refresh

handouts: ready ## write the notebooks without solutions and outputs, for a class
	@$(BIN)/python -m tools.handouts

lab: ready ## open the notebooks in JupyterLab, where the pages' buttons find it
	@$(BIN)/jupyter lab --ip localhost --port 8888 --ServerApp.port_retries=0

address: ready ## say where the book is published: REPOSITORY=https://github.com/OWNER/NAME (BOOK=https://...)
	@$(BIN)/python -m tools.address "$$REPOSITORY" $${BOOK:+"$$BOOK"}

bench: ready ## time the book beside its peers: SUITE=paths, archive or book (all); writes benchmarks/results.md
	@$(BIN)/python -m benchmarks $$SUITE

lock: ## resolve the dependencies of pyproject.toml anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --python-version 3.11 --custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean: ## remove everything that was built (not .venv)
	rm -rf _build runs .pytest_cache .hypothesis .ruff_cache
