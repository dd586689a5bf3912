#include "comm/process_group.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "comm/launcher.h"
#include "comm/transports/mpi_communicator.h"
#include "comm/transports/tcp_communicator.h"
#include "comm/transports/thread_communicator.h"

namespace skein {
namespace {

constexpr int64_t kLongestText = 64 << 20;  // bytes; every rank has memory for as many from each

enum class Outcome : char { good = 'g', bad_input = 'b', failed = 'f' };

// Text of the first failure: with its rank, or without where all processes have the same.
std::string describe(const std::vector<std::string>& outcomes, size_t first) {
  const std::string text = outcomes[first].substr(1);
  const auto same = std::count(outcomes.begin(), outcomes.end(), outcomes[first]);
  if (same == std::ssize(outcomes)) return text;
  return fmt::format("rank {}{}: {}", first, same > 1 ? fmt::format(" and {} more", same - 1) : "", text);
}

}  // namespace

ProcessGroup::ProcessGroup() : ProcessGroup(ThreadGroup(1).join(0)) {}

ProcessGroup::ProcessGroup(std::unique_ptr<Communicator> processes) : communicator_(std::move(processes)) {}

ProcessGroup ProcessGroup::join(const JoinOptions& options) {
  const RankInfo own = rank_from_environment();
  ProcessGroup group;
  group.timeout_ = options.timeout;
  if (options.secret.tls.given()) TlsContext check(options.secret.tls);
  if (own.size == 1) return group;
  if (const auto rendezvous = tcp_rendezvous(own.launcher)) {
    TcpOptions tcp;
    tcp.timeout = tcp.rendezvous_timeout = options.timeout;
    tcp.secret = options.secret;
    group.communicator_ = join_tcp(*rendezvous, own.rank, own.size, tcp);
    group.abort_ = abort_tcp;
    group.is_encrypted_ = options.secret.tls.given();
    return group;
  }
  if (options.secret.tls.given())
    throw BadInput(
        "--tls: MPI has connections of its own, which skein cannot encrypt. Set MASTER_ADDR and MASTER_PORT for all "
        "processes, so that they talk over TCP, or leave out --tls");
  MpiOptions mpi;
  mpi.timeout = group.silent_timeout();
  group.communicator_ = join_mpi(mpi_library(), own.size, mpi);
  group.abort_ = abort_mpi;
  return group;
}

void ProcessGroup::on_all_ranks(const std::function<void()>& body) {
  if (size() == 1) return body();
  std::string mine(1, char(Outcome::good));
  try {
    body();
  } catch (const BadInput& e) {
    mine = char(Outcome::bad_input) + std::string(e.what());
  } catch (const RunFailed& e) {
    mine = char(Outcome::failed) + std::string(e.what());
  }
  const std::vector<std::string> all = all_gather_text(mine);
  const auto bad =
      std::find_if(all.begin(), all.end(), [](const auto& text) { return text[0] != char(Outcome::good); });
  if (bad == all.end()) return;
  failed_on_all_ranks_ = true;
  const std::string text = describe(all, size_t(bad - all.begin()));
  if ((*bad)[0] == char(Outcome::bad_input)) throw BadInput("{}", text);
  throw RunFailed("{}", text);
}

void ProcessGroup::fail_on_all_ranks(const std::string& reason) {
  failed_on_all_ranks_ = true;
  throw RunFailed("{}", reason);
}

void ProcessGroup::abort(const std::string& reason, int status) const {
  if (abort_) abort_(*communicator_, reason, status);
}

std::vector<std::string> ProcessGroup::all_gather_text(const std::string& mine) {
  const int64_t length = int64_t(mine.size());
  const std::vector<int64_t> lengths = all_gather<int64_t>(std::span(&length, 1));
  for (size_t r = 0; r < lengths.size(); ++r)
    if (lengths[r] < 0 || lengths[r] > kLongestText)
      throw PeerLost(fmt::format("rank {} sends a text of {} bytes, and {} are the most", r, lengths[r], kLongestText));
  std::string padded = mine;
  padded.resize(size_t(*std::max_element(lengths.begin(), lengths.end())));
  const std::vector<char> all = all_gather<char>(padded);
  std::vector<std::string> texts;
  for (size_t r = 0; r < lengths.size(); ++r) texts.emplace_back(all.data() + r * padded.size(), size_t(lengths[r]));
  return texts;
}

std::string ProcessGroup::broadcast_text(const std::string& mine) { return all_gather_text(mine).front(); }

int64_t ProcessGroup::max(int64_t mine) {
  const std::vector<int64_t> all = all_gather<int64_t>(std::span(&mine, 1));
  return *std::max_element(all.begin(), all.end());
}

std::string mpi_support() {
  const std::string module = mpi_module();
  return std::filesystem::exists(module) ? module : fmt::format("absent: no {}; processes talk over TCP", module);
}

}  // namespace skein
