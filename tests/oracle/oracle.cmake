# Comparison with PyTorch (tests/oracle/torch_check.py). Exit status 77, skipped: PyTorch is not installed. Optimised
# build only: tests/engine/model_gradient_test.cpp covers these networks under sanitizers in less time.
add_executable(skein_oracle oracle/dump.cpp oracle/oracle.cpp)
target_link_libraries(skein_oracle PRIVATE skein_models skein_cases)

# Schedules, compressions and momenta against a simulation in numpy. 77: numpy is not installed.
add_executable(skein_local_sgd_dump oracle/local_sgd_dump.cpp)
target_link_libraries(skein_local_sgd_dump PRIVATE skein_train)
add_test(NAME local_sgd_oracle COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/oracle/local_sgd.py
                                       $<TARGET_FILE:skein_local_sgd_dump>)
set_tests_properties(local_sgd_oracle PROPERTIES SKIP_RETURN_CODE 77)

function(add_torch_test name)
  add_test(NAME torch_${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/oracle/check.sh $<TARGET_FILE:skein_oracle> ${ARGN})
  set_tests_properties(torch_${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
#                                       model             shortcut batch size rate offset steps gradients
add_torch_test(resnet20_gradients       resnet20          B        8     8    0.005  0      20    1e-4)
add_torch_test(resnet8_gradients        resnet8           A        4     16   0.005  0      20    1e-4)
add_torch_test(resnet20_large_batch     resnet20          B        128   32   0.02   0      5     2e-2)
add_torch_test(resnet9                  resnet9-16        B        8     16   0.005  0      5     1e-4)
add_torch_test(resnet18_gradients       resnet18          B        4     64   0.005  0      1     1e-4)
add_torch_test(resnet50                 resnet50          B        2     64   0.0002 3      5     1e-4)
add_torch_test(densenet40_12            densenet40-12     B        4     8    0.002  0      20    1e-4)
add_torch_test(densenet_bc_40_12        densenet-bc-40-12 B        16    8    0.001  0      20    1e-4)
add_torch_test(wrn16_4                  wrn16-4           B        4     16   0.002  0      20    1e-4)

# Curvature against double backward. With an offset every ReLU is far from its kink.
add_executable(skein_geometry_dump oracle/geometry_dump.cpp oracle/geometry.cpp oracle/oracle.cpp)
target_link_libraries(skein_geometry_dump PRIVATE skein_train skein_cases)
function(add_geometry_test name)
  add_test(NAME torch_geometry_${name} COMMAND bash ${CMAKE_SOURCE_DIR}/tests/oracle/geometry_check.sh
                                               $<TARGET_FILE:skein_geometry_dump> ${ARGN})
  set_tests_properties(torch_geometry_${name} PROPERTIES SKIP_RETURN_CODE 77)
endfunction()
#                             model            shortcut batch size offset tolerance
add_geometry_test(smooth      resnet8          B        8     16   3      5e-3)

# The golden numbers of training recipes, made anew.
add_test(NAME torch_recipe COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/oracle/recipe_check.py)
set_tests_properties(torch_recipe PROPERTIES SKIP_RETURN_CODE 77)

# Networks as `skein export` writes them, against ONNX Runtime. Exit status 77: PyPI cannot be reached.
add_executable(skein_exports oracle/export_dump.cpp)
target_link_libraries(skein_exports PRIVATE skein_commands)
add_test(NAME exports COMMAND bash ${CMAKE_SOURCE_DIR}/tests/oracle/export_check.sh ${CMAKE_BINARY_DIR})
set_tests_properties(exports PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)

# Event files of a run, read by TensorBoard. Exit status 77: PyPI cannot be reached.
add_test(NAME events COMMAND bash ${CMAKE_SOURCE_DIR}/tests/oracle/events_check.sh ${CMAKE_BINARY_DIR} $<TARGET_FILE:skein>)
set_tests_properties(events PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
