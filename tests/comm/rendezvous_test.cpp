// How processes meet over TCP: who is let in, strangers of every kind, processes that do not fit, and ranks that end
// while the others meet. Loopback sockets only.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/check.h"
#include "comm/communicator.h"
#include "comm/sockets/reception.h"
#include "comm/sockets/tcp_rendezvous.h"
#include "tests/support/run_binary.h"
#include "tests/support/start_processes.h"

namespace skein::testing {
namespace {

const std::string kSecret = "a secret of sixteen bytes or more";

// Ranks as threads. The folder of a secret that rank 0 makes is the test's own.
class TcpRendezvous : public ::testing::Test {
 protected:
  void start(int rank, int size, double timeout = 20, const std::string& secret_file = "") {
    errors_.emplace_back();
    threads_.emplace_back([=, this, &error = errors_.back()] {
      try {
        const RendezvousOptions options{timeout, 5, {secret_file, folder_.str()}};
        rendezvous_over_tcp(rendezvous_, rank, size, options);
      } catch (const std::exception& e) {
        error = e.what();
      }
    });
  }
  const std::list<std::string>& join() {
    for (std::thread& t : threads_) t.join();
    threads_.clear();
    return errors_;
  }
  // A connection to rank 0, as soon as it listens.
  Socket connection() const {
    const Deadline soon = in_seconds(10);
    for (;;)
      if (Socket s = Socket::connected(Address::loopback(rendezvous_.port));
          s || std::chrono::steady_clock::now() > soon)
        return s;
  }
  static void send(const Socket& s, const std::string& text) { s.write(text.data(), text.size(), in_seconds(5)); }
  static bool ends(const Socket& s) {
    char byte = 0;
    return !s.read(&byte, 1, in_seconds(10));
  }
  std::string secret_of(const std::string& id) const { return read_secret_file(folder_.str(), id).value_or(""); }
  Greeting greet_as(const Socket& s, int rank, int size) const {
    return greet(
        s, {rank, size, 1, own_process()}, [&](const std::string& id) { return secret_of(id); }, in_seconds(5));
  }

  const Rendezvous rendezvous_{"127.0.0.1", free_port()};
  const TempDir folder_;
  std::list<std::string> errors_;
  std::vector<std::thread> threads_;
};

const std::list<std::string> kNoErrors(2);

TEST_F(TcpRendezvous, StrangersOfEveryKindCostNothing) {
  ::testing::internal::CaptureStderr();
  start(0, 2);
  std::vector<Socket> silent;
  for (int i = 0; i < 65; ++i) silent.push_back(connection());
  std::vector<Socket> loud;
  for (const std::string& text :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 10),
        std::string("skein-1\0\1\0\0\0\2\0\0\0", 16), std::string(5000, '\xff')}) {
    loud.push_back(connection());
    send(loud.back(), text);
    EXPECT_TRUE(ends(loud.back()));
  }
  for (int i = 0; i < 20; ++i) connection();  // a port scan
  const auto begin = std::chrono::steady_clock::now();
  start(1, 2);
  EXPECT_EQ(join(), kNoErrors);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4)) << "a stranger has 5 s";
  const std::string said = ::testing::internal::GetCapturedStderr();
  for (const char* part : {"dropped a connection of 127.0.0.1:", "it began with 'GET / HT', which is not skein",
                           "it speaks TLS: give --tls to all processes, or to none", "another version of skein"})
    EXPECT_NE(said.find(part), std::string::npos) << part << " is not in\n" << said;
  EXPECT_LE(std::count(said.begin(), said.end(), '\n'), 11) << said;
  EXPECT_TRUE(std::filesystem::is_empty(folder_.str())) << "the secret is there still";
}

TEST_F(TcpRendezvous, AnotherSecretIsNamedOnBothSidesAndTheRunGoesOn) {
  const std::string file = (folder_ / "secret").string(), other = (folder_ / "other").string();
  std::ofstream(file) << kSecret << "\n";
  std::ofstream(other) << "not the same, but long enough\n";
  ::testing::internal::CaptureStderr();
  start(0, 2, 20, file);
  connection();
  start(1, 2, 20, other);
  threads_.back().join();
  threads_.pop_back();
  EXPECT_NE(errors_.back().find("has another secret"), std::string::npos) << errors_.back();
  start(1, 2);  // none
  threads_.back().join();
  threads_.pop_back();
  EXPECT_NE(errors_.back().find("was given a secret, but this process was not"), std::string::npos) << errors_.back();
  start(1, 2, 20, file);
  join();
  EXPECT_EQ(errors_.front(), "");
  EXPECT_EQ(errors_.back(), "");
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("it does not know the run's secret; it says that it is rank 1, process"), std::string::npos)
      << said;
}

TEST_F(TcpRendezvous, AFolderThatIsNotSharedIsRefusedWithTheFix) {
  start(0, 2, 0.3);
  const RendezvousOptions elsewhere{0.2, 5, {"", folder_.str() + "/elsewhere"}};
  try {
    rendezvous_over_tcp(rendezvous_, 1, 2, elsewhere);
    ADD_FAILURE();
  } catch (const BadInput& e) {
    for (const char* part : {"rank 1 (process", "has written the run's secret into the folder", "SKEIN_SECRET"})
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
  }
  join();
}

TEST_F(TcpRendezvous, AProcessThatDoesNotFitIsRefusedAndTheRunGoesOn) {
  ::testing::internal::CaptureStderr();
  start(0, 3);
  start(1, 3);
  const Socket first = connection();
  EXPECT_EQ(greet_as(first, 2, 4), Greeting::met);
  AnswerHeader header{};
  ASSERT_TRUE(first.read(&header, sizeof header, in_seconds(5)));
  ASSERT_TRUE(header.answer == Answer::refused && header.makes_sense(4));
  std::string why(size_t(header.bytes), ' ');
  ASSERT_TRUE(first.read(why.data(), why.size(), in_seconds(5)));
  EXPECT_EQ(why, "rank 2 was told of 4 processes, rank 0 of 3. Give all the same WORLD_SIZE");
  const Socket negative = connection();
  EXPECT_EQ(greet_as(negative, -5, 3), Greeting::met);
  start(2, 3);
  EXPECT_EQ(join(), std::list<std::string>(3));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("rank 0: refused process"), std::string::npos) << said;
}

TEST_F(TcpRendezvous, TwoWithOneRankAreNamedAndTheFirstStays) {
  start(0, 3, 0.3);
  const Socket first = connection();
  ASSERT_EQ(greet_as(first, 1, 3), Greeting::met);
  start(1, 3, 0.3);
  join();
  EXPECT_NE(errors_.back().find("two processes are rank 1: process"), std::string::npos) << errors_.back();
  EXPECT_NE(errors_.front().find("rank 2 did not come"), std::string::npos) << errors_.front();
}

TEST_F(TcpRendezvous, ARankThatEndsLeavesItsPlace) {
  ::testing::internal::CaptureStderr();
  start(0, 3);
  for (int i = 0; i < 3; ++i) {
    const Socket killed = connection();
    EXPECT_EQ(greet_as(killed, 1, 3), Greeting::met);
  }
  start(1, 3);
  start(2, 3);
  EXPECT_EQ(join(), std::list<std::string>(3));
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("has ended; its place is free"), std::string::npos) << said;
}

// Ranks 2 and 3 are the test: rank 2 comes to rank 1's port twice, and ends.
TEST_F(TcpRendezvous, ARankThatEndsWhileTheOthersConnectEndsThemAtOnce) {
  ::testing::internal::CaptureStderr();
  start(0, 4);
  start(1, 4);
  const Socket third = connection();
  ASSERT_EQ(greet_as(third, 3, 4), Greeting::met);
  const auto begin = std::chrono::steady_clock::now();
  {
    const Socket root = connection();
    std::string secret;
    const auto remember = [&](const std::string& id) { return secret = secret_of(id); };
    ASSERT_EQ(greet(root, {2, 4, 1, own_process()}, remember, in_seconds(5)), Greeting::met);
    AnswerHeader header{};
    ASSERT_TRUE(root.read(&header, sizeof header, in_seconds(5)));
    ASSERT_TRUE(header.answer == Answer::roster && header.makes_sense(4));
    std::string bytes(size_t(header.bytes), ' ');
    ASSERT_TRUE(root.read(bytes.data(), bytes.size(), in_seconds(5)));
    const Address door = parse_roster(bytes, 4).at(1).address;
    const auto known = [&](const std::string&) { return secret; };
    const Socket link = Socket::connected(door), again = Socket::connected(door), other = Socket::connected(door);
    EXPECT_EQ(greet(link, {2, 4, 0, own_process()}, known, in_seconds(5)), Greeting::met);
    EXPECT_EQ(greet(again, {2, 4, 0, own_process()}, known, in_seconds(5)), Greeting::met);
    EXPECT_TRUE(ends(again)) << "a second rank 2";
    EXPECT_EQ(greet(
                  other, {3, 4, 0, own_process()}, [](const std::string&) { return kSecret; }, in_seconds(5)),
              Greeting::other_secret);
    EXPECT_TRUE(ends(other));
  }
  join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
  for (const std::string& e : errors_) EXPECT_NE(e.find("rank 2 (process"), std::string::npos) << e;
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("it says that it is rank 2, which is not expected here"), std::string::npos) << said;
}

TEST_F(TcpRendezvous, AnotherProgramAtThePortIsNotTakenForRankZero) {
  const Socket other = Socket::listening(Address::loopback(rendezvous_.port));
  start(1, 2, 0.3);  // it never answers
  join();
  EXPECT_NE(errors_.front().find("does not answer as rank 0 does"), std::string::npos) << errors_.front();
}

TEST_F(TcpRendezvous, AWaitIsReportedWithTheRanksThatAreMissing) {
  ::testing::internal::CaptureStderr();
  const auto wait = [&](int rank) {
    return std::thread([=, this] {
      const RendezvousOptions options{0.3, 0.05, {"", folder_.str()}};
      EXPECT_THROW(rendezvous_over_tcp(rendezvous_, rank, 4, options), PeerLost);
    });
  };
  std::thread root = wait(0), guest = wait(2);
  root.join();
  guest.join();
  const std::string said = ::testing::internal::GetCapturedStderr();
  for (const std::string& part :
       {fmt::format("rank 0 (process {} on ", getpid()), std::string("of 4 processes ranks 1, 3 are missing")})
    EXPECT_NE(said.find(part), std::string::npos) << part << " is not in\n" << said;
}

TEST_F(TcpRendezvous, WithoutFileDescriptorsTheLimitIsNamed) {
  std::vector<Socket> doors;
  doors.push_back(Socket::listening(Address::loopback(0)));
  const Address door = doors[0].own_address();
  const RunSecret secret{kSecret, ""};
  Reception reception(std::move(doors), secret, "rank 0");
  const Socket guest = Socket::connected(door);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{rlim_t(guest.fd()) + 1, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  std::vector<Socket> taken;  // descriptors below the limit that were free
  for (Socket s = Socket::listening(Address::loopback(0)); s; s = Socket::listening(Address::loopback(0)))
    taken.push_back(std::move(s));
  std::string error;
  try {
    reception.wait(std::vector<Socket>(1000), in_seconds(5));  // of a large run
  } catch (const RunFailed& e) {
    error = e.what();
  }
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_NE(error.find("may open only"), std::string::npos) << error;
  EXPECT_NE(error.find("ulimit -n"), std::string::npos) << error;
}

TEST_F(TcpRendezvous, ListensOnlyAtTheAddressOfTheHost) {
  start(0, 2, 0.3);
  EXPECT_TRUE(connection());
  EXPECT_FALSE(Socket::connected(addresses_of("127.0.0.2", rendezvous_.port, "", in_seconds(1)).front()));
  join();
}

TEST(Handshake, RostersThatMakeNoSenseAreRefused) {
  std::vector<RosterEntry> roster(2);
  roster[1].address = Address::loopback(5);
  std::string bytes(reinterpret_cast<const char*>(roster.data()), sizeof(RosterEntry) * 2);
  EXPECT_EQ(parse_roster(bytes, 2).size(), 2U);
  EXPECT_TRUE(parse_roster(bytes, 3).empty());
  roster[1].address.size = 200;  // more than there is
  bytes.assign(reinterpret_cast<const char*>(roster.data()), bytes.size());
  EXPECT_TRUE(parse_roster(bytes, 2).empty());
  EXPECT_FALSE((AnswerHeader{Answer::refused, -1}.makes_sense(2)));
  EXPECT_FALSE((AnswerHeader{Answer::refused, 1 << 30}.makes_sense(2)));
  EXPECT_FALSE((AnswerHeader{Answer(77), 0}.makes_sense(2)));
}

}  // namespace
}  // namespace skein::testing
