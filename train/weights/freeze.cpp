#include "train/weights/freeze.h"

#include <algorithm>
#include <set>

namespace skein {
namespace {

// Layers in the order of registration, up to the first one within a block: NAME.weight has no block, BLOCK.NAME.weight
// has one.
std::set<std::string> stem_of(const ParameterStore& p) {
  std::set<std::string> layers;
  for (const ParameterSpec& spec : p.specs()) {
    if (std::count(spec.name.begin(), spec.name.end(), '.') > 1) break;
    layers.insert(spec.name.substr(0, spec.name.find('.')));
  }
  return layers;
}

}  // namespace

void freeze(Freeze what, ParameterStore& p) {
  if (what == Freeze::stem) p.freeze([stem = stem_of(p)](const std::string& layer) { return stem.contains(layer); });
  if (what == Freeze::all_but_classifier) p.freeze([](const std::string& layer) { return layer != "fc"; });
}

}  // namespace skein
