#include "kernels/batch_norm.h"

#include <fmt/format.h>

#include "cases/cases.h"
#include "kernels/reference/batch_norm.h"

namespace skein {
namespace {

struct BatchNormRow {
  Shape x;
  bool relu, residual, timed;
  bool again = false;  // forward without running statistics, which are left alone
};

// Channels that fill a wide access, half of one, none; more than a block is wide.
const std::vector<BatchNormRow> kBatchNormRows = {
    {{2, 3, 5, 1}, false, false, false},      {{3, 5, 7, 3}, true, false, false},
    {{2, 4, 4, 16}, true, true, false},       {{4, 9, 5, 17}, false, true, false},
    {{1, 1, 2, 300}, true, true, false},      {{16, 16, 16, 16}, true, false, false},
    {{3, 7, 5, 12}, true, true, false},       {{1, 3, 1, 2056}, true, false, false},
    {{3, 7, 5, 12}, true, true, false, true}, {{128, 32, 32, 16}, true, false, true},
    {{128, 32, 32, 16}, true, true, true},    {{128, 16, 16, 32}, true, true, true},
    {{128, 8, 8, 64}, true, true, true},      {{128, 16, 16, 32}, false, false, true}};

struct BatchNormTensors {
  DType type;  // of the activations
  Tensor x, gamma, beta, residual, y, dy, dx, dresidual, dgamma, dbeta, mean, rstd, running_mean, running_var;
  reference::BatchNorm reference;

  BatchNormTensors(Queue q, const BatchNormRow& r, DType t)
      : type(t),
        x(random_tensor(q, r.x, 1, 2.0f, 3.0f, t)),
        gamma(random_tensor(q, {r.x[3]}, 2)),
        beta(random_tensor(q, {r.x[3]}, 3)),
        residual(r.residual ? random_tensor(q, r.x, 4, 0, 1, t) : Tensor{}),
        y(Tensor::empty(q.device, t, r.x)),
        dy(random_tensor(q, r.x, 5, 0, 1, t)),
        dx(Tensor::empty(q.device, t, r.x)),
        dresidual(r.residual ? Tensor::empty(q.device, t, r.x) : Tensor{}),
        reference{size_t(x.view().rows()), size_t(r.x[3]), r.relu} {
    for (Tensor* v : {&dgamma, &dbeta, &mean, &rstd}) *v = Tensor::empty(q.device, DType::f32, {r.x[3]});
    running_mean = random_tensor(q, {r.x[3]}, 6);
    running_var = random_tensor(q, {r.x[3]}, 7, 4.0f, 0.5f);
  }
  Numbers residual_numbers() const { return residual.defined() ? to_numbers(residual) : Numbers{}; }
};

std::string name(const char* op, const BatchNormRow& r, DType t) {
  return fmt::format("{}/{}{}{}{}{}", op, name_of(r.x), r.residual ? "+residual" : "", r.relu ? "+relu" : "",
                     r.again ? "+again" : "", suffix_of(t));
}

BoundCase bind_batch_norm_forward(Queue q, const BatchNormRow& r, DType type) {
  auto t = std::make_shared<BatchNormTensors>(q, r, type);
  const Numbers mean0 = to_numbers(t->running_mean), var0 = to_numbers(t->running_var);
  const double m = double(t->x.view().rows());
  auto run = [=] {
    q.run(cpu::copy_from_host, cuda::copy_from_host, std::vector<float>(mean0.begin(), mean0.end()).data(),
          t->running_mean);
    q.run(cpu::copy_from_host, cuda::copy_from_host, std::vector<float>(var0.begin(), var0.end()).data(),
          t->running_var);
    q.run(cpu::batch_norm_forward, cuda::batch_norm_forward, t->x, t->gamma, t->beta, t->residual, r.relu, 1e-5f,
          r.again ? BatchNormRunning{} : BatchNormRunning{t->running_mean, t->running_var, 0.1f}, t->y,
          BatchNormStats{t->mean, t->rstd});
  };
  auto moments = [t] { return t->reference.moments(to_numbers(t->x)); };
  auto blend = [r](Numbers old, const Numbers& now, double scale) {
    for (size_t i = 0; i < old.size() && !r.again; ++i) old[i] = 0.9 * old[i] + 0.1 * scale * now[i];
    return old;
  };
  return {run,
          {expect(
               "y", t->y,
               [=] {
                 return t->reference.apply(to_numbers(t->x), to_numbers(t->gamma), to_numbers(t->beta),
                                           t->residual_numbers(), moments());
               },
               tolerance_of(type)),
           expect("running_mean", t->running_mean, [=] { return blend(mean0, moments().mean, 1); }),
           expect("running_var", t->running_var, [=] { return blend(var0, moments().var, m > 1 ? m / (m - 1) : 1); })}};
}

BoundCase bind_batch_norm_inference(Queue q, const BatchNormRow& r, DType type) {
  auto t = std::make_shared<BatchNormTensors>(q, r, type);
  auto run = [=] {
    q.run(cpu::batch_norm_inference, cuda::batch_norm_inference, t->x, t->gamma, t->beta, t->residual, r.relu, 1e-5f,
          BatchNormRunning{t->running_mean, t->running_var}, t->y);
  };
  return {run,
          {expect(
              "y", t->y,
              [=] {
                return t->reference.apply(to_numbers(t->x), to_numbers(t->gamma), to_numbers(t->beta),
                                          t->residual_numbers(),
                                          {to_numbers(t->running_mean), to_numbers(t->running_var)});
              },
              tolerance_of(type))}};
}

BoundCase bind_batch_norm_backward(Queue q, const BatchNormRow& r, DType type) {
  auto t = std::make_shared<BatchNormTensors>(q, r, type);
  q.run(cpu::batch_norm_forward, cuda::batch_norm_forward, t->x, t->gamma, t->beta, t->residual, r.relu, 1e-5f,
        BatchNormRunning{t->running_mean, t->running_var}, t->y, BatchNormStats{t->mean, t->rstd});
  auto run = [=] {
    q.run(cpu::batch_norm_backward, cuda::batch_norm_backward, t->x, t->gamma, t->beta, r.residual ? t->y : Tensor{},
          r.relu, BatchNormStats{t->mean, t->rstd}, t->dy, t->dx, t->dresidual, t->dgamma, t->dbeta);
  };
  using Gradients = reference::BatchNorm::Gradients;
  auto part = [t](Numbers Gradients::*member) {
    return [t, member] {
      return t->reference.backward(to_numbers(t->x), to_numbers(t->gamma), to_numbers(t->beta), t->residual_numbers(),
                                   to_numbers(t->dy)).*
             member;
    };
  };
  BoundCase bound{
      run,
      {expect("dx", t->dx, part(&Gradients::dx), tolerance_of(type)),
       expect("dgamma", t->dgamma, part(&Gradients::dgamma)), expect("dbeta", t->dbeta, part(&Gradients::dbeta))}};
  if (r.residual)
    bound.outputs.push_back(expect("dresidual", t->dresidual, part(&Gradients::dresidual), 0));  // dy or zero
  return bound;
}

}  // namespace

std::vector<OpCase> batch_norm_cases() {
  std::vector<OpCase> cases;
  for (const BatchNormRow& r : kBatchNormRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      const double n = double(size_of(t)) * double(r.x.numel());  // bytes of one tensor
      const bool cuda_only = t == DType::bf16;
      cases.push_back({name("batch_norm_forward", r, t), r.timed, 0, n * (r.residual ? 4 : 3),
                       [=](Queue q) { return bind_batch_norm_forward(q, r, t); }, cuda_only});
      if (r.again) continue;
      if (!r.timed || r.residual)
        cases.push_back({name("batch_norm_inference", r, t), r.timed, 0, n * (r.residual ? 3 : 2),
                         [=](Queue q) { return bind_batch_norm_inference(q, r, t); }, cuda_only, true});
      cases.push_back({name("batch_norm_backward", r, t), r.timed, 0, n * (r.residual ? 7 : 5),
                       [=](Queue q) { return bind_batch_norm_backward(q, r, t); }, cuda_only});
    }
  return cases;
}

std::vector<GradientCase> batch_norm_gradients() {
  std::vector<GradientCase> cases;
  for (const bool relu : {false, true}) {
    const reference::BatchNorm bn{6, 2, relu};
    cases.push_back({relu ? "batch_norm+residual+relu" : "batch_norm+residual",
                     {random_numbers(12, 1), random_numbers(2, 2), random_numbers(2, 3), random_numbers(12, 4)},
                     [bn](const auto& in) { return bn.apply(in[0], in[1], in[2], in[3], bn.moments(in[0])); },
                     [bn](const auto& in, const Numbers& dy) {
                       auto d = bn.backward(in[0], in[1], in[2], in[3], dy);
                       return std::vector<Numbers>{d.dx, d.dgamma, d.dbeta, d.dresidual};
                     }});
  }
  return cases;
}

}  // namespace skein
