// Encrypted connections between ranks (--tls): the bits of plain ones, what somebody on the wire sees and can change, and
// what is said of certificates that do not fit.
#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <thread>

#include "base/check.h"
#include "comm/transports/tcp_communicator.h"
#include "comm/transports/thread_communicator.h"
#include "tests/support/certificates.h"
#include "tests/support/communicator_script.h"
#include "tests/support/start_processes.h"

namespace skein::testing {
namespace {

using Body = std::function<void(Communicator&)>;

class Tls : public ::testing::Test {
 protected:
  // What each rank has thrown, empty where nothing. Rank 1 and above connect to `door`, by default rank 0's port.
  std::vector<std::string> on_ranks(const std::vector<TlsFiles>& tls, const Body& body, int door = 0,
                                    double rendezvous_timeout = 20) {
    std::vector<std::string> errors(tls.size());
    std::vector<std::thread> threads;
    for (size_t r = 0; r < tls.size(); ++r)
      threads.emplace_back([&, r] {
        omp_set_num_threads(1);
        try {
          TcpOptions options{.rendezvous_timeout = rendezvous_timeout, .timeout = 20, .piece = 1000};
          options.secret = {"", folder_.str(), tls[r]};
          body(*join_tcp({"127.0.0.1", r > 0 && door ? door : port_}, int(r), int(tls.size()), options));
        } catch (const std::exception& e) {
          errors[r] = e.what();
        }
      });
    for (std::thread& t : threads) t.join();
    return errors;
  }

  static constexpr double kSoon = 0.7;  // seconds, where ranks cannot meet
  const int port_ = free_port();
  const TempDir folder_;
  const Authority authority_{"run"};
  const TlsFiles own_ = authority_.sign("node");
};

TEST_F(Tls, RanksGetTheBitsAndTrafficOfThreads) {
  constexpr int kRanks = 3;
  std::vector<std::vector<float>> expected(kRanks), actual(kRanks);
  ThreadGroup group(kRanks);
  std::vector<std::thread> threads;
  for (int r = 0; r < kRanks; ++r)
    threads.emplace_back([&, r] {
      omp_set_num_threads(1);
      expected[size_t(r)] = run_script(*group.join(r));
    });
  for (std::thread& t : threads) t.join();
  const std::vector<TlsFiles> all(kRanks, own_);
  EXPECT_EQ(on_ranks(all, [&](Communicator& c) { actual[size_t(c.rank())] = run_script(c); }),
            std::vector<std::string>(kRanks));
  EXPECT_EQ(actual, expected);
}

// Many records, more than the sockets hold, from all to all at once; then short messages behind each other.
TEST_F(Tls, MoreThanTheSocketsHold) {
  constexpr size_t kNumbers = 1'500'000;
  const auto body = [](Communicator& c) {
    std::vector<float> mine(kNumbers), all(kNumbers * size_t(c.size()));
    for (size_t i = 0; i < kNumbers; ++i) mine[i] = float(i) + 0.25f * float(c.rank());
    c.all_gather(view_of(mine), view_of(all));
    for (size_t i = 0; i < all.size(); i += 99)
      CHECK(all[i] == float(i % kNumbers) + 0.25f * float(i / kNumbers), "number {} is {}", i, all[i]);
    for (int i = 0; i < 200; ++i) {
      std::vector<float> x(3, float(c.rank() + i));
      c.all_reduce(view_of(x));
      CHECK(x[2] == float(3 + 3 * i), "{}", x[2]);
    }
  };
  EXPECT_EQ(on_ranks({own_, own_, own_}, body), std::vector<std::string>(3));
}

// Between rank 1 and rank 0: passes on what comes, and writes it down. With certificates of its own it ends the
// encryption of both and begins another. From byte `flip` on the way to rank 0 it changes one bit.
class Wiretap {
 public:
  Wiretap(int to, const TlsContext* context = nullptr, size_t flip = SIZE_MAX)
      : context_(context), flip_(flip), to_(to) {
    thread_ = std::thread([this] { run(); });
  }
  ~Wiretap() {
    stop_ = true;
    thread_.join();
  }
  int port() const { return door_.own_address().port(); }
  std::string heard() {
    stop_ = true;
    thread_.join();
    thread_ = std::thread([] {});
    return heard_;
  }

 private:
  void run() {
    Socket guest;
    while (!stop_ && !(guest = door_.accept())) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    Socket host = Socket::connected(Address::loopback(to_));
    while (!stop_ && !host) host = Socket::connected(Address::loopback(to_));
    if (context_) {
      guest.encrypt(*context_, TlsSession::Side::host);
      host.encrypt(*context_, TlsSession::Side::guest);
      host.shake_hands(in_seconds(5));
    }
    while (!stop_ && pass(guest, host, true) && pass(host, guest, false))
      std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  // False: the connection has ended.
  bool pass(const Socket& from, const Socket& to, bool to_root) {
    char buffer[4096];
    for (;;) {
      const ssize_t n = from.receive(buffer, sizeof buffer);
      if (n < 0 && would_block()) return true;
      if (n <= 0) return false;
      if (const size_t done = heard_.size(); to_root && done <= flip_ && flip_ < done + size_t(n))
        buffer[flip_ - done] ^= 1;
      if (to_root) heard_.append(buffer, size_t(n));
      if (!to.write(buffer, size_t(n), in_seconds(5))) return false;
    }
  }

  const Socket door_ = Socket::listening(Address::loopback(0));
  const TlsContext* const context_;
  const size_t flip_;
  const int to_;
  std::atomic<bool> stop_ = false;
  std::string heard_;  // on the way to rank 0
  std::thread thread_;
};

constexpr size_t kNumbers = 10'000;
const float kNumber = 0.123456789f;

// Rank 1 sends as many equal numbers.
void send_numbers(Communicator& c) {
  std::vector<float> mine(kNumbers, c.rank() == 1 ? kNumber : 0.0f), all(2 * kNumbers);
  c.all_gather(view_of(mine), view_of(all));
  for (size_t i = kNumbers; i < all.size(); ++i) CHECK(all[i] == kNumber, "number {} is {}", i, all[i]);
}

TEST_F(Tls, WhoeverListensSeesNoNumbersAndChangesNone) {
  const std::string number(reinterpret_cast<const char*>(&kNumber), sizeof kNumber), four = number + number + number;
  {
    Wiretap plain(port_);
    EXPECT_EQ(on_ranks({{}, {}}, send_numbers, plain.port()), std::vector<std::string>(2));
    EXPECT_NE(plain.heard().find(four), std::string::npos) << "the test would not notice";
  }
  {
    Wiretap encrypted(port_);
    EXPECT_EQ(on_ranks({own_, own_}, send_numbers, encrypted.port()), std::vector<std::string>(2));
    const std::string heard = encrypted.heard();
    EXPECT_GT(heard.size(), kNumbers * sizeof kNumber);
    EXPECT_EQ(heard.find(four), std::string::npos);
  }
  {
    Wiretap plain(port_, nullptr, 30'000);
    EXPECT_NE(on_ranks({{}, {}}, send_numbers, plain.port())[0].find("number 1"), std::string::npos)
        << "rank 0 takes the wrong number without --tls";
  }
  Wiretap encrypted(port_, nullptr, 30'000);
  const std::string error = on_ranks({own_, own_}, send_numbers, encrypted.port())[0];
  EXPECT_NE(error.find("rank 1 has ended, or cannot be reached any more"), std::string::npos) << error;
}

// With a certificate of the authority, between two that have others of it: it passes the proofs on, and they do not fit.
TEST_F(Tls, AnotherProcessOfTheAuthorityCannotStandInBetween) {
  const TlsContext context(authority_.sign("between"));
  Wiretap between(port_, &context);
  const auto errors = on_ranks({own_, own_}, send_numbers, between.port(), kSoon);
  EXPECT_NE(errors[1].find("has another secret"), std::string::npos) << errors[1];
}

TEST_F(Tls, CertificatesThatDoNotFitAreNamed) {
  const Authority stranger("stranger");
  ::testing::internal::CaptureStderr();
  const auto errors = on_ranks({own_, stranger.sign("node")}, send_numbers, 0, kSoon);
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(errors[1].find("rank 1: no TLS with rank 0 at 127.0.0.1:"), std::string::npos) << errors[1];
  EXPECT_NE(errors[1].find("certificate verify failed"), std::string::npos) << errors[1];
  EXPECT_NE(said.find("TLS fails: "), std::string::npos) << said;

  ::testing::internal::CaptureStderr();
  for (const auto& one_has_it : {std::vector<TlsFiles>{own_, {}}, {{}, own_}}) {
    const std::string error = on_ranks(one_has_it, send_numbers, 0, kSoon)[1];
    EXPECT_NE(error.find("give --tls to all processes, or to none"), std::string::npos) << error;
  }
  const std::string mixed = ::testing::internal::GetCapturedStderr();
  expect_parts(mixed, {"TLS fails: wrong version number. Give --tls to all processes, or to none",
                       "it speaks TLS: give --tls to all processes, or to none"});

  const auto refused = [](TlsFiles f, const std::vector<std::string>& parts) {
    expect_error([&] { TlsContext context(f); }, parts);
  };
  const TlsFiles other = authority_.sign("other");
  refused({authority_.path("none.pem"), own_.key, own_.authority}, {"--tls: cert=", "none.pem", "cannot be read"});
  refused({own_.certificate, folder_.str(), own_.authority}, {"--tls: key=", "it is not a file"});
  refused({own_.certificate, own_.certificate, own_.authority}, {"it is not the private key of", "without a password"});
  refused({own_.certificate, other.key, own_.authority}, {other.key, "it is not the private key of", own_.certificate});
  refused({own_.key, own_.key, own_.authority}, {"--tls: cert=", "it holds no certificate"});
  refused({own_.certificate, own_.key, own_.key}, {"--tls: ca=", "it holds no certificate"});
  refused({own_.certificate, own_.key, stranger.path("stranger.pem")},
          {"would not believe", own_.certificate, "unable to get local issuer certificate"});
  refused(authority_.sign("old", -1), {"would not believe", "expired", "valid now"});
}

TEST_F(Tls, TheOptionIsCheckedByName) {
  EXPECT_FALSE(parse_tls("none").given());
  const TlsFiles files = parse_tls("key=b,cert=a,ca=c");
  EXPECT_EQ(files.certificate + files.key + files.authority, "abc");
  for (const char* text : {"", "a.pem", "cert=a,cert=b", "cert=", "cert=a,key=b,ca=c,d=e", "cert=a,,key=b"})
    expect_error([&] { parse_tls(text); },
                 {std::string("--tls ") + text, "is not right", "cert=FILE,key=FILE,ca=FILE"});
  expect_error([] { parse_tls("cert=a,key=b"); }, {"takes three files"});
}

TEST_F(Tls, TrainingHasTheBitsOfPlainConnections) {
  const auto model = [&](const std::string& options) {
    const std::string run = (folder_ / fmt::format("run{}", options.empty() ? 0 : 1)).string();
    const ProgramOutput out =
        start_processes(2, fmt::format("{} {} --sync local:H=2 --out {} {}", kSkein, kSmallRun, run, options));
    EXPECT_EQ(out.status, 0) << out.err;
    return read_file(run + "/last/model.safetensors");
  };
  EXPECT_EQ(model("--tls " + option_of(own_)), model(""));
}

}  // namespace
}  // namespace skein::testing
