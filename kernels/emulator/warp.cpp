// Warp operations: lanes meet, exchange what they bring, and go on. And what the host is told when they cannot.
#include "kernels/emulator/grid.h"
#include "kernels/emulator/sanitizer.h"

namespace skein::cuda::emulator {
namespace {

std::string lanes(unsigned mask) {
  std::string all;
  for (unsigned i = 0; i < kLanes; ++i)
    if (mask >> i & 1) all += fmt::format("{}{}", all.empty() ? "" : ", ", i);
  return all;
}

}  // namespace

std::string name(Place p) { return fmt::format("{}:{}", p.file, p.line); }
const char* name(WarpOp op) {
  const char* const names[] = {"__syncwarp", "__shfl", "__ballot_sync", "a matrix operation"};
  return names[size_t(op)];
}

// Nobody can run, and not because all wait at a barrier: somebody waits for lanes that never come.
void Grid::describe_deadlock() {
  std::string others;
  int shown = 0;
  current_ = -1;
  for (size_t i = 0; i < threads_.size() && shown < 4; ++i) {
    const Thread& t = threads_[i];
    if (t.state == State::at_warp && current_ < 0) current_ = int(i);
    if (t.state == State::done || current_ == int(i)) continue;
    const char* what = t.state == State::at_barrier ? "__syncthreads" : name(t.operation);
    others += fmt::format("; thread {} waits in {} at {}", i, what, name(t.place));
    ++shown;
  }
  note(self().place, "{} for lanes {} waits for ever{}", name(self().operation), lanes(self().mask), others);
}

uint64_t Grid::warp(WarpOp operation, unsigned mask, uint64_t value, int source, Place place) {
  const unsigned first = unsigned(current_) - unsigned(lane());
  // The lanes of a last warp that is not whole do not exist, and 0xffffffff means "all there are".
  const unsigned exist = threads_.size() - first >= kLanes ? ~0u : (1u << (threads_.size() - first)) - 1;
  Thread& me = self();
  me.operation = operation;
  me.mask = mask;
  me.value = value;
  me.source = source;
  me.place = place;
  if (!may_meet(first, exist)) abandon();
  const unsigned members = mask & exist;
  // Only __syncwarp orders memory; a vote or a shuffle does not.
  if (operation == WarpOp::sync) release(&me.marks[me.met % 4]);
  ++me.met;
  me.state = State::at_warp;
  unsigned arrived = 0;
  for (unsigned i = 0; i < kLanes; ++i)
    if (members >> i & 1 && threads_[first + i].state == State::at_warp) arrived |= 1u << i;
  if (arrived != members)
    park(State::at_warp);
  else if (!meet(first, members))
    abandon();
  if (operation == WarpOp::sync)
    for (unsigned i = 0; i < kLanes; ++i)
      if (members >> i & 1) acquire(&threads_[first + i].marks[self().wait_for[i]]);
  return self().result;
}

// Whether the running thread may take part in the operation that it has just noted down.
bool Grid::may_meet(unsigned first, unsigned exist) {
  const Thread& me = self();
  const char* what = name(me.operation);
  if (!(me.mask >> lane() & 1)) {
    note(me.place, "{} for lanes {}, which lack the caller, lane {}", what, lanes(me.mask), lane());
    return false;
  }
  if (me.mask != ~0u && (me.mask & ~exist)) {
    note(me.place, "{} names lanes {}, which the block does not have", what, lanes(me.mask & ~exist));
    return false;
  }
  for (unsigned i = 0; i < kLanes; ++i) {
    if (!(me.mask & exist & (1u << i))) continue;
    const Thread& other = threads_[first + i];
    if (other.state == State::done) {
      note(me.place, "{} names lane {}, which has exited", what, i);
      return false;
    }
    if (other.state == State::at_warp && (other.mask != me.mask || other.operation != me.operation)) {
      note(me.place, "{} for lanes {}, while lane {} waits in {} at {} for lanes {}", what, lanes(me.mask), i,
           name(other.operation), name(other.place), lanes(other.mask));
      return false;
    }
  }
  return true;
}

const std::array<Words, kLanes>& Grid::exchange(const Words& mine, Place place) {
  self().words = mine;
  if (exchanged_.size() < threads_.size() / kLanes + 1) exchanged_.resize(threads_.size() / kLanes + 1);
  warp(WarpOp::exchange, ~0u, 0, 0, place);
  return exchanged_[size_t(current_) / kLanes];
}

// The last member has arrived: everyone's result.
bool Grid::meet(unsigned first, unsigned members) {
  unsigned votes = 0;
  for (unsigned i = 0; i < kLanes; ++i)
    if (members >> i & 1) votes |= unsigned(threads_[first + i].value & 1) << i;
  for (unsigned i = 0; i < kLanes; ++i) {
    if (!(members >> i & 1)) continue;
    Thread& t = threads_[first + i];
    if (t.operation == WarpOp::ballot) {
      t.result = votes;
    } else if (t.operation == WarpOp::shuffle) {
      if (t.source < 0 || t.source >= int(kLanes) || !(members >> t.source & 1)) {
        note(t.place, "__shfl of lane {} reads lane {}, which does not take part", i, t.source);
        return false;
      }
      t.result = threads_[first + unsigned(t.source)].value;
    } else if (t.operation == WarpOp::exchange) {
      exchanged_[first / kLanes][i] = t.words;
    }
    for (unsigned k = 0; k < kLanes; ++k)
      if (members >> k & 1) t.wait_for[k] = static_cast<signed char>((threads_[first + k].met - 1) % 4);
    t.state = State::ready;
  }
  return true;
}

uint64_t warp_operation(WarpOp operation, unsigned mask, uint64_t value, int source_lane, Place place) {
  return grid().warp(operation, mask, value, source_lane, place);
}
const std::array<Words, 32>& warp_exchange(const Words& mine, Place place) { return grid().exchange(mine, place); }
int lane() { return grid().lane(); }

}  // namespace skein::cuda::emulator
