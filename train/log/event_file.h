// An event file of TensorBoard, events.out.tfevents.*: TFRecords (base/formats/tf_record.h), each an Event message of
// Protocol Buffers (tensorboard/compat/proto/event.proto and summary.proto):
//
//   Event  1 wall_time, seconds since 1970  2 step  3 file_version, of the first event  5 summary  7 session_log
//
// One start of a run writes one file. Where a run goes on, cut_event_files() has removed later events from the older
// files, and a session log START tells readers that are open to drop them as well. Texts must be UTF-8; other bytes
// become U+FFFD. Errors: RunFailed as from base/files.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/formats/protobuf.h"
#include "data/picture.h"
#include "train/weights/layer_norms.h"

namespace skein {

constexpr const char kEventFilePrefix[] = "events.out.tfevents.";

// Removes the events after `step` from the event files of a folder, and what was cut short when the program died.
// may_write: asked right before each is replaced; where it says no, the result is false.
bool cut_event_files(const std::string& folder, int64_t step, const std::function<bool()>& may_write = {});

class EventFile {
 public:
  // Makes a new file in the folder, for events after `step`.
  EventFile(const std::string& folder, int64_t step);

  void scalars(int64_t step, std::span<const std::pair<std::string, double>> values);
  void histograms(int64_t step, std::span<const Histogram> histograms);
  void image(int64_t step, const std::string& tag, const Picture& picture);  // no effect where to_png() has no library
  void text(int64_t step, const std::string& tag, const std::string& markdown);
  // The page of hyperparameters: the settings, numbers where they are numbers, and that the run is done. Of
  // several TensorBoard shows the first, so a run that is stopped to go on has no end.
  void settings(int64_t step, const std::vector<std::pair<std::string, std::string>>& settings);
  void end(int64_t step);
  void flush() { file_.flush(); }

 private:
  void event(int64_t step, const std::function<void(ProtobufWriter&)>& fields);
  void summary(int64_t step, const std::function<void(ProtobufWriter&)>& values);
  void plugin(int64_t step, const std::string& tag, const char* plugin, const std::string& content,
              const std::function<void(ProtobufWriter&)>& tensor);

  AppendFile file_;
};

}  // namespace skein
