#include "kernels/emulator/line.h"

#include "kernels/emulator/sanitizer.h"
#include "kernels/emulator/state.h"

namespace skein::cuda::emulator {
namespace {

// Runs as the line, in ThreadSanitizer's eyes.
class As {
 public:
  explicit As(void* context) : before_(current_context()) {
    enter_context(context);
    hide();
  }
  ~As() {
    show();
    enter_context(before_);
  }
  As(const As&) = delete;

 private:
  void* before_;
};

}  // namespace

Line::Line() : context(create_context()) {}
Line::~Line() { destroy_context(context); }

bool Point::passed() const { return line->done >= position; }

void Line::add(Work w) {
  w.mark = std::make_shared<char>();
  release(w.mark.get());
  work.push_back(std::move(w));
}

std::shared_ptr<Point> place_at_end(const std::shared_ptr<Line>& line) {
  auto point = std::make_shared<Point>();
  point->line = line;
  point->position = line->end() + 1;  // the work that passes it is the next to be added
  return point;
}

bool run_until(Line& line, int64_t position) {
  while (line.done < position && state().fault.empty()) {
    const std::shared_ptr<Point> after = line.work.front().after;
    if (after && !run_until(*after->line, after->position)) break;
    const As as(line.context);
    const Work w = std::move(line.work.front());
    line.work.pop_front();
    acquire(w.mark.get());
    if (after) acquire(&after->mark);
    if (w.run) w.run();
    if (w.pass) {
      w.pass->time = std::chrono::steady_clock::now();
      release(&w.pass->mark);
    }
    release(&line.mark);
    ++line.done;
  }
  return state().fault.empty();
}

void host_waits_for(Line& line) { acquire(&line.mark); }
void host_waits_for(Point& point) { acquire(&point.mark); }

}  // namespace skein::cuda::emulator
