# What there is to make; `make help` prints the lines with ##.
BUILD = build/release
PREFIX ?= /usr/local
# Of the shells, only bash expands the ~ of PREFIX=~/.local.
override PREFIX := $(patsubst ~/%,$(HOME)/%,$(PREFIX))
ARGS ?=
FUZZ_SECONDS ?= 20
CHAOS_KILLS ?= 200
CHAOS_SCHEDULES ?= 200
CHAOS_EVERY ?= 1
# mpirun on however few cores, in a container too
MPI_ENV = OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

.PHONY: build help train test sanitize fuzz chaos mutations bench packages kernel-report install dist clean
build: packages  ## the program, build/release/skein (also plain make)
	cmake --preset release
	cmake --build --preset release --target skein

help:  ## this list
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

train: build  ## trains ResNet-20 on Fashion-MNIST, three epochs
	$(BUILD)/skein train --model resnet20 --data fashion-mnist --epochs 3 --batch 128 --lr 0.2 $(ARGS)

install: build  ## program and library into PREFIX (/usr/local)
	@mkdir -p "$(PREFIX)" && [ -w "$(PREFIX)" ] || { echo "$(PREFIX) cannot be written; give another PREFIX, as in make install PREFIX=~/.local"; exit 1; }
	cmake --install $(BUILD) --prefix "$(PREFIX)"

dist: build  ## packages in dist/, with checksums: .deb; .tar.gz and a wheel, which bring their libraries
	@bash tools/install-packages.sh dist
	rm -rf dist
	bash tools/dist.sh $(BUILD) dist

clean:  ## removes build/
	rm -rf build dist

packages:
	@bash tools/install-packages.sh build

test: packages  ## every test: plain, under ASan + UBSan with an emulated GPU, sanitize and fuzz
	@bash tools/install-packages.sh test
	for preset in release emulated; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset -j 2 || exit 1; \
	done
	$(MAKE) sanitize
	$(MAKE) fuzz

sanitize: packages  ## the host's threads and the CUDA kernels under ThreadSanitizer, the kernels under MemorySanitizer
	@bash tools/install-packages.sh test
	for preset in threads tsan msan; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset -j 2 || exit 1; \
	done

fuzz: packages  ## the readers of files under libFuzzer, FUZZ_SECONDS each (20)
	@bash tools/install-packages.sh test
	bash tests/fuzz/run.sh $(FUZZ_SECONDS)

chaos: build  ## kills (CHAOS_KILLS of each kind, and at every CHAOS_EVERY-th call that changes a file), and CHAOS_SCHEDULES of elastic runs
	@bash tools/install-packages.sh test
	python3 tests/chaos/kills.py --skein $(BUILD)/skein --kills $(CHAOS_KILLS) --every $(CHAOS_EVERY)
	python3 tests/chaos/elastic.py --skein $(BUILD)/skein --schedules $(CHAOS_SCHEDULES)

mutations: packages  ## plants bugs, one at a time: a test must catch each
	@bash tools/install-packages.sh test
	python3 tests/mutation/mutations.py

kernel-report: build  ## what nvcc made of every CUDA kernel
	python3 tools/kernel_report.py --build $(BUILD)

bench: build  ## kernels, averaging and whole steps, against the machine, MPI and PyTorch
	@bash tools/install-packages.sh build bench
	$(BUILD)/skein bench kernels
	$(BUILD)/skein bench comm
	@if command -v mpirun >/dev/null; then $(MPI_ENV) mpirun -np 4 $(BUILD)/skein bench comm; fi
	$(BUILD)/skein bench workers
	/usr/bin/python3 tests/bench/compare.py --skein $(BUILD)/skein
