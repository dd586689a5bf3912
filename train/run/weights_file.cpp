#include "train/run/weights_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

#include "base/check.h"
#include "base/f16.h"
#include "base/files.h"
#include "base/hash.h"
#include "engine/safetensors.h"
#include "engine/torch_layout.h"
#include "train/run/inference.h"

namespace skein {
namespace fs = std::filesystem;
namespace {

constexpr std::array kPrefixes = {"module.", "_orig_mod.", "model."};
constexpr const char kClassifier[] = "fc.";
constexpr size_t kMostNamed = 4;  // tensors of one kind in a message

// The prefixes of a name as one text; empty if it has none.
std::string prefix_of(const std::string& name) {
  size_t end = 0;
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view prefix : kPrefixes)
      if (name.compare(end, prefix.size(), prefix) == 0) end += prefix.size(), found = true;
  }
  return name.substr(0, end);
}

// "layer2.0.shortcut.0.weight" -> "layer2.0.downsample.0.weight", "linear.bias" -> "fc.bias"
std::string own_name(const std::string& name) {
  std::string own = "." + name;
  for (const auto& [theirs, ours] : {std::pair{".shortcut.", ".downsample."}, {".linear.", ".fc."}})
    if (const size_t at = own.find(theirs); at != std::string::npos) own.replace(at, std::strlen(theirs), ours);
  return own.substr(1);
}

std::string some_of(const std::vector<std::string>& all) {
  const size_t shown = std::min(all.size(), kMostNamed);
  std::string text = fmt::format("{}", fmt::join(all.begin(), all.begin() + std::ptrdiff_t(shown), ", "));
  return shown < all.size() ? fmt::format("{} and {} more", text, all.size() - shown) : text;
}

float number(const StoredTensor& t, int64_t i) {
  const auto read = [&](auto value) {
    std::memcpy(&value, t.data + size_t(i) * sizeof value, sizeof value);
    return value;
  };
  if (t.dtype == "BF16") return to_f32(Bf16{read(uint16_t{})});
  if (t.dtype == "F16") return f16_to_f32(read(uint16_t{}));
  return t.dtype == "F64" ? float(read(double{})) : read(float{});
}

bool is_number_type(const std::string& dtype) {
  return dtype == "F32" || dtype == "BF16" || dtype == "F16" || dtype == "F64";
}

// One flat vector of the store: learned parameters, running statistics or what is frozen.
struct FlatVector {
  const std::vector<ParameterSpec>& specs;
  const std::vector<Segment>& segments;
  const Tensor& flat;
};

class WeightsReader {
 public:
  WeightsReader(const std::string& path, OtherClassifier other, ParameterStore& p)
      : file_(SafetensorsFile::open(path)),
        other_(other),
        parts_{{{p.specs(), p.segments(), p.value},
                {p.running_specs(), p.running_segments(), p.running_statistics},
                {p.frozen_specs(), p.frozen_segments(), p.frozen}}} {
    const auto format = file_->metadata().find("format");
    torch_ = format == file_->metadata().end() || !format->second.starts_with("skein-checkpoint");
    list_names();
  }

  std::vector<std::string> read() {
    refuse_second_set();
    find_tensors();
    refuse_differences();
    std::vector<std::vector<float>> flats;
    for (const FlatVector& part : parts_) flats.push_back(numbers_of(part));
    for (size_t i = 0; i < parts_.size(); ++i)
      if (!flats[i].empty())
        Queue{parts_[i].flat.device()}.run(kernel::copy_from_host, flats[i].data(), parts_[i].flat);
    say_conversions();
    return notes_;
  }

 private:
  void list_names() {
    std::map<std::string, int64_t> stripped;
    for (const std::string& name : file_->names()) {
      if (name.ends_with("num_batches_tracked")) continue;
      const std::string prefix = prefix_of(name), rest = name.substr(prefix.size());
      if (rest == "n_averaged") {
        notes_.push_back(fmt::format("left out '{}', the counter of an averaged model", name));
        continue;
      }
      if (!prefix.empty()) ++stripped[prefix];
      names_[own_name(rest)].push_back(name);
    }
    for (const auto& [prefix, count] : stripped)
      notes_.push_back(fmt::format("stripped '{}' from {} names", prefix, count));
  }

  // Two names in the file that mean the same tensor of the model: a plain and an averaged model, for example.
  void refuse_second_set() const {
    const auto two = std::find_if(names_.begin(), names_.end(), [](const auto& n) { return n.second.size() > 1; });
    if (two != names_.end()) refuse_two(two->second[0], two->second[1]);
    const std::set<std::string> sets = unknown_prefixes();
    if (sets.empty()) return;
    const std::string &prefix = *sets.begin(), &first = first_parameter();
    if (names_.contains(first)) refuse_two(names_.at(first)[0], names_.at(prefix + first)[0]);
    if (sets.size() > 1) refuse_two(names_.at(prefix + first)[0], names_.at(*std::next(sets.begin()) + first)[0]);
    throw BadInput("{}: the names of the network begin with '{}'. Save the tensors without it; only {} are stripped",
                   file_->path(), prefix, fmt::join(kPrefixes, ", "));
  }

  [[noreturn]] void refuse_two(const std::string& a, const std::string& b) const {
    throw BadInput(
        "{}: holds two sets of weights: '{}' and '{}' mean the same tensor. Save the one you want, the plain or the "
        "averaged model, in a file of its own",
        file_->path(), a, b);
  }

  // The first parameter of the network, frozen or not.
  const std::string& first_parameter() const { return parts_[parts_[2].specs.empty() ? 0 : 2].specs[0].name; }

  // Prefixes, not known here, with which the file has every tensor of the model but those of the classifier, which may
  // be called otherwise.
  std::set<std::string> unknown_prefixes() const {
    std::set<std::string> sets;
    const std::string& first = first_parameter();
    for (const auto& [name, unused] : names_) {
      if (name.size() <= first.size() || !name.ends_with("." + first)) continue;
      const std::string prefix = name.substr(0, name.size() - first.size());
      const auto has = [&](const ParameterSpec& s) {
        return s.name.starts_with(kClassifier) || names_.contains(prefix + s.name);
      };
      if (std::all_of(parts_.begin(), parts_.end(),
                      [&](const FlatVector& p) { return std::all_of(p.specs.begin(), p.specs.end(), has); }))
        sets.insert(prefix);
    }
    return sets;
  }

  // Shape of a tensor as the file should have it.
  std::vector<int64_t> expected(const ParameterSpec& spec) const {
    return torch_ ? torch_shape(spec.shape) : spec.shape;
  }

  // A classifier that differs from the model's in the number of classes alone.
  bool other_classes(const ParameterSpec& spec, const StoredTensor& stored) {
    std::vector<int64_t> shape = stored.shape;
    if (!spec.name.starts_with(kClassifier) || shape.size() != spec.shape.size() || shape[0] == spec.shape[0])
      return false;
    classes_in_file_ = shape[0];
    shape[0] = spec.shape[0];
    return shape == spec.shape;
  }

  void find_tensors() {
    std::set<std::string> unread;
    for (const auto& [own, in_file] : names_) unread.insert(own);
    without_classifier_ =
        other_ == OtherClassifier::keeps_initial_values &&
        std::none_of(unread.begin(), unread.end(), [](const std::string& own) { return own.starts_with(kClassifier); });
    for (const FlatVector& part : parts_)
      for (const ParameterSpec& spec : part.specs) {
        const auto found = names_.find(spec.name);
        if (found == names_.end()) {
          if (!without_classifier_ || !spec.name.starts_with(kClassifier))
            missing_.push_back(fmt::format("'{}'", spec.name));
          continue;
        }
        unread.erase(spec.name);
        const std::string& name = found->second[0];
        const StoredTensor& stored = file_->at(name);
        if (is_number_type(stored.dtype) && stored.shape == expected(spec)) {
          tensors_[spec.name] = &stored;
        } else if (!is_number_type(stored.dtype) || other_ == OtherClassifier::refused ||
                   !other_classes(spec, stored)) {
          other_shape_.push_back(fmt::format("'{}' is {} [{}], the model needs F32 [{}]", name, stored.dtype,
                                             fmt::join(stored.shape, ","), fmt::join(expected(spec), ",")));
        }
      }
    for (const std::string& own : unread) extra_.push_back(fmt::format("'{}'", names_.at(own)[0]));
  }

  void refuse_differences() const {
    std::vector<std::string> kinds;
    if (!missing_.empty()) kinds.push_back(fmt::format("there is no tensor {}", some_of(missing_)));
    if (!extra_.empty()) kinds.push_back(fmt::format("the model has no tensor {}", some_of(extra_)));
    if (!other_shape_.empty()) kinds.push_back(some_of(other_shape_));
    if (kinds.empty()) return;
    throw BadInput("{}: {}. Are --model, --shortcut and --data those of what was saved?", file_->path(),
                   fmt::join(kinds, "; "));
  }

  // The flat vector with the file's numbers; what is not in the file, a classifier or padding, keeps its values.
  std::vector<float> numbers_of(const FlatVector& part) {
    std::vector<float> flat = part.specs.empty() ? std::vector<float>{} : part.flat.to_vector();
    for (size_t i = 0; i < part.specs.size(); ++i) {
      const ParameterSpec& spec = part.specs[i];
      const auto found = tensors_.find(spec.name);
      if (found == tensors_.end() || (classes_in_file_ && spec.name.starts_with(kClassifier))) continue;
      const StoredTensor& stored = *found->second;
      ++converted_[stored.dtype];
      float* to = flat.data() + part.segments[i].begin;
      const auto take = [&](int64_t own, int64_t in_file) {
        const float x = number(stored, in_file);
        if (!std::isfinite(x) || (x < 0 && spec.name.ends_with(".running_var")))
          throw BadInput("{}: '{}' holds {}, which is no value of a trained model. Take another file", file_->path(),
                         names_.at(spec.name)[0], x);
        to[own] = x;
      };
      for_torch_order(torch_ ? spec.shape : std::vector<int64_t>{}, part.segments[i].count, take);
    }
    return flat;
  }

  void say_conversions() {
    for (const auto& [dtype, count] : converted_)
      if (dtype != "F32") notes_.push_back(fmt::format("converted {} tensors from {} to F32", count, dtype));
    if (without_classifier_) notes_.push_back("the classifier is drawn anew: the file has none");
    if (classes_in_file_)
      notes_.push_back(fmt::format("the classifier is drawn anew: the file's is for {} classes", classes_in_file_));
  }

  const std::shared_ptr<const SafetensorsFile> file_;
  const OtherClassifier other_;
  const std::array<FlatVector, 3> parts_;
  bool torch_ = false;                                      // PyTorch's order of the numbers
  std::map<std::string, std::vector<std::string>> names_;   // skein's name -> the names in the file
  std::map<std::string, const StoredTensor*> tensors_;      // by skein's name
  std::vector<std::string> missing_, extra_, other_shape_;  // for the message
  std::map<std::string, int64_t> converted_;                // number of tensors by type
  bool without_classifier_ = false;                         // the file has no fc, and need not
  int64_t classes_in_file_ = 0;                             // of a classifier that is not taken; 0: it is
  std::vector<std::string> notes_;
};

}  // namespace

std::string weights_file(const std::string& given) {
  if (fs::is_regular_file(given)) return given;
  if (fs::is_directory(given)) return find_checkpoint(given) + "/model.safetensors";
  throw BadInput("{}: there is no such file or folder. Give a run, a checkpoint or a safetensors file", given);
}

void set_init_digest(TrainConfig& config) {
  const std::string file = weights_file(config.init), bytes = read_text(file);
  Hash hash;
  hash.add(bytes.data(), bytes.size());
  const std::string digest = fmt::format("{:016x}", hash.value());
  if (!config.init_digest.empty() && config.init_digest != digest)
    throw BadInput(
        "--init {}: the digest of {} is {}, --init-digest is {}. Give the file it was made from, or leave it out",
        config.init, file, digest, config.init_digest);
  config.init_digest = digest;
}

std::vector<std::string> read_weights(const std::string& file, OtherClassifier other, ParameterStore& parameters) {
  std::vector<std::string> notes = WeightsReader(file, other, parameters).read();
  parameters.refresh_shadow();
  return notes;
}

}  // namespace skein
