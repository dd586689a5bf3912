#include "engine/parameters.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "kernels/cast.h"

namespace skein {
namespace {

constexpr int64_t kSegmentAlignment = 64;

int64_t numel(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

Shape to_shape(const std::vector<int64_t>& dims) {
  Shape s;
  std::copy(dims.begin(), dims.end(), s.dims.end() - std::ptrdiff_t(dims.size()));
  return s;
}

float draw(const Init& init, uint64_t seed, uint32_t item, uint32_t index) {
  if (init.kind == Init::zeros) return 0.0f;
  if (init.kind == Init::ones) return 1.0f;
  const RandomWords w = random_words(seed, Purpose::init, 0, item, index);
  return float(init.scale * (init.kind == Init::normal ? normal(w[0], w[1]) : 2.0 * double(uniform(w[0])) - 1.0));
}

}  // namespace

Var ParameterStore::Group::add(ParameterSpec spec, bool needs_grad) {
  CHECK(spec.shape.size() <= 4, "{} has {} dimensions", spec.name, spec.shape.size());
  for (const auto& other : specs) CHECK(other.name != spec.name, "two parameters are called {}", spec.name);
  items.push_back(uint32_t(specs.size()));
  specs.push_back(std::move(spec));
  vars.push_back(std::make_shared<Variable>());
  vars.back()->needs_grad = needs_grad;
  return vars.back();
}

void ParameterStore::Group::move(size_t i, Group& to) {
  const auto at = std::ptrdiff_t(i);
  to.specs.push_back(std::move(specs[i]));
  to.vars.push_back(std::move(vars[i]));
  to.items.push_back(items[i]);
  specs.erase(specs.begin() + at);
  vars.erase(vars.begin() + at);
  items.erase(items.begin() + at);
}

void ParameterStore::Group::lay_out() {
  segments.resize(specs.size());
  for (const bool decay : {true, false})
    for (size_t i = 0; i < specs.size(); ++i) {
      if (specs[i].decay != decay) continue;
      segments[i] = {size, numel(specs[i].shape)};
      size += (segments[i].count + kSegmentAlignment - 1) / kSegmentAlignment * kSegmentAlignment;
    }
}

std::vector<float> ParameterStore::Group::initial(uint64_t seed, uint32_t first_item) const {
  std::vector<float> flat(size_t(size), 0.0f);
  for (size_t i = 0; i < specs.size(); ++i)
    for (int64_t j = 0; j < segments[i].count; ++j)
      flat[size_t(segments[i].begin + j)] = draw(specs[i].init, seed, first_item + items[i], uint32_t(j));
  return flat;
}

void ParameterStore::Group::bind(const Tensor& flat, Tensor Variable::*member) {
  for (size_t i = 0; i < specs.size(); ++i) *vars[i].*member = flat.slice(segments[i].begin, to_shape(specs[i].shape));
}

Var ParameterStore::add(ParameterSpec spec) { return parameters_.add(std::move(spec), true); }

RunningStatistics ParameterStore::add_running_statistics(const std::string& name, int64_t channels) {
  Var mean = running_.add({name + ".running_mean", {channels}, {Init::zeros}}, false);
  return {mean, running_.add({name + ".running_var", {channels}, {Init::ones}}, false)};
}

std::vector<std::pair<Segment, Segment>> ParameterStore::running_pairs() const {
  std::vector<std::pair<Segment, Segment>> pairs;
  for (size_t i = 0; i + 1 < running_.segments.size(); i += 2)
    pairs.emplace_back(running_.segments[i], running_.segments[i + 1]);
  return pairs;
}

void ParameterStore::freeze(const std::function<bool(const std::string&)>& is_frozen) {
  running_items_ = uint32_t(specs().size());
  for (Group* from : {&parameters_, &running_})
    for (size_t i = 0; i < from->specs.size();) {
      const std::string& name = from->specs[i].name;
      if (!is_frozen(name.substr(0, name.rfind('.')))) {
        ++i;
        continue;
      }
      from->vars[i]->needs_grad = false;
      if (from == &parameters_)
        frozen_count_ += numel(from->specs[i].shape);
      else
        from->items[i] += running_items_;
      from->move(i, frozen_);
    }
}

void ParameterStore::lay_out() {
  parameters_.lay_out();
  running_.lay_out();
  running_.size = std::max(running_.size, kSegmentAlignment);  // all frozen: padding alone, as no tensor is empty
  frozen_.lay_out();
  if (running_items_ == 0) running_items_ = uint32_t(specs().size());
  for (size_t i = 0; i < specs().size(); ++i)
    if (specs()[i].decay)
      decayed_ = std::max(decayed_, segments()[i].begin + (segments()[i].count + kSegmentAlignment - 1) /
                                                              kSegmentAlignment * kSegmentAlignment);
}

void ParameterStore::bind() {
  parameters_.bind(value, &Variable::value);
  parameters_.bind(grad, &Variable::grad);
  running_.bind(running_statistics, &Variable::value);
  if (frozen.defined()) frozen_.bind(frozen, &Variable::value);
  if (frozen_shadow_.defined()) frozen_.bind(frozen_shadow_, &Variable::shadow);
  if (shadow.defined()) parameters_.bind(shadow, &Variable::shadow);
}

void ParameterStore::plan(DType activations) {
  lay_out();
  for (Tensor* flat : {&value, &grad, &velocity}) *flat = Tensor::meta(Device::cpu, DType::f32, {parameters_.size});
  running_statistics = Tensor::meta(Device::cpu, DType::f32, {running_.size});
  if (activations == DType::bf16) shadow = Tensor::meta(Device::cpu, DType::bf16, {parameters_.size});
  bind();
}

void ParameterStore::build(Device device, uint64_t seed, DType activations) {
  lay_out();
  value = Tensor::from(device, parameters_.initial(seed, 0), {parameters_.size});
  grad = Tensor::zeros(device, DType::f32, {parameters_.size});
  velocity = Tensor::zeros(device, DType::f32, {parameters_.size});
  running_statistics = Tensor::from(device, running_.initial(seed, running_items_), {running_.size});
  if (activations == DType::bf16) shadow = Tensor::empty(device, DType::bf16, {parameters_.size});
  if (frozen_.size > 0) {
    frozen = Tensor::from(device, frozen_.initial(seed, 0), {frozen_.size});
    if (activations == DType::bf16) frozen_shadow_ = Tensor::empty(device, DType::bf16, {frozen_.size});
  }
  bind();
  refresh_shadow();
}

void ParameterStore::add_second_moment() {
  second_moment = Tensor::zeros(value.device(), DType::f32, value.shape());
  updates = Tensor::zeros(value.device(), DType::f32, {1});
}

void ParameterStore::refresh_shadow(Stream stream) {
  if (!shadow.defined()) return;
  const Queue queue{value.device(), stream};
  queue.run(kernel::cast, value, shadow);
  if (frozen.defined()) queue.run(kernel::cast, frozen, frozen_shadow_);
  if (!stream) queue.run(kernel::synchronize);
}

int64_t ParameterStore::count() const {
  int64_t total = 0;
  for (const Segment& s : segments()) total += s.count;
  return total;
}

}  // namespace skein
