#include "kernels/dense_block.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "kernels/reference/dense_block.h"

namespace skein {
namespace {

constexpr float kEps = 1e-5f;

// A block that gets `first` channels and then `growth`, read by a layer in between and by one at the end.
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
  Queue q;
  DenseBlockRow row;
  Tensor x0, x1, dx0, dx1, features, dfeatures, mean, var, offset, slope;
  ReaderTensors early, late;

  DenseBlockTensors(Queue queue, const DenseBlockRow& r, DType type)
      : q(queue),
        row(r),
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

  void append(const Tensor& x, int64_t first) const {
    q.run(cpu::dense_append, cuda::dense_append, x, first, features, stats());
  }
  void norm(const ReaderTensors& r) const {
    q.run(cpu::dense_norm, cuda::dense_norm, features, stats(), r.gamma, r.beta, kEps,
          BatchNormRunning{r.running_mean, r.running_var, 0.1f}, r.y);
  }
  void norm_backward(const ReaderTensors& r, bool add) const {
    q.run(cpu::dense_norm_backward, cuda::dense_norm_backward, features, stats(), r.gamma, r.beta, kEps, r.dy, add,
          dfeatures, sums(), r.dgamma, r.dbeta);
  }
  void append_backward(int64_t first, const Tensor& dx) const {
    q.run(cpu::dense_append_backward, cuda::dense_append_backward, features, stats(), dfeatures, sums(), first, dx);
  }
  void forward() const {
    append(x0, 0);
    norm(early);
    append(x1, row.first);
    norm(late);
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
  return {expect(
              name + ".y", r.y, [t, &r] { return t->block().norm(t->all_features(), r.reader()); }, rounding),
          expect(name + ".dgamma", r.dgamma, gradient(&Gradients::dgamma)),
          expect(name + ".dbeta", r.dbeta, gradient(&Gradients::dbeta))};
}

BoundCase bind_dense_block_all(Queue q, const DenseBlockRow& row, DType type) {
  auto t = std::make_shared<DenseBlockTensors>(q, row, type);
  const Numbers mean0 = to_numbers(t->late.running_mean), var0 = to_numbers(t->late.running_var);
  auto run = [t] {
    t->forward();
    t->norm_backward(t->late, false);
    t->append_backward(t->row.first, t->dx1);
    t->norm_backward(t->early, true);
    t->append_backward(0, t->dx0);
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
      run,
      {expect("mean", t->mean, [=] { return moments().mean; }), expect("var", t->var, [=] { return moments().var; }),
       expect("running_mean", t->late.running_mean, [=] { return blend(mean0, moments().mean, 1); }),
       expect("running_var", t->late.running_var, [=] { return blend(var0, moments().var, m / (m - 1)); }),
       expect("dx0", t->dx0, gradient(0, row.first), tolerance_of(type)),
       expect("dx1", t->dx1, gradient(row.first, row.growth), tolerance_of(type))}};
  for (const auto& [r, name] : {std::pair{&t->early, "early"}, std::pair{&t->late, "late"}})
    for (Output& o : reader_outputs(t, *r, name)) bound.outputs.push_back(std::move(o));
  return bound;
}

BoundCase bind_dense_block_inference(Queue q, const DenseBlockRow& row, DType type) {
  auto t = std::make_shared<DenseBlockTensors>(q, row, type);
  auto run = [t] {
    const ReaderTensors& r = t->late;
    t->q.run(cpu::dense_append, cuda::dense_append, t->x0, int64_t{0}, t->features, DenseStats{});
    t->q.run(cpu::dense_append, cuda::dense_append, t->x1, t->row.first, t->features, DenseStats{});
    t->q.run(cpu::dense_norm, cuda::dense_norm, t->features, DenseStats{r.running_mean, r.running_var}, r.gamma, r.beta,
             kEps, BatchNormRunning{}, r.y);
  };
  return {run,
          {expect(
              "y", t->late.y,
              [t] {
                const reference::BatchNorm bn{t->block().rows, t->block().channels, true};
                return bn.apply(t->all_features(), to_numbers(t->late.gamma), to_numbers(t->late.beta), {},
                                {to_numbers(t->late.running_mean), to_numbers(t->late.running_var)});
              },
              tolerance_of(type))}};
}

// One kernel of a block that is ready for it.
BoundCase bind_dense_block_one(Queue q, const DenseBlockRow& row, DType type,
                               void (*kernel)(const DenseBlockTensors&)) {
  auto t = std::make_shared<DenseBlockTensors>(q, row, type);
  t->forward();
  t->norm_backward(t->late, false);
  return {[t, kernel] { kernel(*t); }, {}};
}

}  // namespace

std::vector<OpCase> dense_block_cases() {
  std::vector<OpCase> cases;
  for (const DType t : {DType::f32, DType::bf16}) {
    const bool cuda_only = t == DType::bf16;
    const auto shape = [t](const DenseBlockRow& r) {
      return fmt::format("{}+{}{}", name_of(r.of(r.first)), r.growth, suffix_of(t));
    };
    for (const DenseBlockRow& r : kDenseBlockRows) {
      cases.push_back(
          {"dense_block/" + shape(r), false, 0, 0, [=](Queue q) { return bind_dense_block_all(q, r, t); }, cuda_only});
      cases.push_back({"dense_block_inference/" + shape(r), false, 0, 0,
                       [=](Queue q) { return bind_dense_block_inference(q, r, t); }, cuda_only});
    }
    for (const DenseBlockRow& r : kTimed) {
      const double s = double(size_of(t)), early = double(r.of(r.first).numel()), late = double(r.of(r.growth).numel());
      auto add = [&](const std::string& name, double bytes, void (*kernel)(const DenseBlockTensors&)) {
        cases.push_back({name + "/" + shape(r), true, 0, bytes,
                         [=](Queue q) { return bind_dense_block_one(q, r, t, kernel); }, cuda_only});
      };
      add("dense_append", 2 * s * late, [](const DenseBlockTensors& b) { b.append(b.x1, b.row.first); });
      add("dense_norm", 2 * s * early, [](const DenseBlockTensors& b) { b.norm(b.early); });
      add("dense_norm_backward", (2 * s + 8) * early,
          [](const DenseBlockTensors& b) { b.norm_backward(b.early, true); });
      add("dense_append_backward", (2 * s + 4) * late,
          [](const DenseBlockTensors& b) { b.append_backward(b.row.first, b.dx1); });
    }
  }
  return cases;
}

std::vector<GradientCase> dense_block_gradients() {
  // Two readers of one block: 4 rows of 3 channels, of which the first sees 2.
  const reference::DenseBlock block{4, 3};
  auto readers = [](const std::vector<Numbers>& in) {
    return std::pair{reference::DenseBlock::Reader{in[1], in[2]}, reference::DenseBlock::Reader{in[3], in[4]}};
  };
  return {
      {"dense_block",
       {random_numbers(12, 1), random_numbers(2, 2), random_numbers(2, 3), random_numbers(3, 4), random_numbers(3, 5)},
       [=](const auto& in) {
         const auto [early, late] = readers(in);
         Numbers y = block.norm(in[0], early);
         const Numbers z = block.norm(in[0], late);
         y.insert(y.end(), z.begin(), z.end());
         return y;
       },
       [=](const auto& in, const Numbers& dy) {
         const auto [early, late] = readers(in);
         Numbers dfeatures(12);
         const auto a = block.norm_backward(in[0], early, {dy.begin(), dy.begin() + 8}, dfeatures);
         const auto b = block.norm_backward(in[0], late, {dy.begin() + 8, dy.end()}, dfeatures);
         return std::vector<Numbers>{dfeatures, a.dgamma, a.dbeta, b.dgamma, b.dbeta};
       }}};
}

}  // namespace skein
