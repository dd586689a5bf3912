#include "kernels/dense_block.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "engine/dense_features.h"
#include "kernels/reference/conv.h"
#include "kernels/reference/dense_block.h"

namespace skein {
namespace {

constexpr float kEps = 1e-5f;

// A block of `first` channels, then `growth` more, read by a layer in between and by one at the end.
struct DenseBlockRow {
  int64_t n, h, w, first, growth;
  int64_t pixels() const { return n * h * w; }
  int64_t channels() const { return first + growth; }
  Shape block() const { return of(channels()); }
  Shape of(int64_t c) const { return {n, h, w, c}; }
};

const std::vector<DenseBlockRow> kDenseBlockRows = {{1, 1, 5, 1, 1},   {2, 3, 5, 16, 12}, {3, 7, 5, 3, 5},
                                                    {2, 4, 4, 28, 12}, {1, 9, 4, 100, 7}, {5, 16, 16, 40, 12}};
// DenseNet-40-12, batch 64: in the middle of the first block and at the end of the last.
const std::vector<DenseBlockRow> kTimed = {{64, 32, 32, 88, 12}, {64, 8, 8, 436, 12}};

struct ReaderTensors {
  Tensor gamma, beta, running_mean, running_var, y, dy, dgamma, dbeta;

  ReaderTensors(Queue q, Shape s, uint32_t item, DType type)
      : gamma(random_tensor(q, {s[3]}, item)),
        beta(random_tensor(q, {s[3]}, item + 1)),
        running_mean(random_tensor(q, {s[3]}, item + 2)),
        running_var(random_tensor(q, {s[3]}, item + 3, 4.0f, 0.5f)),
        y(Tensor::empty(q.device, type, s)),
        dy(random_tensor(q, s, item + 4, 0, 1, type)),
        dgamma(Tensor::empty(q.device, DType::f32, {s[3]})),
        dbeta(Tensor::empty(q.device, DType::f32, {s[3]})) {}
  reference::DenseBlock::Reader reader() const { return {to_numbers(gamma), to_numbers(beta)}; }
};

struct DenseBlockTensors {
  DenseBlockRow row;
  Tensor x0, x1, dx0, dx1, features, dfeatures, mean, var, offset, slope;
  ReaderTensors early, late;

  DenseBlockTensors(Queue q, const DenseBlockRow& r, DType type)
      : row(r),
        x0(random_tensor(q, r.of(r.first), 1, 2.0f, 3.0f, type)),
        x1(random_tensor(q, r.of(r.growth), 2, -1.0f, 0.5f, type)),
        dx0(Tensor::empty(q.device, type, r.of(r.first))),
        dx1(Tensor::empty(q.device, type, r.of(r.growth))),
        features(Tensor::empty(q.device, type, r.block())),
        dfeatures(Tensor::empty(q.device, DType::f32, r.block())),
        early(q, r.of(r.first), 10, type),
        late(q, r.block(), 20, type) {
    for (Tensor* t : {&mean, &var, &offset, &slope}) *t = Tensor::empty(q.device, DType::f32, {r.channels()});
  }
  DenseStats stats() const { return {mean, var}; }
  DenseSums sums() const { return {offset, slope}; }

  void append(Queue q, const Tensor& x, int64_t first) const {
    q.run(kernel::dense_append, x, first, features, stats());
  }
  void norm(Queue q, const ReaderTensors& r) const {
    q.run(kernel::dense_norm, features, stats(), r.gamma, r.beta, kEps,
          BatchNormRunning{r.running_mean, r.running_var, 0.1f}, r.y);
  }
  void norm_backward(Queue q, const ReaderTensors& r, bool add) const {
    q.run(kernel::dense_norm_backward, features, stats(), r.gamma, r.beta, kEps, r.dy, add, dfeatures, sums(), r.dgamma,
          r.dbeta);
  }
  void append_backward(Queue q, int64_t first, const Tensor& dx) const {
    q.run(kernel::dense_append_backward, features, stats(), dfeatures, sums(), first, dx);
  }
  void forward(Queue q) const {
    append(q, x0, 0);
    norm(q, early);
    append(q, x1, row.first);
    norm(q, late);
  }

  // In double, from the operands alone.
  reference::DenseBlock block() const { return {size_t(row.pixels()), size_t(row.channels())}; }
  Numbers all_features() const {
    const Numbers a = to_numbers(x0), b = to_numbers(x1);
    Numbers all;
    for (size_t r = 0; r < block().rows; ++r) {
      for (size_t j = 0; j < size_t(row.first); ++j) all.push_back(a[r * size_t(row.first) + j]);
      for (size_t j = 0; j < size_t(row.growth); ++j) all.push_back(b[r * size_t(row.growth) + j]);
    }
    return all;
  }
  Numbers all_gradients() const {
    const Numbers f = all_features();
    Numbers sum(f.size());
    for (const ReaderTensors* r : {&early, &late}) block().norm_backward(f, r->reader(), to_numbers(r->dy), sum);
    return sum;
  }
};

using TensorsPtr = std::shared_ptr<DenseBlockTensors>;

std::vector<Output> reader_outputs(const TensorsPtr& t, const ReaderTensors& r, const std::string& name) {
  const double rounding = tolerance_of(r.y.dtype());
  using Gradients = reference::BatchNorm::Gradients;
  auto gradient = [t, &r](Numbers Gradients::*member) {
    return [t, &r, member] {
      Numbers unused(t->all_features().size());
      return t->block().norm_backward(t->all_features(), r.reader(), to_numbers(r.dy), unused).*member;
    };
  };
  return {expect(name + ".y", r.y, rounding, [t, &r] { return t->block().norm(t->all_features(), r.reader()); }),
          expect(name + ".dgamma", r.dgamma, gradient(&Gradients::dgamma)),
          expect(name + ".dbeta", r.dbeta, gradient(&Gradients::dbeta))};
}

BoundCase bind_dense_block_all(Queue q, const DenseBlockRow& row, DType type) {
  auto t = std::make_shared<DenseBlockTensors>(q, row, type);
  const Numbers mean0 = to_numbers(t->late.running_mean), var0 = to_numbers(t->late.running_var);
  auto run = [t](Queue q) {
    t->forward(q);
    t->norm_backward(q, t->late, false);
    t->append_backward(q, t->row.first, t->dx1);
    t->norm_backward(q, t->early, true);
    t->append_backward(q, 0, t->dx0);
  };
  auto moments = [t] {
    const auto b = t->block();
    return reference::BatchNorm{b.rows, b.channels, false}.moments(t->all_features());
  };
  auto blend = [](Numbers old, const Numbers& now, double scale) {
    for (size_t i = 0; i < old.size(); ++i) old[i] = 0.9 * old[i] + 0.1 * scale * now[i];
    return old;
  };
  auto gradient = [t](int64_t first, int64_t channels) {
    return [=] { return t->block().part(t->all_gradients(), size_t(first), size_t(channels)); };
  };
  const double m = double(row.pixels());
  BoundCase bound{
      q,
      run,
      {expect("mean", t->mean, [=] { return moments().mean; }), expect("var", t->var, [=] { return moments().var; }),
       expect("running_mean", t->late.running_mean, [=] { return blend(mean0, moments().mean, 1); }),
       expect("running_var", t->late.running_var, [=] { return blend(var0, moments().var, m / (m - 1)); }),
       expect("dx0", t->dx0, tolerance_of(type), gradient(0, row.first)),
       expect("dx1", t->dx1, tolerance_of(type), gradient(row.first, row.growth))}};
  for (const auto& [r, name] : {std::pair{&t->early, "early"}, std::pair{&t->late, "late"}})
    for (Output& o : reader_outputs(t, *r, name)) bound.outputs.push_back(std::move(o));
  return bound;
}

BoundCase bind_dense_block_inference(Queue q, const DenseBlockRow& row, DType type) {
  auto t = std::make_shared<DenseBlockTensors>(q, row, type);
  auto run = [t](Queue q) {
    const ReaderTensors& r = t->late;
    q.run(kernel::dense_append, t->x0, int64_t{0}, t->features, DenseStats{});
    q.run(kernel::dense_append, t->x1, t->row.first, t->features, DenseStats{});
    q.run(kernel::dense_norm, t->features, DenseStats{r.running_mean, r.running_var}, r.gamma, r.beta, kEps,
          BatchNormRunning{}, r.y);
  };
  return {q, run, {expect("y", t->late.y, tolerance_of(type), [t] {
            const reference::BatchNorm bn{t->block().rows, t->block().channels, true};
            return bn.apply(t->all_features(), to_numbers(t->late.gamma), to_numbers(t->late.beta), {},
                            {to_numbers(t->late.running_mean), to_numbers(t->late.running_var)});
          })}};
}

// One kernel of a block that is ready for it.
BoundCase bind_dense_block_one(Queue q, const DenseBlockRow& row, DType type,
                               void (*kernel)(Queue, const DenseBlockTensors&)) {
  auto t = std::make_shared<DenseBlockTensors>(q, row, type);
  t->forward(q);
  t->norm_backward(q, t->late, false);
  return {q, [t, kernel](Queue q) { kernel(q, *t); }, {}};
}

void dense_block_cases(OpCases& cases) {
  for (const DType t : {DType::f32, DType::bf16}) {
    const auto shape = [](const DenseBlockRow& r) { return fmt::format("{}+{}", name_of(r.of(r.first)), r.growth); };
    for (const DenseBlockRow& r : kDenseBlockRows) {
      cases.add("dense_block/" + shape(r), false, bind_dense_block_all, r, t);
      cases.add("dense_block_inference/" + shape(r), false, bind_dense_block_inference, r, t);
    }
    for (const DenseBlockRow& r : kTimed) {
      auto add = [&](const std::string& name, void (*kernel)(Queue, const DenseBlockTensors&)) {
        cases.add(name + "/" + shape(r), true, bind_dense_block_one, r, t, kernel);
      };
      add("dense_append", [](Queue q, const DenseBlockTensors& b) { b.append(q, b.x1, b.row.first); });
      add("dense_norm", [](Queue q, const DenseBlockTensors& b) { b.norm(q, b.early); });
      add("dense_norm_backward", [](Queue q, const DenseBlockTensors& b) { b.norm_backward(q, b.early, true); });
      add("dense_append_backward",
          [](Queue q, const DenseBlockTensors& b) { b.append_backward(q, b.row.first, b.dx1); });
    }
  }
}

// Two readers of one block: 4 pixels of 3 channels, 2 of which the first reader sees. Inputs: the two appended tensors,
// gamma and beta of the readers, and with a convolution after each reader its weights.
struct TwoReaders {
  static constexpr size_t kPixels = 4;
  reference::DenseBlock block{kPixels, 3};
  reference::Conv early{{1, 2, 2, 2}, {2, 3, 3, 2}, {1, 1}}, late{{1, 2, 2, 3}, {2, 1, 1, 3}, {1, 0}};
  bool convolutions;

  Numbers features(const std::vector<Numbers>& in) const {
    Numbers all;
    for (size_t i = 0; i < kPixels; ++i) all.insert(all.end(), {in[0][2 * i], in[0][2 * i + 1], in[1][i]});
    return all;
  }
  static reference::DenseBlock::Reader early_of(const std::vector<Numbers>& in) { return {in[2], in[3]}; }
  static reference::DenseBlock::Reader late_of(const std::vector<Numbers>& in) { return {in[4], in[5]}; }

  Numbers forward(const std::vector<Numbers>& in) const {
    Numbers y = block.norm(features(in), early_of(in)), z = block.norm(features(in), late_of(in));
    if (convolutions) y = early.forward(y, in[6]), z = late.forward(z, in[7]);
    y.insert(y.end(), z.begin(), z.end());
    return y;
  }
  std::vector<Numbers> backward(const std::vector<Numbers>& in, const Numbers& both) const {
    const auto split = both.begin() + (convolutions ? early.y().numel() : early.x.numel());
    const Numbers dy(both.begin(), split), dz(split, both.end()), f = features(in);
    const Numbers dnormal = convolutions ? early.backward_data(dy, in[6]) : dy;
    const Numbers dlate = convolutions ? late.backward_data(dz, in[7]) : dz;
    Numbers dfeatures(f.size());
    const auto a = block.norm_backward(f, early_of(in), dnormal, dfeatures);
    const auto b = block.norm_backward(f, late_of(in), dlate, dfeatures);
    std::vector<Numbers> d{
        block.part(dfeatures, 0, 2), block.part(dfeatures, 2, 1), a.dgamma, a.dbeta, b.dgamma, b.dbeta};
    if (convolutions) {
      d.push_back(early.backward_weights(block.norm(f, early_of(in)), dy));
      d.push_back(late.backward_weights(block.norm(f, late_of(in)), dz));
    }
    return d;
  }
  std::vector<Var> on_tape(Tape& t, const std::vector<Var>& in) const {
    const DenseFeatures::Reader first{in[2], in[3], zero_statistics(t, 2)}, second{in[4], in[5], zero_statistics(t, 3)};
    DenseFeatures f(in[0], 3);
    const Var y = convolutions ? f.norm_relu_conv(first, in[6], early.g) : f.norm_relu(first);
    f.append(in[1]);
    return {y, convolutions ? f.norm_relu_conv(second, in[7], late.g) : f.norm_relu(second)};
  }
};

std::vector<GradientCase> dense_block_gradients() {
  std::vector<GradientCase> cases;
  for (const bool convolutions : {false, true}) {
    const TwoReaders readers{.convolutions = convolutions};
    GradientCase c{convolutions ? "dense_features+conv" : "dense_features",
                   {readers.early.x, {1, 2, 2, 1}, {2}, {2}, {3}, {3}},
                   [=](const auto& in) { return readers.forward(in); },
                   [=](const auto& in, const Numbers& dy) { return readers.backward(in, dy); },
                   [=](Tape& t, const auto& in) { return readers.on_tape(t, in); }};
    if (convolutions) c.inputs.insert(c.inputs.end(), {readers.early.w, readers.late.w});
    cases.push_back(std::move(c));
  }
  return cases;
}

const RegisterCases dense_block_table{"dense_block", dense_block_cases, dense_block_gradients};

}  // namespace
}  // namespace skein
