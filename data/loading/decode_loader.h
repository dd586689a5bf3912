// Batches from encoded images (data/formats/encoded_images.h). Each background thread reads, decodes, crops, augments
// and normalises one image at a time into a ring of three batches; the last one of a batch mixes it. The position of an
// image in the batch and its crop are fixed before a thread takes it, so batches have the same bits for any number of
// threads. A bad image is reported (BadImages) and replaced by the next good one of the dataset, with that one's label.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>

#include "base/thread_team.h"
#include "data/augment/trivial_augment.h"
#include "data/formats/encoded_images.h"
#include "data/image/image_decoder.h"
#include "data/loading/batch_mix.h"
#include "data/loading/sample_order.h"

namespace skein {

class DecodeLoader final : public Loader {
 public:
  // `images`: type of a batch's images, f32 or bf16.
  DecodeLoader(Dataset dataset, const LoaderOptions& options, DType images = DType::f32);
  DecodeLoader(const DecodeLoader&) = delete;
  DecodeLoader& operator=(const DecodeLoader&) = delete;

  int64_t steps() const override { return order_.steps(); }
  const Batch& next() override;
  double wait_seconds() const override { return wait_seconds_; }
  int64_t threads() const { return threads_.size(); }

 private:
  static constexpr size_t kSlots = 3;
  struct Slot {
    Tensor images, labels;  // memory for a full batch
    MixMemory mix;
    Batch batch;
    int64_t missing = 0;  // images that are not decoded yet
  };
  // One image to decode.
  struct DecodeTask {
    Slot* slot;
    int64_t position;  // in the batch
    int32_t sample;
  };
  void work();  // body of a thread
  bool claim(DecodeTask& task, std::unique_lock<std::mutex>& lock);
  void open_batch(Slot& slot);
  // Memory of one thread.
  struct Workspace {
    ImageDecoder decoder;
    Bytes file, pixels, scratch;
    std::vector<float> image;  // before it is rounded to bf16
  };
  void fill(const DecodeTask& task, Workspace& workspace);
  void decode(const Crop& crop, int64_t epoch, int64_t sample, Workspace& workspace, float* to) const;
  void add_thread();
  void add_thread_if_allowed();
  void review_threads();
  void stop();

  const Dataset dataset_;
  const LoaderOptions options_;
  PixelScale scale_;
  int64_t most_threads_;

  // Guards the members below, except those that only next() uses: wait_seconds_, reviewed_wait_, reviewed_ and
  // threads_.
  std::mutex mutex_;
  std::condition_variable filled_, freed_;
  SampleOrder order_;
  const BatchMixer mixer_;
  Slot slots_[kSlots];
  int64_t epoch_, step_, position_ = 0;           // of the next image to claim
  size_t opened_ = 0, taken_ = 0, released_ = 0;  // batches since the start
  bool stop_ = false;
  std::exception_ptr error_;
  double wait_seconds_ = 0, reviewed_wait_ = 0;
  std::chrono::steady_clock::time_point reviewed_;
  ThreadTeam threads_{[this] { stop(); }};  // last: the threads use all other members
};

}  // namespace skein
