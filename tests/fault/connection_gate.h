// Stands between a client and the server on a Unix socket of its own and passes everything on, until one
// client's connection is broken: that client sees the end of it, while its backend goes on as if nothing had
// happened. A network does that. Thread-safe; the destructor ends every connection.
#pragma once

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "postgres/throwaway_server.h"
#include "tests/fault/scene.h"

namespace crossfade::tests {

class ConnectionGate {
 public:
  ConnectionGate(const postgres::ThrowawayServer& server, std::string database)
      : database_(std::move(database)), port_(port_of(server.connection_string())) {
    server_path_ = server.folder() / socket_name();
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = address_of(folder_.path() / socket_name());
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 64) != 0)
      throw std::system_error(errno, std::generic_category(), "listen");
    thread_ = std::jthread([this](const std::stop_token& stop) { accept(stop); });
  }
  ConnectionGate(const ConnectionGate&) = delete;
  ConnectionGate& operator=(const ConnectionGate&) = delete;
  ~ConnectionGate() {
    thread_ = {};
    links_.clear();
    ::close(listener_);
  }

  std::string connection_string() const {
    return fmt::format("host={} port={} dbname={} user=postgres", folder_.path().string(), port_, database_);
  }

  /// The client of this backend loses its connection; the backend does not notice.
  void break_client(int backend_pid) {
    const std::lock_guard lock(mutex_);
    for (const auto& link : links_)
      if (link->backend_pid == backend_pid) link->broken = true;
  }

 private:
  struct Link {
    int client;
    int server;
    std::atomic<int> backend_pid = 0;
    std::atomic<bool> broken = false;
    std::string greeting;
    std::jthread thread;
    ~Link() {
      thread = {};
      ::close(client);
      ::close(server);
    }
  };

  static std::string port_of(const std::string& connection_string) {
    const auto start = connection_string.find("port=") + 5;
    return connection_string.substr(start, connection_string.find(' ', start) - start);
  }
  std::string socket_name() const { return ".s.PGSQL." + port_; }

  static sockaddr_un address_of(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }

  static bool readable(int descriptor) {
    pollfd wanted{.fd = descriptor, .events = POLLIN, .revents = 0};
    return ::poll(&wanted, 1, 20) > 0;
  }

  void accept(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      if (!readable(listener_)) continue;
      auto link = std::make_unique<Link>();
      link->client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      link->server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_un address = address_of(server_path_);
      if (::connect(link->server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) continue;
      Link* started = link.get();
      link->thread = std::jthread([started](const std::stop_token& end) { pass_on(*started, end); });
      const std::lock_guard lock(mutex_);
      links_.push_back(std::move(link));
    }
  }

  static void pass_on(Link& link, const std::stop_token& end) {
    std::array<pollfd, 2> ends{{{link.client, POLLIN, 0}, {link.server, POLLIN, 0}}};
    std::array<char, 65536> block;
    while (!end.stop_requested()) {
      if (link.broken) {
        ::shutdown(link.client, SHUT_RDWR);
        return;  // the server's side stays open
      }
      if (::poll(ends.data(), ends.size(), 5) <= 0) continue;
      for (const bool from_client : {true, false}) {
        if (ends[from_client ? 0 : 1].revents == 0) continue;
        const ssize_t length = ::read(from_client ? link.client : link.server, block.data(), block.size());
        if (length <= 0) {
          ::shutdown(link.client, SHUT_RDWR);
          ::shutdown(link.server, SHUT_RDWR);
          return;
        }
        if (!from_client && link.backend_pid == 0)
          find_backend(link, {block.data(), static_cast<std::size_t>(length)});
        const int to = from_client ? link.server : link.client;
        for (ssize_t sent = 0; sent < length;) {
          const ssize_t part =
              ::send(to, block.data() + sent, static_cast<std::size_t>(length - sent), MSG_NOSIGNAL);
          if (part <= 0) return;
          sent += part;
        }
      }
    }
  }

  /// BackendKeyData: 'K', the length 12, the process id, the key. Messages are a letter and a length each.
  static void find_backend(Link& link, std::string_view data) {
    link.greeting += data;
    for (std::size_t at = 0; at + 9 <= link.greeting.size();) {
      const auto number = [&](std::size_t where) {
        std::uint32_t value = 0;
        for (std::size_t index = 0; index < 4; ++index)
          value = value << 8 | static_cast<unsigned char>(link.greeting[where + index]);
        return value;
      };
      if (link.greeting[at] == 'K') {
        link.backend_pid = static_cast<int>(number(at + 5));
        return;
      }
      at += 1 + number(at + 1);
    }
  }

  std::string database_;
  std::string port_;
  ScratchFolder folder_;
  std::filesystem::path server_path_;
  int listener_ = -1;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Link>> links_;
  std::jthread thread_;
};

}  // namespace crossfade::tests
