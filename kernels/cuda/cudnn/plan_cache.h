// Cache of chosen plans, by a key that names everything they depend on: in memory for the threads of this process, on
// disk for later processes. A file that is damaged or belongs to another key counts as missing; I/O errors are ignored.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace skein::cuda {

struct CachedPlan {
  std::string json;   // cuDNN's plan; empty: skein's own kernel
  bool cast = false;  // see ConvPlanInfo
};

class PlanCache {
 public:
  explicit PlanCache(std::string folder) : folder_(std::move(folder)) {}  // empty: in memory only
  std::optional<CachedPlan> find(const std::string& key);
  void store(const std::string& key, const CachedPlan&);  // ignores a folder that cannot be written
  void forget(const std::string& key);                    // for plans that cuDNN rejects
  const std::map<std::string, CachedPlan>& in_memory() const { return memory_; }
  // Text form with a checksum, for a file. keep_text() ignores a text that is damaged or belongs to another key.
  static std::string text_of(const std::string& key, const CachedPlan&);
  void keep_text(const std::string& key, const std::string& text);
  std::string file_of(const std::string& key) const;

 private:
  std::string folder_;
  std::map<std::string, CachedPlan> memory_;
};

// SKEIN_PLAN_CACHE (empty: none), else $XDG_CACHE_HOME/skein/plans, else ~/.cache/skein/plans, else none.
std::string plan_cache_folder();

}  // namespace skein::cuda
