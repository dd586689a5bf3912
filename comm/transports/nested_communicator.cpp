#include "comm/transports/nested_communicator.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/check.h"
#include "comm/ordered_sum.h"
#include "comm/shards.h"
#include "engine/peer_memory.h"

namespace skein {

// Written by each thread at its own index, or by the first, and read by others after the next meeting.
struct NestedShared {
  std::unique_ptr<Communicator> processes;
  std::vector<View> views;      // of the call under way, by thread
  std::vector<int32_t> colors;  // of the split under way, by rank
  OrderedSum sum;
  Tensor sent, received;
  std::shared_ptr<NestedShared> child;  // of the split under way
};

namespace {

View bytes_of_view(View v) { return {v.data, DType::u8, {1, 1, 1, int64_t(v.bytes())}}; }

class NestedCommunicator : public Communicator {
 public:
  NestedCommunicator(std::unique_ptr<Communicator> threads, std::shared_ptr<NestedShared> shared, Queue queue)
      : Communicator(shared->processes->rank() * threads->size() + threads->rank(),
                     shared->processes->size() * threads->size(), queue),
        threads_(std::move(threads)),
        shared_(std::move(shared)),
        memory_(queue) {}

 protected:
  void do_all_reduce(View data, float scale) override {
    post(data);
    if (is_first()) shared_->sum.run(shared_->views, data, scale, *shared_->processes, queue());
    meet();
    memory_.copy(shared_->views[0], data);
    meet();
  }

  void do_all_gather(View mine, View all) override {
    const View own = bytes_of_view(mine), total = bytes_of_view(all);
    post(own);
    if (is_first()) {
      const View sent = scratch(shared_->sent, own.numel() * count());
      for (int i = 0; i < count(); ++i)
        memory_.copy(shared_->views[size_t(i)], slice(sent, i * own.numel(), (i + 1) * own.numel()));
      queue().run(kernel::synchronize);
      exchange(sent, total, [&](View from, View to) { shared_->processes->all_gather(from, to); });
      shared_->views[0] = total;
    }
    meet();
    memory_.copy(shared_->views[0], total);
    meet();
  }

  // From thread i of process p, what is for thread j: part (p, i, j) of what process p's threads get.
  void do_all_to_all(View sent, View received) override {
    const View own = bytes_of_view(sent), result = bytes_of_view(received);
    const int64_t each = own.numel() / size(), of_process = each * count();
    post(own);
    if (is_first()) {
      const View out = scratch(shared_->sent, own.numel() * count());
      const View in = scratch(shared_->received, own.numel() * count());
      for (int64_t p = 0; p < processes(); ++p)
        for (int64_t i = 0; i < count(); ++i)
          memory_.copy(slice(shared_->views[size_t(i)], p * of_process, (p + 1) * of_process),
                       slice(out, (p * count() + i) * of_process, (p * count() + i + 1) * of_process));
      queue().run(kernel::synchronize);
      exchange(out, in, [&](View from, View to) { shared_->processes->all_to_all(from, to); });
      shared_->views[0] = in;
    }
    meet();
    const View in = shared_->views[0];
    for (int64_t r = 0; r < size(); ++r) {
      const int64_t begin = r * of_process + threads_->rank() * each;
      memory_.copy(slice(in, begin, begin + each), slice(result, r * each, (r + 1) * each));
    }
    meet();
  }

  void do_barrier() override {
    threads_->barrier();
    if (is_first()) shared_->processes->barrier();
    threads_->barrier();
  }

  std::unique_ptr<Communicator> do_split(int color) override {
    gather_colors_of_threads(color);
    const std::vector<int32_t> colors = shared_->colors;
    threads_->barrier();
    std::map<int32_t, std::set<int>> where;  // processes by color
    for (int r = 0; r < size(); ++r) where[colors[size_t(r)]].insert(r / count());
    if (std::all_of(where.begin(), where.end(), [](const auto& c) { return c.second.size() == 1; }))
      return threads_->split(color);
    for (int r = 0; r < size(); ++r)
      CHECK(colors[size_t(r)] == colors[size_t(r / count() * count())],
            "ranks {} and {} are threads of one process and not of one part, whose others are elsewhere",
            r / count() * count(), r);
    if (is_first()) shared_->child = share_among_threads(shared_->processes->split(color), count());
    threads_->barrier();
    auto part = std::make_unique<NestedCommunicator>(threads_->split(0), shared_->child, queue());
    threads_->barrier();
    return part;
  }

 private:
  bool is_first() const { return threads_->rank() == 0; }
  int count() const { return threads_->size(); }
  int processes() const { return shared_->processes->size(); }

  // The work of all threads' devices is done between two meetings.
  void meet() {
    queue().run(kernel::synchronize);
    threads_->barrier();
  }
  void post(View v) {
    shared_->views[size_t(threads_->rank())] = v;
    meet();
  }

  // Memory of the first thread's, kept for later calls.
  View scratch(Tensor& memory, int64_t bytes) {
    if (!memory.defined() || memory.numel() < bytes) memory = Tensor::empty(queue().device, DType::u8, {bytes});
    return memory.slice(0, {bytes});
  }

  // body(from, to) on the communicator of the processes, through host memory where it has no other.
  template <class Body>
  void exchange(View from, View to, Body&& body) {
    if (queue().device == shared_->processes->device()) return body(from, to);
    const Tensor out = Tensor::empty(Device::cpu, DType::u8, {from.numel()}),
                 in = Tensor::empty(Device::cpu, DType::u8, {to.numel()});
    queue().run(kernel::copy_to_host, from, out.view().data);
    body(out, in);
    queue().run(kernel::copy_from_host, in.view().data, to);
  }

  void gather_colors_of_threads(int32_t color) {
    if (is_first()) shared_->colors.assign(size_t(size()), 0);
    threads_->barrier();
    shared_->colors[size_t(rank())] = color;
    threads_->barrier();
    if (is_first()) {
      const auto ints = [](int32_t* p, int64_t n) { return View{p, DType::i32, {1, 1, 1, n}}; };
      std::vector<int32_t> own(shared_->colors.begin() + rank(), shared_->colors.begin() + rank() + count());
      shared_->processes->all_gather(ints(own.data(), count()), ints(shared_->colors.data(), size()));
    }
    threads_->barrier();
  }

  const std::unique_ptr<Communicator> threads_;
  const std::shared_ptr<NestedShared> shared_;
  PeerMemory memory_;
};

}  // namespace

std::shared_ptr<NestedShared> share_among_threads(std::unique_ptr<Communicator> processes, int threads) {
  auto shared = std::make_shared<NestedShared>();
  shared->processes = std::move(processes);
  shared->views.resize(size_t(threads));
  return shared;
}

std::unique_ptr<Communicator> join_nested(std::unique_ptr<Communicator> threads, std::shared_ptr<NestedShared> shared,
                                          Queue queue) {
  return std::make_unique<NestedCommunicator>(std::move(threads), std::move(shared), queue);
}

}  // namespace skein
