// A process to attack: prints its pid and where a secret stands in its memory, counts SIGUSR1, and says at SIGTERM how many
// came. Traceable by everybody, as far as Yama asks.
#include <sys/prctl.h>

#include "attack.h"

static volatile sig_atomic_t hits, over;
static void hit(int number) { (void)number, ++hits; }
static void end(int number) { (void)number, over = 1; }

int main(int argc, char **argv) {
  static char secret[64];
  if (argc < 2) broken("usage");
  snprintf(secret, sizeof secret, "%s", argv[1]);
  prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
  signal(SIGUSR1, hit);
  signal(SIGTERM, end);
  printf("%d %p\n", (int)getpid(), (void *)secret);
  fflush(stdout);
  for (int i = 0; i < 6000 && !over; ++i) usleep(10000);
  printf("%d\n", (int)hits);
  return 0;
}
