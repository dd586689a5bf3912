// TFRecord, the framing of TensorBoard's event files. A record is
//   8 bytes  length of the data, little endian
//   4 bytes  masked CRC-32C of these 8 bytes
//   data
//   4 bytes  masked CRC-32C of the data
// masked: the CRC rotated right by 15 bits, plus 0xa282ead8. CRC-32C: Castagnoli's polynomial (RFC 3720, section 12.1).
// Source: tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace skein {

uint32_t crc32c(std::string_view bytes);

std::string tf_record(std::string_view data);

// Removes the first record from `bytes` and returns its data. Empty if there is no whole record with right checksums;
// `bytes` is then as it was.
std::string_view take_tf_record(std::string_view& bytes);

}  // namespace skein
