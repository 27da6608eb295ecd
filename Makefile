# make alone lists the commands.
PYTHON ?= python3
BIN := .venv/bin
LOCKED := .venv/.locked
READY := .venv/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PORT ?= 8000
ZIP := breaking-the-ecosystem-balance.zip
PARALLEL := -n 3# many tests wait for a browser or a kernel: two at a time leave a quarter of two cores idle
unexport PYTHONDONTWRITEBYTECODE # else each process compiles anew all that it imports

.DEFAULT_GOAL := help
.PHONY: help book offline test serve slides pdf run sweep data refresh handouts lab bench lock clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11 ...")'
	$(PYTHON) -m venv --clear .venv
	$(PIP) --no-compile --no-deps --require-hashes -r requirements.lock
	@touch $@

$(READY): $(LOCKED) pyproject.toml
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

book: $(READY) ## execute the notebooks and build the book
	@$(BIN)/python -m tools.book

offline: book ## build the book and pack it into one zip, to read without a network
	@cd _build && $(CURDIR)/$(BIN)/python -m zipfile -c book.part html && mv book.part $(ZIP)
	@echo "to read without a network, unpack it and open html/index.html: _build/$(ZIP)"

test: export OMP_NUM_THREADS = 1# several tests at a time: threads on small matrices wait for each other
test: $(READY) ## check the code, the notebooks and the built book
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tools.book
	$(BIN)/python -m pytest $(PARALLEL) --dist worksteal
	$(BIN)/python -m pytest $(PARALLEL) --dist loadfile --nbval -o filterwarnings=default book/notebooks

serve: book ## build the book and show it at http://localhost:8000 (PORT=...)
	@echo "the book is at http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

slides: $(READY) ## make a deck of slides for every chapter
	@$(BIN)/python -m tools.slides

pdf: $(READY) ## print the whole book as one PDF (needs Chromium)
	@$(BIN)/python -m tools.pdf

run: $(READY) ## rerun a notebook: NB=04_elevation_gradients P="seed=7 confidence=0.9"
	@$(BIN)/python -m tools.run "$$NB" --parameters "$$P"

sweep: $(READY) ## run notebooks over a grid: GRID=book/sweeps/what_survives.yml (CLUSTER=tcp://...)
	@$(BIN)/python -m tools.sweep "$$GRID" $${CLUSTER:+--cluster "$$CLUSTER"}

data: $(READY) ## recompute data/embedded (SOURCE=folder), or fetch files: SOURCE=gldas, cmip5, fieldsites
	@$(BIN)/python -m tools.data $${SOURCE:+"$$SOURCE"}

refresh: $(READY) ## execute the .md notebooks and rewrite their .ipynb twins
	@$(BIN)/python -m tools.refresh

handouts: $(READY) ## write the notebooks without solutions and outputs, for a class
	@$(BIN)/python -m tools.handouts

lab: $(READY) ## open the folder of the notebooks in JupyterLab
	@$(BIN)/jupyter lab --ip localhost --LabApp.default_url=/lab/tree/book/notebooks

bench: $(READY) ## time the book beside its peers: SUITE=paths, archive, book or tests (all); writes benchmarks/results.md
	@$(BIN)/python -m benchmarks $$SUITE

lock: ## resolve the dependencies of pyproject.toml anew (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --all-extras --python-version 3.11 --custom-compile-command "make lock" -o requirements.lock pyproject.toml

clean: ## remove everything that was built (not .venv)
	rm -rf _build runs .pytest_cache .hypothesis .ruff_cache
