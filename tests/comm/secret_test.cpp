// The secret of a run's processes: its file, where it is given, and the digest that proves it.
#include "comm/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/check.h"
#include "base/hmac.h"
#include "tests/support/data_files.h"
#include "tests/support/environment_variable.h"

namespace skein::testing {
namespace {

const std::string kSecret = "a secret of sixteen bytes or more";

TEST(Secret, IsMadeForItsOwnerOnlyAndRemovedWithItsFolders) {
  const TempDir dir;
  const std::string folder = (dir / "a/b").string();
  {
    const SecretFile made(folder);
    EXPECT_EQ(read_secret_file(folder, made.id()), made.secret());
    EXPECT_GE(made.secret().size(), 64U);
    struct stat s {};
    ASSERT_EQ(stat((folder + "/" + kSecretFilePrefix + made.id()).c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777U, 0600U);
    EXPECT_EQ(read_secret_file(folder, "0123456789abcdef"), std::nullopt);
    if (geteuid() == 0) {  // another user's, in a folder that all may write
      ASSERT_EQ(chown((folder + "/" + kSecretFilePrefix + made.id()).c_str(), 65534, 65534), 0);
      ASSERT_EQ(chmod(folder.c_str(), 01777), 0);
      EXPECT_THROW(read_secret_file(folder, made.id()), BadInput);
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.str()));
}

TEST(Secret, IsRemovedWhereASignalEndsTheProcess) {
  const TempDir dir;
  const std::string folder = (dir / "a/b").string();
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    EXPECT_EXIT(
        {
          signal(number, SIG_DFL);  // a parent may have it ignored
          const SecretFile made(folder);
          raise(number);
        },
        ::testing::KilledBySignal(number), "");
    EXPECT_TRUE(std::filesystem::is_empty(dir.str())) << number;
  }
}

TEST(Secret, ThatIsGivenIsReadAndChecked) {
  const TempDir dir;
  const std::string file = (dir / "s").string();
  const auto error = [&] {
    try {
      given_secret({file, ""});
      return std::string();
    } catch (const BadInput& e) {
      return std::string(e.what());
    }
  };
  EXPECT_NE(error().find("cannot be read"), std::string::npos) << error();
  std::ofstream(file) << "short\n";
  EXPECT_NE(error().find("the secret has 5 bytes. Give at least 16"), std::string::npos) << error();
  std::ofstream(file) << std::string(5000, 'x');
  EXPECT_NE(error().find("longer than 4096 bytes"), std::string::npos) << error();
  std::filesystem::remove(file);
  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_NE(error().find("it is not a file"), std::string::npos) << error();
  std::filesystem::remove(file);
  std::ofstream(file) << kSecret << "\r\n";
  EXPECT_EQ(given_secret({file, ""}), kSecret);
  EXPECT_EQ(given_secret({}), "");
  const EnvironmentVariable set("SKEIN_SECRET", kSecret.c_str());
  EXPECT_EQ(given_secret({}), kSecret);
}

// RFC 4231, test case 2.
TEST(Hmac, IsThatOfTheStandard) {
  const Digest d = hmac_sha256("Jefe", "what do ya want for nothing?");
  EXPECT_EQ(fmt::format("{:02x}{:02x}{:02x}{:02x}{:02x}", d[0], d[1], d[2], d[3], d[31]), "5bdcc14643");
  Digest other = d;
  EXPECT_TRUE(equal_in_constant_time(d, other));
  other[31] ^= 1;
  EXPECT_FALSE(equal_in_constant_time(d, other));
}

}  // namespace
}  // namespace skein::testing
