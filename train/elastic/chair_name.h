// RUN/chair.json: where the chair of an elastic run listens, and which process it is.
//
//   {"address":"10.0.0.3:40123","process":"process 4711 on node2"}
#pragma once

#include <string>

namespace skein {

std::string text_of_chair(const std::string& run);     // of the file; empty: there is none
std::string address_of_chair(const std::string& run);  // empty: there is none, or it is being written
std::string process_of_chair(const std::string& text);
void write_chair(const std::string& run, const std::string& address);  // this process

}  // namespace skein
