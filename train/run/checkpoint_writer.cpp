#include "train/run/checkpoint_writer.h"

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/trace.h"

namespace skein {

CheckpointWriter::CheckpointWriter(ProcessGroup& group, const ModelInfo& info) : group_(group), info_(info) {
  thread_.add("the thread that writes checkpoints", [this] { work(); });
}

CheckpointWriter::~CheckpointWriter() {
  abandon();
  wait_until(true);
}

void CheckpointWriter::start(const CheckpointContents& c, std::vector<Place> places) {
  finish();
  to_copy_.clear();
  // The only worker's momentum is in its parameters; with several it is in their states.
  copy_parameters(c.parameters, c.workers.empty(), parameters_);
  if (c.ema)
    copy_parameters(*c.ema, false, ema_);
  else
    ema_.reset();
  workers_ = c.workers;
  for (auto& [rank, tensors] : workers_)
    for (NamedTensor& t : tensors) t.tensor = copy_of(t.tensor, t.name == "state");
  const int64_t before = std::exchange(state_, c.state).step;
  places_ = std::move(places);
  for (const Place& p : places_) prepare_checkpoint(group_, p.folder);
  const std::lock_guard lock(mutex_);
  if (!group_.is_root()) written_step_ = before;  // rank 0 has completed it
  stage_ = Stage::copying;
  changed_.notify_all();
}

void CheckpointWriter::copy_parameters(const ParameterStore& from, bool with_optimizer,
                                       std::optional<ParameterStore>& to) {
  to = from;
  to->value = copy_of(from.value, false);
  to->running_statistics = copy_of(from.running_statistics, true);
  if (from.frozen.defined()) to->frozen = from.frozen.to_host();  // it never changes
  if (!with_optimizer) return;
  to->velocity = copy_of(from.velocity, false);
  if (!from.second_moment.defined()) return;
  to->second_moment = copy_of(from.second_moment, false);
  to->updates = copy_of(from.updates, false);
}

// A pass changes running statistics before it changes parameters, and the thread has no queue of a GPU.
Tensor CheckpointWriter::copy_of(const Tensor& from, bool at_once) {
  if (from.device() != Device::cpu) return from.to_host();
  Tensor& buffer = buffers_[from.view().data];
  if (!buffer.defined() || buffer.numel() != from.numel())
    buffer = Tensor::empty(Device::cpu, from.dtype(), from.shape());
  if (at_once)
    std::memcpy(buffer.view().data, from.view().data, from.view().bytes());
  else
    to_copy_.push_back({from, buffer});
  return buffer;
}

void CheckpointWriter::copied() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stage_ != Stage::copying; });
}

// idle: until nothing is being written. Otherwise: until the files of this process are, perhaps not those of others.
void CheckpointWriter::wait_until(bool idle) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stage_ == Stage::idle || (!idle && stage_ == Stage::completing); });
}

void CheckpointWriter::abandon() {
  const std::lock_guard lock(mutex_);
  if (!abandoned_) abandoned_ = Clock::now() + std::chrono::seconds(2);
}

void CheckpointWriter::finish() {
  wait_until(false);
  check();
  if (group_.size() > 1) group_.communicator().barrier();
  wait_until(true);
  check();
}

void CheckpointWriter::check() {
  const std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

int64_t CheckpointWriter::written_step() {
  abandon();
  wait_until(true);
  const std::lock_guard lock(mutex_);
  return written_step_;
}

void CheckpointWriter::work() {
  trace::name_thread(0, "checkpoints");
  std::unique_lock lock(mutex_);
  const auto enter = [&](Stage stage) {
    lock.lock();
    stage_ = stage;
    changed_.notify_all();
  };
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || stage_ == Stage::copying; });
    if (stop_) return;
    lock.unlock();
    for (const Copy& c : to_copy_) std::memcpy(c.to.view().data, c.from.view().data, c.from.view().bytes());
    enter(Stage::writing);
    lock.unlock();
    std::exception_ptr error;
    bool complete = false;
    try {
      complete = write();
    } catch (...) {
      error = std::current_exception();
    }
    enter(Stage::idle);
    error_ = error;
    if (complete) written_step_ = state_.step;
  }
}

// True: the checkpoint is complete. Only rank 0 knows.
bool CheckpointWriter::write() {
  const Span span("checkpoint");
  for (const Place& p : places_)
    write_own_files(p.folder, {info_, *parameters_, workers_, state_, ema_ ? &*ema_ : nullptr}, group_.is_root());
  {
    const std::lock_guard lock(mutex_);
    stage_ = Stage::completing;
    changed_.notify_all();
  }
  if (!group_.is_root()) return false;
  for (const Place& p : places_) {
    if (!wait_for_other_ranks(p.folder)) return false;
    complete_checkpoint(p.folder, p.keep);
  }
  return true;
}

// False: the run has ended, perhaps since one of them has.
bool CheckpointWriter::wait_for_other_ranks(const std::string& folder) {
  constexpr std::chrono::milliseconds kLook{10};
  const int64_t workers = workers_.empty() ? 0 : info_.config.workers;
  for (; !has_files_of(folder, workers); std::this_thread::sleep_for(kLook)) {
    const std::lock_guard lock(mutex_);
    if (abandoned_ && Clock::now() >= *abandoned_) return false;
  }
  return true;
}

}  // namespace skein
