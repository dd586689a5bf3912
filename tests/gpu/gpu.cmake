# ctest -L gpu: tests on a real GPU, plainly and under compute-sanitizer. Many cases in one process, as each process
# opens the device anew. Exit status 77: there is no GPU, or no compute-sanitizer; SKEIN_REQUIRE_GPU=1 makes that a
# failure.
add_test(NAME gpu_check_script COMMAND bash ${CMAKE_SOURCE_DIR}/tests/gpu/check_test.sh)
add_test(NAME gpu_reproduce_script COMMAND bash ${CMAKE_SOURCE_DIR}/tests/gpu/reproduce_test.sh $<TARGET_FILE:skein>)
if(SKEIN_CUDA_BACKEND STREQUAL emulated)
  return()
endif()
function(add_gpu_test name tool suites)
  add_test(NAME gpu_${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/gpu/run.sh ${tool} $<TARGET_FILE:skein>
                                    $<TARGET_FILE:skein_tests> ${suites})
  set(labels gpu ${ARGN})
  set_tests_properties(gpu_${name} PROPERTIES LABELS "${labels}" SKIP_RETURN_CODE 77 TIMEOUT 600
                                              ENVIRONMENT GOMP_SPINCOUNT=3000)
endfunction()
add_gpu_test(ops none "CudaOps*")
add_gpu_test(step none "CudaStep.*:CudaTrain.*")
add_gpu_test(libraries none "Ops/CudnnCase.*:Cudnn.*:Ops/CublasCase.*:Cublas.*")
add_gpu_test(data none "DeviceLoader.*:UploadLoader.*")
add_gpu_test(bench none "GpuBench.*:DeviceDescription.*")
add_test(NAME gpu_nccl COMMAND bash ${CMAKE_SOURCE_DIR}/tests/gpu/nccl.sh $<TARGET_FILE:skein>)
set_tests_properties(gpu_nccl PROPERTIES LABELS gpu SKIP_RETURN_CODE 77 TIMEOUT 120 ENVIRONMENT GOMP_SPINCOUNT=3000)
# For GPUs that are not here, with the one that is hidden: tests/apps/plan_test.cpp says why.
add_test(NAME gpu_plan COMMAND $<TARGET_FILE:skein_tests> --gtest_brief=1
                               --gtest_filter=CudnnPlan.*:Gpus/PlanOnGpu.*:Plan.*)
set_tests_properties(gpu_plan PROPERTIES LABELS gpu ENVIRONMENT CUDA_VISIBLE_DEVICES=)
# Of skein's own kernels: racecheck and initcheck look at the libraries' as well.
foreach(tool memcheck racecheck initcheck synccheck)
  add_gpu_test(${tool} ${tool} "CudaOps*:DeviceLoader.*:UploadLoader.*" sanitizer)
endforeach()
