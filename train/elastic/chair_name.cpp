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

std::string chair_text(const std::string& address, bool is_encrypted) {
  Json chair = {{"address", address}, {"process", own_process().text()}};
  if (is_encrypted) chair["tls"] = true;
  return chair.dump() + "\n";
}

void require_same_encryption(const std::string& run, bool is_encrypted) {
  bool theirs = is_encrypted;
  try {
    if (const std::string text = text_of_chair(run); !text.empty()) theirs = Json::parse(text).contains("tls");
  } catch (const JsonError&) {  // nobody can be found by it
  }
  if (theirs == is_encrypted) return;
  throw BadInput(
      "--tls: the run in {} {}. Give --tls to all its processes, or to none; if none of them runs and it is to go on "
      "{}, remove {}",
      run, theirs ? "is encrypted, and this process has no certificate" : "is not encrypted",
      theirs ? "without" : "with it", path_of(run));
}

void write_chair(const std::string& run, const std::string& text) {
  static std::mutex mutex;  // the run's thread and the meeting's
  const std::lock_guard lock(mutex);
  if (text_of_chair(run) == text) return;
  write_text(path_of(run), text);
}

}  // namespace skein
