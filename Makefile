# Set-up, trial and checks in a virtual environment of their own. `make help` lists the targets.
PYTHON ?= python3
VENV ?= .make
BIN := $(VENV)/bin
DEMO := demo
# Versions that are known to work, see there; `make PINS=` takes the newest ones in the ranges instead.
PINS := -c constraints.txt

.PHONY: help install demo test quick bench docs pages weights wheel lint clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

install: $(VENV)/installed  ## make .make, an environment with what the project needs

demo: $(VENV)/installed  ## prepare, train, test on a small generated set; some minutes
	rm -rf $(DEMO)
	$(BIN)/python main.py sample --output $(DEMO)/source
	$(BIN)/python main.py prepare --source $(DEMO)/source --dataset SAMPLE --white blurred --data_path $(DEMO)/dataset
	$(BIN)/python main.py train --data_path $(DEMO)/dataset --model_path $(DEMO)/run --arch resnet18 --pretrained none \
		--img_size 160 --epochs 20 --lr 5e-4 --val_share 0.1
	$(BIN)/python main.py test --data_path $(DEMO)/dataset --model_path $(DEMO)/run --save_map True

# Tests need seconds of one core each: a process a core, and what takes longest goes first.
JOBS ?= 2
test: $(VENV)/tools  ## run the whole test suite in two processes; JOBS=8 takes eight
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup

quick: $(VENV)/tools  ## run the tests that are quick, without torchrun and tests/faults
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadgroup -m "not slow" --ignore=tests/faults

bench: $(VENV)/tools  ## measure speed and memory into results/bench.json; BESIDE=FOLDER measures another checkout too
	$(BIN)/python bench.py $(if $(BESIDE),--beside $(BESIDE))

docs: $(VENV)/installed  ## write the tables of the documents anew from results/, weights/ and the networks
	$(BIN)/python -m docs.tables

pages: $(VENV)/tools  ## build the documents as web pages into build/pages
	$(BIN)/sphinx-build --quiet --fail-on-warning -c docs . build/pages
	cp build/pages/README.html build/pages/index.html

# PRETRAINED is the state dict of a ResNet-18; imagenet downloads torchvision's.
PRETRAINED ?= imagenet
weights: $(VENV)/installed  ## train ran_resnet18 anew on dataset/ and score it; goes on after a stop
	$(BIN)/torchrun --nproc_per_node=2 main.py train --config configs/best.yaml --data_path dataset --datasets CUHK \
		--model_path runs/ran_resnet18 --pretrained $(PRETRAINED) --num_workers 0 --resume True
	$(BIN)/python main.py export --output ran_resnet18.safetensors --model_path runs/ran_resnet18
	$(BIN)/python main.py test --data_path dataset --model_path ran_resnet18.safetensors --output runs/ran_resnet18

wheel:  ## build the package into dist/
	$(PYTHON) -m pip wheel --quiet --no-deps --wheel-dir dist .

lint: $(VENV)/tools .mypy_cache/ran  ## check the code's style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# mypy takes a folder's name for the package's: this link to the repository is called ran, whatever its folder is.
.mypy_cache/ran:
	@mkdir -p $(@D)
	@ln -sfn .. $@

clean:  ## remove the demo's files, the environment and what was built
	rm -rf $(DEMO) $(VENV) build dist

$(VENV)/installed: requirements.txt constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -r requirements.txt $(PINS)
	@touch $@

$(VENV)/tools: $(VENV)/installed pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]' $(PINS)
	@touch $@
