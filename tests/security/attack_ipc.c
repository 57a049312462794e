// Reads System V and POSIX IPC of the host.
//   attack_ipc --make KEY NAME SECRET   makes a shared memory segment, a queue and a POSIX queue, prints ids, waits for stdin's end
//   attack_ipc KEY NAME SHMID MSGID     reads them
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/shm.h>

#include "attack.h"

struct note {
  long type;
  char text[64];
};

static int make(key_t key, const char *name, const char *secret) {
  const int memory = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666), queue = msgget(key, IPC_CREAT | IPC_EXCL | 0666);
  if (memory < 0 || queue < 0) broken("cannot make");
  char *at = shmat(memory, NULL, 0);
  strcpy(at, secret);
  struct note note = {.type = 1};
  snprintf(note.text, sizeof note.text, "%s", secret);
  if (msgsnd(queue, &note, sizeof note.text, 0) != 0) broken("msgsnd");
  struct mq_attr attributes = {.mq_maxmsg = 1, .mq_msgsize = 64};
  const mqd_t posix = mq_open(name, O_CREAT | O_RDWR, 0666, &attributes);
  if (posix < 0) broken("mq_open");
  printf("%d %d\n", memory, queue);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {}
  shmctl(memory, IPC_RMID, NULL);
  msgctl(queue, IPC_RMID, NULL);
  mq_unlink(name);
  return 0;
}

static void attach(const char *name, int id) {
  char *at = shmat(id, NULL, SHM_RDONLY);
  if (at == (void *)-1) { refused(name); return; }
  reached(name, "%.60s", at);
}
static void receive(const char *name, int id) {
  struct note note = {0};
  if (msgrcv(id, &note, sizeof note.text, 0, IPC_NOWAIT | MSG_COPY) < 0 && msgrcv(id, &note, sizeof note.text, 0, IPC_NOWAIT) < 0) { refused(name); return; }
  reached(name, "%.60s", note.text);
}

int main(int argc, char **argv) {
  if (argc > 4 && !strcmp(argv[1], "--make")) return make((key_t)strtol(argv[2], NULL, 0), argv[3], argv[4]);
  if (argc < 5) broken("usage");
  const key_t key = (key_t)strtol(argv[1], NULL, 0);
  attach("shm-key", shmget(key, 0, 0));
  attach("shm-id", (int)strtol(argv[3], NULL, 10));
  receive("msg-key", msgget(key, 0));
  receive("msg-id", (int)strtol(argv[4], NULL, 10));
  outcome("posix-queue", mq_open(argv[2], O_RDONLY | O_NONBLOCK));
  // The tables, by which ids are found.
  char text[32];
  snprintf(text, sizeof text, "%10d ", key);
  if (file_holds("/proc/sysvipc/shm", text, 1 << 16)) reached("table", "listed");
  else errno = 0, refused("table");
  return 0;
}
