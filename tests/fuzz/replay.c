/*
 * Runs every file of a corpus, and some mutations of each, through one fuzz target. Built with gcc's
 * sanitizers: a second compiler beside libFuzzer's, and part of the ordinary test run.
 *
 * usage: replay-NAME MUTATIONS DIR...     last line: N passed, N failed (files)
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILES_MAX 20000
#define FILE_SECONDS_MAX 20

static char *files[FILES_MAX];
static size_t file_count;
static volatile size_t *current; /* shared with the child: the file it is at */

static void add_directory(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && file_count < FILES_MAX &&
            asprintf(&files[file_count], "%s/%s", path, entries[i]->d_name) > 0)
            file_count++;
        free(entries[i]);
    }
    free(entries);
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* The exact length on the heap, so that one byte beyond it is seen. */
static void run_copy(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len == 0 ? 1 : len);
    if (copy == NULL) abort();
    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void mutate_and_run(uint8_t *bytes, size_t len, uint64_t *state)
{
    size_t at = (size_t)(next_random(state) % len);
    uint8_t kept = bytes[at];
    switch (next_random(state) % 4) {
    case 0: bytes[at] ^= (uint8_t)(1u << (next_random(state) % 8)); break;
    case 1: bytes[at] = (uint8_t)next_random(state); break;
    case 2: run_copy(bytes, at); return;
    default: run_copy(bytes + at, len - at); return;
    }
    run_copy(bytes, len);
    bytes[at] = kept;
}

static void run_file(const char *path, unsigned long mutations)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (file == NULL || fstat(fileno(file), &st) != 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        _exit(74);
    }
    size_t len = (size_t)st.st_size;
    uint8_t *bytes = malloc(len == 0 ? 1 : len);
    if (bytes == NULL || fread(bytes, 1, len, file) != len) _exit(74);
    fclose(file);
    uint64_t state = len;
    run_copy(bytes, len);
    for (unsigned long i = 0; i < mutations && len > 0; i++)
        mutate_and_run(bytes, len, &state);
    free(bytes);
}

/* A child takes the files from `from` on; returns true when it came to the end without a fault. */
static int run_from(size_t from, unsigned long mutations)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        for (*current = from; *current < file_count; *current = *current + 1) {
            alarm(FILE_SECONDS_MAX);
            run_file(files[*current], mutations);
        }
        exit(0); /* leaks are looked for here */
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
    size_t failed = 0;
    if (argc < 3) return 64;
    for (int i = 2; i < argc; i++)
        add_directory(argv[i]);
    current =
        mmap(NULL, sizeof *current, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (current == MAP_FAILED) return 71;
    for (size_t from = 0; from < file_count; from = *current + 1) {
        if (run_from(from, strtoul(argv[1], NULL, 10))) break;
        failed++;
        if (*current >= file_count)
            printf("FAIL a leak after one of the files from %s on\n", files[from]);
        else
            printf("FAIL %s\n", files[*current]);
    }
    if (file_count == 0) printf("FAIL no corpus in %s\n", argv[2]);
    printf("%zu passed, %zu failed\n", file_count - failed, file_count == 0 ? 1 : failed);
    for (size_t i = 0; i < file_count; i++)
        free(files[i]);
    return failed != 0 || file_count == 0;
}
