// Warp operations: lanes wait for each other, exchange values and continue. Faults if the lanes cannot complete one.
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

std::string name(SourceLine p) { return fmt::format("{}:{}", p.file, p.line); }
const char* name(WarpOp op) {
  const char* const names[] = {"__syncwarp", "__shfl", "__ballot_sync", "a matrix operation"};
  return names[size_t(op)];
}

// Describes a deadlock: no thread can run, and not all wait at a barrier, so some lane waits for lanes that never
// arrive.
void Grid::describe_deadlock() {
  std::string others;
  int shown = 0;
  current_ = -1;
  for (size_t i = 0; i < threads_.size() && shown < 4; ++i) {
    const Thread& t = threads_[i];
    if (t.state == State::at_warp && current_ < 0) current_ = int(i);
    if (t.state == State::done || current_ == int(i)) continue;
    const char* what = t.state == State::at_barrier ? "__syncthreads" : name(t.operation);
    others += fmt::format("; thread {} waits in {} at {}", i, what, name(t.at));
    ++shown;
  }
  note(self().at, "{} for lanes {} waits for ever{}", name(self().operation), lanes(self().mask), others);
}

uint64_t Grid::warp(WarpOp operation, unsigned mask, uint64_t value, int source, SourceLine at) {
  const unsigned first = unsigned(current_) - unsigned(lane());
  // An incomplete last warp lacks lanes, and the mask 0xffffffff means all that exist.
  const unsigned exist = threads_.size() - first >= kLanes ? ~0u : (1u << (threads_.size() - first)) - 1;
  Thread& me = self();
  me.operation = operation;
  me.mask = mask;
  me.value = value;
  me.source = source;
  me.at = at;
  if (!check_operation(first, exist)) abandon();
  const unsigned members = mask & exist;
  // Only __syncwarp orders memory; ballots and shuffles do not.
  if (operation == WarpOp::sync) release(&me.marks[me.operations % 4]);
  ++me.operations;
  me.state = State::at_warp;
  unsigned arrived = 0;
  for (unsigned i = 0; i < kLanes; ++i)
    if (members >> i & 1 && threads_[first + i].state == State::at_warp) arrived |= 1u << i;
  if (arrived != members)
    park(State::at_warp);
  else if (!complete_operation(first, members))
    abandon();
  if (operation == WarpOp::sync)
    for (unsigned i = 0; i < kLanes; ++i)
      if (members >> i & 1) acquire(&threads_[first + i].marks[self().wait_for[i]]);
  return self().result;
}

// Checks that the running thread may take part in its operation; else notes the fault.
bool Grid::check_operation(unsigned first, unsigned exist) {
  const Thread& me = self();
  const char* what = name(me.operation);
  if (!(me.mask >> lane() & 1)) {
    note(me.at, "{} for lanes {}, which lack the caller, lane {}", what, lanes(me.mask), lane());
    return false;
  }
  if (me.mask != ~0u && (me.mask & ~exist)) {
    note(me.at, "{} names lanes {}, which the block does not have", what, lanes(me.mask & ~exist));
    return false;
  }
  for (unsigned i = 0; i < kLanes; ++i) {
    if (!(me.mask & exist & (1u << i))) continue;
    const Thread& other = threads_[first + i];
    if (other.state == State::done) {
      note(me.at, "{} names lane {}, which has exited", what, i);
      return false;
    }
    if (other.state == State::at_warp && (other.mask != me.mask || other.operation != me.operation)) {
      note(me.at, "{} for lanes {}, while lane {} waits in {} at {} for lanes {}", what, lanes(me.mask), i,
           name(other.operation), name(other.at), lanes(other.mask));
      return false;
    }
  }
  return true;
}

const std::array<Words, kLanes>& Grid::exchange(const Words& own, SourceLine at) {
  self().words = own;
  if (exchanged_.size() < threads_.size() / kLanes + 1) exchanged_.resize(threads_.size() / kLanes + 1);
  warp(WarpOp::exchange, ~0u, 0, 0, at);
  return exchanged_[size_t(current_) / kLanes];
}

// Computes every member's result, when the last member has arrived.
bool Grid::complete_operation(unsigned first, unsigned members) {
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
        note(t.at, "__shfl of lane {} reads lane {}, which does not take part", i, t.source);
        return false;
      }
      t.result = threads_[first + unsigned(t.source)].value;
    } else if (t.operation == WarpOp::exchange) {
      exchanged_[first / kLanes][i] = t.words;
    }
    for (unsigned k = 0; k < kLanes; ++k)
      if (members >> k & 1) t.wait_for[k] = static_cast<signed char>((threads_[first + k].operations - 1) % 4);
    t.state = State::ready;
  }
  return true;
}

uint64_t warp_operation(WarpOp operation, unsigned mask, uint64_t value, int source_lane, SourceLine at) {
  return grid().warp(operation, mask, value, source_lane, at);
}
const std::array<Words, 32>& warp_exchange(const Words& own, SourceLine at) { return grid().exchange(own, at); }
int lane() { return grid().lane(); }

}  // namespace skein::cuda::emulator
