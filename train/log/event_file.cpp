#include "train/log/event_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/check.h"
#include "base/formats/json.h"
#include "base/formats/tf_record.h"
#include "base/partial_file.h"
#include "train/machine/machine.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

// Numbers of fields and values, by message.
namespace event_field {
enum : int { wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7 };
}
namespace value_field {
enum : int { tag = 1, simple_value = 2, image = 4, histo = 5, tensor = 8, metadata = 9 };
}
constexpr int kValue = 1;               // of Summary
constexpr int kSessionStart = 1;        // SessionLog.status
constexpr int kFloat = 1, kString = 7;  // TensorProto.dtype
constexpr int kSuccess = 1;             // of the hparams plugin's Status

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// Files that are being written, or were when a program was killed, are listed with `partial` alone.
std::vector<fs::path> event_files(const std::string& folder, bool partial = false) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string();
        name.starts_with(kEventFilePrefix) && is_partial(name) == partial)
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// Readers take the files of a folder in the order of their names, so a later one gets a later name.
std::string new_file(const std::string& folder) {
  const std::vector<fs::path> older = event_files(folder);
  return fmt::format("{}/{}{:010}.{}.{}", folder, kEventFilePrefix, int64_t(now()), host_name(), older.size());
}

// The step of an event that EventFile has written: it begins with the fields wall_time, 8 bytes, and step, a varint.
int64_t step_of(std::string_view event) {
  constexpr size_t kStep = 10;
  uint64_t step = 0;
  for (size_t i = kStep, shift = 0; i < event.size() && shift < 63; ++i, shift += 7) {
    step |= uint64_t(uint8_t(event[i]) & 0x7f) << shift;
    if ((uint8_t(event[i]) & 0x80) == 0) break;
  }
  return int64_t(step);
}

// Text of U+FFFD in place of what is not UTF-8.
std::string utf8(const std::string& text) {
  return Json::parse(Json(text).dump(-1, Json::BadUtf8::replace)).get<std::string>();
}

// A google.protobuf.Value: null_value 1, number_value 2, string_value 3, bool_value 4.
void write_value(ProtobufWriter& out, const std::string& text) {
  if (text == "true" || text == "false") return out.integer(4, text == "true");
  try {
    return out.real(2, Json::parse(text).get<double>());
  } catch (const JsonError&) {
    out.text(3, utf8(text));
  }
}

std::string session(const std::function<void(ProtobufWriter&)>& fields) {
  ProtobufWriter out;
  fields(out);
  return out.bytes();
}

}  // namespace

bool cut_event_files(const std::string& folder, int64_t step, const std::function<bool()>& may_write) {
  for (const fs::path& leftover : event_files(folder, true)) remove_partial(leftover.string());
  for (const fs::path& path : event_files(folder)) {
    const std::string text = read_text(path.string());
    std::string kept;
    std::string_view rest = text;
    for (std::string_view event = take_tf_record(rest); !event.empty(); event = take_tf_record(rest))
      if (step_of(event) <= step) kept += tf_record(event);
    if (kept != text && !write_text(path.string(), kept, may_write)) return false;
  }
  return true;
}

EventFile::EventFile(const std::string& folder, int64_t step) : file_(new_file(folder)) {
  event(step, [](ProtobufWriter& out) { out.text(event_field::file_version, "brain.Event:2"); });
  if (step > 0)
    event(step + 1,
          [](ProtobufWriter& out) { out.message(event_field::session_log, [&] { out.integer(1, kSessionStart); }); });
}

void EventFile::event(int64_t step, const std::function<void(ProtobufWriter&)>& fields) {
  ProtobufWriter out;
  out.real(event_field::wall_time, now());
  out.integer(event_field::step, step);
  fields(out);
  file_.append_bytes(tf_record(out.bytes()));
}

void EventFile::summary(int64_t step, const std::function<void(ProtobufWriter&)>& values) {
  event(step, [&](ProtobufWriter& out) { out.message(event_field::summary, [&] { values(out); }); });
}

void EventFile::scalars(int64_t step, std::span<const std::pair<std::string, double>> values) {
  summary(step, [&](ProtobufWriter& out) {
    for (const auto& [tag, value] : values)
      out.message(kValue, [&, &name = tag, number = float(value)] {
        out.text(value_field::tag, utf8(name));
        out.real(value_field::simple_value, number);
      });
  });
}

// HistogramProto: 1 min, 2 max, 3 num, 4 sum, 5 sum_squares, 6 bucket_limit, 7 bucket.
void EventFile::histograms(int64_t step, std::span<const Histogram> histograms) {
  summary(step, [&](ProtobufWriter& out) {
    for (const Histogram& h : histograms)
      out.message(kValue, [&] {
        out.text(value_field::tag, h.name);
        out.message(value_field::histo, [&] {
          out.real(1, h.min), out.real(2, h.max), out.real(3, h.count), out.real(4, h.sum), out.real(5, h.squares);
          out.packed(6, h.limits), out.packed(7, h.counts);
        });
      });
  });
}

// Summary.Image: 1 height, 2 width, 3 colorspace (the number of channels), 4 encoded_image_string.
void EventFile::image(int64_t step, const std::string& tag, const Picture& picture) {
  const std::string png = to_png(picture);
  if (png.empty()) return;
  summary(step, [&](ProtobufWriter& out) {
    out.message(kValue, [&] {
      out.text(value_field::tag, tag);
      out.message(value_field::image, [&] {
        out.integer(1, picture.height), out.integer(2, picture.width), out.integer(3, picture.channels);
        out.text(4, png);
      });
    });
  });
}

// SummaryMetadata: 1 plugin_data (1 plugin_name, 2 content). TensorProto: 1 dtype, 2 tensor_shape, empty of a scalar.
void EventFile::plugin(int64_t step, const std::string& tag, const char* name, const std::string& content,
                       const std::function<void(ProtobufWriter&)>& tensor) {
  summary(step, [&](ProtobufWriter& out) {
    out.message(kValue, [&] {
      out.text(value_field::tag, tag);
      out.message(value_field::metadata, [&] { out.message(1, [&] { out.text(1, name), out.text(2, content); }); });
      out.message(value_field::tensor, [&] { tensor(out); });
    });
  });
}

void EventFile::text(int64_t step, const std::string& tag, const std::string& markdown) {
  plugin(step, tag, "text", "", [&](ProtobufWriter& out) {
    out.integer(1, kString);
    out.message(2, [] {});
    out.text(8, utf8(markdown));
  });
}

// HParamsPluginData: 3 session_start_info (1 hparams, a map, 5 start_time_secs), 4 session_end_info (1 status,
// 2 end_time_secs).
void EventFile::settings(int64_t step, const std::vector<std::pair<std::string, std::string>>& settings) {
  const std::string content = session([&](ProtobufWriter& out) {
    out.message(3, [&] {
      for (const auto& [key, value] : settings)
        out.message(1, [&, &name = key, &text = value] {
          out.text(1, name);
          out.message(2, [&] { write_value(out, text); });
        });
      out.real(5, now());
    });
  });
  plugin(step, "_hparams_/session_start_info", "hparams", content, [](ProtobufWriter& out) {
    out.integer(1, kFloat);
    out.message(2, [] {});
  });
}

void EventFile::end(int64_t step) {
  const std::string content =
      session([&](ProtobufWriter& out) { out.message(4, [&] { out.integer(1, kSuccess), out.real(2, now()); }); });
  plugin(step, "_hparams_/session_end_info", "hparams", content, [](ProtobufWriter& out) {
    out.integer(1, kFloat);
    out.message(2, [] {});
  });
}

}  // namespace skein
