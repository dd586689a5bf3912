# make train   installs what is missing, builds, trains ResNet-20 on Fashion-MNIST
# make test    builds and runs every test: plain, under ASan + UBSan with an emulated GPU, make sanitize and make fuzz
# make sanitize   the host's threads, and the CUDA kernels on the emulated GPU, under ThreadSanitizer; the latter under
#                 MemorySanitizer as well (clang++)
# make fuzz    the readers of files under libFuzzer, FUZZ_SECONDS each (20)
# make mutations  plants bugs, one at a time: a test must catch each
# make bench   measures kernels, averaging and whole steps, against the machine, MPI and PyTorch
# make kernel-report   what nvcc made of every CUDA kernel
BUILD = build/release
ARGS ?=
FUZZ_SECONDS ?= 20
# mpirun on however few cores, in a container too
MPI_ENV = OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1

.PHONY: train test sanitize fuzz mutations bench build packages kernel-report
train: build
	$(BUILD)/skein train --model resnet20 --data fashion-mnist --epochs 3 --batch 128 --lr 0.2 $(ARGS)

build: packages
	cmake --preset release
	cmake --build --preset release --target skein

packages:
	@bash tools/install-packages.sh build

test: packages
	@bash tools/install-packages.sh test
	for preset in release emulated; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset -j 2 || exit 1; \
	done
	$(MAKE) sanitize
	$(MAKE) fuzz

sanitize: packages
	@bash tools/install-packages.sh test
	for preset in threads tsan msan; do \
	  cmake --preset $$preset && cmake --build --preset $$preset && ctest --preset $$preset -j 2 || exit 1; \
	done

fuzz: packages
	@bash tools/install-packages.sh test
	bash tests/fuzz/run.sh $(FUZZ_SECONDS)

mutations: packages
	@bash tools/install-packages.sh test
	python3 tests/mutation/mutations.py

kernel-report: build
	python3 tools/kernel_report.py --build $(BUILD)

bench: build
	@bash tools/install-packages.sh build bench
	$(BUILD)/skein bench kernels
	$(BUILD)/skein bench comm
	@if command -v mpirun >/dev/null; then $(MPI_ENV) mpirun -np 4 $(BUILD)/skein bench comm --mpi; fi
	$(BUILD)/skein bench workers
	/usr/bin/python3 tests/bench/compare.py --skein $(BUILD)/skein
