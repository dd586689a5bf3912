#include "engine/onnx/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "engine/torch_layout.h"

namespace skein {
namespace {

const char* begin_of(View v) { return v.as<const char>(); }
const char* end_of(View v) { return begin_of(v) + v.bytes(); }

bool same_shape(View a, View b) { return std::equal(a.dims, a.dims + 4, b.dims); }

std::string before(const std::string& text, char separator) { return text.substr(0, text.rfind(separator)); }

}  // namespace

OnnxTrace::OnnxTrace(const ParameterStore& p, View images) : batch_(images.dims[0]) {
  add_parameters(p.specs(), p.segments(), p.value);
  add_parameters(p.running_specs(), p.running_segments(), p.running_statistics);
  graph_.input = {kOnnxInput, {images.dims[3], images.dims[1], images.dims[2]}};
  write(images, kOnnxInput);
}

void OnnxTrace::add_parameters(const std::vector<ParameterSpec>& specs, const std::vector<Segment>& segments,
                               const Tensor& flat) {
  for (size_t i = 0; i < specs.size(); ++i) {
    const Tensor slice = flat.slice(segments[i].begin, {segments[i].count});
    parameters_[slice.view().data] = {specs[i].name, specs[i].shape, slice};
  }
}

// The entry for memory that is written now. What overlaps it is gone.
OnnxTrace::Stored& OnnxTrace::overwrite(View memory) {
  auto first = memory_.lower_bound(begin_of(memory));
  if (first != memory_.begin() && end_of(std::prev(first)->second.memory) > begin_of(memory)) --first;
  memory_.erase(first, memory_.lower_bound(end_of(memory)));
  return memory_[begin_of(memory)] = {memory, {}, {}, {}};
}

const OnnxTrace::Stored& OnnxTrace::stored(View memory) const {
  const auto found = memory_.find(begin_of(memory));
  if (found == memory_.end() || !same_shape(found->second.memory, memory))
    throw BadInput(
        "--to onnx: the network reads {} x {} x {} x {} numbers that no op has written in this shape. Use --to torch",
        memory.dims[0], memory.dims[1], memory.dims[2], memory.dims[3]);
  return found->second;
}

const std::string& OnnxTrace::value(View memory) const {
  const Stored& found = stored(memory);
  CHECK(!found.value.empty(), "a buffer of appended channels is read as one value");
  return found.value;
}

void OnnxTrace::write(View memory, const std::string& value) { overwrite(memory).value = value; }

void OnnxTrace::append(View buffer, int64_t first, View x) {
  const std::string part = value(x);
  Stored* to = first == 0 ? &overwrite(buffer) : &memory_.at(begin_of(stored(buffer).memory));
  CHECK(first == (to->ends.empty() ? 0 : to->ends.back()), "channels are appended at {}, not behind the last", first);
  to->parts.push_back(part);
  to->ends.push_back(first + x.channels());
}

std::vector<std::string> OnnxTrace::parts(View buffer, int64_t channels) const {
  const Stored& from = stored(buffer);
  const auto end = std::find(from.ends.begin(), from.ends.end(), channels);
  CHECK(end != from.ends.end(), "{} channels of a buffer are read, which end within an appended part", channels);
  return {from.parts.begin(), from.parts.begin() + (end - from.ends.begin()) + 1};
}

std::string OnnxTrace::constant(View parameter) {
  const auto found = parameters_.find(parameter.data);
  if (found == parameters_.end() || found->second.numbers.numel() != parameter.numel())
    throw BadInput("--to onnx: the network reads a weight that is not one of its parameters. Use --to torch");
  const auto& [name, shape, numbers] = found->second;
  if (graph_.constants.contains(name)) return name;
  std::vector<float> reordered(size_t(numbers.numel()));
  const float* from = numbers.as<const float>();
  for_torch_order(shape, numbers.numel(), [&](int64_t own, int64_t torch) { reordered[size_t(torch)] = from[own]; });
  graph_.constants[name] = {torch_shape(shape), std::move(reordered)};
  layers_[name] = before(name, '.');
  return unused(name);
}

std::string OnnxTrace::constant(const std::string& name, std::vector<int64_t> numbers) {
  const std::string own = unused(name);
  graph_.constants[own] = {{int64_t(numbers.size())}, std::move(numbers)};
  return own;
}

std::string OnnxTrace::unused(const std::string& name) {
  std::string own = name;
  for (int i = 2; !names_.insert(own).second; ++i) own = fmt::format("{}_{}", name, i);
  return own;
}

std::string OnnxTrace::node(const std::string& op, std::vector<std::string> inputs,
                            std::vector<OnnxAttribute> attributes) {
  std::string name = before(inputs.front(), '/') + "/" + op;
  for (const std::string& input : inputs)
    if (const auto layer = layers_.find(input); layer != layers_.end()) name = layer->second;
  name = unused(name);
  graph_.nodes.push_back({op, std::move(inputs), std::move(attributes), name});
  return name;
}

OnnxGraph OnnxTrace::finish(View logits) && {
  const std::string last = value(logits);
  for (OnnxNode& node : graph_.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), last, std::string(kOnnxOutput));
    if (node.name == last) node.name = kOnnxOutput;
  }
  graph_.output = {kOnnxOutput, {logits.channels()}};
  return std::move(graph_);
}

}  // namespace skein
