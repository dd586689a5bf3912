#include "train/run/train_in_folder.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "base/stopwatch.h"
#include "base/terminal/shell_words.h"
#include "base/trace.h"
#include "train/run/checkpoint_writer.h"
#include "train/run/progress.h"

namespace skein {

bool train_in_folder(ProcessGroup& group, Trainer& trainer, const ModelInfo& info, const Dataset& test,
                     const std::string& path, RunFolder* logs, TrainListener listener) {
  ProgressDisplay progress(info.config.epochs, trainer.steps_per_epoch(), group.size() == 1);
  const int64_t begin_step = trainer.state().step;
  int64_t saved_step = begin_step;
  double saving = 0;  // seconds of calls of save() since the last epoch's line
  auto saved_at = Clock::now();
  const auto writer = info.config.checkpoint_async ? std::make_unique<CheckpointWriter>(group, info) : nullptr;
  if (writer && trainer.workers().device() == Device::cpu)
    trainer.workers().for_each([&](Worker& w) { w.before_change([&] { writer->copied(); }); });
  const auto save = [&](const std::vector<CheckpointWriter::Place>& places) {
    const Span span("checkpoint");
    const auto begin = Clock::now();
    const ParameterStore& model = trainer.model_parameters();
    const WorkerStates workers = trainer.worker_states();
    const CheckpointContents contents{info, model, workers, trainer.state(), trainer.ema_parameters()};
    if (writer)
      writer->start(contents, places);
    else
      for (const auto& [folder, keep] : places) write_checkpoint(group, folder, contents, keep);
    saving += seconds_since(begin);
    saved_step = trainer.state().step;
    saved_at = Clock::now();
  };
  const CheckpointWriter::Place best{best_folder(path), 1}, last{last_folder(path), info.config.keep};
  listener.on_step = [&](const StepMetrics& m) {
    if (!logs) return;
    trace::counter("loss", m.loss);
    logs->write(m, info.config.log_every);
    progress.show(m);
  };
  listener.on_epoch = [&](const EpochMetrics& m) {
    if (logs) {
      progress.show(m);
      logs->write(m, std::exchange(saving, 0), test);
    }
    m.best ? save({best, last}) : save({last});
  };
  listener.should_save = [&, seconds = 60 * info.config.checkpoint_minutes] {
    if (writer) writer->check();
    return logs && seconds > 0 && seconds_since(saved_at) >= seconds;
  };
  listener.on_save = [&] {
    if (logs) logs->flush();
    save({last});
  };
  try {
    const bool done = trainer.run(listener);
    if (logs) logs->write_end(trainer.state(), done);
    if (!done) save({last});
    if (writer) writer->finish();
    return done;
  } catch (const RunFailed& e) {
    if (writer) saved_step = std::max(begin_step, writer->written_step());
    if (saved_step == 0) throw RunFailed("{}. There is no checkpoint yet; run folder {}", e.what(), path);
    throw RunFailed("{}. The checkpoint of step {} is kept in {}; go on from it with {}", e.what(), saved_step,
                    last_folder(path), shell_words({"skein", "train", "--resume", path}));
  }
}

}  // namespace skein
