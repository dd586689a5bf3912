#include "comm/job.h"

#include <algorithm>

#include "comm/launcher.h"
#include "comm/mpi_communicator.h"
#include "comm/tcp_communicator.h"
#include "comm/thread_communicator.h"
#include "kernels/check.h"

namespace skein {
namespace {

enum class Outcome : char { good = 'g', bad_input = 'b', failed = 'f' };

// The first failure with the rank it happened on, or without it where all processes have the same.
std::string describe(const std::vector<std::string>& outcomes, size_t first) {
  const std::string text = outcomes[first].substr(1);
  const auto same = std::count(outcomes.begin(), outcomes.end(), outcomes[first]);
  if (same == std::ssize(outcomes)) return text;
  return fmt::format("rank {}{}: {}", first, same > 1 ? fmt::format(" and {} more", same - 1) : "", text);
}

}  // namespace

Job::Job() : Job(ThreadGroup(1).join(0)) {}

Job::Job(std::unique_ptr<Communicator> processes) : processes_(std::move(processes)) {}

Job Job::join() {
  const Place place = find_place();
  if (place.size == 1) return Job();
  if (const auto meeting = find_meeting(place.launcher)) {
    Job job(join_tcp(*meeting, place.rank, place.size));
    job.abort_ = abort_tcp;
    return job;
  }
  const MpiApi& mpi = mpi_library();
  Job job(join_mpi(mpi, place.size));
  job.abort_ = [&mpi](const Communicator& c, const std::string& why, int status) { abort_mpi(mpi, c, why, status); };
  return job;
}

void Job::together(const std::function<void()>& body) {
  if (size() == 1) return body();
  std::string mine(1, char(Outcome::good));
  try {
    body();
  } catch (const BadInput& e) {
    mine = char(Outcome::bad_input) + std::string(e.what());
  } catch (const RunFailed& e) {
    mine = char(Outcome::failed) + std::string(e.what());
  }
  const std::vector<std::string> all = gather_text(mine);
  const auto bad =
      std::find_if(all.begin(), all.end(), [](const auto& text) { return text[0] != char(Outcome::good); });
  if (bad == all.end()) return;
  failed_together_ = true;
  const std::string text = describe(all, size_t(bad - all.begin()));
  if ((*bad)[0] == char(Outcome::bad_input)) throw BadInput("{}", text);
  throw RunFailed("{}", text);
}

void Job::fail_together(const std::string& reason) {
  failed_together_ = true;
  throw RunFailed("{}", reason);
}

void Job::abort(const std::string& reason, int status) const {
  if (abort_) abort_(*processes_, reason, status);
}

std::vector<std::string> Job::gather_text(const std::string& mine) {
  const int64_t length = int64_t(mine.size());
  const std::vector<int64_t> lengths = gather<int64_t>(std::span(&length, 1));
  std::string padded = mine;
  padded.resize(size_t(*std::max_element(lengths.begin(), lengths.end())));
  const std::vector<char> all = gather<char>(padded);
  std::vector<std::string> texts;
  for (size_t r = 0; r < lengths.size(); ++r) texts.emplace_back(all.data() + r * padded.size(), size_t(lengths[r]));
  return texts;
}

std::string Job::text_of_first(const std::string& mine) { return gather_text(mine).front(); }

int64_t Job::most(int64_t mine) {
  const std::vector<int64_t> all = gather<int64_t>(std::span(&mine, 1));
  return *std::max_element(all.begin(), all.end());
}

}  // namespace skein
