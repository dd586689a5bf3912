// SHA-256 (FIPS 180-4) as 64 hexadecimal digits, as sha256sum prints it. Of a file that cannot be read: BadInput.
#pragma once

#include <string>
#include <string_view>

namespace skein {

std::string sha256(std::string_view bytes);
std::string sha256_of_file(const std::string& path);

}  // namespace skein
