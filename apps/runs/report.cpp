// skein report: one HTML file with the curves, the table and the details of runs, which opens without a network.
#include <filesystem>

#include "apps/commands.h"
#include "apps/page/facts.h"
#include "apps/page/page.h"
#include "base/check.h"
#include "base/files.h"
#include "base/terminal/printable.h"

namespace skein {
namespace {

struct ReportFlags {
  std::vector<std::string> runs;
  std::string out = "report.html";
  bool force = false;
};

void write_report(const ReportFlags& flags) {
  if (std::filesystem::exists(flags.out) && !flags.force)
    throw BadInput("--out {}: exists. Give another name, or --force to replace it", flags.out);
  Facts facts(flags.runs);
  facts.update();
  if (facts.runs() == 0)
    throw BadInput("{}: no run can be read{}. Give the folder of a run, or one that holds runs", flags.runs[0],
                   facts.left_out().empty() ? "" : ": " + facts.left_out()[0]);
  const std::string page = make_page(facts.document(false), false);
  write_text(flags.out, page);
  fmt::print("wrote    {}: {}, {:.2f} MB\n", flags.out, counted(int64_t(facts.runs()), "run"),
             double(page.size()) * 1e-6);
  for (const std::string& why : facts.left_out()) fmt::print("left out {}\n", why);
}

}  // namespace

void add_report_command(Command& skein) {
  auto flags = std::make_shared<ReportFlags>();
  Command& command = skein.add("report", "A page of curves and results of runs, as one HTML file");
  command.option("runs", flags->runs, "folders of runs, or folders that hold runs at any depth",
                 {.type = "RUN|DIR", .required = true});
  command.option("--out", flags->out, "the file to write", {.type = "FILE.html"});
  command.flag("--force", flags->force, "replace FILE.html if it exists");
  command.body = [flags] { write_report(*flags); };
}

}  // namespace skein
