/*
 * What every fuzz target defines: hostile bytes in, nothing may happen. Returns 0.
 *
 * A target is tests/fuzz/fuzz_NAME.c with a corpus in tests/fuzz/corpus/NAME/ (valid and broken
 * samples) and, where it helps, tests/fuzz/NAME.dict. `make fuzz T=NAME` explores, `make
 * fuzz-replay` is part of ./check.
 */
#ifndef PO_TESTS_FUZZ_FUZZ_H
#define PO_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
