#include "local_sgd/compressor.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"
#include "local_sgd/averaging_traffic.h"

namespace skein {
namespace {

struct Name {
  const char* text;
  Compression compression;
};
constexpr Name kNames[] = {
    {"none", {}},
    {"bf16", {Compression::bf16}},
    {"sign", {Compression::sign}},
    {"ef-sign", {Compression::sign, {.error_feedback = true}}},
    {"sign:mean-of-means", {Compression::sign, {.mean_of_means = true}}},
    {"ef-sign:mean-of-means", {Compression::sign, {.error_feedback = true, .mean_of_means = true}}},
    {"ef-sign:two-way", {Compression::sign, {.error_feedback = true, .two_way = true}}}};
// With and without error feedback they send the same.
constexpr const char* kByBlocks[] = {"q8",         "q4",         "q2",         "topk:0.01",
                                     "q8:two-way", "q4:two-way", "q2:two-way", "topk:0.01:two-way"};

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  for (size_t colon; (colon = text.find(':')) != text.npos; text.remove_prefix(colon + 1))
    parts.emplace_back(text.substr(0, colon));
  parts.emplace_back(text);
  return parts;
}

template <class Number>
bool read(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

TopK top_k_of(std::string_view whole, const std::string& fraction) {
  double f = 0;
  if (!read(fraction, f) || !(f > 0 && f <= 1))
    throw BadInput("compression '{}': '{}' is not a fraction above 0 and at most 1; give for example topk:0.01", whole,
                   fraction);
  const int64_t k = std::llround(f * double(TopK::kBlock));
  if (k == 0)
    throw BadInput("compression '{}': of {} numbers, a block, {} is none; give at least topk:{:.2g}", whole,
                   TopK::kBlock, fraction, 1.0 / double(TopK::kBlock));
  return {k};
}

int64_t block_of(std::string_view whole, std::string_view size) {
  Quantiser q;
  if (!read(size, q.block) || !q.is_valid())
    throw BadInput("compression '{}': block={} is not a multiple of 32 from 32 to {}", whole, size,
                   Quantiser::kLargestBlock);
  return q.block;
}

// Forms by blocks; false if the text is none of them.
bool parse_by_blocks(std::string_view whole, Compression& c) {
  constexpr std::string_view kFeedback = "ef-", kBlock = "block=";
  std::string_view text = whole;
  c.options.error_feedback = text.starts_with(kFeedback);
  if (c.options.error_feedback) text.remove_prefix(kFeedback.size());
  std::vector<std::string> parts = split(text);
  if (parts.back() == "two-way") c.options.two_way = true, parts.pop_back();
  if (parts.empty()) return false;
  const std::string& name = parts[0];
  if (name == "topk" && parts.size() == 2) {
    c.form = Compression::top_k, c.top = top_k_of(whole, parts[1]);
    return true;
  }
  if (name != "q8" && name != "q4" && name != "q2") return false;
  c.form = Compression::quantised, c.quantiser.bits = name[1] - '0';
  if (parts.size() == 1) return true;
  if (parts.size() != 2 || !parts[1].starts_with(kBlock)) return false;
  c.quantiser.block = block_of(whole, std::string_view(parts[1]).substr(kBlock.size()));
  return true;
}

}  // namespace

Compression parse_compression(std::string_view text) {
  for (const Name& name : kNames)
    if (text == name.text) return name.compression;
  Compression by_blocks;
  if (parse_by_blocks(text, by_blocks)) return by_blocks;
  std::vector<std::string> names;
  for (const Name& name : kNames) names.emplace_back(name.text);
  throw BadInput(
      "no compression is called '{}'; there are {}; q8, q4, q2 (or q8:block=N) and topk:F with a fraction F, these "
      "four "
      "also as ef-... and as ...:two-way",
      text, fmt::join(names, ", "));
}

std::vector<std::string> compression_names() {
  std::vector<std::string> all;
  for (const Name& name : kNames) all.emplace_back(name.text);
  for (const char* name : kByBlocks) all.emplace_back(name);
  return all;
}

std::unique_ptr<Compressor> make_compressor(const Compression& c, const ParameterStore& parameters, Queue queue) {
  switch (c.form) {
    case Compression::none:
      return nullptr;
    case Compression::bf16:
      return make_bf16_compressor(parameters, queue);
    case Compression::sign:
      return make_sign_compressor(c.options, parameters, queue);
    case Compression::quantised:
      return make_quantised_compressor(c.quantiser, c.options, parameters, queue);
    case Compression::top_k:
      return make_top_k_compressor(c.top, c.options, parameters, queue);
  }
  CHECK(false, "compression {}", int(c.form));
  return nullptr;
}

}  // namespace skein
