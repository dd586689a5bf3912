// RUN/chair.json: where the chair of an elastic run listens, and which process it is.
//
//   {"address":"10.0.0.3:40123","process":"process 4711 on node2"}      with --tls also "tls":true
#pragma once

#include <string>

namespace skein {

std::string text_of_chair(const std::string& run);                      // of the file; empty: it cannot be read
std::string address_of_chair(const std::string& run);                   // empty: it cannot be read
std::string chair_text(const std::string& address, bool is_encrypted);  // of this process, which listens there
// BadInput where one of the run and this process has --tls and the other has not: neither would understand the other,
// and an encrypted run does not go on in the clear unasked.
void require_same_encryption(const std::string& run, bool is_encrypted);
// Unless that is there. Any thread.
void write_chair(const std::string& run, const std::string& text);

}  // namespace skein
