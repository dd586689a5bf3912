// Choices of a configuration that have few values, and their names on the command line and in files. Two more stand
// with their algorithms: RateScaling (local_sgd/learning_rate.h) and OuterForm (local_sgd/outer_step.h).
#pragma once

#include "base/enum_names.h"
#include "kernels/view.h"

namespace skein {

// Residual blocks that change their shape: A pads the identity with zero channels, B projects it by a 1x1 convolution.
enum class ShortcutKind : uint8_t { A, B };
constexpr auto names_of(ShortcutKind) { return std::array{"A", "B"}; }
inline char letter_of(ShortcutKind kind) { return kind == ShortcutKind::A ? 'A' : 'B'; }  // for ModelOptions

// The local step: SGD with momentum, or AdamW.
enum class OptimizerKind : uint8_t { sgd, adamw };
constexpr auto names_of(OptimizerKind) { return std::array{"sgd", "adamw"}; }

// Layers that are not trained (train/weights/freeze.h).
enum class Freeze : uint8_t { none, stem, all_but_classifier };
constexpr auto names_of(Freeze) { return std::array{"none", "stem", "all-but-classifier"}; }

// Operand of the averaging while workers average after every step from the start.
enum class Averaging : uint8_t { models, gradients };
constexpr auto names_of(Averaging) { return std::array{"models", "gradients"}; }

// First averaging whose result the outer step moves: of the run, or after the switch of the schedule.
enum class OuterFrom : uint8_t { start, switch_point };
constexpr auto names_of(OuterFrom) { return std::array{"start", "switch"}; }

// Epochs after which every worker's own model is evaluated, too.
enum class EvalLocal : uint8_t { never, last, every };
constexpr auto names_of(EvalLocal) { return std::array{"never", "last", "every"}; }

// `automatic` is a GPU if there is one, else the CPU.
enum class DeviceChoice : uint8_t { automatic, cpu, cuda };
constexpr auto names_of(DeviceChoice) { return std::array{"auto", "cpu", "cuda"}; }

// Number type of activations. tf32: f32 activations, but convolutions on a GPU round their operands to 10 bits.
enum class ComputeType : uint8_t { f32, tf32, bf16 };
constexpr auto names_of(ComputeType) { return std::array{"f32", "tf32", "bf16"}; }
inline DType activations(ComputeType type) { return type == ComputeType::bf16 ? DType::bf16 : DType::f32; }

}  // namespace skein
