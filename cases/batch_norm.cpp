#include "kernels/batch_norm.h"

#include <fmt/format.h>

#include "cases/op_case.h"
#include "kernels/reference/batch_norm.h"
#include "kernels/reference/conv.h"

namespace skein {
namespace {

struct BatchNormRow {
  Shape x;
  bool relu = false, residual = false, timed = false;
  bool again = false;  // forward without running statistics, which are not updated
};

// Channels that fill a wide access, half of one, none; more than a block is wide.
const std::vector<BatchNormRow> kBatchNormRows = {
    {.x = {2, 3, 5, 1}},
    {.x = {3, 5, 7, 3}, .relu = true},
    {.x = {2, 4, 4, 16}, .relu = true, .residual = true},
    {.x = {4, 9, 5, 17}, .residual = true},
    {.x = {1, 1, 2, 300}, .relu = true, .residual = true},
    {.x = {16, 16, 16, 16}, .relu = true},
    {.x = {3, 7, 5, 12}, .relu = true, .residual = true},
    {.x = {1, 3, 1, 2056}, .relu = true},
    {.x = {3, 7, 5, 12}, .relu = true, .residual = true, .again = true},
    {.x = {128, 32, 32, 16}, .relu = true, .timed = true},
    {.x = {128, 32, 32, 16}, .relu = true, .residual = true, .timed = true},
    {.x = {128, 16, 16, 32}, .relu = true, .residual = true, .timed = true},
    {.x = {128, 8, 8, 64}, .relu = true, .residual = true, .timed = true},
    {.x = {128, 16, 16, 32}, .timed = true}};

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

std::string name(const char* op, const BatchNormRow& r) {
  return fmt::format("{}/{}{}{}{}", op, name_of(r.x), r.residual ? "+residual" : "", r.relu ? "+relu" : "",
                     r.again ? "+again" : "");
}

BoundCase bind_batch_norm_forward(Queue q, const BatchNormRow& r, DType type) {
  auto t = std::make_shared<BatchNormTensors>(q, r, type);
  const Numbers mean0 = to_numbers(t->running_mean), var0 = to_numbers(t->running_var);
  const double m = double(t->x.view().rows());
  auto run = [=](Queue q) {
    q.run(kernel::batch_norm_forward, t->x, t->gamma, t->beta, t->residual, r.relu, 1e-5f,
          r.again ? BatchNormRunning{} : BatchNormRunning{t->running_mean, t->running_var, 0.1f}, t->y,
          BatchNormStats{t->mean, t->rstd});
  };
  auto moments = [t] { return t->reference.moments(to_numbers(t->x)); };
  auto blend = [r](Numbers old, const Numbers& now, double scale) {
    for (size_t i = 0; i < old.size() && !r.again; ++i) old[i] = 0.9 * old[i] + 0.1 * scale * now[i];
    return old;
  };
  return {q,
          run,
          {expect("y", t->y, tolerance_of(type),
                  [=] {
                    return t->reference.apply(to_numbers(t->x), to_numbers(t->gamma), to_numbers(t->beta),
                                              t->residual_numbers(), moments());
                  }),
           expect("running_mean", t->running_mean, [=] { return blend(mean0, moments().mean, 1); }),
           expect("running_var", t->running_var, [=] { return blend(var0, moments().var, m > 1 ? m / (m - 1) : 1); })}};
}

BoundCase bind_batch_norm_inference(Queue q, const BatchNormRow& r, DType type) {
  auto t = std::make_shared<BatchNormTensors>(q, r, type);
  auto run = [=](Queue q) {
    q.run(kernel::batch_norm_inference, t->x, t->gamma, t->beta, t->residual, r.relu, 1e-5f,
          BatchNormRunning{t->running_mean, t->running_var}, t->y);
  };
  return {q, run, {expect("y", t->y, tolerance_of(type), [=] {
            return t->reference.apply(to_numbers(t->x), to_numbers(t->gamma), to_numbers(t->beta),
                                      t->residual_numbers(), {to_numbers(t->running_mean), to_numbers(t->running_var)});
          })}};
}

BoundCase bind_batch_norm_backward(Queue q, const BatchNormRow& r, DType type) {
  auto t = std::make_shared<BatchNormTensors>(q, r, type);
  q.run(kernel::batch_norm_forward, t->x, t->gamma, t->beta, t->residual, r.relu, 1e-5f,
        BatchNormRunning{t->running_mean, t->running_var}, t->y, BatchNormStats{t->mean, t->rstd});
  auto run = [=](Queue q) {
    q.run(kernel::batch_norm_backward, t->x, t->gamma, t->beta, r.residual ? t->y : Tensor{}, r.relu,
          BatchNormStats{t->mean, t->rstd}, t->dy, t->dx, t->dresidual, t->dgamma, t->dbeta);
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
      q,
      run,
      {expect("dx", t->dx, tolerance_of(type), part(&Gradients::dx)),
       expect("dgamma", t->dgamma, part(&Gradients::dgamma)), expect("dbeta", t->dbeta, part(&Gradients::dbeta))}};
  if (r.residual)
    bound.outputs.push_back(expect("dresidual", t->dresidual, 0, part(&Gradients::dresidual)));  // dy or zero
  return bound;
}

void batch_norm_cases(OpCases& cases) {
  for (const BatchNormRow& r : kBatchNormRows)
    for (const DType t : {DType::f32, DType::bf16}) {
      cases.add(name("batch_norm_forward", r), r.timed, bind_batch_norm_forward, r, t);
      if (r.again) continue;
      if (!r.timed || r.residual)
        cases.add(name("batch_norm_inference", r), r.timed, bind_batch_norm_inference, r, t).same_bits = true;
      cases.add(name("batch_norm_backward", r), r.timed, bind_batch_norm_backward, r, t);
    }
}

GradientCase batch_norm_gradient(bool residual, bool relu) {
  const reference::BatchNorm bn{6, 2, relu};
  GradientCase c{
      std::string("batch_norm") + (residual ? "+residual" : "") + (relu ? "+relu" : ""),
      {{2, 3, 1, 2}, {2}, {2}},
      [=](const auto& in) { return bn.apply(in[0], in[1], in[2], residual ? in[3] : Numbers{}, bn.moments(in[0])); },
      [=](const auto& in, const Numbers& dy) {
        auto d = bn.backward(in[0], in[1], in[2], residual ? in[3] : Numbers{}, dy);
        std::vector<Numbers> gradients{d.dx, d.dgamma, d.dbeta};
        if (residual) gradients.push_back(d.dresidual);
        return gradients;
      },
      [=](Tape& t, const auto& in) {
        return std::vector<Var>{
            batch_norm(in[0], in[1], in[2], zero_statistics(t, 2), relu, residual ? in[3] : nullptr)};
      }};
  if (residual) c.inputs.push_back(c.inputs[0]);
  return c;
}

std::vector<GradientCase> batch_norm_gradients() {
  std::vector<GradientCase> cases;
  for (const bool residual : {false, true})
    for (const bool relu : {false, true}) cases.push_back(batch_norm_gradient(residual, relu));
  // Batch norm and ReLU before a convolution: x, gamma, beta, w.
  const reference::Conv conv{{2, 3, 3, 2}, {3, 3, 3, 2}, {1, 1}};
  const reference::BatchNorm bn{18, 2, true};
  const auto normal = [bn](const auto& in) { return bn.apply(in[0], in[1], in[2], {}, bn.moments(in[0])); };
  cases.push_back({"batch_norm_conv",
                   {conv.x, {2}, {2}, conv.w},
                   [=](const auto& in) { return conv.forward(normal(in), in[3]); },
                   [=](const auto& in, const Numbers& dy) {
                     auto d = bn.backward(in[0], in[1], in[2], {}, conv.backward_data(dy, in[3]));
                     return std::vector<Numbers>{d.dx, d.dgamma, d.dbeta, conv.backward_weights(normal(in), dy)};
                   },
                   [=](Tape& t, const auto& in) {
                     return std::vector<Var>{
                         batch_norm_conv(in[0], in[1], in[2], zero_statistics(t, 2), in[3], conv.g)};
                   }});
  return cases;
}

const RegisterCases batch_norm_table{"batch_norm", batch_norm_cases, batch_norm_gradients};

}  // namespace
}  // namespace skein
