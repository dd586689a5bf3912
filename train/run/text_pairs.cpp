#include "train/run/text_pairs.h"

#include "base/check.h"

namespace skein {
namespace {

constexpr char kEnd = '\0';

}  // namespace

std::string to_wire(const TextPairs& pairs) {
  std::string wire;
  for (const auto& [first, second] : pairs) wire += first + kEnd + second + kEnd;
  return wire;
}

TextPairs from_wire(const std::string& wire) {
  TextPairs pairs;
  for (size_t begin = 0; begin < wire.size();) {
    const size_t middle = wire.find(kEnd, begin);
    const size_t end = middle == wire.npos ? wire.npos : wire.find(kEnd, middle + 1);
    if (end == wire.npos) throw RunFailed("a text of another rank is cut short. Start the same skein on all machines");
    pairs.emplace_back(wire.substr(begin, middle - begin), wire.substr(middle + 1, end - middle - 1));
    begin = end + 1;
  }
  return pairs;
}

}  // namespace skein
