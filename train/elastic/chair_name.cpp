#include "train/elastic/chair_name.h"

#include <filesystem>
#include <mutex>

#include "base/check.h"
#include "base/files.h"
#include "base/formats/json.h"
#include "comm/sockets/handshake.h"

namespace skein {
namespace {

std::string path_of(const std::string& run) { return run + "/chair.json"; }

}  // namespace

std::string text_of_chair(const std::string& run) {
  try {
    return std::filesystem::exists(path_of(run)) ? read_text(path_of(run)) : "";
  } catch (const BadInput&) {
    return "";
  }
}

std::string address_of_chair(const std::string& run) {
  try {
    const std::string text = text_of_chair(run);
    return text.empty() ? "" : Json::parse(text).at("address").get<std::string>();
  } catch (const JsonError&) {
    return "";
  }
}

std::string chair_text(const std::string& address) {
  return Json{{"address", address}, {"process", own_process().text()}}.dump() + "\n";
}

void write_chair(const std::string& run, const std::string& text) {
  static std::mutex mutex;  // the run's thread and the meeting's
  const std::lock_guard lock(mutex);
  if (text_of_chair(run) == text) return;
  try {
    write_text(path_of(run), text);
  } catch (const RunFailed&) {
    if (text_of_chair(run).empty()) throw;
  }
}

}  // namespace skein
