#include "data/formats/encoded_images.h"

#include "base/check.h"

namespace skein {

void BadImages::report(const std::string& place, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!places_.insert(place).second) return;
  const auto count = int64_t(places_.size());
  if (count > limit_)
    throw BadInput(
        "{}: {}. {} bad image{} more than the {} that --bad-images permits. Repair or import the images again, or "
        "permit more",
        place, reason, count, count == 1 ? " is" : "s are", limit_);
  fmt::print(stderr, "skein: bad image {}: {}; the next one takes its place ({} of at most {})\n", place, reason, count,
             limit_);
}

int64_t BadImages::count() const {
  const std::lock_guard lock(mutex_);
  return int64_t(places_.size());
}

bool BadImages::contains(const std::string& place) const {
  const std::lock_guard lock(mutex_);
  return places_.contains(place);
}

}  // namespace skein
