#include "train/run/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <initializer_list>

namespace skein {
namespace {

volatile sig_atomic_t caught = 0;

// Calls only functions that are safe in a signal handler.
void remember(int number) {
  caught = number;
  constexpr char kText[] = "\nskein: stopping after this step; once more to kill\n";
  [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, kText, sizeof kText - 1);
}

void install(void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) sigaction(signal, &action, nullptr);
  struct sigaction before {};
  if (sigaction(SIGHUP, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  caught = 0;
  install(remember, int(SA_RESETHAND) | SA_RESTART);
}

Interrupt::~Interrupt() { install(SIG_DFL, 0); }

int Interrupt::signal() { return caught; }

}  // namespace skein
