/* Pieces of a file in one call: between two calls another thread may take the interpreter, and mostly does. */
#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* Piece i is starts[i] up to ends[i]; they go to `out` one behind the other. Returns 0, or an errno; EIO where the file
 * ends before a piece does. */
int gather(int file, const int64_t *starts, const int64_t *ends, int64_t count, char *out) {
    for (int64_t i = 0; i < count; i++)
        for (int64_t at = starts[i]; at < ends[i];) {
            ssize_t got = pread(file, out, (size_t)(ends[i] - at), at);
            if (got < 0 && errno == EINTR) continue;
            if (got <= 0) return got < 0 ? errno : EIO;
            at += got;
            out += got;
        }
    return 0;
}
