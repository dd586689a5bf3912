#include "tests/standin/cudnn_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace skein::standin {
namespace {

using Values = std::vector<float>;  // dense, channels last

float from_bf16(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

uint16_t to_bf16(float value) {  // to nearest, ties to even
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  if (value != value) return uint16_t(bits >> 16 | 64);
  return uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// Calls f(offset in memory) for every element, channels fastest.
template <class F>
void for_elements(const ProgramTensor& t, F&& f) {
  for (int64_t n = 0; n < t.dims[0]; ++n)
    for (int64_t h = 0; h < t.dims[2]; ++h)
      for (int64_t w = 0; w < t.dims[3]; ++w)
        for (int64_t c = 0; c < t.dims[1]; ++c)
          f(n * t.strides[0] + c * t.strides[1] + h * t.strides[2] + w * t.strides[3]);
}

Values load(const ProgramTensor& t, const void* memory) {
  Values all;
  all.reserve(size_t(t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]));
  for_elements(t, [&](int64_t i) {
    all.push_back(t.bf16 ? from_bf16(static_cast<const uint16_t*>(memory)[i]) : static_cast<const float*>(memory)[i]);
  });
  return all;
}

void store(const ProgramTensor& t, const Values& values, void* memory) {
  const float* next = values.data();
  for_elements(t, [&](int64_t i) {
    if (t.bf16)
      static_cast<uint16_t*>(memory)[i] = to_bf16(*next++);
    else
      static_cast<float*>(memory)[i] = *next++;
  });
}

// Calls f(offset in x, in w, in y), offsets of rows of channels, for every pixel of y and every tap of the filter that
// lies within the image.
template <class F>
void for_taps(const ProgramOperation& o, const ProgramTensor& x, const ProgramTensor& w, const ProgramTensor& y,
              F&& f) {
  const int64_t channels = x.dims[1], out = y.dims[1];
  for (int64_t n = 0; n < y.dims[0]; ++n)
    for (int64_t p = 0; p < y.dims[2]; ++p)
      for (int64_t q = 0; q < y.dims[3]; ++q)
        for (int64_t r = 0; r < w.dims[2]; ++r)
          for (int64_t s = 0; s < w.dims[3]; ++s) {
            const int64_t a = p * o.stride + r - o.padding, b = q * o.stride + s - o.padding;
            if (a < 0 || a >= x.dims[2] || b < 0 || b >= x.dims[3]) continue;
            f(((n * x.dims[2] + a) * x.dims[3] + b) * channels, (r * w.dims[3] + s) * channels,
              ((n * y.dims[2] + p) * y.dims[3] + q) * out);
          }
}

Values round(const std::vector<double>& sums) { return {sums.begin(), sums.end()}; }

}  // namespace

int64_t ProgramTensor::span() const {
  int64_t last = 0;
  for (size_t i = 0; i < 4; ++i) last += (dims[i] - 1) * strides[i];
  return last + 1;
}

bool Program::writes(int64_t uid) const {
  return std::any_of(operations_.begin(), operations_.end(), [&](const ProgramOperation& o) {
    return uid == (o.kind == "CONVOLUTION_BACKWARD_DATA" ? o.x : o.kind == "CONVOLUTION_BACKWARD_FILTER" ? o.w : o.y);
  });
}

namespace {

// sums += value * factors. Not sanitized, so that it is vectorised; its operands are the program's own copies.
__attribute__((no_sanitize("address", "undefined"), noinline, optimize("O3"))) void multiply_add(double* sums,
                                                                                                 double value,
                                                                                                 const float* factors,
                                                                                                 int64_t n) {
  for (int64_t i = 0; i < n; ++i) sums[i] += value * factors[i];
}

// Forward. Weights are (k, r, s, c); a copy with k fastest lets the inner loop run along the outputs.
void forward(const ProgramOperation& o, const ProgramTensor& x, const ProgramTensor& w, const ProgramTensor& y,
             const Values& xs, const Values& ws, Values& ys) {
  const int64_t channels = x.dims[1], out = y.dims[1], row = w.dims[2] * w.dims[3] * channels;
  Values transposed(ws.size());
  for (int64_t k = 0; k < out; ++k)
    for (int64_t i = 0; i < row; ++i) transposed[size_t(i * out + k)] = ws[size_t(k * row + i)];
  std::vector<double> sums(ys.size());
  for_taps(o, x, w, y, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
    for (int64_t c = 0; c < channels; ++c)
      multiply_add(sums.data() + at_y, xs[size_t(at_x + c)], transposed.data() + (at_w + c) * out, out);
  });
  ys = round(sums);
}

// Backward: dx += dy w or dw += dy x. The inner loop runs along the channels of x.
void backward(const ProgramOperation& o, const ProgramTensor& x, const ProgramTensor& w, const ProgramTensor& y,
              Values& xs, Values& ws, const Values& ys) {
  const bool data = o.kind == "CONVOLUTION_BACKWARD_DATA";
  const int64_t channels = x.dims[1], out = y.dims[1], row = w.dims[2] * w.dims[3] * channels;
  std::vector<double> sums(data ? xs.size() : ws.size());
  for_taps(o, x, w, y, [&](int64_t at_x, int64_t at_w, int64_t at_y) {
    for (int64_t k = 0; k < out; ++k) {
      const float* factors = data ? ws.data() + k * row + at_w : xs.data() + at_x;
      multiply_add(sums.data() + (data ? at_x : k * row + at_w), ys[size_t(at_y + k)], factors, channels);
    }
  });
  (data ? xs : ws) = round(sums);
}

void pointwise(const ProgramOperation& o, const ProgramTensor& y, const Values& in, const Values& second, Values& out) {
  for (size_t i = 0; i < out.size(); ++i) {
    const float value = in.at(i);
    if (o.mode == "ADD")
      out[i] = value + second.at(i % size_t(y.dims[1]));  // a bias: one number per channel
    else if (o.mode == "RELU_FWD")
      out[i] = value < 0 ? 0 : value;
    else
      out[i] = value;
  }
}

}  // namespace

void Program::run(const std::map<int64_t, void*>& memory) const {
  std::map<int64_t, Values> values;
  for (const auto& [uid, t] : tensors_) {
    const auto elements = size_t(t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3]);
    values[uid] = t.is_virtual || writes(uid) ? Values(elements, NAN) : load(t, memory.at(uid));
  }
  for (const ProgramOperation& o : operations_) {
    const auto tensor = [&](int64_t uid) -> const ProgramTensor& { return tensors_.at(uid); };
    if (o.kind == "CONVOLUTION_FORWARD")
      forward(o, tensor(o.x), tensor(o.w), tensor(o.y), values.at(o.x), values.at(o.w), values.at(o.y));
    else if (o.kind == "POINTWISE")
      pointwise(o, tensor(o.y), values.at(o.x), o.b ? values.at(o.b) : Values(), values.at(o.y));
    else
      backward(o, tensor(o.x), tensor(o.w), tensor(o.y), values.at(o.x), values.at(o.w), values.at(o.y));
  }
  for (const auto& [uid, t] : tensors_)
    if (writes(uid) && !t.is_virtual) store(t, values.at(uid), memory.at(uid));
}

namespace {

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const auto first = reinterpret_cast<uintptr_t>(a), second = reinterpret_cast<uintptr_t>(b);
  return first < second + b_bytes && second < first + a_bytes;
}

std::string fault_of(const Execution& execution, int64_t uid, void* memory) {
  const auto& tensors = execution.program->tensors();
  const auto t = tensors.find(uid);
  if (t == tensors.end() || t->second.is_virtual) return fmt::format("the plan has no tensor {}", uid);
  const auto bytes = size_t(t->second.bytes());
  if (!memory) return fmt::format("tensor {} is null", uid);
  if (reinterpret_cast<uintptr_t>(memory) % uintptr_t(t->second.alignment))
    return fmt::format("tensor {} is misaligned", uid);
  if (overlap(memory, bytes, execution.workspace, execution.workspace_bytes))
    return fmt::format("tensor {} lies in the workspace", uid);
  for (const auto& [other, its] : execution.memory)
    if (other != uid && execution.program->writes(uid) && tensors.contains(other) &&
        overlap(memory, bytes, its, size_t(tensors.at(other).bytes())))
      return fmt::format("tensors {} and {} overlap", uid, other);
  return {};
}

}  // namespace

std::string fault_of(const Execution& execution, const std::vector<int64_t>& uids, const std::vector<void*>& pointers) {
  if (uids.size() != pointers.size()) return "uids and pointers of a variant pack differ in number";
  if (execution.memory.size() != uids.size()) return "a variant pack names a uid twice";
  if (execution.workspace_bytes && !execution.workspace)
    return fmt::format("no workspace, {} bytes needed", execution.workspace_bytes);
  for (const auto& [uid, memory] : execution.memory)
    if (const std::string fault = fault_of(execution, uid, memory); !fault.empty()) return fault;
  for (const auto& [uid, t] : execution.program->tensors())
    if (!t.is_virtual && !execution.memory.contains(uid)) return fmt::format("tensor {} has no pointer", uid);
  return {};
}

void run_execution(void* data) {
  const Execution& execution = *static_cast<const Execution*>(data);
  if (execution.workspace_bytes) std::memset(execution.workspace, 0xff, execution.workspace_bytes);  // not-a-numbers
  execution.program->run(execution.memory);
  if (execution.workspace_bytes) std::memset(execution.workspace, 0xff, execution.workspace_bytes);
}

}  // namespace skein::standin
