// The server of `skein view`: HTTP/1.1 by cpp-httplib (Debian: libcpp-httplib-dev), in a library of its own beside the
// program, libskein_view.so. It brings TLS and Brotli with it, which a program that trains should not have to load.
#pragma once

#include <functional>
#include <string>

namespace skein {

// A GET or HEAD request; any other method is answered by 404.
struct HttpRequest {
  std::string path;         // decoded
  std::string host;         // header Host
  std::string token, have;  // of the query; empty: not there
};

struct HttpAnswer {
  int status = 200;
  std::string type = "text/plain; charset=utf-8", body = {};
};

// Called on threads of the server, several at a time.
using HttpHandler = std::function<HttpAnswer(const HttpRequest&)>;

// Opens host:port (port 0: any that is free), calls `opened` with the port, and answers until the process ends. Returns
// the errno of an address that cannot be opened. Exported by the library as skein_serve_http.
using ServeHttp = int(const std::string& host, int port, const HttpHandler& handler,
                      const std::function<void(int port)>& opened);

}  // namespace skein
