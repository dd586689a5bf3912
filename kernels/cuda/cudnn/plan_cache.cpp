#include "kernels/cuda/cudnn/plan_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace skein::cuda {
namespace {

// FNV-1a, as checksum and file name. A plan without a valid checksum is never passed to cuDNN, which may crash on
// damaged plans.
uint64_t hash(const std::string& text) {
  uint64_t h = 14695981039346656037u;
  for (const char c : text) h = (h ^ uint8_t(c)) * 1099511628211u;
  return h;
}

// File format: a line with the checksum of the rest, a line with the key, a line with the route, then cuDNN's JSON.
std::string body_of(const std::string& key, const CachedPlan& plan) {
  return fmt::format("{}\n{}\n{}", key, plan.cast ? "cast" : "direct", plan.json);
}

std::string file_text(const std::string& body) { return fmt::format("{:016x}\n{}", hash(body), body); }

std::optional<CachedPlan> parse(const std::string& text, const std::string& key) {
  const size_t begin = text.find('\n') + 1;
  if (text != file_text(text.substr(begin)) || text.compare(begin, key.size() + 1, key + '\n') != 0) return {};
  const size_t route = begin + key.size() + 1, json = text.find('\n', route) + 1;
  return CachedPlan{text.substr(json), text.compare(route, json - route, "cast\n") == 0};
}

std::optional<CachedPlan> read(const std::string& path, const std::string& key) {
  std::ostringstream contents;
  if (!(contents << std::ifstream(path, std::ios::binary).rdbuf())) return {};
  return parse(contents.str(), key);
}

}  // namespace

std::string PlanCache::file_of(const std::string& key) const {
  return fmt::format("{}/{:016x}.plan", folder_, hash(key));
}

std::optional<CachedPlan> PlanCache::find(const std::string& key) {
  if (const auto known = memory_.find(key); known != memory_.end()) return known->second;
  if (folder_.empty()) return {};
  std::optional<CachedPlan> plan = read(file_of(key), key);
  if (plan) memory_[key] = *plan;
  return plan;
}

void PlanCache::store(const std::string& key, const CachedPlan& plan) {
  memory_[key] = plan;
  if (folder_.empty()) return;
  static std::atomic<int> number{0};
  const std::string path = file_of(key), temporary = fmt::format("{}.{}.{}", path, getpid(), number++);
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  std::ofstream out(temporary, std::ios::binary);
  out << file_text(body_of(key, plan));
  out.close();
  if (out) std::filesystem::rename(temporary, path, error);
  if (!out || error) std::filesystem::remove(temporary, error);
}

std::string PlanCache::text_of(const std::string& key, const CachedPlan& plan) { return file_text(body_of(key, plan)); }

void PlanCache::keep_text(const std::string& key, const std::string& text) {
  if (const std::optional<CachedPlan> plan = parse(text, key)) memory_[key] = *plan;
}

void PlanCache::forget(const std::string& key) {
  memory_.erase(key);
  std::error_code error;
  if (!folder_.empty()) std::filesystem::remove(file_of(key), error);
}

std::string plan_cache_folder() {
  if (const char* folder = std::getenv("SKEIN_PLAN_CACHE")) return folder;
  if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder && *folder)
    return std::string(folder) + "/skein/plans";
  if (const char* home = std::getenv("HOME"); home && *home) return std::string(home) + "/.cache/skein/plans";
  return {};
}

}  // namespace skein::cuda
