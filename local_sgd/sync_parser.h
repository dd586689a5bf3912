// The expressions of local_sgd/sync_schedule.h as data: what was asked for, checked and with its defaults filled in.
#pragma once

#include <cstdint>
#include <string>

namespace skein {

enum class Warmup : uint8_t { none, constant, linear, exponential };
std::string name_of(Warmup);

struct SyncForm {
  std::string name;
  int64_t steps = 1;         // H
  int64_t block_rounds = 1;  // Hb
  int64_t block = 0;         // ranks; 0: no blocks
  double from = 0;           // epochs
  double alpha = 0;          // 0: H does not depend on the rate
  Warmup warmup = Warmup::none;
  int64_t warmup_epochs = 0;
  bool restart = false;
};

SyncForm parse_sync_form(const std::string& expression, double first_drop);

}  // namespace skein
