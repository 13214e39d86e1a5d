/* Makes each sync of PostgreSQL's log take longer, as on a disk or with a standby that a commit waits for: preloaded into
   the server by scripts/bench-scale.sh. The file that SYNC_DELAY names holds the microseconds, and may change at any time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int is_server;

/* At the start: later the server writes over its name. */
__attribute__((constructor)) static void look_at_the_name(void) {
    is_server = strcmp(program_invocation_short_name, "postgres") == 0;
}

int fdatasync(int file) {
    static int (*sync_file)(int);
    if (!sync_file) sync_file = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    const char *path = getenv("SYNC_DELAY");
    if (path && is_server) {
        long microseconds = 0;
        FILE *delay = fopen(path, "re");
        if (delay) {
            if (fscanf(delay, "%ld", &microseconds) != 1) microseconds = 0;
            fclose(delay);
        }
        struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
        while (microseconds > 0 && nanosleep(&left, &left) != 0 && errno == EINTR) {}
    }
    return sync_file(file);
}
