// The tables, one file each: cases/<op>.cpp.
#pragma once

#include "cases/op_case.h"

namespace skein {

std::vector<OpCase> all_sum_cases();
std::vector<OpCase> augment_cases();
std::vector<OpCase> average_pool_cases();
std::vector<OpCase> batch_norm_cases();
std::vector<OpCase> cast_cases();
std::vector<OpCase> conv_cases();
std::vector<OpCase> conv_narrow_cases();
std::vector<OpCase> cross_entropy_cases();
std::vector<OpCase> dense_block_cases();
std::vector<OpCase> downsample_cases();
std::vector<OpCase> dropout_cases();
std::vector<OpCase> gather_cases();
std::vector<OpCase> gaussian_noise_cases();
std::vector<OpCase> lars_cases();
std::vector<OpCase> linear_bias_cases();
std::vector<OpCase> linear_cases();
std::vector<OpCase> max_pool_cases();
std::vector<OpCase> global_average_pool_cases();
std::vector<OpCase> sgd_step_cases();
std::vector<OpCase> sign_cases();
std::vector<OpCase> vector_cases();

std::vector<GradientCase> average_pool_gradients();
std::vector<GradientCase> batch_norm_gradients();
std::vector<GradientCase> conv_gradients();
std::vector<GradientCase> cross_entropy_gradients();
std::vector<GradientCase> dense_block_gradients();
std::vector<GradientCase> downsample_gradients();
std::vector<GradientCase> dropout_gradients();
std::vector<GradientCase> linear_gradients();
std::vector<GradientCase> max_pool_gradients();
std::vector<GradientCase> global_average_pool_gradients();
std::vector<GradientCase> vector_gradients();

}  // namespace skein
