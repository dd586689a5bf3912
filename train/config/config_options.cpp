// The table of the configuration: a flag of `skein train` and a key of its TOML file per entry.
#include "train/config/config.h"

namespace skein {
namespace {

constexpr double kMany = 1e9;

void list_model(OptionList& o, TrainConfig& c) {
  o.group("Model");
  o.option("--model", c.model, "resnet20, resnet50, densenet40-12, wrn28-10 ...; a wrong name lists them all",
           {"NAME"});
  o.option("--shortcut", c.shortcut, "where a block changes shape: A pads the identity, B projects it", {"A|B"});
  o.option("--dropout", c.dropout, "within the blocks of DenseNets and wide ResNets", {"RATE", 0, 0.99});
  o.on_off("--zero-gamma", c.zero_gamma, "start residual blocks as the identity");
  o.on_off("--normal-classifier", c.normal_classifier, "start the classifier from N(0, 0.01) and bias 0");
  o.on_off("--whiten-stem", c.whiten_stem, "start the first convolution as filters that whiten patches of the images");
  o.option("--init", c.init,
           "start from the weights of a run, a checkpoint or a safetensors file, also of PyTorch; a classifier that "
           "is missing or for another number of classes is drawn anew",
           {"RUN|CKPT|FILE"});
  o.option("--freeze", c.freeze,
           "layers that keep their weights: none, stem (before the first block), all-but-classifier; their batch norms "
           "use the running statistics and keep them",
           {"WHAT"});
  o.option("--init-digest", c.init_digest, "refuse a file of --init that is another; config.toml keeps it", {"HEX"});
}

void list_data(OptionList& o, TrainConfig& c) {
  o.group("Data");
  o.option("--data", c.data,
           "fashion-mnist, mnist, kmnist, emnist-letters ..., cifar10, cifar100, imagenet, synthetic, a packed "
           "FILE.skein, a folder of shards, or a folder DIR/{train,val}/CLASS/ or DIR/CLASS/",
           {.type = "NAME|FILE|DIR", .resume = Resume::free});
  o.option("--data-dir", c.data_dir, "where the files of NAME are; empty: its default place",
           {.type = "DIR", .resume = Resume::free});
  o.option("--resize", c.resize, "image folders: centre square scaled to N x N; 0: sizes must agree", {"N", 0, 1024});
  o.option("--val-split", c.val_split,
           "image folders without a folder val or test: part of each class that is the test set", {"PART", 0, 0.9});
  o.option("--val-seed", c.val_seed, "of the draw of that part", {"N", 0});
  o.option("--crop", c.crop, "shards and ImageNet: height and width of what is cut out of an image", {"N", 8, 1024});
  o.option("--bad-images", c.bad_images,
           "shards and ImageNet: damaged images that are replaced by others before the run fails",
           {"N", 0, kMany, Resume::free});
  o.option("--decode-threads", c.decode_threads,
           "shards and ImageNet: threads of each worker that decode; 0: as many as training does not wait for",
           {"N", 0, 1024, Resume::free});
  o.option("--synthetic-train", c.synthetic_train, "synthetic data: training images", {"N", 1, kMany});
  o.option("--synthetic-test", c.synthetic_test, "synthetic data: test images", {"N", 1, kMany});
  o.option("--synthetic-size", c.synthetic_size, "synthetic data: height and width", {"N", 8, 1024});
  o.option("--synthetic-channels", c.synthetic_channels, "synthetic data: 1 or 3", {"N", 1, 3});
  o.option("--synthetic-classes", c.synthetic_classes, "synthetic data: classes", {"N", 1, 10000});
}

}  // namespace

void list_augmentation(OptionList& o, TrainConfig& c) {
  o.group("Augmentation");
  o.on_off("--augment", c.augment, "flip and crop training images at random");
  o.option("--flip", c.flip, "mirror images at random in every epoch, or at random in the first and then in turn");
  o.option("--crop-padding", c.crop_padding, "images in memory: zero pixels around an image before it is cropped",
           {"N", 0, 64});
  o.on_off("--trivial-augment", c.trivial_augment, "TrivialAugment Wide: one of 14 operations on every image");
  o.option("--random-erase", c.random_erase, "probability that a part of an image is erased", {"P", 0, 1});
  o.option("--cutout", c.cutout, "erase a square of N x N pixels in every image; 0: none", {"N", 0, 1024});
  o.option("--mixup", c.mixup, "mix the images of a batch in pairs, by a share of Beta(ALPHA, ALPHA); 0: off",
           {"ALPHA", 0, 100});
  o.option("--cutmix", c.cutmix,
           "mix them by a box of such an area; with --mixup, each batch has one of the two; 0: off", {"ALPHA", 0, 100});
  o.option("--mix-probability", c.mix_probability, "part of the batches that --mixup and --cutmix mix", {"P", 1e-6, 1});
}

namespace {

void list_optimisation(OptionList& o, TrainConfig& c) {
  o.group("Optimisation");
  o.option("--epochs", c.epochs, "passes over the training set",
           {.type = "N", .low = 1, .high = kMany, .resume = Resume::extend});
  o.option("--batch", c.batch, "images per worker and pass; what a batch norm sees", {"N", 1, kMany});
  o.option("--accumulate", c.accumulate,
           "passes per step: N x --batch images, their gradients averaged; against --batch N x as large, batch norm "
           "differs",
           {"N", 1, 1e6});
  o.option("--optimizer", c.optimizer, "the step of a worker: sgd with momentum, or adamw", {"sgd|adamw"});
  o.option("--beta1", c.beta1, "AdamW: decay of the gradients' mean", {"B", 0, 0.999999});
  o.option("--beta2", c.beta2, "AdamW: decay of the squared gradients' mean", {"B", 0, 0.9999999});
  o.option("--epsilon", c.epsilon, "AdamW: added to the root of the squared gradients' mean", {"X", 1e-16, 1});
  o.option("--momentum", c.momentum, "of SGD, without dampening", {"M", 0, 1});
  o.on_off("--nesterov", c.nesterov, "Nesterov's form of the momentum");
  o.on_off("--sign-step", c.sign_step, "step by the sign alone (the local step of algorithm 3)");
  o.option("--weight-decay", c.weight_decay, "of weights and biases, not of batch norms", {"X", 0, 1});
  o.option("--label-smoothing", c.label_smoothing, "share of a label that is spread over all classes, in training",
           {"X", 0, 1});
  o.option("--clip-norm", c.clip_norm, "longest gradient, all parameters together; 0: not clipped", {"X", 0, 1e9});
  o.option("--ema", c.ema,
           "decay of an average of the weights over the steps, evaluated and saved beside them; 0: none",
           {"D", 0, 0.9999999});
  o.option("--lars", c.lars, "layer-wise adaptive rates with this trust coefficient; 0: off", {"ETA", 0, 100});
  o.option("--noise", c.noise, "isotropic Gaussian noise on every gradient; 0: none", {"SIGMA", 0, 1e6});
}

void list_rate(OptionList& o, TrainConfig& c) {
  o.group("Learning rate");
  o.option("--lr", c.lr, "learning rate, for a batch of --base-batch", {"X", 1e-12, 1e6});
  o.option("--base-batch", c.base_batch, "scale the rate by (batch x workers) / N; 0: --lr is for the batch at hand",
           {"N", 0, kMany});
  o.option("--lr-schedule", c.lr_schedule,
           "how the rate falls: by --drops, along a cosine, or up and down in one cycle", {"SHAPE"});
  o.option("--warmup-epochs", c.warmup_epochs, "linear warm-up from --lr, where scaling raises the rate",
           {"X", 0, kMany});
  o.option("--warmup-from", c.warmup_from, "rate at which the warm-up starts; 0: --lr", {"X", 0, 1e6});
  o.option("--drops", c.drops, "when the rate drops, as fractions of the epochs", {"X,Y", 0, 1, Resume::extend});
  o.option("--drop-epochs", c.drop_epochs, "when the rate drops, in epochs, as in 30,60,80; instead of --drops",
           {"E,F", 0, kMany, Resume::extend});
  o.option("--drop-factor", c.drop_factor, "what a drop multiplies the rate by", {"X", 1e-12, 1});
  o.option("--min-lr", c.min_lr, "rate at the end of a cosine", {"X", 0, 1e6});
  o.option("--rise", c.rise, "one-cycle: fraction of the steps in which the rate rises", {"X", 0, 1});
  o.option("--lr-scaling", c.lr_scaling, "by what a step sees, or by its square root, or not at all", {"HOW"});
}

void list_local_sgd(OptionList& o, TrainConfig& c) {
  o.group("Local SGD");
  o.option("--workers", c.workers,
           "workers that train together, each on batches of its own; under mpirun each process is one",
           {"K", 1, 4096, Resume::restart});
  o.option("--sync", c.sync, "when the workers average; the forms are listed below", {"EXPR"});
  o.option(
      "--sync-momentum", c.sync_momentum,
      "each worker's momentum, or AdamW's moments, after an averaging among all: keep, reset (to zero), average or "
      "average:every=N (the mean over the workers, after every N-th averaging)",
      {"HOW"});
  o.option("--average", c.average,
           "where the workers average after every step from the start: models, or gradients before it (one momentum)",
           {"WHAT"});
  o.option("--compress", c.compress,
           "what travels: none (f32), bf16, sign, ef-sign (algorithms 3 and 4, exact), sign:mean-of-means and "
           "ef-sign:mean-of-means (the public code's), ef-sign:two-way (an extension: the way back is compressed too); "
           "q8, q4, q2 (bits per number), topk:F (a fraction of the numbers), each also as ef-... and ...:two-way",
           {"HOW"});
  o.option("--outer-momentum", c.outer_momentum, "momentum of the averaged steps; 0: none", {"M", 0, 1});
  o.option("--outer-rate", c.outer_rate, "rate of the averaged steps", {"X", 1e-6, 100});
  o.on_off("--outer-nesterov", c.outer_nesterov, "Nesterov's form of the outer momentum");
  o.option("--outer-form", c.outer_form,
           "outer momentum in units of the model (diloco), so that a drop of the rate leaves it as long as before; or "
           "divided by the rate (slowmo), so that it drops too. SlowMo as published adds --no-outer-nesterov",
           {"FORM"});
  o.option("--outer-from", c.outer_from,
           "where the outer step begins: at the start, or with the switch of --sync, before which the models are "
           "averaged alone",
           {"WHERE"});
  o.option(
      "--elastic", c.elastic,
      "processes that join and leave between rounds, and are lost without loss of the run: min=N[,max=M][,grace=30s]; "
      "start as many as there should be, each with the same command and the same --out; empty: no",
      {"SPEC"});
  o.option("--partition", c.partition,
           "who trains on what: global permutes all every epoch; fixed keeps each worker's part; sorted parts by "
           "label; dirichlet:A draws each worker's class proportions, the more unlike the smaller A",
           {"HOW"});
  o.option("--bn-stats", c.bn_stats,
           "running statistics of the averaged model: local (worker 0's), average, moments (adds the variance between "
           "workers), recompute:N (its own, over N training batches)",
           {"HOW"});
  o.option("--eval-local", c.eval_local,
           "also evaluate every worker's own model: never, after the last epoch, or after every one", {"WHEN"});
  o.option(
      "--net", c.net,
      "charge averaging on a simulated network: 1Gbit,200us or, given twice, block=100Gbit,5us and world=1Gbit,1ms",
      {"SPEC"});
  o.option("--parallel", c.parallel,
           "workers that compute at the same time, sharing --threads; 0: as many as there are threads, on GPUs one on "
           "each",
           {"P", 0, 4096});
}

void list_run(OptionList& o, TrainConfig& c) {
  o.group("Run");
  o.option("--seed", c.seed, "of initial weights, order, augmentation and synthetic data", {"N", 0});
  o.option("--eval-batch", c.eval_batch, "images per batch of an evaluation", {"N", 1, kMany});
  o.option("--log-every", c.log_every, "steps between two lines of metrics.jsonl; averagings and epochs are all logged",
           {"N", 1, kMany, Resume::free});
  o.option("--keep", c.keep, "checkpoints that are kept: the last and N - 1 before it, beside the best",
           {"N", 1, 1000, Resume::free});
  o.option("--checkpoint-minutes", c.checkpoint_minutes,
           "a checkpoint also within an epoch, so many minutes after the one before; 0: at the ends of epochs only",
           {"M", 0, 1e6, Resume::free});
  o.on_off("--checkpoint-async", c.checkpoint_async,
           "write checkpoints while the run goes on; takes memory for a copy of what they hold",
           {.resume = Resume::free});
  o.on_off(
      "--round-norms", c.round_norms,
      "log every averaging's distances, length and angle of the workers' steps, and error memory; takes memory for "
      "two models per worker",
      {.resume = Resume::free});
  o.option("--round-norms-from", c.round_norms_from,
           "log them after averagings that follow N images of a worker or more; 0: after all. By less they would cost "
           "over 1 % of the time",
           {"N", 0, kMany, Resume::free});
}

void list_machine(OptionList& o, TrainConfig& c) {
  o.group("Machine");
  o.option("--device", c.device, "where to compute; auto: a GPU if there is one",
           {.type = "auto|cpu|cuda", .resume = Resume::free});
  o.option("--gpus", c.gpus,
           "GPUs of each machine that the workers are spread over: a number, all, or a list of their numbers, 0,2; "
           "empty: one for each process. The bits do not depend on it where the GPUs are alike",
           {.type = "N|all|LIST", .resume = Resume::free});
  o.option("--dtype", c.dtype,
           "of activations; bf16: those and the weights of convolutions; tf32, on a GPU: f32 whose convolutions round "
           "products "
           "to 10 bits",
           {"f32|tf32|bf16"});
  o.option("--threads", c.threads, "OpenMP threads; 0: one per core", {"N", 0, 4096, Resume::free});
  o.on_off("--recompute", c.recompute,
           "keep no activations within blocks, compute them again for the gradients: less memory, the same bits",
           {.resume = Resume::free});
  o.option("--conv", c.conv,
           "convolution kernels: auto measures and keeps the fastest; else onednn, avx2, avx512 ...; on a GPU cudnn",
           {.type = "NAME", .resume = Resume::free});
}

}  // namespace

OptionList config_options(TrainConfig& config) {
  OptionList list;
  list_model(list, config);
  list_data(list, config);
  list_augmentation(list, config);
  list_optimisation(list, config);
  list_rate(list, config);
  list_local_sgd(list, config);
  list_run(list, config);
  list_machine(list, config);
  return list;
}

}  // namespace skein
