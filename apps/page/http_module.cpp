// libskein_view.so: apps/page/http_server.h with cpp-httplib.
#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>

#include "apps/page/http_server.h"

extern "C" int skein_serve_http(const std::string& host, int port, const skein::HttpHandler& handler,
                                const std::function<void(int)>& opened) {
  httplib::Server server;
  // httplib would set SO_REUSEPORT, with which a second server on the same port shares its connections in silence.
  server.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.new_task_queue = [] { return new httplib::ThreadPool(2); };
  server.set_payload_max_length(0);
  server.set_default_headers(
      {{"Cache-Control", "no-store"}, {"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}});
  server.Get(".*", [&](const httplib::Request& request, httplib::Response& response) {
    skein::HttpAnswer answer = handler({request.path, request.get_header_value("Host"),
                                        request.get_param_value("token"), request.get_param_value("have")});
    response.status = answer.status;
    response.set_content(std::move(answer.body), answer.type.c_str());
  });
  errno = 0;
  const int bound = port == 0 ? server.bind_to_any_port(host) : server.bind_to_port(host, port) ? port : -1;
  if (bound <= 0) return errno != 0 ? errno : EADDRNOTAVAIL;
  opened(bound);
  return server.listen_after_bind() ? 0 : EIO;
}
