// Certificates for tests of --tls, made by the openssl program: an authority, and what it signs.
#pragma once

#include "comm/tls.h"
#include "tests/support/run_binary.h"

namespace skein::testing {

class Authority {
 public:
  explicit Authority(const std::string& name) : name_(name) {
    openssl(fmt::format("req -x509 {} -keyout {} -out {} -days 2 -subj /CN={}", kNewKey, file(".key"), file(".pem"),
                        name_));
  }
  // A certificate that is valid from now for so many days. Below 1: it has run out.
  TlsFiles sign(const std::string& name, int days = 2) const {
    const auto own = [&](const char* suffix) { return (dir_ / (name + suffix)).string(); };
    openssl(fmt::format("req {} -keyout {} -out {} -subj /CN={}", kNewKey, own(".key"), own(".csr"), name));
    openssl(fmt::format("x509 -req -in {} -CA {} -CAkey {} -CAcreateserial -days {} -out {}", own(".csr"), file(".pem"),
                        file(".key"), days, own(".pem")));
    return {own(".pem"), own(".key"), file(".pem")};
  }
  std::string path(const std::string& name) const { return (dir_ / name).string(); }

 private:
  static constexpr const char kNewKey[] = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
  static void openssl(const std::string& arguments) {
    const ProgramOutput made = shell("openssl " + arguments);
    EXPECT_EQ(made.status, 0) << "openssl " << arguments << "\n" << made.err;
  }
  std::string file(const char* suffix) const { return (dir_ / (name_ + suffix)).string(); }

  const std::string name_;
  TempDir dir_;
};

inline std::string option_of(const TlsFiles& files) {
  return fmt::format("cert={},key={},ca={}", files.certificate, files.key, files.authority);
}

}  // namespace skein::testing
