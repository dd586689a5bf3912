// skein bench compare: two files of skein bench --json. skein bench ab: two programs, measured in turns. Both end with
// the same table and the same verdict (apps/bench/comparison.h).
#include <fmt/format.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>

#include "apps/bench/bench.h"
#include "apps/bench/comparison.h"
#include "base/check.h"
#include "base/files.h"
#include "base/terminal/shell_words.h"

namespace skein {
namespace {

void conclude(const ReadReport& a, const ReadReport& b, Sample sample, bool json) {
  const std::vector<ComparedCase> cases = compare_cases(a, b);
  const std::vector<std::string> notes = other_differences(a, b);
  if (cases.empty()) throw BadInput("{} and {}: have no case in common. Measure the same with both", a.path, b.path);
  if (json)
    fmt::print("{}\n", to_json(cases, notes, sample).dump(-1, Json::BadUtf8::replace));
  else
    print_comparison(cases, notes, sample);
}

// Runs the program and returns its output. RunFailed for another status than 0; its own message is on stderr.
std::string output_of(const std::vector<std::string>& words) {
  const std::string command = shell_words(words);
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw RunFailed("{}: cannot be started. Try again with less else running", command);
  std::string text;
  char part[4096];
  for (size_t n = 0; (n = fread(part, 1, sizeof part, pipe)) > 0;) text.append(part, n);
  const int status = pclose(pipe);
  if (WIFSIGNALED(status)) throw RunFailed("{}: was ended by signal {}", command, WTERMSIG(status));
  if (WEXITSTATUS(status) != 0)
    throw RunFailed("{}: ended with status {}; its message is above", command, WEXITSTATUS(status));
  return text;
}

// Adds one run of a program: the median of each case is one sample.
void add_run(ReadReport& all, const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {program, "bench"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.emplace_back("--json");
  ReadReport run = parse_bench(output_of(words), program);
  if (all.cases.empty()) {
    all.header = run.header;
    for (const ReadCase& c : run.cases) all.cases.push_back({c.name, {}});
  }
  if (run.cases.size() != all.cases.size())
    throw RunFailed("{}: measured {} cases at first, then {}", program, all.cases.size(), run.cases.size());
  for (size_t i = 0; i < run.cases.size(); ++i) all.cases[i].seconds.push_back(timing_of(run.cases[i].seconds).median);
}

}  // namespace

void bench_compare(const CompareBench& o) {
  conclude(parse_bench(read_text(o.a), o.a), parse_bench(read_text(o.b), o.b), Sample::repetition, o.json);
}

// Turns of A B B A: a machine that gets steadily slower or faster treats both alike.
void bench_ab(const AbBench& o) {
  if (o.arguments.empty() || o.arguments[0] == "ab" || o.arguments[0] == "compare")
    throw BadInput("bench ab: give the bench to run after --, as in -- step --model resnet20");
  if (!std::filesystem::is_regular_file(o.against))
    throw BadInput("--against {}: there is no such program. Give another build of skein", o.against);
  std::error_code none;
  const std::string own = std::filesystem::read_symlink("/proc/self/exe", none).string();
  ReadReport a, b;
  a.path = std::filesystem::absolute(o.against).string();
  b.path = own;
  for (int64_t round = 0; round < o.rounds; ++round)
    for (ReadReport* program : {&a, &b, &b, &a}) add_run(*program, program->path, o.arguments);
  if (!o.json) fmt::print("A        {}\nB        {}\n{} rounds of A B B A\n\n", a.path, b.path, o.rounds);
  conclude(a, b, Sample::process, o.json);
}

}  // namespace skein
