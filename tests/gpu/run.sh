#!/usr/bin/env bash
# run.sh none|memcheck|racecheck|initcheck|synccheck SKEIN SKEIN_TESTS FILTER: these tests on a GPU, plainly or under
# one of compute-sanitizer's tools. Exit status 77: there is no GPU or no compute-sanitizer; 1 if SKEIN_REQUIRE_GPU says
# that there must be.
set -uo pipefail
tool=$1 skein=$2 tests=$3 filter=$4
source "$(dirname "$0")/need_gpu.sh"
need_gpu "$skein"
[ "$tool" = none ] && exec "$tests" --gtest_brief=1 --gtest_filter="$filter"
PATH=$PATH:/usr/local/cuda/bin
command -v compute-sanitizer >/dev/null || absent "there is no compute-sanitizer; it is a part of the CUDA toolkit"
# Failures that tests provoke are answered by the runtime with errors, and are none to report.
exec compute-sanitizer --tool "$tool" --error-exitcode 3 --report-api-errors no \
  "$tests" --gtest_brief=1 --gtest_filter="$filter"
