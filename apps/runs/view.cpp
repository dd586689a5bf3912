// skein view: the page of skein report, live, from a small server. It only reads run folders, at the lowest share of
// the processor that nice() gives to one that should not slow a run, and it serves two addresses: the page and its
// facts. No file is ever served by name.
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <mutex>

#include "apps/commands.h"
#include "apps/page/facts.h"
#include "apps/page/http_server.h"
#include "apps/page/page.h"
#include "base/check.h"
#include "base/library.h"
#include "base/stopwatch.h"
#include "base/terminal/standard_files.h"

namespace skein {
namespace {

struct ViewFlags {
  std::string folder = "runs", host = "127.0.0.1";
  int64_t port = 6006;
};

bool is_local(const std::string& host) { return host == "127.0.0.1" || host == "::1" || host == "localhost"; }

// Without its port: "[::1]:6006" is "::1".
std::string name_of_host(const std::string& header) {
  if (header.starts_with('[')) return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

class View {
 public:
  explicit View(const ViewFlags& flags) : facts_({flags.folder}) {
    if (!is_local(flags.host)) token_ = random_token(16);
    facts_.update();
    page_ = make_page(Json(), true);
  }

  HttpAnswer answer(const HttpRequest& request) {
    // A page of another site that has its name resolved to this machine sends that name (DNS rebinding).
    if (token_.empty() && !is_local(name_of_host(request.host)))
      return {403, "text/plain; charset=utf-8", "skein view answers to 127.0.0.1 and localhost only\n"};
    if (request.token != token_)
      return {403, "text/plain; charset=utf-8", "the address lacks the token that skein view has printed\n"};
    if (request.path == "/") return {200, "text/html; charset=utf-8", page_};
    if (request.path == "/facts.json") return facts(request.have);
    return {404, "text/plain; charset=utf-8", "there is nothing here but / and /facts.json\n"};
  }

  std::string address(const std::string& host, int port) const {
    const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
    return fmt::format("http://{}:{}/{}", name, port, token_.empty() ? "" : "?token=" + token_);
  }

 private:
  // However many browsers ask, run folders are looked at twice a second at most.
  HttpAnswer facts(const std::string& have) {
    const std::lock_guard lock(mutex_);
    try {
      if (seconds_since(updated_) > 0.5) {
        if (facts_.update()) text_.clear();
        updated_ = Clock::now();
      }
      if (text_.empty()) text_ = facts_.document(true).dump(-1, Json::BadUtf8::replace);
    } catch (const std::runtime_error& e) {
      return {503, "text/plain; charset=utf-8", std::string(e.what()) + "\n"};
    }
    if (have == facts_.digest()) return {204};
    return {200, "application/json", text_};
  }

  std::mutex mutex_;
  Facts facts_;
  std::string token_, page_, text_;
  Clock::time_point updated_ = Clock::now();
};

void view(const ViewFlags& flags) {
  View view(flags);
  const Library library({"the server of skein view",
                         "SKEIN_VIEW",
                         {module_path("libskein_view.so")},
                         "install libcpp-httplib-dev and build skein again; skein report needs no server"});
  ServeHttp* serve = nullptr;
  library.find("skein_serve_http", serve);
  [[maybe_unused]] const int niceness = nice(10);
  std::signal(SIGPIPE, SIG_IGN);  // a browser that leaves in the middle of an answer
  const int error = serve(
      flags.host, int(flags.port), [&](const HttpRequest& request) { return view.answer(request); },
      [&](int port) {
        report("view     {}\n", view.address(flags.host, port));
        report("         Ctrl-C ends it; runs go on\n");
      });
  throw BadInput(
      "{}:{} cannot be opened: {}. Give another port with --port N (0: any that is free), or end what uses it",
      flags.host, flags.port, std::strerror(error));
}

}  // namespace

void add_view_command(Command& skein) {
  auto flags = std::make_shared<ViewFlags>();
  Command& command = skein.add("view", "The page of skein report, live in a browser while runs train");
  command.option("dir", flags->folder, "a folder of runs, at any depth", {.type = "DIR"});
  command.option("--port", flags->port, "of the page; 0: any that is free", {"N", 0, 65535});
  command.option("--host", flags->host,
                 "address to listen on; another than this machine's own puts a token into the page's address",
                 {.type = "ADDRESS"});
  command.body = [flags] { view(*flags); };
}

}  // namespace skein
