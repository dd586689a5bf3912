// A shared library opened at first use: a program that never needs it starts without it, and a test hands over a
// stand-in by path. Never closed: vendors' libraries keep threads and exit handlers.
#pragma once

#include <string>
#include <vector>

namespace skein {

struct LibraryNames {
  std::string name;                // for messages: "cuDNN 9"
  std::string variable;            // environment variable that may hold its path: SKEIN_CUDNN
  std::vector<std::string> files;  // tried in order by the loader's rules, then in CUDA's own folder
  std::string advice;              // how to get it
};

class Library {
 public:
  explicit Library(LibraryNames);  // BadInput names the library, what was tried and how to get it
  template <class F>
  void find(const char* symbol, F*& function) const {
    function = reinterpret_cast<F*>(address(symbol));
  }
  const std::string& path() const { return path_; }  // of the file that was opened

 private:
  void* address(const char* symbol) const;  // BadInput if the library has none
  LibraryNames names_;
  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace skein
