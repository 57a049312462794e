// Connects to sockets of the host. An argument that starts with @ is an abstract name, with : a TCP port of 127.0.0.1,
// else a path. "vsock" and "netlink-audit" are sockets to make.
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attack.h"

static void to_unix(const char *name, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(name) >= sizeof address.sun_path) broken("name too long");
  memcpy(address.sun_path, name, strlen(name));
  socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
  if (name[0] == '@') address.sun_path[0] = '\0';
  else ++length;
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) { refused(name); return; }
  if (type == SOCK_DGRAM) outcome(name, sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address, length));
  else outcome(name, connect(fd, (struct sockaddr *)&address, length));
  close(fd);
}

static void to_port(const char *name) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(name + 1)), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) { refused(name); return; }
  outcome(name, connect(fd, (struct sockaddr *)&address, sizeof address));
  close(fd);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "vsock")) outcome("vsock", socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0));
    else if (!strcmp(argv[i], "alg")) outcome("alg", socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    else if (argv[i][0] == ':') to_port(argv[i]);
    else if (!strncmp(argv[i], "dgram:", 6)) to_unix(argv[i] + 6, SOCK_DGRAM);
    else to_unix(argv[i], SOCK_STREAM);
  }
  return 0;
}
