#include "train/elastic/chair_name.h"

#include <filesystem>

#include "base/files.h"
#include "base/formats/json.h"
#include "comm/sockets/handshake.h"

namespace skein {
namespace {

std::string entry(const std::string& text, const char* key) {
  try {
    return Json::parse(text).at(key).get<std::string>();
  } catch (const std::exception&) {
    return "";
  }
}

std::string path_of(const std::string& run) { return run + "/chair.json"; }

}  // namespace

std::string text_of_chair(const std::string& run) {
  try {
    return std::filesystem::exists(path_of(run)) ? read_text(path_of(run)) : "";
  } catch (const std::exception&) {
    return "";
  }
}

std::string address_of_chair(const std::string& run) { return entry(text_of_chair(run), "address"); }

std::string process_of_chair(const std::string& text) { return entry(text, "process"); }

void write_chair(const std::string& run, const std::string& address) {
  write_text(path_of(run), Json{{"address", address}, {"process", own_process().text()}}.dump() + "\n");
}

}  // namespace skein
