#include "engine/layer_names.h"

#include <algorithm>

namespace skein {

void LayerNames::add(const ParameterStore& p) {
  for (const Tensor* flat : {&p.value, &p.shadow, &p.grad})
    for (size_t i = 0; flat->defined() && i < p.specs().size(); ++i) {
      const Segment& s = p.segments()[i];
      const std::string& name = p.specs()[i].name;
      parameters_[flat->view().as<char>() + size_t(s.begin) * size_of(flat->dtype())] = {
          name.substr(0, name.rfind('.')), s.count};
    }
}

const LayerNames::Parameter* LayerNames::find(const View& operand) const {
  const auto found = parameters_.find(operand.data);
  return found != parameters_.end() && found->second.count == operand.numel() ? &found->second : nullptr;
}

std::string op_label(const KernelCall& call) {
  if (call.label) return call.label;
  std::string words = call.name;
  for (const char* pass : {"_forward", "_backward"})
    if (words.ends_with(pass)) words.resize(words.rfind('_'));
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

}  // namespace skein
