# Groups of kernels. Each group is compiled as one file that includes its members, because nvcc parses the toolkit's
# headers five times per file, which takes longer than most kernels. A new .cu file is one word here; names in its
# anonymous namespace must be unique in its group. Sets cuda_groups.
set(cuda_elementwise adamw_step all_sum augment cast clip_norm dropout erase gather gaussian_noise lars mix sgd_step squared_distance vector)
set(cuda_normalisation batch_norm batch_norm_backward dense_block dense_block_backward)
set(cuda_pooling average_pool cross_entropy downsample global_average_pool linear_bias max_pool)
set(cuda_signs_and_convolutions conv/narrow conv/narrow_weights quantise sign sign_mean top_k)

set(cuda_groups "")
foreach(group elementwise normalisation pooling signs_and_convolutions)
  set(text "")
  foreach(kernel ${cuda_${group}})
    string(APPEND text "#include \"kernels/cuda/${kernel}.cu\"\n")
  endforeach()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/kernels/cuda/${group}.cu CONTENT "${text}")
  list(APPEND cuda_groups ${PROJECT_BINARY_DIR}/kernels/cuda/${group}.cu)
endforeach()
