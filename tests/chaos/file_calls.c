// For LD_PRELOAD: counts the calls of a process that change files below a folder, logs them, and ends the process with
// SIGKILL at one of them.
//
//   FILE_CALLS_UNDER=FOLDER   whose files count, or only
//   FILE_CALLS_NAMED=TEXT     those with this in their paths
//   FILE_CALLS_LOG=FILE       gets a line for each call: NUMBER NAME PATH [PATH]
//   FILE_CALLS_KILL=NUMBER    the call, from 1; 0: none
//   FILE_CALLS_WHEN=before    or half (of the bytes of a write), or after
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long calls;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int matters(const char* path) {
  const char* under = getenv("FILE_CALLS_UNDER");
  const char* named = getenv("FILE_CALLS_NAMED");
  return under && path && strncmp(path, under, strlen(under)) == 0 && (!named || strstr(path, named));
}

static const char* path_of(int fd, char* buffer) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, buffer, PATH_MAX - 1);
  buffer[n > 0 ? n : 0] = 0;
  return buffer;
}

static int when_is(const char* when) {
  const char* given = getenv("FILE_CALLS_WHEN");
  return strcmp(given ? given : "before", when) == 0;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

// Counts a call and says whether it is the one; then, with `before`, the process has ended.
static int is_last(const char* name, const char* path, const char* to) {
  pthread_mutex_lock(&mutex);
  const long number = ++calls;
  const char* log = getenv("FILE_CALLS_LOG");
  if (log) {
    char line[2 * PATH_MAX + 64];
    const int n = snprintf(line, sizeof line, "%ld %s %s%s%s\n", number, name, path, to ? " " : "", to ? to : "");
    const int fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd >= 0 && REAL(write)(fd, line, (size_t)n) < 0) abort();
    close(fd);
  }
  pthread_mutex_unlock(&mutex);
  const char* at = getenv("FILE_CALLS_KILL");
  const int last = at && atol(at) == number;
  if (last && when_is("before")) die();
  return last;
}

ssize_t write(int fd, const void* data, size_t size) {
  char path[PATH_MAX];
  if (!matters(path_of(fd, path))) return REAL(write)(fd, data, size);
  const int last = is_last("write", path, NULL);
  const ssize_t done = REAL(write)(fd, data, last && when_is("half") ? size / 2 : size);
  if (last) die();
  return done;
}

ssize_t writev(int fd, const struct iovec* parts, int n) {
  char path[PATH_MAX];
  if (!matters(path_of(fd, path))) return REAL(writev)(fd, parts, n);
  const int last = is_last("write", path, NULL);
  const ssize_t done = REAL(writev)(fd, parts, last && when_is("half") ? n / 2 : n);
  if (last) die();
  return done;
}

#define BY_FD(name, ...)                                     \
  {                                                          \
    char path[PATH_MAX];                                     \
    if (!matters(path_of(fd, path))) return REAL(name)(__VA_ARGS__); \
    const int last = is_last(#name, path, NULL);             \
    const int result = REAL(name)(__VA_ARGS__);              \
    if (last) die();                                         \
    return result;                                           \
  }
int fsync(int fd) BY_FD(fsync, fd)
int fdatasync(int fd) BY_FD(fdatasync, fd)
int ftruncate(int fd, off_t size) BY_FD(ftruncate, fd, size)

#define BY_PATH(name, path, to, ...)                      \
  {                                                       \
    if (!matters(path)) return REAL(name)(__VA_ARGS__);   \
    const int last = is_last(#name, path, to);            \
    const int result = REAL(name)(__VA_ARGS__);           \
    if (last) die();                                      \
    return result;                                        \
  }
int rename(const char* from, const char* to) BY_PATH(rename, from, to, from, to)
int renameat2(int a, const char* from, int b, const char* to, unsigned flags)
    BY_PATH(renameat2, from, to, a, from, b, to, flags)
int unlink(const char* path) BY_PATH(unlink, path, NULL, path)
int rmdir(const char* path) BY_PATH(rmdir, path, NULL, path)
int remove(const char* path) BY_PATH(remove, path, NULL, path)
int mkdir(const char* path, mode_t mode) BY_PATH(mkdir, path, NULL, path, mode)
int truncate(const char* path, off_t size) BY_PATH(truncate, path, NULL, path, size)

// By path below a folder that is open: std::filesystem::remove_all.
int unlinkat(int fd, const char* name, int flags) {
  char path[2 * PATH_MAX];
  path[0] = 0;
  if (name[0] != '/' && fd != AT_FDCWD) {
    path_of(fd, path);
    strcat(path, "/");
  }
  strncat(path, name, PATH_MAX - 1);
  if (!matters(path)) return REAL(unlinkat)(fd, name, flags);
  const int last = is_last("unlinkat", path, NULL);
  const int result = REAL(unlinkat)(fd, name, flags);
  if (last) die();
  return result;
}

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(list, mode_t) : 0;
  va_end(list);
  const int counts = (flags & (O_CREAT | O_TRUNC)) && matters(path);
  const int last = counts && is_last("open", path, NULL);
  const int fd = REAL(open)(path, flags, mode);
  if (last) die();
  return fd;
}
int open64(const char* path, int flags, ...) __attribute__((alias("open")));
