// Shared library, opened at run time (dlopen). A program that never uses the library starts without it; a test passes
// the path of a stand-in by environment variable. Libraries are never closed: vendors' libraries keep threads and exit
// handlers. Errors: BadInput.
#pragma once

#include <string>
#include <vector>

namespace skein {

struct LibraryNames {
  std::string name;                // for messages: "cuDNN 9"
  std::string variable;            // environment variable that may hold its path: SKEIN_CUDNN
  std::vector<std::string> files;  // tried in order: loader's search path, NVIDIA's packages of PyPI, CUDA's folder
  std::string advice;              // how to install it
};

// Path of a library of skein's own that the program opens at run time, libskein_mpi.so for example: where cmake
// --install puts it, if there is one; else beside the program, where it is built.
std::string module_path(const std::string& file);

class Library {
 public:
  explicit Library(LibraryNames);  // BadInput names the library, the files tried and how to install it
  template <class F>
  void find(const char* symbol, F*& function) const {
    function = reinterpret_cast<F*>(address(symbol));
  }
  const std::string& path() const { return path_; }  // the file that was opened

 private:
  void* address(const char* symbol) const;  // BadInput if the library does not export it
  LibraryNames names_;
  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace skein
