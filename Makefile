# make train   installs what is missing, builds, trains ResNet-20 on Fashion-MNIST
# make test    builds and runs every test, plain and under ASan + UBSan
# make bench   measures kernels and whole steps, against PyTorch
BUILD = build/release
ARGS ?=

.PHONY: train test bench build packages
train: build
	$(BUILD)/skein train --model resnet20 --data fashion-mnist --epochs 3 --batch 128 --lr 0.2 $(ARGS)

build: packages
	cmake --preset release
	cmake --build --preset release --target skein

packages:
	@bash tools/install-packages.sh build

test: packages
	cmake --preset release
	cmake --build --preset release
	ctest --preset release -j 2
	cmake --preset asan
	cmake --build --preset asan
	ctest --preset asan -j 2

bench: build
	@bash tools/install-packages.sh build bench
	$(BUILD)/skein bench kernels
	/usr/bin/python3 tests/bench/compare.py --skein $(BUILD)/skein
