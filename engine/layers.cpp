#include "engine/layers.h"

#include <cmath>

namespace skein {

Conv2d::Conv2d(ParameterStore& p, const std::string& name, int64_t in, int64_t out, int64_t kernel, int64_t stride)
    : weight_(p.add({name + ".weight",
                     {out, kernel, kernel, in},
                     {Init::normal, std::sqrt(2.0 / double(kernel * kernel * out))},
                     true})),
      geometry_{stride, kernel / 2} {}

BatchNorm::BatchNorm(ParameterStore& p, const std::string& name, int64_t channels, Gamma gamma)
    : gamma_(p.add({name + ".weight", {channels}, {gamma == Gamma::one ? Init::ones : Init::zeros}, false})),
      beta_(p.add({name + ".bias", {channels}, {Init::zeros}, false})) {
  running_ = p.add_running_statistics(name, channels);
}

Linear::Linear(ParameterStore& p, const std::string& name, int64_t in, int64_t out, Start start) {
  const Init uniform{Init::uniform, 1.0 / std::sqrt(double(in))}, normal{Init::normal, 0.01}, zeros{};
  weight_ = p.add({name + ".weight", {out, in}, start == Start::normal ? normal : uniform, true});
  bias_ = p.add({name + ".bias", {out}, start == Start::uniform ? uniform : zeros, true});
}

}  // namespace skein
