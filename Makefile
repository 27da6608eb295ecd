# make alone lists the commands.
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
# root, as in many containers, is refused unless it asks
LAB := $(BIN)/jupyter lab --ip localhost $(if $(filter 0,$(shell id -u)),--allow-root)
ZIP := breaking-the-ecosystem-balance.zip
unexport PYTHONDONTWRITEBYTECODE # else each process compiles anew all that it imports

.DEFAULT_GOAL := help
# make.py does what book, check and test do, also where there is no make
.PHONY: ready help book offline check test serve slides pdf run sweep data refresh handouts key lab edit bench lock clean

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 16

ready:
	@$(PYTHON) make.py setup

ready-%: # with what one more use needs, by its name in locks/
	@$(PYTHON) make.py setup $*

book: ## set everything up, execute the notebooks and build the book
	@$(PYTHON) make.py book

offline: book ## build the book and pack it into one zip, to read without a network
	@cd _build && $(CURDIR)/$(BIN)/python -m zipfile -c book.part html && mv book.part $(ZIP)
	@echo "to read without a network, unpack it and open html/index.html: _build/$(ZIP)"

check: ## set everything up, check the code, its types and examples, and run the fast tests
	@$(PYTHON) make.py check

test: ## set everything up, check the code, the notebooks and the built book
	@$(PYTHON) make.py test

serve: book ## build the book and show it at http://localhost:8000 (PORT=...)
	@echo "the book is at http://localhost:$(PORT) (stop with Ctrl-C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

slides: ready-print ## make a deck of slides for every chapter
	@$(BIN)/python -m tools.slides

pdf: ready-print ## print the whole book as one PDF (needs Chromium)
	@$(BIN)/python -m tools.pdf

run: ready-run ## rerun a notebook: NB=04 seed=7 confidence=0.9 (or P="seed=7 confidence=0.9")
	@$(BIN)/python -m tools.run "$$NB" --parameters "$$P" --make="$$MAKEFLAGS"

sweep: ready-run ## run notebooks over a grid: GRID=book/sweeps/what_survives.yml (CLUSTER=tcp://... PAGES=1)
	@$(BIN)/python -m tools.sweep "$$GRID" $${CLUSTER:+--cluster "$$CLUSTER"} $${PAGES:+--pages}

ifdef CHECK
data: ready
	@$(BIN)/python -m tools.check_table "$$CHECK"
else
data: ready-download ## check a table (CHECK=path), recompute data/embedded (SOURCE=folder), or fetch: SOURCE=gldas, sites, models, cmip5, cmip6
	@$(BIN)/python -m tools.data $${SOURCE:+"$$SOURCE"}
endif

refresh: ready ## execute the .md notebooks, all or NB="04 12", and rewrite their .ipynb twins
	@$(BIN)/python -m tools.refresh $$NB

handouts: ready ## write the notebooks without solutions and outputs, and the wheel that they need, for a class
	@$(BIN)/python -m tools.handouts

key: ready ## write all exercises with their answers, for the teacher alone, as a page and as a table
	@$(BIN)/python -m tools.key

lab: ready-lab ## try things in JupyterLab, in copies of the chapters (in lab/)
	@$(BIN)/python -m tools.lab
	@$(LAB) --LabApp.default_url=/lab/tree/lab

edit: ready-lab ## edit the chapters themselves in JupyterLab; then make refresh
	@$(LAB) --LabApp.default_url=/lab/tree/book/notebooks

bench: ready-test ## time the book beside its peers: SUITE=paths, archive or book (all); writes benchmarks/results.md
	@$(BIN)/python -m benchmarks $$SUITE

lock: ## resolve the dependencies of pyproject.toml anew (needs uv)
	@$(PYTHON) -m tools.lock

clean: ## remove everything that was built, handouts, too (not .venv, nor your copies in lab/)
	rm -rf _build runs .pytest_cache .hypothesis .ruff_cache
