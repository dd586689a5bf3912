# SPDX-License-Identifier: MIT
#
# From a clone of skein (Spack 1.0 or newer):
#   spack repo add deploy/spack/spack_repo/skein
#   spack install skein +mpi

import os

from spack_repo.builtin.build_systems.cmake import CMakePackage
from spack_repo.builtin.build_systems.cuda import CudaPackage

from spack.package import *

# The clone that holds this recipe.
CLONE = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 6))


class Skein(CMakePackage, CudaPackage):
    """Training engine for local SGD: own tensors, own autograd, hand-written kernels."""

    homepage = "file://" + CLONE
    git = "file://" + CLONE

    license("MIT")

    version("main", branch="main")
    version("0.1.0", tag="v0.1.0")

    variant("mpi", default=True, description="Workers as processes under mpirun")
    variant("images", default=True, description="PNG with checksums, WebP, and archives of images")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("gzip", type="build")
    depends_on("googletest", type="build")
    depends_on("cli11", type="build")
    depends_on("nlohmann-json", type="build")
    depends_on("tomlplusplus@3:", type="build")
    depends_on("benchmark")
    depends_on("fmt@9:")
    depends_on("onednn@2.7:2 cpu_runtime=omp")
    depends_on("openssl")
    depends_on("zlib-api")
    depends_on("jpeg")
    depends_on("libspng", when="+images")
    depends_on("libwebp", when="+images")
    depends_on("libarchive", when="+images")
    depends_on("mpi", when="+mpi")
    depends_on("cuda@12:", when="+cuda")

    # Headers alone, without releases; the sources include them as stb/stb_image.h.
    resource(
        name="stb",
        git="https://github.com/nothings/stb.git",
        commit="8b5f1f37b5b75829fc72d38e7b5d4bcbf8a26d55",
        placement="stb",
    )

    generator("ninja")

    build_targets = ["skein"]

    conflicts("%gcc@:9", msg="skein is written in C++20")
    conflicts("%clang@:13", msg="skein is written in C++20")

    def cmake_args(self):
        args = [
            self.define("SKEIN_CUDA", "on" if self.spec.satisfies("+cuda") else "off"),
            self.define("STB_INCLUDE_DIR", self.stage.source_path),
            self.define("CMAKE_DISABLE_FIND_PACKAGE_MPI", not self.spec.satisfies("+mpi")),
            self.define(
                "CMAKE_DISABLE_FIND_PACKAGE_LibArchive", not self.spec.satisfies("+images")
            ),
        ]
        if self.spec.satisfies("+cuda"):
            targets = [
                f"{arch}-real" for arch in self.spec.variants["cuda_arch"].value if arch != "none"
            ]
            if targets:
                args.append(self.define("CMAKE_CUDA_ARCHITECTURES", targets))
        return args

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def train_an_epoch(self):
        Executable(join_path(self.prefix.bin, "skein"))(
            "train",
            "--model",
            "resnet8",
            "--data",
            "synthetic",
            "--synthetic-train",
            "32",
            "--synthetic-test",
            "8",
            "--synthetic-size",
            "8",
            "--batch",
            "8",
            "--epochs",
            "1",
        )
