#include "local_sgd/compressor.h"

#include <fmt/ranges.h>

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

}  // namespace

Compression parse_compression(std::string_view text) {
  for (const Name& name : kNames)
    if (text == name.text) return name.compression;
  throw BadInput("no compression is called '{}'; there are {}", text, fmt::join(compression_names(), ", "));
}

std::vector<std::string> compression_names() {
  std::vector<std::string> all;
  for (const Name& name : kNames) all.emplace_back(name.text);
  return all;
}

std::unique_ptr<Compressor> make_compressor(const Compression& c, const ParameterStore& parameters, Queue queue) {
  if (c.form == Compression::bf16) return make_bf16_compressor(parameters, queue);
  if (c.form == Compression::sign) return make_sign_compressor(c.options, parameters, queue);
  return nullptr;
}

}  // namespace skein
