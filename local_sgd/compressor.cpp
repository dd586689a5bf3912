#include "local_sgd/compressor.h"

#include "base/check.h"

namespace skein {

std::unique_ptr<Compressor> make_compressor(const std::string& name, const ParameterStore& parameters, Queue queue) {
  if (name == "none") return nullptr;
  if (name == "bf16") return make_bf16_compressor(parameters, queue);
  for (const bool memory : {false, true})
    for (const bool mean_of_means : {false, true})
      if (name == std::string(memory ? "ef-sign" : "sign") + (mean_of_means ? ":mean-of-means" : ""))
        return make_sign_compressor({memory, mean_of_means}, parameters, queue);
  if (name == "ef-sign:two-way") return make_sign_compressor({.memory = true, .two_way = true}, parameters, queue);
  throw BadInput(
      "no compression is called '{}'; there are none, bf16, sign, ef-sign, sign:mean-of-means, "
      "ef-sign:mean-of-means and ef-sign:two-way",
      name);
}

}  // namespace skein
