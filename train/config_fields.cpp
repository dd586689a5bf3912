#include "train/config_fields.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/check.h"

namespace skein {
namespace {

constexpr double kMany = 1e9;

void check_number(double x, const Permitted& p, const std::string& where) {
  if (!(x >= p.low && x <= p.high))
    throw BadInput("{}: {} is out of range; give a number from {} to {}", where, x, p.low, p.high);
}

}  // namespace

const std::vector<Field>& fields() {
  using C = TrainConfig;
  static const std::vector<Field> all{
      {"model", "Model", "NAME", &C::model,
       "resnet20, resnet50, densenet40-12, wrn28-10 ...; a wrong name lists them all"},
      {"shortcut",
       "Model",
       "A|B",
       &C::shortcut,
       "where a block changes shape: A pads the identity, B projects it",
       {.choices = {"A", "B"}}},
      {"dropout", "Model", "RATE", &C::dropout, "within the blocks of DenseNets and wide ResNets", {0, 0.99}},
      {"zero-gamma", "Model", "", &C::zero_gamma, "start residual blocks as the identity"},
      {"normal-classifier", "Model", "", &C::normal_classifier, "start the classifier from N(0, 0.01) and bias 0"},

      {"data", "Data", "NAME|FILE|DIR", &C::data,
       "fashion-mnist, cifar10, cifar100, imagenet, synthetic, a packed FILE.skein, a folder of shards, or a folder "
       "DIR/{train,test}/CLASS/"},
      {"data-dir",
       "Data",
       "DIR",
       &C::data_dir,
       "where the files of NAME are; empty: its default place",
       {},
       Resume::free},
      {"augment", "Data", "", &C::augment, "flip and crop training images at random"},
      {"resize",
       "Data",
       "N",
       &C::resize,
       "image folders: centre square scaled to N x N; 0: sizes must agree",
       {0, 1024}},
      {"crop",
       "Data",
       "N",
       &C::crop,
       "shards and ImageNet: height and width of what is cut out of an image",
       {8, 1024}},
      {"bad-images",
       "Data",
       "N",
       &C::bad_images,
       "shards and ImageNet: damaged images that are replaced by others before the run fails",
       {0, kMany},
       Resume::free},
      {"decode-threads",
       "Data",
       "N",
       &C::decode_threads,
       "shards and ImageNet: threads of each worker that decode; 0: as many as training does not wait for",
       {0, 1024},
       Resume::free},
      {"synthetic-train", "Data", "N", &C::synthetic_train, "synthetic data: training images", {1, kMany}},
      {"synthetic-test", "Data", "N", &C::synthetic_test, "synthetic data: test images", {1, kMany}},
      {"synthetic-size", "Data", "N", &C::synthetic_size, "synthetic data: height and width", {8, 1024}},
      {"synthetic-channels", "Data", "N", &C::synthetic_channels, "synthetic data: 1 or 3", {1, 3}},
      {"synthetic-classes", "Data", "N", &C::synthetic_classes, "synthetic data: classes", {1, 10000}},

      {"epochs", "Optimisation", "N", &C::epochs, "passes over the training set", {1, kMany}},
      {"batch", "Optimisation", "N", &C::batch, "images per worker and pass; what a batch norm sees", {1, kMany}},
      {"accumulate",
       "Optimisation",
       "N",
       &C::accumulate,
       "passes per step: N x --batch images, their gradients averaged; against --batch N x as large, batch norm "
       "differs",
       {1, 1e6}},
      {"momentum", "Optimisation", "M", &C::momentum, "of SGD, without dampening", {0, 1}},
      {"nesterov", "Optimisation", "", &C::nesterov, "Nesterov's form of the momentum"},
      {"sign-step", "Optimisation", "", &C::sign_step, "step by the sign alone (the local step of algorithm 3)"},
      {"weight-decay", "Optimisation", "X", &C::weight_decay, "of weights and biases, not of batch norms", {0, 1}},
      {"lars",
       "Optimisation",
       "ETA",
       &C::lars,
       "layer-wise adaptive rates with this trust coefficient; 0: off",
       {0, 100}},
      {"noise", "Optimisation", "SIGMA", &C::noise, "isotropic Gaussian noise on every gradient; 0: none", {0, 1e6}},

      {"lr", "Learning rate", "X", &C::lr, "learning rate, for a batch of --base-batch", {1e-12, 1e6}},
      {"base-batch",
       "Learning rate",
       "N",
       &C::base_batch,
       "scale the rate by (batch x workers) / N; 0: --lr is for the batch at hand",
       {0, kMany}},
      {"warmup-epochs",
       "Learning rate",
       "X",
       &C::warmup_epochs,
       "linear warm-up from --lr, where scaling raises the rate",
       {0, kMany}},
      {"drops", "Learning rate", "X,Y", &C::drops, "when the rate drops, as fractions of the epochs", {0, 1}},
      {"drop-factor", "Learning rate", "X", &C::drop_factor, "what a drop multiplies the rate by", {1e-12, 1}},
      {"lr-scaling",
       "Learning rate",
       "HOW",
       &C::lr_scaling,
       "by what a step sees, or by its square root, or not at all",
       {.choices = {"linear", "sqrt", "none"}}},

      {"workers",
       "Local SGD",
       "K",
       &C::workers,
       "workers that train together, each on batches of its own; under mpirun each process is one",
       {1, 4096},
       Resume::restart},
      {"sync", "Local SGD", "EXPR", &C::sync, "when the workers average; the forms are listed below"},
      {"average",
       "Local SGD",
       "WHAT",
       &C::average,
       "where the workers average after every step from the start: models, or gradients before it (one momentum)",
       {.choices = {"models", "gradients"}}},
      {"compress", "Local SGD", "HOW", &C::compress,
       "what travels: none (f32), bf16, sign, ef-sign (algorithms 3 and 4, exact), sign:mean-of-means and "
       "ef-sign:mean-of-means (the public code's), ef-sign:two-way (an extension: the way back is compressed too)"},
      {"outer-momentum", "Local SGD", "M", &C::outer_momentum, "momentum of the averaged steps; 0: none", {0, 1}},
      {"outer-rate", "Local SGD", "X", &C::outer_rate, "rate of the averaged steps", {1e-6, 100}},
      {"outer-nesterov", "Local SGD", "", &C::outer_nesterov, "Nesterov's form of the outer momentum"},
      {"partition",
       "Local SGD",
       "HOW",
       &C::partition,
       "who trains on what: global permutes all every epoch, fixed keeps each worker's part, sorted parts by label",
       {.choices = {"global", "fixed", "sorted"}}},
      {"bn-stats", "Local SGD", "HOW", &C::bn_stats,
       "running statistics of the averaged model: local (worker 0's), average, moments (adds the variance between "
       "workers), recompute:N (its own, over N training batches)"},
      {"eval-local",
       "Local SGD",
       "WHEN",
       &C::eval_local,
       "also evaluate every worker's own model: never, after the last epoch, or after every one",
       {.choices = {"never", "last", "every"}}},
      {"net", "Local SGD", "SPEC", &C::net,
       "charge averaging on a simulated network: 1Gbit,200us or, given twice, block=100Gbit,5us and world=1Gbit,1ms"},
      {"parallel",
       "Local SGD",
       "P",
       &C::parallel,
       "workers that compute at the same time, sharing --threads; 0: as many as there are threads",
       {0, 4096}},

      {"seed",
       "Run",
       "N",
       &C::seed,
       "of initial weights, order, augmentation and synthetic data",
       {0, std::numeric_limits<double>::max()}},
      {"eval-batch", "Run", "N", &C::eval_batch, "images per batch of an evaluation", {1, kMany}},

      {"device",
       "Machine",
       "auto|cpu|cuda",
       &C::device,
       "where to compute; auto: a GPU if there is one",
       {.choices = {"auto", "cpu", "cuda"}},
       Resume::free},
      {"dtype",
       "Machine",
       "f32|tf32|bf16",
       &C::dtype,
       "of activations; on a GPU also tf32 (f32 whose convolutions round products to 10 bits) and bf16",
       {.choices = {"f32", "tf32", "bf16"}}},
      {"threads", "Machine", "N", &C::threads, "OpenMP threads; 0: one per core", {0, 4096}, Resume::free},
      {"recompute",
       "Machine",
       "",
       &C::recompute,
       "keep no activations within blocks, compute them again for the gradients: less memory, the same bits",
       {},
       Resume::free},
      {"conv",
       "Machine",
       "NAME",
       &C::conv,
       "convolution kernels: auto measures and keeps the fastest; else onednn, avx2, avx512 ...; on a GPU cudnn",
       {},
       Resume::free},
  };
  return all;
}

void check(const Field& f, const TrainConfig& config, const std::string& where) {
  const auto valid = [&](const auto& value) {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::string>) {
      const auto& choices = f.permitted.choices;
      if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
        throw BadInput("{}: '{}' is not known; give one of {}", where, value, fmt::join(choices, ", "));
    } else if constexpr (std::is_same_v<T, Numbers>) {
      for (double x : value) check_number(x, f.permitted, where);
      if (!std::is_sorted(value.begin(), value.end()))
        throw BadInput("{}: {} are not in order; give increasing numbers", where, fmt::join(value, ","));
    } else if constexpr (!std::is_same_v<T, Texts>) {
      check_number(double(value), f.permitted, where);
    }
  };
  std::visit([&](auto member) { valid(config.*member); }, f.member);
}

}  // namespace skein
