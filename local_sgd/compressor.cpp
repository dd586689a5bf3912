#include "local_sgd/compressor.h"

#include "base/check.h"

namespace skein {

Compression parse_compression(const std::string& name) {
  if (name == "none") return {};
  if (name == "bf16") return {Compression::bf16};
  for (const bool memory : {false, true})
    for (const bool mean_of_means : {false, true})
      if (name == std::string(memory ? "ef-sign" : "sign") + (mean_of_means ? ":mean-of-means" : ""))
        return {Compression::sign, {memory, mean_of_means}};
  if (name == "ef-sign:two-way") return {Compression::sign, {.memory = true, .two_way = true}};
  throw BadInput(
      "no compression is called '{}'; there are none, bf16, sign, ef-sign, sign:mean-of-means, "
      "ef-sign:mean-of-means and ef-sign:two-way",
      name);
}

std::unique_ptr<Compressor> make_compressor(const std::string& name, const ParameterStore& parameters, Queue queue) {
  const Compression compression = parse_compression(name);
  if (compression.form == Compression::none) return nullptr;
  if (compression.form == Compression::bf16) return make_bf16_compressor(parameters, queue);
  return make_sign_compressor(compression.options, parameters, queue);
}

}  // namespace skein
