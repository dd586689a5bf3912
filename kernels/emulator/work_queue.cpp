#include "kernels/emulator/work_queue.h"

#include "kernels/emulator/sanitizer.h"
#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {
namespace {

// Scope in which ThreadSanitizer attributes execution to the queue's context.
class InContext {
 public:
  explicit InContext(void* context) : before_(current_context()) {
    enter_context(context);
    ignore_accesses();
  }
  ~InContext() {
    watch_accesses();
    enter_context(before_);
  }
  InContext(const InContext&) = delete;

 private:
  void* before_;
};

}  // namespace

WorkQueue::WorkQueue() : context(create_context()) {}
WorkQueue::~WorkQueue() { destroy_context(context); }

bool QueuePosition::passed() const { return queue->done >= position; }

void WorkQueue::add(Work w) {
  w.mark = std::make_shared<char>();
  release(w.mark.get());
  work.push_back(std::move(w));
}

std::shared_ptr<QueuePosition> position_at_end(const std::shared_ptr<WorkQueue>& queue) {
  auto point = std::make_shared<QueuePosition>();
  point->queue = queue;
  point->position = queue->end() + 1;  // passed by the next work item to be added
  return point;
}

bool run_until(WorkQueue& queue, int64_t position) {
  while (queue.done < position && state().fault.empty()) {
    const std::shared_ptr<QueuePosition> after = queue.work.front().after;
    if (after && !run_until(*after->queue, after->position)) break;
    const InContext in_context(queue.context);
    const Work w = std::move(queue.work.front());
    queue.work.pop_front();
    acquire(w.mark.get());
    if (after) acquire(&after->mark);
    if (w.run) w.run();
    if (w.pass) {
      w.pass->time = std::chrono::steady_clock::now();
      release(&w.pass->mark);
    }
    release(&queue.mark);
    ++queue.done;
  }
  return state().fault.empty();
}

void host_waits_for(WorkQueue& queue) { acquire(&queue.mark); }
void host_waits_for(QueuePosition& point) { acquire(&point.mark); }

}  // namespace skein::cuda::emulator
